// What the answer of a deployment is expected to be worth: P(acceptable), with what it rests on. Planning and the lab share these words.

export type ExpectedQuality = {
  /** 0–1. */
  readonly mean: number
  readonly sd: number
  /** Pieces of own evidence behind it, over the tasks that the request may be; 0: a prior alone. */
  readonly observations: number
}

/** The 90 % interval, within 0–1. */
export function intervalOf({ mean, sd }: Pick<ExpectedQuality, 'mean' | 'sd'>): {
  readonly low: number
  readonly high: number
} {
  return { low: Math.max(0, mean - 1.645 * sd), high: Math.min(1, mean + 1.645 * sd) }
}

/** Whom a choice by quality is between. */
export type QualityCandidate = {
  readonly deployment: string
  readonly quality: ExpectedQuality
  /** Expected, so a fraction is no mistake: nano-dollars of this request's answer, reasoning included. Infinite: it has no price. */
  readonly expectedCostNanoUsd: number
  /** Infinite: nothing was measured. */
  readonly latencyMs: number
  /** What is left of its rate limits, 0–1. */
  readonly headroomShare: number
}

/** Standard deviations between the mean and the bound that counts: nine times in ten the truth is above it, or nineteen times in twenty. */
export const Z_NORMAL = 1.28
export const Z_STRICT = 1.64

export type QualityPolicy = {
  /** A candidate is good enough when mean − z · sd reaches it, 0–1. */
  readonly floor: number
  /** Or when it reaches this share of the baseline's expected quality, where that is more; null: the floor alone decides. */
  readonly baselineShare: number | null
  readonly z: number
  /** Own observations that anyone but the baseline must have; 0: a prior is enough for the floor. A comparison with the baseline asks for 30 anyway. */
  readonly minOwnObservations: number
  /** Those below the floor may answer: under budget pressure, and when everybody else has failed. */
  readonly degrade: boolean
  /** Share of requests that try a candidate that is not known to be good enough but may well be, 0–1. */
  readonly explorationShare: number
}

export type QualityReason = 'cheapest_good_enough' | 'best_for_the_money' | 'baseline' | 'exploration'

export type QualityDecision = {
  /** Who answers, then who comes next when the answer is rejected or the attempt fails. */
  readonly order: readonly string[]
  readonly reason: QualityReason
  /** The chance that this choice had under this policy. */
  readonly propensity: number
  /** Who answers when nobody is known to be good enough. */
  readonly baseline: string
  /** What was asked for: the floor, or the share of the baseline's quality. */
  readonly bar: number
  /** In the order of the candidates. */
  readonly considered: readonly ConsideredCandidate[]
}

export type ConsideredCandidate = {
  readonly deployment: string
  /** mean − z · sd. */
  readonly lower: number
  readonly expectedCostNanoUsd: number
  /** Null: good enough. */
  readonly excluded: 'below_floor' | 'too_little_evidence' | null
}
