// Every metric of the gateway, one row each: the exposition, the recorder and docs/metrics.md all walk this table.

export type MetricRow = {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** What one step of the value is. Durations are seconds and shares 0–1, as Prometheus expects. */
  readonly unit:
    | 'requests'
    | 'attempts'
    | 'messages'
    | 'seconds'
    | 'dollars'
    | 'experiments'
    | 'tokens'
    | 'units'
    | 'share'
    | 'bytes'
    | 'info'
  readonly help: string
  readonly labels: readonly string[]
  /** Upper bounds in `unit`; only on histograms. */
  readonly buckets?: readonly number[]
}

const SERVED = ['operation', 'route', 'provider', 'model'] as const
const PAID = ['route', 'provider', 'model'] as const

const REQUEST_SECONDS = [
  0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 20, 30, 60, 120, 300, 600,
] as const
const FIRST_TOKEN_SECONDS = [
  0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 60,
] as const
const TOKEN_SECONDS = [0.001, 0.002, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1] as const
const OVERHEAD_SECONDS = [
  0.00005, 0.0001, 0.00015, 0.0002, 0.0003, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1,
  0.25, 1,
] as const
const COST_DOLLARS = [0.000001, 0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10] as const
const SHARES = [0.1, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1] as const

export const CATALOGUE = {
  requests: {
    name: 'weir_requests_total',
    type: 'counter',
    unit: 'requests',
    help: 'Requests that ended, by the status class that the caller saw.',
    labels: [...SERVED, 'status_class'],
  },
  requestErrors: {
    name: 'weir_request_errors_total',
    type: 'counter',
    unit: 'requests',
    help: 'Requests that ended with a code of the error table (docs/errors.md): refusals, limits, failures, closed clients.',
    labels: ['code'],
  },
  inFlight: {
    name: 'weir_requests_in_flight',
    type: 'gauge',
    unit: 'requests',
    help: 'Requests being worked on now.',
    labels: [],
  },
  duration: {
    name: 'weir_request_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'From the arrival of a request to the end of its answer.',
    labels: SERVED,
    buckets: REQUEST_SECONDS,
  },
  ttft: {
    name: 'weir_time_to_first_token_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'From the arrival of a request to the first token of its answer; only where one was seen.',
    labels: SERVED,
    buckets: FIRST_TOKEN_SECONDS,
  },
  tokenTime: {
    name: 'weir_time_per_output_token_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'Mean time between the output tokens of a stream, the first one excluded.',
    labels: SERVED,
    buckets: TOKEN_SECONDS,
  },
  overhead: {
    name: 'weir_gateway_overhead_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: "The gateway's own part of a request: its duration without the time spent waiting for providers.",
    labels: SERVED,
    buckets: OVERHEAD_SECONDS,
  },
  requestCost: {
    name: 'weir_request_cost_dollars',
    type: 'histogram',
    unit: 'dollars',
    help: 'Cost of one request. Exact money is in the ledger: a metric is a float.',
    labels: PAID,
    buckets: COST_DOLLARS,
  },
  cost: {
    name: 'weir_cost_dollars_total',
    type: 'counter',
    unit: 'dollars',
    help: 'Cost of all requests since the start of the process. Exact money is in the ledger: a metric is a float.',
    labels: PAID,
  },
  tokens: {
    name: 'weir_tokens_total',
    type: 'counter',
    unit: 'tokens',
    help: 'Tokens by kind. Kinds do not overlap: a cached input token is not in `input`, a reasoning token not in `output`.',
    labels: [...PAID, 'kind'],
  },
  units: {
    name: 'weir_units_total',
    type: 'counter',
    unit: 'units',
    help: 'What is billed by something other than tokens: images, characters, seconds, requests, searches.',
    labels: [...PAID, 'kind'],
  },
  attempts: {
    name: 'weir_attempts_total',
    type: 'counter',
    unit: 'attempts',
    help: 'Tries of one target, by how they ended.',
    labels: ['provider', 'model', 'outcome'],
  },
  providerErrors: {
    name: 'weir_provider_errors_total',
    type: 'counter',
    unit: 'attempts',
    help: 'Tries that ended without an answer, by provider. Our own cancellations are not counted.',
    labels: ['provider', 'outcome'],
  },
  limitPeak: {
    name: 'weir_limit_utilisation_share',
    type: 'gauge',
    unit: 'share',
    help: 'How much of a limit the most utilised key, team, end user or the gateway had used; the highest of the last minute.',
    labels: ['scope', 'kind'],
  },
  limitAdmission: {
    name: 'weir_limit_admission_utilisation_share',
    type: 'histogram',
    unit: 'share',
    help: 'How much of a limit was used when a request was admitted or refused.',
    labels: ['scope', 'kind'],
    buckets: SHARES,
  },
  deploymentLimit: {
    name: 'weir_deployment_limit_utilisation_share',
    type: 'gauge',
    unit: 'share',
    help: "How much of a provider's own rate limit is used, learned from its `x-ratelimit-*` headers; forgotten after five minutes of silence.",
    labels: ['provider', 'model', 'kind'],
  },
  deploymentState: {
    name: 'weir_deployment_state',
    type: 'gauge',
    unit: 'info',
    help: 'Whether a deployment is in: 0 in, 1 easing in after an outage, 2 about to be probed or being probed, 3 cooling down.',
    labels: ['provider', 'model'],
  },
  deploymentTrips: {
    name: 'weir_deployment_trips_total',
    type: 'counter',
    unit: 'info',
    help: 'How often a deployment began to cool down after failures.',
    labels: ['provider', 'model'],
  },
  deploymentInFlight: {
    name: 'weir_deployment_in_flight',
    type: 'gauge',
    unit: 'attempts',
    help: 'Attempts at a deployment that are under way now.',
    labels: ['provider', 'model'],
  },
  bytesHeld: {
    name: 'weir_bytes_held',
    type: 'gauge',
    unit: 'bytes',
    help: 'Bytes of bodies that the gateway holds in memory now.',
    labels: [],
  },
  ledgerPending: {
    name: 'weir_ledger_pending',
    type: 'gauge',
    unit: 'requests',
    help: 'Ledger writes handed in and not yet durable.',
    labels: [],
  },
  ledgerLag: {
    name: 'weir_ledger_lag_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'Age of the oldest ledger write that is not yet durable.',
    labels: [],
  },
  labWaiting: {
    name: 'weir_lab_waiting',
    type: 'gauge',
    unit: 'requests',
    help: 'Answers that wait to be looked at by the lab.',
    labels: [],
  },
  labSeen: {
    name: 'weir_lab_seen_total',
    type: 'counter',
    unit: 'requests',
    help: 'Answers that the lab has looked at.',
    labels: [],
  },
  labDropped: {
    name: 'weir_lab_dropped_total',
    type: 'counter',
    unit: 'requests',
    help: 'Answers that the lab was to look at and did not: there was no room (`no_room`), their entry could not be written (`not_booked`), only their provider understands the request (`not_readable`).',
    labels: ['reason'],
  },
  labCopies: {
    name: 'weir_lab_copies_total',
    type: 'counter',
    unit: 'requests',
    help: 'Requests that experiments were to copy to another model, by what came of it: `made`, or why there is nothing to compare (docs/experiments.md).',
    labels: ['outcome'],
  },
  experiments: {
    name: 'weir_experiments',
    type: 'gauge',
    unit: 'experiments',
    help: 'Experiments by where they stand.',
    labels: ['stage', 'status'],
  },
  alertsWaiting: {
    name: 'weir_alert_deliveries_waiting',
    type: 'gauge',
    unit: 'messages',
    help: 'Messages to operators that are not delivered yet, one for each alert and destination; 10,000 means so many or more.',
    labels: [],
  },
  alertTries: {
    name: 'weir_alert_tries_total',
    type: 'counter',
    unit: 'messages',
    help: 'Tries to deliver a message to an operator, by how they ended: `delivered`, `failed` (it is tried again), `given_up`.',
    labels: ['destination', 'outcome'],
  },
  alertsOldest: {
    name: 'weir_alert_oldest_waiting_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'For how long the oldest message that waits might have been delivered; one that quiet hours hold does not count before they end.',
    labels: [],
  },
  qualityScore: {
    name: 'weir_quality_score_share',
    type: 'gauge',
    unit: 'share',
    help: 'Believed share of acceptable answers of a deployment by task, and the ends of its 90 % interval (`bound`: `mean`, `low`, `high`); of all callers together, where there is evidence; the 300 that rest on the most of it.',
    labels: ['provider', 'model', 'task', 'bound'],
  },
  qualityEvidence: {
    name: 'weir_quality_evidence',
    type: 'gauge',
    unit: 'info',
    help: 'Pieces of evidence of quality ever counted, of a deployment by task.',
    labels: ['provider', 'model', 'task'],
  },
  eventLoopDelay: {
    name: 'weir_event_loop_delay_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'How late the event loop ran its timers since the last reading that is ten seconds or older.',
    labels: ['quantile'],
  },
  residentMemory: {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Memory of the process that is in RAM.',
    labels: [],
  },
  cpu: {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    unit: 'seconds',
    help: 'CPU time of the process, user and system together.',
    labels: [],
  },
  startTime: {
    name: 'process_start_time_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'When the process started, seconds since the epoch.',
    labels: [],
  },
  build: {
    name: 'weir_build_info',
    type: 'gauge',
    unit: 'info',
    help: 'Always 1; the labels say what is running.',
    labels: ['version', 'runtime'],
  },
} as const satisfies Record<string, MetricRow>

export type MetricId = keyof typeof CATALOGUE
