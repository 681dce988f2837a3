// The strategy `quality`: the cheapest deployment that is good enough, with the reason, the chance that it had, and who comes next. Pure.
//
// Without pressure: the cheapest of those that are known to be good enough; nobody is: the baseline, never the noisy best of those that are not.
// Under pressure, where the policy lets those below the floor answer: of all that cost no more than that, the largest
// min(lower bound, bar) − λ · cost. Quality beyond the bar buys nothing, so a little pressure changes nothing, and more of it gives up a
// little quality where that saves most.
import type {
  ConsideredCandidate,
  QualityCandidate,
  QualityDecision,
  QualityPolicy,
  QualityReason,
} from '../core/quality.ts'

export type Situation = {
  /** The deployment that answers when nobody is known to be good enough; the dearest, where it is no candidate. */
  readonly baseline: string
  /** λ: quality that one dollar is worth now; 0 without budget pressure. */
  readonly pressurePerUsd: number
  /** What may still be spent on trying; 0 also where the request must not be an experiment. */
  readonly explorationLeftNanoUsd: number
  /** 0–1, drawn once a request. */
  readonly draw: number
}

/** A comparison with the baseline must rest on own evidence, never on a prior. */
const MIN_OWN_OBSERVATIONS = 30
/** Costs that differ by less are equal: latency decides, then headroom. */
const TIE_SHARE = 0.02
const NANO_PER_USD = 1e9

/** A candidate and what it is worth to the policy. */
type Weighed = ConsideredCandidate & { readonly candidate: QualityCandidate; readonly isBaseline: boolean }

/** What the policy makes of the candidates, before anything is drawn. */
type Choice = {
  readonly weighed: readonly Weighed[]
  readonly baseline: Weighed
  readonly bar: number
  readonly greedy: Weighed
  readonly reason: QualityReason
  /** Whom the request may try instead, each with the same chance. */
  readonly triable: readonly Weighed[]
  /** Of all of them together. */
  readonly triedShare: number
}

/** Throws a RangeError when there is no candidate: whoever plans has at least the baseline. */
export function decide(
  candidates: readonly QualityCandidate[],
  policy: QualityPolicy,
  situation: Situation,
): QualityDecision {
  const choice = choose(candidates, policy, situation)
  const { weighed, baseline, bar, greedy, triable, triedShare } = choice
  const isTried = situation.draw < triedShare
  const place = Math.min(triable.length - 1, Math.floor((situation.draw / triedShare) * triable.length))
  const first = isTried ? triable[place]! : greedy
  return {
    order: orderOf(first, choice, policy.degrade),
    reason: isTried ? 'exploration' : choice.reason,
    propensity: isTried ? triedShare / triable.length : 1 - triedShare,
    baseline: baseline.deployment,
    bar,
    considered: weighed,
  }
}

/** The chance that each candidate has to be the one that is asked first; those that have none are left out. */
export function chancesOf(
  candidates: readonly QualityCandidate[],
  policy: QualityPolicy,
  situation: Omit<Situation, 'draw'>,
): ReadonlyMap<string, number> {
  const { greedy, triable, triedShare } = choose(candidates, policy, situation)
  const chances = new Map([[greedy.deployment, 1 - triedShare]])
  if (triedShare > 0) for (const { deployment } of triable) chances.set(deployment, triedShare / triable.length)
  return chances
}

function choose(
  candidates: readonly QualityCandidate[],
  policy: QualityPolicy,
  situation: Omit<Situation, 'draw'>,
): Choice {
  if (candidates.length === 0) throw new RangeError('a decision needs a candidate')
  const trusted = candidates.find(({ deployment }) => deployment === situation.baseline) ?? dearest(candidates)
  const { floor, baselineShare } = policy
  const bar = baselineShare === null ? floor : Math.max(floor, baselineShare * trusted.quality.mean)
  const weighed = candidates.map((candidate) => weigh(candidate, policy, bar, candidate === trusted))
  const baseline = weighed.find(({ isBaseline }) => isBaseline)!
  const eligible = weighed.filter(({ excluded }) => excluded === null)
  const calm =
    eligible.length === 0 ? baseline : eligible.reduce((best, each) => (isPreferred(each, best) ? each : best))
  const pressed = policy.degrade && situation.pressurePerUsd > 0 ? bestForTheMoney(weighed, calm, bar, situation) : calm
  const calmReason = eligible.length === 0 ? 'baseline' : 'cheapest_good_enough'
  // Who costs more than the one that answers anyway is not worth finding out about.
  const mostNanoUsd = Math.min(pressed.expectedCostNanoUsd, situation.explorationLeftNanoUsd)
  const triable = weighed.filter(
    ({ candidate: { quality }, expectedCostNanoUsd }, place) =>
      weighed[place] !== pressed && quality.mean + policy.z * quality.sd >= bar && expectedCostNanoUsd <= mostNanoUsd,
  )
  return {
    weighed,
    baseline,
    bar,
    greedy: pressed,
    reason: pressed === calm ? calmReason : 'best_for_the_money',
    triable,
    triedShare: triable.length === 0 ? 0 : policy.explorationShare,
  }
}

function weigh(candidate: QualityCandidate, policy: QualityPolicy, bar: number, isBaseline: boolean): Weighed {
  const { deployment, expectedCostNanoUsd, quality } = candidate
  const lower = quality.mean - policy.z * quality.sd
  let excluded: ConsideredCandidate['excluded'] = null
  if (lower < bar) excluded = 'below_floor'
  else if (!isBaseline && quality.observations < ownNeeded(policy)) excluded = 'too_little_evidence'
  return { deployment, lower, expectedCostNanoUsd, excluded, candidate, isBaseline }
}

function ownNeeded({ baselineShare, minOwnObservations }: QualityPolicy): number {
  return baselineShare === null ? minOwnObservations : Math.max(minOwnObservations, MIN_OWN_OBSERVATIONS)
}

function bestForTheMoney(
  weighed: readonly Weighed[],
  calm: Weighed,
  bar: number,
  { pressurePerUsd }: Omit<Situation, 'draw'>,
): Weighed {
  const worth = ({ lower, expectedCostNanoUsd }: Weighed): number =>
    Math.min(lower, bar) - (pressurePerUsd * expectedCostNanoUsd) / NANO_PER_USD
  let best = calm
  let most = worth(calm)
  for (const each of weighed) {
    if (each.expectedCostNanoUsd > calm.expectedCostNanoUsd) continue
    const value = worth(each)
    if (value > most) {
      best = each
      most = value
    }
  }
  return best
}

function isPreferred({ candidate: a }: Weighed, { candidate: b }: Weighed): boolean {
  const difference = a.expectedCostNanoUsd - b.expectedCostNanoUsd
  if (Math.abs(difference) > TIE_SHARE * Math.max(a.expectedCostNanoUsd, b.expectedCostNanoUsd)) return difference < 0
  if (a.latencyMs !== b.latencyMs) return a.latencyMs < b.latencyMs
  return a.headroomShare > b.headroomShare
}

/**
 * The choice; then those that are good enough and at least as good, cheapest first; the baseline; the others that are good enough; and at
 * last, where the policy lets them, those that are not, the likeliest first.
 */
function orderOf(first: Weighed, { weighed, baseline }: Choice, degrade: boolean): readonly string[] {
  const better: Weighed[] = []
  const others: Weighed[] = []
  const below: Weighed[] = []
  for (const each of weighed) {
    if (each === first || each.isBaseline) continue
    if (each.excluded !== null) below.push(each)
    else (each.candidate.quality.mean >= first.candidate.quality.mean ? better : others).push(each)
  }
  better.sort(byCost)
  others.sort(byCost)
  below.sort((a, b) => b.lower - a.lower)
  return [first, ...better, ...(first === baseline ? [] : [baseline]), ...others, ...(degrade ? below : [])].map(
    ({ deployment }) => deployment,
  )
}

function byCost(a: Weighed, b: Weighed): number {
  // Two without a price differ by NaN.
  return a.expectedCostNanoUsd === b.expectedCostNanoUsd ? 0 : a.expectedCostNanoUsd - b.expectedCostNanoUsd
}

function dearest(candidates: readonly QualityCandidate[]): QualityCandidate {
  return candidates.reduce((most, each) => (each.expectedCostNanoUsd > most.expectedCostNanoUsd ? each : most))
}

/**
 * λ for the next request: it rises while spending runs ahead of the pace that the budget allows, and falls behind it (dual ascent). Both
 * shares are of the budget's window: time gone and money gone. `step` is the λ that a whole budget of haste would add.
 */
export function adaptPressure(pressure: number, spentShare: number, elapsedShare: number, step: number): number {
  return Math.max(0, pressure + step * (spentShare - elapsedShare))
}
