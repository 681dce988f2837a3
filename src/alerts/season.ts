// Whether an hour is out of its season: compared with the same hour of the week, and the hours beside it, of earlier weeks. Pure.
//
// Median and MAD (median of the absolute deviations) instead of mean and standard deviation: a past outlier among the samples
// then moves neither. 1.4826 × MAD estimates the standard deviation of normal data (Rousseeuw & Croux 1993).

export type Season = {
  /** What is usual. */
  readonly median: number
  /** How many robust standard deviations the value lies above it. */
  readonly deviations: number
}

const MAD_SCALE = 1.4826
/** Hours are not more alike than this share of the usual, whatever the samples say: a season without any spread would cry at a cent. */
const LEAST_SPREAD_SHARE = 0.1

/** `leastSpread`: in the unit of the values, above 0. Null without samples. */
export function seasonOf(value: number, samples: readonly number[], leastSpread: number): Season | null {
  const median = medianOf(samples)
  if (median === null) return null
  const mad = medianOf(samples.map((sample) => Math.abs(sample - median))) ?? 0
  const spread = Math.max(MAD_SCALE * mad, LEAST_SPREAD_SHARE * median, leastSpread)
  return { median, deviations: (value - median) / spread }
}

function medianOf(values: readonly number[]): number | null {
  if (values.length === 0) return null
  const sorted = values.toSorted((one, other) => one - other)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
}
