// Quality scores: what is believed of P(answer acceptable | task, deployment), as decayed counts of good and bad evidence on top of a prior.
//
// Evidence halves in 21 days, so that a deployment that changed is believed anew, and no more than 500 observations are held, so that a
// long good past cannot outweigh a bad week. States are plain JSON; every function gives a new one.
import { isObject, type JsonValue } from '../core/json.ts'
import { numberOf, objectOf } from '../core/json-read.ts'

export type EvidenceKind = keyof typeof EVIDENCE

/**
 * One piece of evidence. `quality` is 0–1; null where the kind itself says it. A verdict that was corrected for its judge's errors may leave
 * 0–1 (`correctedVerdict`): only the mean of many lies inside. `weight` null: the kind's own.
 */
export type Evidence = {
  readonly kind: EvidenceKind
  readonly quality: number | null
  readonly weight: number | null
}

/** Own evidence of one (scope, task, deployment), as of `atMs`. */
export type ScoreState = {
  readonly good: number
  readonly bad: number
  readonly atMs: number
  /** Pieces of evidence ever counted, undecayed. */
  readonly observations: number
  /** Weight by kind, decayed as the counts are. */
  readonly sources: { readonly [kind in EvidenceKind]?: number }
}

/** What is believed before own evidence: `strength` pseudo-observations of `mean`. */
export type Prior = { readonly mean: number; readonly strength: number }

export type Score = {
  readonly mean: number
  readonly sd: number
  /** Effective observations, without the prior. */
  readonly own: number
  /** Share of the belief that rests on the prior. */
  readonly priorShare: number
  /** Pieces of own evidence ever counted. */
  readonly observations: number
}

/** What each kind of evidence says, and how much it counts. A valid format says nothing: every model can hold one. */
export const EVIDENCE = {
  empty_answer: { quality: 0, weight: 0.8 },
  cut_answer: { quality: 0, weight: 0.8 },
  invalid_format: { quality: 0, weight: 0.9 },
  bad_tool_call: { quality: 0, weight: 0.9 },
  refusal: { quality: 0, weight: 0.4 },
  repetition: { quality: 0, weight: 0.7 },
  wrong_language: { quality: 0, weight: 0.7 },
  leaked_template: { quality: 0, weight: 0.7 },
  asked_again: { quality: 0, weight: 0.2 },
  thumb: { quality: null, weight: 0.5 },
  score: { quality: null, weight: 0.5 },
  task_success: { quality: null, weight: 1 },
  /** Its weight is J² of the judge that graded. */
  judge: { quality: null, weight: null },
  human: { quality: null, weight: 1 },
} as const satisfies Record<string, { readonly quality: number | null; readonly weight: number | null }>

const HALF_LIFE_MS = 21 * 86_400_000
const MAX_EFFECTIVE = 500
/** A corrected verdict of the weakest judge that is allowed: 1 / 0.3, and what lies as far on the other side. */
const MAX_VERDICT = 10 / 3
/** A prior is worth at least and at most that many observations. */
const MIN_STRENGTH = 2
const MAX_STRENGTH = 12
/** What a changed deployment keeps of its past. */
const KEPT_AFTER_CHANGE = 0.3

/** Nothing known: half good, half bad, and worth little. */
export const IGNORANCE: Prior = { mean: 0.5, strength: MIN_STRENGTH }
export const NO_EVIDENCE: ScoreState = { good: 0, bad: 0, atMs: 0, observations: 0, sources: {} }

/** The state after one more piece of evidence. `share`: how much of it is about this task, 0–1. */
export function observe(state: ScoreState, evidence: Evidence, nowMs: number, share = 1): ScoreState {
  const { quality: said, weight } = weighed(evidence)
  const counted = weight * share
  if (Number.isNaN(said) || !(counted > 0)) return state
  const past = decayed(state, nowMs)
  const total = past.good + past.bad + counted
  const fit = total > MAX_EFFECTIVE ? MAX_EFFECTIVE / total : 1
  const sources = scaled(past.sources, fit)
  sources[evidence.kind] = (sources[evidence.kind] ?? 0) + counted * fit
  return {
    good: Math.max(0, past.good + counted * said) * fit,
    bad: Math.max(0, past.bad + counted * (1 - said)) * fit,
    atMs: Math.max(state.atMs, nowMs),
    observations: state.observations + 1,
    sources,
  }
}

/** What a piece of evidence says and how much it counts, by its kind where it does not say so itself; NaN where nobody says it. */
export function weighed({ kind, quality, weight }: Evidence): { readonly quality: number; readonly weight: number } {
  const row = EVIDENCE[kind]
  return {
    quality: Math.min(MAX_VERDICT, Math.max(1 - MAX_VERDICT, row.quality ?? quality ?? Number.NaN)),
    weight: weight ?? row.weight ?? Number.NaN,
  }
}

/**
 * The state as if evidence that was observed at `atMs` had never been: what is left of it by now is taken out. Of a state that has
 * held more than `MAX_EFFECTIVE` since, that is about what it added.
 */
export function withdraw(state: ScoreState, evidence: Evidence, atMs: number, nowMs: number, share = 1): ScoreState {
  const { quality, weight } = weighed(evidence)
  const left = weight * share * keptAfter(nowMs - atMs)
  if (Number.isNaN(quality) || !(left > 0)) return state
  const past = decayed(state, nowMs)
  const sources = scaled(past.sources, 1)
  const ofKind = (sources[evidence.kind] ?? 0) - left
  if (ofKind > 1e-9) sources[evidence.kind] = ofKind
  else delete sources[evidence.kind]
  return {
    good: Math.max(0, past.good - left * quality),
    bad: Math.max(0, past.bad - left * (1 - quality)),
    atMs: past.atMs,
    observations: Math.max(0, state.observations - 1),
    sources,
  }
}

/** What is left of the evidence at `nowMs`; a clock that went back changes nothing. */
function decayed(state: ScoreState, nowMs: number): ScoreState {
  const factor = keptAfter(nowMs - state.atMs)
  if (factor === 1 || state.good + state.bad === 0) return state
  return {
    ...state,
    good: state.good * factor,
    bad: state.bad * factor,
    sources: scaled(state.sources, factor),
    atMs: nowMs,
  }
}

/** What is left of evidence of that age, 0–1. */
export function keptAfter(ageMs: number): number {
  return ageMs <= 0 ? 1 : 0.5 ** (ageMs / HALF_LIFE_MS)
}

/** The state of a deployment that changed under its name: the past still counts, but less. */
export function widened(state: ScoreState): ScoreState {
  const kept = KEPT_AFTER_CHANGE
  return { ...state, good: state.good * kept, bad: state.bad * kept, sources: scaled(state.sources, kept) }
}

/** The belief: Beta(strength · mean + good, strength · (1 − mean) + bad). */
export function scoreOf(prior: Prior, state: ScoreState, nowMs: number): Score {
  // Asked for a thousand times a request where many deployments are compared: the sources need not fade for it.
  const factor = state.good + state.bad === 0 ? 1 : keptAfter(nowMs - state.atMs)
  const good = state.good * factor
  const bad = state.bad * factor
  const strength = Math.min(MAX_STRENGTH, Math.max(MIN_STRENGTH, prior.strength))
  const mean = clampShare(prior.mean)
  const a = strength * mean + good
  const b = strength * (1 - mean) + bad
  const total = a + b
  return {
    mean: a / total,
    sd: Math.sqrt((a * b) / (total * total * (total + 1))),
    own: good + bad,
    priorShare: strength / total,
    observations: state.observations,
  }
}

/**
 * What a wider scope believes, as the prior of a narrower one: its mean, worth what it rests on, within the bounds of priors. Where nothing was
 * seen there, it passes on its own prior as it is.
 */
export function priorOf(score: Score, prior: Prior): Prior {
  return { mean: score.mean, strength: Math.min(MAX_STRENGTH, Math.max(prior.strength, MIN_STRENGTH + score.own / 10)) }
}

/** A stored state; null when the JSON is none. */
export function readScoreState(value: JsonValue): ScoreState | null {
  if (!isObject(value)) return null
  const good = numberOf(value, 'good')
  const bad = numberOf(value, 'bad')
  const atMs = numberOf(value, 'atMs')
  const observations = numberOf(value, 'observations')
  if (good === null || bad === null || atMs === null || observations === null || good < 0 || bad < 0) return null
  const stored = objectOf(value, 'sources') ?? {}
  const sources: { [kind in EvidenceKind]?: number } = {}
  let kind: EvidenceKind
  for (kind in EVIDENCE) {
    const weight = numberOf(stored, kind)
    if (weight !== null && weight > 0) sources[kind] = weight
  }
  return { good, bad, atMs, observations, sources }
}

function scaled(sources: ScoreState['sources'], factor: number): { [kind in EvidenceKind]?: number } {
  const result: { [kind in EvidenceKind]?: number } = {}
  let kind: EvidenceKind
  for (kind in sources) result[kind] = sources[kind]! * factor
  return result
}

function clampShare(value: number): number {
  return Math.min(1, Math.max(0, value))
}
