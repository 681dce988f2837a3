// From the recorded numbers to the samples of each metric of the catalogue; runs only when somebody scrapes.
import type { OutcomeType } from '../core/outcome.ts'
import { USAGE_UNITS, type UsageUnit } from '../core/usage.ts'
import { CATALOGUE } from './catalogue.ts'
import { Distribution } from './distribution.ts'
import type { Readers, Sample } from './exposition.ts'
import {
  type DeploymentHealth,
  type LimitKind,
  type LimitScope,
  type LimitSeries,
  OUTCOME_TYPES,
  type Recorded,
} from './recorded.ts'
import { type Series, STATUS_CLASSES } from './series.ts'

const FORGET_DEPLOYMENT_LIMIT_MS = 300_000

const SCOPE_LABELS: Readonly<Record<LimitScope, string>> = {
  key: 'key',
  user: 'user',
  team: 'team',
  endUser: 'end_user',
  gateway: 'gateway',
}

/** What is billed by something other than tokens; all other units are kinds of tokens. */
const UNITS_BESIDE_TOKENS: ReadonlySet<UsageUnit> = new Set(['images', 'characters', 'seconds', 'requests', 'searches'])
const STATE_NUMBERS: Readonly<Record<DeploymentHealth['state'], number>> = {
  in: 0,
  easing: 1,
  half_open: 2,
  cooling: 3,
}
const NO_ERRORS: ReadonlySet<OutcomeType> = new Set(['answered', 'cancelled', 'unfit'])

/** `cacheWrite5m` → `cache_write_5m`. */
const unitLabel = (unit: UsageUnit): string => unit.replace(/[A-Z]|\d+/g, (part) => `_${part.toLowerCase()}`)

export function createReaders(
  recorded: Recorded,
  { now, version }: { readonly now: () => number; readonly version: string },
): Readers {
  const { table, attempts, errors, deployments } = recorded
  const gauge = (read: (sources: NonNullable<ReturnType<Recorded['sources']>>) => number | undefined) => () => {
    const sources = recorded.sources()
    const value = sources === null ? undefined : read(sources)
    return value === undefined ? [] : [{ labels: {}, value }]
  }
  const served = (pick: (series: Series) => Distribution) => () =>
    [...table.all()]
      .map((series) => ({ labels: series.labels, value: pick(series) }))
      .filter(({ value }) => value.count > 0)
  const billed = (isKind: (unit: UsageUnit) => boolean) => () =>
    [...paid(table.all())].flatMap(({ labels, usage }) =>
      [...nonZero(usage)]
        .filter(([index]) => isKind(USAGE_UNITS[index]!))
        .map(([index, value]) => ({ labels: { ...labels, kind: unitLabel(USAGE_UNITS[index]!) }, value })),
    )
  // Only names that have a label already: callers may ask for models of any name.
  const labelsOf = (deployment: string): { readonly provider: string; readonly model: string } | null => {
    const series = attempts.get(deployment)
    return series === undefined || `${series.provider}/${series.model}` !== deployment
      ? null
      : { provider: series.provider, model: series.model }
  }
  const deployed = (value: (health: DeploymentHealth) => number) => () =>
    (recorded.sources()?.deployments?.() ?? []).flatMap((health) => {
      const labels = labelsOf(health.deployment)
      return labels === null ? [] : [{ labels, value: value(health) }]
    })
  const scored = () =>
    (recorded.sources()?.quality?.() ?? []).flatMap((score) => {
      const labels = labelsOf(score.deployment)
      return labels === null ? [] : [{ labels: { ...labels, task: score.task }, score }]
    })
  const checkedLimits = (value: (series: LimitSeries) => Sample['value']) => () =>
    (Object.keys(recorded.limits) as LimitScope[]).flatMap((scope) =>
      (Object.keys(recorded.limits[scope]) as LimitKind[])
        .filter((kind) => recorded.limits[scope][kind].admission.count > 0)
        .map((kind) => ({
          labels: { scope: SCOPE_LABELS[scope], kind },
          value: value(recorded.limits[scope][kind]),
        })),
    )
  return {
    requests: function* () {
      for (const { labels, statuses } of table.all())
        for (const [index, value] of nonZero(statuses))
          yield { labels: { ...labels, status_class: STATUS_CLASSES[index]! }, value }
    },
    requestErrors: () => Array.from(errors, ([code, value]) => ({ labels: { code }, value })),
    inFlight: () => [{ labels: {}, value: recorded.inFlight() }],
    duration: served((series) => series.duration),
    ttft: served((series) => series.ttft),
    tokenTime: served((series) => series.tokenTime),
    overhead: served((series) => series.overhead),
    requestCost: () =>
      [...paid(table.all())].filter(({ cost }) => cost.count > 0).map(({ labels, cost }) => ({ labels, value: cost })),
    cost: () =>
      [...paid(table.all())]
        .filter(({ cost }) => cost.count > 0)
        .map(({ labels, cost }) => ({ labels, value: cost.sum })),
    tokens: billed((unit) => !UNITS_BESIDE_TOKENS.has(unit)),
    units: billed((unit) => UNITS_BESIDE_TOKENS.has(unit)),
    attempts: function* () {
      for (const { provider, model, outcomes } of attempts.values())
        for (const [index, value] of nonZero(outcomes))
          yield { labels: { provider, model, outcome: OUTCOME_TYPES[index]! }, value }
    },
    providerErrors: function* () {
      const totals = new Map<string, Float64Array>()
      for (const { provider, outcomes } of attempts.values()) {
        const total = totals.get(provider) ?? new Float64Array(outcomes.length)
        addTo(total, outcomes)
        totals.set(provider, total)
      }
      for (const [provider, total] of totals)
        for (const [index, value] of nonZero(total)) {
          const outcome = OUTCOME_TYPES[index]!
          if (!NO_ERRORS.has(outcome)) yield { labels: { provider, outcome }, value }
        }
    },
    limitPeak: checkedLimits((series) => series.peak.read(now())),
    limitAdmission: checkedLimits((series) => series.admission),
    deploymentLimit: function* () {
      const oldest = now() - FORGET_DEPLOYMENT_LIMIT_MS
      for (const [key, { provider, model, kind, share, at }] of deployments) {
        if (at < oldest) deployments.delete(key)
        else yield { labels: { provider, model, kind }, value: share }
      }
    },
    deploymentState: deployed((health) => STATE_NUMBERS[health.state]),
    deploymentTrips: deployed((health) => health.trips),
    deploymentInFlight: deployed((health) => health.inFlight),
    bytesHeld: gauge((sources) => sources.bytesHeld()),
    ledgerPending: gauge((sources) => sources.ledgerPending().count),
    ledgerLag: gauge((sources) => sources.ledgerPending().oldestMs / 1000),
    labWaiting: gauge((sources) => sources.lab?.().waiting),
    labSeen: gauge((sources) => sources.lab?.().seen),
    labDropped: () =>
      Object.entries(recorded.sources()?.lab?.().dropped ?? {}).map(([reason, value]) => ({
        labels: { reason },
        value,
      })),
    labCopies: () =>
      Object.entries(recorded.sources()?.experiments?.().copies ?? {}).map(([outcome, value]) => ({
        labels: { outcome },
        value,
      })),
    experiments: () => {
      const standing = Map.groupBy(
        recorded.sources()?.experiments?.().standing ?? [],
        ({ stage, status }) => `${stage} ${status}`,
      )
      return [...standing.values()].map((same) => {
        const { stage, status } = same[0]!
        return { labels: { stage, status }, value: same.length }
      })
    },
    alertsWaiting: gauge((sources) => sources.alertOutbox?.().waiting),
    alertTries: () =>
      (recorded.sources()?.alertOutbox?.().ended ?? []).map(({ destination, outcome, count }) => ({
        labels: { destination, outcome },
        value: count,
      })),
    alertsOldest: gauge((sources) => {
      const oldestMs = sources.alertOutbox?.().oldestMs
      return oldestMs === undefined ? undefined : oldestMs / 1000
    }),
    qualityScore: () =>
      scored().flatMap(({ labels, score }) =>
        (['mean', 'low', 'high'] as const).map((bound) => ({ labels: { ...labels, bound }, value: score[bound] })),
      ),
    qualityEvidence: () => scored().map(({ labels, score }) => ({ labels, value: score.observations })),
    eventLoopDelay: () => {
      const delay = recorded.sources()?.runtime?.eventLoopDelay()
      if (delay === undefined) return []
      return [
        { labels: { quantile: '0.5' }, value: delay.p50Ms / 1000 },
        { labels: { quantile: '0.99' }, value: delay.p99Ms / 1000 },
        { labels: { quantile: '1' }, value: delay.maxMs / 1000 },
      ]
    },
    residentMemory: gauge((sources) => sources.runtime?.residentBytes()),
    cpu: gauge((sources) => sources.runtime?.cpuSeconds()),
    startTime: gauge((sources) => sources.runtime?.startedAtSeconds),
    build: () => {
      const runtime = recorded.sources()?.runtime
      return [{ labels: { version, runtime: runtime?.name ?? 'unwatched' }, value: 1 }]
    },
  }
}

type Paid = { readonly labels: Record<string, string>; readonly cost: Distribution; readonly usage: Float64Array }

/** Cost and usage by (route, provider, model): the operations of each are summed. */
function paid(all: Iterable<Series>): Iterable<Paid> {
  const totals = new Map<string, Paid>()
  for (const series of all) {
    const { route, provider, model } = series.labels
    const key = `${route}\n${provider}\n${model}`
    let total = totals.get(key)
    if (total === undefined) {
      total = {
        labels: { route, provider, model },
        cost: new Distribution(CATALOGUE.requestCost.buckets, 1e9),
        usage: new Float64Array(USAGE_UNITS.length),
      }
      totals.set(key, total)
    }
    total.cost.add(series.cost)
    addTo(total.usage, series.usage)
  }
  return totals.values()
}

function addTo(total: Float64Array, added: Float64Array): void {
  for (let index = 0; index < added.length; index++) total[index]! += added[index]!
}

function* nonZero(values: Float64Array): Generator<[index: number, value: number]> {
  for (let index = 0; index < values.length; index++) if (values[index] !== 0) yield [index, values[index]!]
}
