// Drift: whether what a deployment answers has changed, told from each answer as it comes.
//
// Each signal (a share of bad answers, a mean) first learns what is usual from `BASELINE` answers, then watches by CUSUM: a sum of
// log-likelihood ratios of "changed" against "as usual" that never falls below 0. The expected number of answers until it reaches ln(ARL)
// without a change is at least ARL (Lorden 1971, theorem 2), if what is usual is known well; to that end a share is taken at its upper bound.
import { isObject, type JsonValue } from '../core/json.ts'
import { numberOf } from '../core/json-read.ts'

/** What is watched of a deployment's answers to one task. */
export const SIGNALS = {
  /** Shares, 0–1. */
  bad_format: 'share',
  refusals: 'share',
  cuts: 'share',
  /** Natural logarithm of the characters of output. */
  length: 'mean',
  /** Verdicts of the judge, 0–1. */
  judge: 'mean',
} as const satisfies Record<string, 'share' | 'mean'>
export type Signal = keyof typeof SIGNALS

export type SignalState = {
  /** Answers that what is usual was learned from, their mean, and the sum of the squares of what they are off it. */
  readonly learned: number
  readonly mean: number
  readonly squares: number
  /** Answers since, and the sums for a change upwards and downwards. */
  readonly watched: number
  readonly up: number
  readonly down: number
}

/** A change that was told; `usual`: the mean of before. */
export type Drift = {
  readonly signal: Signal
  readonly direction: 'up' | 'down'
  readonly usual: number
  readonly watched: number
}

export const NEW_SIGNAL: SignalState = { learned: 0, mean: 0, squares: 0, watched: 0, up: 0, down: 0 }

const BASELINE = 500
const THRESHOLD = Math.log(1_000_000)
/** The change of a mean that is found fastest, in standard deviations. */
const SHIFT = 0.5
/** One answer is no more than that many standard deviations off: lengths have long tails. */
const MOST_OFF = 3
/** A share counts as changed when it doubles, and by this at least. */
const LEAST_RISE = 0.05
const UPPER_BOUND = 1.645

/** The state after one more answer, and the change that it shows, if any; then what is usual is learned anew. */
export function watched(
  state: SignalState,
  signal: Signal,
  value: number,
): { readonly state: SignalState; readonly drift: Drift | null } {
  if (!Number.isFinite(value)) return { state, drift: null }
  if (state.learned < BASELINE) return { state: learnt(state, value), drift: null }
  const { up, down } = SIGNALS[signal] === 'share' ? shareSums(state, value) : meanSums(state, value)
  const next: SignalState = { ...state, watched: state.watched + 1, up, down }
  if (up < THRESHOLD && down < THRESHOLD) return { state: next, drift: null }
  const drift: Drift = { signal, direction: up >= THRESHOLD ? 'up' : 'down', usual: state.mean, watched: next.watched }
  return { state: NEW_SIGNAL, drift }
}

function learnt(state: SignalState, value: number): SignalState {
  const learned = state.learned + 1
  const off = value - state.mean
  const mean = state.mean + off / learned
  return { ...state, learned, mean, squares: state.squares + off * (value - mean) }
}

/** Fewer bad answers than usual are no alarm. */
function shareSums({ learned, mean, up }: SignalState, value: number): { readonly up: number; readonly down: number } {
  const share = (mean * learned + 1) / (learned + 2)
  const usual = Math.min(0.9, share + UPPER_BOUND * Math.sqrt((share * (1 - share)) / learned))
  const changed = Math.min(0.95, Math.max(2 * usual, usual + LEAST_RISE))
  const bad = Math.min(1, Math.max(0, value))
  return {
    up: Math.max(0, up + bad * Math.log(changed / usual) + (1 - bad) * Math.log((1 - changed) / (1 - usual))),
    down: 0,
  }
}

function meanSums(
  { learned, mean, squares, up, down }: SignalState,
  value: number,
): { readonly up: number; readonly down: number } {
  const deviation = Math.max(1e-6, Math.sqrt(squares / (learned - 1)))
  const off = Math.min(MOST_OFF, Math.max(-MOST_OFF, (value - mean) / deviation))
  return {
    up: Math.max(0, up + SHIFT * off - SHIFT ** 2 / 2),
    down: Math.max(0, down - SHIFT * off - SHIFT ** 2 / 2),
  }
}

/** A stored state; null when the JSON is none. */
export function readSignalState(value: JsonValue | undefined): SignalState | null {
  if (!isObject(value)) return null
  const fields = { ...NEW_SIGNAL }
  let name: keyof SignalState
  for (name in NEW_SIGNAL) {
    const read = numberOf(value, name)
    if (read === null) return null
    Object.assign(fields, { [name]: read })
  }
  return fields
}

/** What a provider says of who answers: names that were seen, and a new one that is not believed yet. */
export type SeenNames = { readonly known: readonly string[]; readonly fresh: string | null; readonly times: number }

export const NO_NAMES: SeenNames = { known: [], fresh: null, times: 0 }
/** Providers serve several versions at once, and go back to old ones. */
const MAX_NAMES = 8

/** One more answer that names `name`. Told once a name that was not known comes `enough` times in a row. */
export function named(
  state: SeenNames,
  name: string,
  enough: number,
): { readonly state: SeenNames; readonly isNew: boolean } {
  if (state.known.includes(name))
    return { state: state.fresh === null ? state : { ...state, fresh: null, times: 0 }, isNew: false }
  const times = state.fresh === name ? state.times + 1 : 1
  if (state.known.length > 0 && times < enough) return { state: { ...state, fresh: name, times }, isNew: false }
  return {
    state: { known: [...state.known.slice(1 - MAX_NAMES), name], fresh: null, times: 0 },
    isNew: state.known.length > 0,
  }
}
