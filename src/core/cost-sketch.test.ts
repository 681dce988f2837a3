import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { bucketCost, COST_BUCKETS, COST_ERROR_SHARE, costBucket, costPercentiles } from './cost-sketch.ts'

const amount = fc.oneof(fc.bigInt({ min: 1n, max: 1_000n }), fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }))

test('what a bucket says is within the stated error of each cost in it', () => {
  fc.assert(
    fc.property(amount, (cost) => {
      const bucket = costBucket(cost)
      expect(bucket).toBeLessThan(COST_BUCKETS)
      // Half a nano-dollar of rounding more.
      expect(Math.abs(Number(bucketCost(bucket) - cost))).toBeLessThanOrEqual(
        Number(cost) * (COST_ERROR_SHARE + 1e-9) + 0.5,
      )
    }),
    { numRuns: 2_000 },
  )
})

test('percentiles are those of the costs themselves, within the stated error', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant(0n), amount), { minLength: 1, maxLength: 80 }), (costs) => {
      const counts = new Map<number, number>()
      for (const cost of costs) counts.set(costBucket(cost), (counts.get(costBucket(cost)) ?? 0) + 1)
      const sorted = costs.toSorted((one, other) => (one < other ? -1 : one > other ? 1 : 0))
      const found = costPercentiles(counts)
      for (const [name, share] of [
        ['p50', 0.5],
        ['p90', 0.9],
        ['p99', 0.99],
      ] as const) {
        const exact = Number(sorted[Math.ceil(share * costs.length) - 1])
        expect(Math.abs(Number(found?.[name]) - exact)).toBeLessThanOrEqual(exact * (COST_ERROR_SHARE + 1e-9) + 0.5)
      }
    }),
  )
})

test('nothing has no percentiles, and nothing costs nothing', () => {
  expect(costPercentiles(new Map())).toBeNull()
  expect(costPercentiles(new Map([[costBucket(0n), 3]]))).toEqual({ p50: 0n, p90: 0n, p99: 0n })
  expect(costBucket(-5n)).toBe(0)
})
