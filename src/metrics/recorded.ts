// The numbers between the recorder, which writes them on the path of a request, and the readers, which turn them into samples.
import type { OutcomeType } from '../core/outcome.ts'
import { CATALOGUE } from './catalogue.ts'
import { Distribution, RecentPeak } from './distribution.ts'
import type { RuntimeSource } from './runtime.ts'
import type { SeriesTable } from './series.ts'

export type LimitScope = 'key' | 'user' | 'team' | 'endUser' | 'gateway'
export type LimitKind = 'rpm' | 'tpm' | 'concurrency'

export type LimitSeries = { readonly peak: RecentPeak; readonly admission: Distribution }
export type LimitTable = Readonly<Record<LimitScope, Readonly<Record<LimitKind, LimitSeries>>>>

/** `outcomes` by index in OUTCOME_TYPES. */
export type AttemptSeries = { readonly provider: string; readonly model: string; readonly outcomes: Float64Array }

/** The last reading of a provider's own limit; `at` in ms since the epoch. */
export type DeploymentLimit = {
  readonly provider: string
  readonly model: string
  readonly kind: 'rpm' | 'tpm'
  readonly share: number
  readonly at: number
}

export type DeploymentHealth = {
  /** `provider/model`. */
  readonly deployment: string
  readonly state: 'in' | 'easing' | 'half_open' | 'cooling'
  readonly inFlight: number
  readonly trips: number
}

type ShownQuality = {
  /** `provider/model` */
  readonly deployment: string
  readonly task: string
  readonly mean: number
  readonly low: number
  readonly high: number
  readonly observations: number
}

/** Numbers that others own and that are read when somebody scrapes. */
export type GaugeSources = {
  readonly bytesHeld: () => number
  /** How each deployment is, as far as its traffic tells. */
  readonly deployments?: () => readonly DeploymentHealth[]
  /** Ledger writes that are not yet durable; `oldestMs` is the age of the oldest, 0 without any. */
  readonly ledgerPending: () => { readonly count: number; readonly oldestMs: number }
  /** What the lab has looked at, and what not, by reason. */
  readonly lab?: () => {
    readonly waiting: number
    readonly seen: number
    readonly dropped: Readonly<Record<string, number>>
  }
  /** Copies by what came of them, and where each experiment stands. */
  readonly experiments?: () => {
    readonly copies: Readonly<Record<string, number>>
    readonly standing: readonly { readonly stage: string; readonly status: string }[]
  }
  /** Messages to operators: those that are not delivered yet, and how tries have ended. */
  readonly alertOutbox?: () => {
    readonly waiting: number
    readonly oldestMs: number
    readonly ended: readonly { readonly destination: string; readonly outcome: string; readonly count: number }[]
  }
  /** Quality scores of all callers together. */
  readonly quality?: () => readonly ShownQuality[]
  /** The process itself (`watchRuntime`); absent where nobody watches it. */
  readonly runtime?: RuntimeSource
}

export type Recorded = {
  readonly table: SeriesTable
  readonly attempts: ReadonlyMap<string, AttemptSeries>
  readonly errors: ReadonlyMap<string, number>
  readonly limits: LimitTable
  readonly deployments: Map<string, DeploymentLimit>
  readonly inFlight: () => number
  readonly sources: () => GaugeSources | null
}

// A record and not a list, so that a new outcome does not compile until it is here.
const OUTCOMES: Readonly<Record<OutcomeType, true>> = {
  answered: true,
  rate_limited: true,
  overloaded: true,
  unreachable: true,
  timed_out: true,
  broken: true,
  credential_bad: true,
  context_too_long: true,
  filtered: true,
  rejected: true,
  cancelled: true,
  unfit: true,
}
export const OUTCOME_TYPES = Object.keys(OUTCOMES) as readonly OutcomeType[]

const PEAK_WINDOW_MS = 60_000

export function newLimitTable(): LimitTable {
  const series = (): LimitSeries => ({
    peak: new RecentPeak(PEAK_WINDOW_MS),
    admission: new Distribution(CATALOGUE.limitAdmission.buckets, 1),
  })
  const kinds = (): Record<LimitKind, LimitSeries> => ({ rpm: series(), tpm: series(), concurrency: series() })
  return { key: kinds(), user: kinds(), team: kinds(), endUser: kinds(), gateway: kinds() }
}
