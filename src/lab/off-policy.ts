// What another policy would have been worth, from requests that this one routed: importance weights, with and without a model of rewards.

/** One logged request. Rewards are quality, or cost: whatever is asked about. */
export type LoggedChoice = {
  /** The chance that the logged choice had under the policy that made it; more than 0. */
  readonly propensity: number
  readonly reward: number
  /** The chance that the other policy would have given to the same choice. */
  readonly otherChance: number
  /** What was predicted for the logged choice. */
  readonly predicted: number
  /** What is predicted for the other policy: Σ chance · prediction over its choices. */
  readonly otherPredicted: number
}

type Estimate = { readonly value: number; readonly low: number; readonly high: number }

export type OffPolicy = {
  /** Inverse propensity scoring: unbiased, and wild where chances are small. */
  readonly ips: Estimate
  /** The same with weights that add up to 1: slightly biased, much steadier; null when no logged choice says anything. */
  readonly snips: Estimate | null
  /** Doubly robust: right if either the propensities or the predictions are. */
  readonly doublyRobust: Estimate
  /** How many requests the estimates really rest on: (Σ w)² / Σ w². */
  readonly effectiveRequests: number
}

const Z_95 = 1.96

/** Estimates with 95 % intervals; null without requests. Throws a RangeError for a choice that had no chance. */
export function evaluateOffPolicy(logged: readonly LoggedChoice[]): OffPolicy | null {
  if (logged.length === 0) return null
  if (logged.some(({ propensity }) => !(propensity > 0 && propensity <= 1)))
    throw new RangeError('a logged choice had a chance above 0, at most 1')
  const weights = logged.map(({ propensity, otherChance }) => otherChance / propensity)
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const squares = weights.reduce((total, weight) => total + weight ** 2, 0)
  return {
    ips: meanEstimate(logged.map(({ reward }, each) => weights[each]! * reward)),
    snips: sum === 0 ? null : selfNormalised(logged, weights, sum),
    doublyRobust: meanEstimate(
      logged.map(
        ({ reward, predicted, otherPredicted }, each) => otherPredicted + weights[each]! * (reward - predicted),
      ),
    ),
    effectiveRequests: squares === 0 ? 0 : sum ** 2 / squares,
  }
}

function selfNormalised(logged: readonly LoggedChoice[], weights: readonly number[], sum: number): Estimate {
  const value = logged.reduce((total, { reward }, each) => total + weights[each]! * reward, 0) / sum
  // Delta method for a ratio of means.
  const spread = logged.reduce((total, { reward }, each) => total + (weights[each]! * (reward - value)) ** 2, 0)
  return interval(value, Math.sqrt(spread) / sum)
}

function meanEstimate(values: readonly number[]): Estimate {
  const mean = values.reduce((total, value) => total + value, 0) / values.length
  const squares = values.reduce((total, value) => total + (value - mean) ** 2, 0)
  return interval(
    mean,
    values.length < 2 ? Number.POSITIVE_INFINITY : Math.sqrt(squares / (values.length - 1) / values.length),
  )
}

function interval(value: number, standardError: number): Estimate {
  return { value, low: value - Z_95 * standardError, high: value + Z_95 * standardError }
}
