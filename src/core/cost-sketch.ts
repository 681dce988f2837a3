// Costs of requests in buckets of growing width, so that a percentile of any sum of them is known within 5 %.
//
// The mapping is that of DDSketch (Masson, Rim, Lee, VLDB 2019): bucket i holds costs in (γ^(i−2), γ^(i−1)] nano-dollars
// with γ = (1 + α)/(1 − α), and 2γ^(i−1)/(γ + 1) is at most α away from each of them. Counts of buckets add up exactly, so
// they are kept as sums in the store like any other.
import type { NanoUsd } from './money.ts'

/** How far a percentile may be from the cost that it stands for. */
export const COST_ERROR_SHARE = 0.05

const GAMMA = (1 + COST_ERROR_SHARE) / (1 - COST_ERROR_SHARE)
export const LOG_GAMMA = Math.log(GAMMA)
/** More than the buckets of all amounts that the ledger holds (64 bits). */
export const COST_BUCKETS = 512

/** 0: nothing (or less). */
export function costBucket(nanoUsd: NanoUsd): number {
  return nanoUsd <= 0n ? 0 : 1 + Math.ceil(Math.log(Number(nanoUsd)) / LOG_GAMMA)
}

/** What costs in the bucket are, within `COST_ERROR_SHARE`. */
export function bucketCost(bucket: number): NanoUsd {
  return bucket === 0 ? 0n : BigInt(Math.round((2 * GAMMA ** (bucket - 1)) / (GAMMA + 1)))
}

export type CostPercentiles = { readonly p50: NanoUsd; readonly p90: NanoUsd; readonly p99: NanoUsd }

/** Of counts by bucket, in any order; null: there are none. */
export function costPercentiles(counts: ReadonlyMap<number, number>): CostPercentiles | null {
  const sorted = [...counts].toSorted(([one], [other]) => one - other)
  const total = sorted.reduce((sum, [, count]) => sum + count, 0)
  if (total === 0) return null
  // The smallest cost that so many of the requests do not exceed ("nearest rank").
  const at = (share: number): NanoUsd => {
    let left = Math.max(1, Math.ceil(share * total))
    for (const [bucket, count] of sorted) {
      left -= count
      if (left <= 0) return bucketCost(bucket)
    }
    throw new RangeError('counts are below zero')
  }
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) }
}
