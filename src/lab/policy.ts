// The strategy `quality`: the cheapest deployment that is good enough, with the reason, the chance that it had, and who comes next. Pure.
import type { ExpectedQuality } from '../core/quality.ts'

export type Candidate = {
  readonly deployment: string
  readonly quality: ExpectedQuality
  /** Expected, so a fraction is no mistake: nano-dollars of this request's answer, reasoning included. */
  readonly expectedCostNanoUsd: number
  readonly latencyMs: number
  /** What is left of its rate limits, 0–1. */
  readonly headroomShare: number
}

export type QualityPolicy = {
  /** A candidate is good enough when mean − z · sd reaches it, 0–1. */
  readonly floor: number
  /** Or when it reaches this share of the baseline's expected quality, where that is more; null: the floor alone decides. */
  readonly baselineShare: number | null
  readonly z: number
  /** Own observations that anyone but the baseline must have; 0: a prior is enough for the floor. A comparison with the baseline asks for 30 anyway. */
  readonly minOwnObservations: number
  /** Under budget pressure, those below the floor may answer too. */
  readonly degrade: boolean
  /** Share of requests that try a candidate that is not known to be good enough but may well be, 0–1. */
  readonly explorationShare: number
}

export type Situation = {
  /** The deployment that answers when nobody is known to be good enough. */
  readonly baseline: string
  /** λ: quality that one dollar is worth now; 0 without budget pressure. */
  readonly pressurePerUsd: number
  /** What may still be spent on trying; 0 also where the request must not be an experiment. */
  readonly explorationLeftNanoUsd: number
  /** 0–1, drawn once a request. */
  readonly draw: number
}

export type Decision = {
  /** Who answers, then who comes next when a validator rejects the answer or the attempt fails. */
  readonly order: readonly string[]
  readonly reason: 'cheapest_good_enough' | 'best_for_the_money' | 'baseline' | 'exploration'
  /** The chance that this choice had under this policy. */
  readonly propensity: number
  readonly considered: readonly Considered[]
}

type Considered = {
  readonly deployment: string
  readonly lower: number
  readonly expectedCostNanoUsd: number
  /** Null: good enough. */
  readonly excluded: 'below_floor' | 'too_little_evidence' | null
}

export const Z_NORMAL = 1.28
export const Z_STRICT = 1.64
/** A comparison with the baseline must rest on own evidence, never on a prior. */
const MIN_OWN_OBSERVATIONS = 30
/** Costs that differ by less are equal: latency decides, then headroom. */
const TIE_SHARE = 0.02
const NANO_PER_USD = 1e9

/** Throws a RangeError when there is no candidate: whoever plans has at least the baseline. */
export function decide(candidates: readonly Candidate[], policy: QualityPolicy, situation: Situation): Decision {
  if (candidates.length === 0) throw new RangeError('a decision needs a candidate')
  const baseline = candidates.find(({ deployment }) => deployment === situation.baseline) ?? dearest(candidates)
  const bar = barOf(policy, baseline)
  const considered = candidates.map((candidate) => consider(candidate, policy, bar, candidate === baseline))
  const eligible = candidates.filter((_, position) => considered[position]!.excluded === null)
  const greedy = choose(candidates, eligible, baseline, policy, situation)
  const triable = candidates.filter(
    (candidate) =>
      candidate !== greedy.choice &&
      candidate.quality.mean + policy.z * candidate.quality.sd >= bar &&
      candidate.expectedCostNanoUsd <= Math.min(baseline.expectedCostNanoUsd, situation.explorationLeftNanoUsd),
  )
  const share = triable.length === 0 ? 0 : policy.explorationShare
  if (situation.draw < share) {
    const tried = triable[Math.min(triable.length - 1, Math.floor((situation.draw / share) * triable.length))]!
    const order = orderOf(tried, eligible, baseline)
    return { order, reason: 'exploration', propensity: share / triable.length, considered }
  }
  return {
    order: orderOf(greedy.choice, eligible, baseline),
    reason: greedy.reason,
    propensity: 1 - share,
    considered,
  }
}

function barOf(policy: QualityPolicy, baseline: Candidate): number {
  return policy.baselineShare === null
    ? policy.floor
    : Math.max(policy.floor, policy.baselineShare * baseline.quality.mean)
}

function consider(candidate: Candidate, policy: QualityPolicy, bar: number, isBaseline: boolean): Considered {
  const { mean, sd, observations } = candidate.quality
  const lower = mean - policy.z * sd
  const { deployment, expectedCostNanoUsd } = candidate
  let excluded: Considered['excluded'] = null
  if (lower < bar) excluded = 'below_floor'
  else if (!isBaseline && observations < ownNeeded(policy)) excluded = 'too_little_evidence'
  return { deployment, lower, expectedCostNanoUsd, excluded }
}

function ownNeeded({ baselineShare, minOwnObservations }: QualityPolicy): number {
  return baselineShare === null ? minOwnObservations : Math.max(minOwnObservations, MIN_OWN_OBSERVATIONS)
}

function choose(
  candidates: readonly Candidate[],
  eligible: readonly Candidate[],
  baseline: Candidate,
  policy: QualityPolicy,
  { pressurePerUsd }: Situation,
): { readonly choice: Candidate; readonly reason: Decision['reason'] } {
  if (pressurePerUsd > 0) {
    const allowed = policy.degrade ? candidates : eligible
    if (allowed.length > 0) return { choice: bestForTheMoney(allowed, pressurePerUsd), reason: 'best_for_the_money' }
  }
  // The noisy best of many that are not good enough would be whoever was overrated most.
  if (eligible.length === 0) return { choice: baseline, reason: 'baseline' }
  return {
    choice: eligible.reduce((best, each) => (isPreferred(each, best) ? each : best)),
    reason: 'cheapest_good_enough',
  }
}

function bestForTheMoney(allowed: readonly Candidate[], pressurePerUsd: number): Candidate {
  const worth = ({ quality, expectedCostNanoUsd }: Candidate): number =>
    quality.mean - (pressurePerUsd * expectedCostNanoUsd) / NANO_PER_USD
  let best = allowed[0]!
  let most = worth(best)
  for (const each of allowed) {
    const value = worth(each)
    if (value > most || (value === most && isPreferred(each, best))) {
      best = each
      most = value
    }
  }
  return best
}

function isPreferred(a: Candidate, b: Candidate): boolean {
  const difference = a.expectedCostNanoUsd - b.expectedCostNanoUsd
  if (Math.abs(difference) > TIE_SHARE * Math.max(a.expectedCostNanoUsd, b.expectedCostNanoUsd)) return difference < 0
  if (a.latencyMs !== b.latencyMs) return a.latencyMs < b.latencyMs
  return a.headroomShare > b.headroomShare
}

/** The choice; then those that are good enough and at least as good, cheapest first; the baseline at last. */
function orderOf(choice: Candidate, eligible: readonly Candidate[], baseline: Candidate): string[] {
  const next = eligible
    .filter((each) => each !== choice && each !== baseline && each.quality.mean >= choice.quality.mean)
    .sort((a, b) => a.expectedCostNanoUsd - b.expectedCostNanoUsd)
  const all = choice === baseline ? [choice, ...next] : [choice, ...next, baseline]
  return all.map(({ deployment }) => deployment)
}

function dearest(candidates: readonly Candidate[]): Candidate {
  return candidates.reduce((most, each) => (each.expectedCostNanoUsd > most.expectedCostNanoUsd ? each : most))
}

/**
 * λ for the next request: it rises while spending runs ahead of the pace that the budget allows, and falls behind it (dual ascent). Both
 * shares are of the budget's window: time gone and money gone. `step` is the λ that a whole budget of haste would add.
 */
export function adaptPressure(pressurePerUsd: number, spentShare: number, elapsedShare: number, step: number): number {
  return Math.max(0, pressurePerUsd + step * (spentShare - elapsedShare))
}
