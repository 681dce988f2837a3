// What we saw: one call for each finished request and each limit check, and the text that Prometheus reads.
// The hot calls touch a few typed arrays and allocate next to nothing; everything else is done when somebody reads.
import { ERRORS } from '../core/error.ts'
import type { Attempt, OutcomeType } from '../core/outcome.ts'
import { outputTokens, type Usage, USAGE_UNITS } from '../core/usage.ts'
import { createRegistry } from './exposition.ts'
import { type QuantileRow, quantilesBy } from './quantiles.ts'
import { createReaders } from './readers.ts'
import { createRecent, type Recent } from './recent.ts'
import {
  type AttemptSeries,
  type DeploymentLimit,
  type GaugeSources,
  type LimitKind,
  type LimitScope,
  newLimitTable,
  OUTCOME_TYPES,
  type Recorded,
} from './recorded.ts'
import { OTHER, SeriesTable, type ServedLabels } from './series.ts'

/** One finished request. Names become labels only within a bound; see `series.ts`. */
export type RequestFacts = {
  readonly operation: string
  /** Empty where none was found. */
  readonly route: string
  /** Of the target that answered, or of the last one tried; null when none was. */
  readonly provider: string | null
  readonly model: string | null
  /** Status that the caller saw. */
  readonly status: number
  /** Code of the error table; null on success. */
  readonly errorCode: string | null
  readonly stream: boolean
  readonly durationMs: number
  readonly ttftMs: number | null
  readonly overheadMs: number
  /** Null where nothing was booked; 0 is a free answer. */
  readonly costNanoUsd: bigint | null
  readonly usage: Usage | null
  readonly attempts: readonly Attempt[]
}

export interface Metrics {
  requestStarted(): void
  requestFinished(facts: RequestFacts): void
  /** `share`: how much of the limit is used with this request, 0–1 (more when it was refused). */
  limitChecked(scope: LimitScope, kind: LimitKind, share: number): void
  /** `deployment` is `provider/model`; `share` 0–1, from the provider's own headers. */
  deploymentLimit(deployment: string, kind: 'rpm' | 'tpm', share: number): void
  /** Replaces the sources of the gauges. */
  observe(sources: GaugeSources): void
  /** Prometheus text. */
  text(): Promise<string>
  readonly contentType: string
  readonly inFlight: number
  /**
   * p50 and p99 since the start, computed from the buckets of the histograms: right to the width of a bucket, and
   * free on the path of a request.
   */
  quantiles(by: keyof ServedLabels): readonly QuantileRow[]
  /** What providers did lately; read by one alone, once a minute. */
  readonly recent: Recent
}

const OUTCOME_INDEX = Object.fromEntries(OUTCOME_TYPES.map((type, index) => [type, index])) as Readonly<
  Record<OutcomeType, number>
>

/**
 * Makes the recorder. `now`: ms since the epoch. `maxModels`: how many distinct (provider, model) label pairs there may
 * be, and routes; what comes beyond is counted under `other`.
 */
export function createMetrics(options: {
  readonly now: () => number
  readonly maxModels: number
  readonly version: string
}): Metrics {
  const { now } = options
  const table = new SeriesTable(options.maxModels)
  const attempts = new Map<string, AttemptSeries>()
  const errors = new Map<string, number>()
  const deployments = new Map<string, DeploymentLimit>()
  const limits = newLimitTable()
  let sources: GaugeSources | null = null
  let inFlight = 0

  function countAttempt(target: string, outcome: OutcomeType): void {
    let series = attempts.get(target)
    if (series === undefined) {
      const { provider, model } = pairOf(target, outcome !== 'rejected')
      const key = `${provider}/${model}`
      series = attempts.get(key)
      if (series === undefined) {
        series = { provider, model, outcomes: new Float64Array(OUTCOME_TYPES.length) }
        attempts.set(key, series)
      }
    }
    series.outcomes[OUTCOME_INDEX[outcome]]!++
  }

  function pairOf(target: string, evidence: boolean): { provider: string; model: string } {
    const slash = target.indexOf('/')
    return table.pair(target.slice(0, slash), target.slice(slash + 1), evidence)
  }

  function requestFinished(facts: RequestFacts): void {
    inFlight--
    const { status, ttftMs, costNanoUsd, usage, errorCode } = facts
    // A 4xx says that the request was at fault, perhaps by a model name that exists nowhere. A 429 or a closed client
    // comes after the name was found.
    const evidence = status < 400 || status >= 500 || status === 429 || status === 499
    const series = table.find(facts.operation, facts.route, facts.provider, facts.model, evidence)
    series.statuses[status >= 100 && status < 600 ? Math.floor(status / 100) : 0]!++
    series.duration.observe(facts.durationMs)
    series.overhead.observe(facts.overheadMs)
    if (ttftMs !== null) series.ttft.observe(ttftMs)
    if (costNanoUsd !== null) series.cost.observe(Number(costNanoUsd))
    if (usage !== null) {
      for (let index = 0; index < USAGE_UNITS.length; index++) series.usage[index]! += usage[USAGE_UNITS[index]!]
      // Whole answers arrive at once: their tokens have no gaps between them.
      const gaps = outputTokens(usage) - 1
      if (facts.stream && ttftMs !== null && gaps > 0) series.tokenTime.observe((facts.durationMs - ttftMs) / gaps)
    }
    if (errorCode !== null) {
      const code = Object.hasOwn(ERRORS, errorCode) ? errorCode : OTHER
      errors.set(code, (errors.get(code) ?? 0) + 1)
    }
    for (const attempt of facts.attempts) countAttempt(attempt.target, attempt.outcome.type)
  }

  const recorded: Recorded = {
    table,
    attempts,
    errors,
    limits,
    deployments,
    inFlight: () => inFlight,
    sources: () => sources,
  }
  const registry = createRegistry(createReaders(recorded, { now, version: options.version }))

  return {
    requestStarted: () => void inFlight++,
    requestFinished,
    limitChecked(scope, kind, share) {
      const series = limits[scope][kind]
      series.peak.observe(share, now())
      series.admission.observe(share)
    },
    deploymentLimit(deployment, kind, share) {
      // Headers alone do not show that a model exists; its first finished request does. And a limit belongs to one
      // deployment: those without a place of their own have no common one that could be shown.
      const { provider, model } = pairOf(deployment, false)
      if (provider !== OTHER) deployments.set(`${kind} ${deployment}`, { provider, model, kind, share, at: now() })
    },
    observe: (given) => void (sources = given),
    text: () => registry.metrics(),
    contentType: registry.contentType,
    get inFlight() {
      return inFlight
    },
    quantiles: (by) => quantilesBy(table.all(), by),
    recent: createRecent({ attempts, table }),
  }
}
