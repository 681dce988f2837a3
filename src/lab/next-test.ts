// What to test next: value of information. A test is worth the saving that it may bring, times the chance that it does, over what it costs.
import { PAIRS_FACTOR, USUAL_DISAGREEMENT } from './sequential.ts'

export type TestIdea = {
  readonly route: string
  readonly baseline: string
  readonly candidate: string
  /** Requests of the route a month, and what one of them costs at each, nano-dollars. */
  readonly requests: number
  readonly baselineNanoUsd: number
  readonly candidateNanoUsd: number
  /** What is believed of each: mean and standard deviation of its quality. */
  readonly baselineQuality: { readonly mean: number; readonly sd: number }
  readonly candidateQuality: { readonly mean: number; readonly sd: number }
}

export type RankedTest = TestIdea & {
  /** A month, if it is promoted, nano-dollars. */
  readonly savingNanoUsd: number
  /** P(quality of the candidate ≥ that of the baseline − margin). */
  readonly chance: number
  readonly pairs: number
  /** Of all pairs: the candidate's copies, nano-dollars; judging comes on top of it. */
  readonly testNanoUsd: number
  /** saving × chance / cost of the test: dollars a month for each dollar. */
  readonly value: number
}

/** Best first; what saves nothing is left out. */
export function rankTests(ideas: readonly TestIdea[], margin: number): readonly RankedTest[] {
  return ideas
    .map((idea): RankedTest => {
      const { baselineQuality, candidateQuality, candidateNanoUsd } = idea
      const savingNanoUsd = idea.requests * (idea.baselineNanoUsd - candidateNanoUsd)
      const gap = candidateQuality.mean - baselineQuality.mean + margin
      const spread = Math.hypot(candidateQuality.sd, baselineQuality.sd)
      const chance = spread === 0 ? Number(gap >= 0) : normalShare(gap / spread)
      const pairs = Math.ceil((PAIRS_FACTOR * USUAL_DISAGREEMENT) / margin ** 2)
      // A candidate that is free still costs the time of its pairs: a nano-dollar each keeps the ratio finite.
      const testNanoUsd = pairs * Math.max(1, candidateNanoUsd)
      return { ...idea, savingNanoUsd, chance, pairs, testNanoUsd, value: (savingNanoUsd * chance) / testNanoUsd }
    })
    .filter(({ savingNanoUsd }) => savingNanoUsd > 0)
    .sort((one, other) => other.value - one.value)
}

/** P(Z ≤ z) of the standard normal: Zelen and Severo (1964), 26.2.17; its error is below 1e-7. */
function normalShare(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z))
  const poly = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  const tail = (Math.exp(-(z * z) / 2) / Math.sqrt(2 * Math.PI)) * poly
  return z >= 0 ? 1 - tail : tail
}
