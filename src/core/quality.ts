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
