import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { createHedgeBudget } from './hedge-budget.ts'
import { PeakAverage, RecentQuantiles } from './latency.ts'
import { RetryBudget } from './retry-budget.ts'

test('a slow answer counts at once, and fast ones talk it down within half a minute', () => {
  const average = new PeakAverage()
  average.observe(100, 0)
  average.observe(900, 1_000)
  expect(average.value).toBe(900)
  for (let nowMs = 2_000; nowMs <= 31_000; nowMs += 1_000) average.observe(100, nowMs)
  expect(average.value).toBeLessThan(150)
})

test('quantiles are right to the width of a bucket, and follow what was seen lately', () => {
  const quantiles = new RecentQuantiles()
  expect(quantiles.quantile(0.95)).toBeNull()
  for (let ms = 1; ms <= 1_000; ms++) quantiles.observe(ms)
  const p95 = quantiles.quantile(0.95) ?? 0
  expect(p95).toBeGreaterThanOrEqual(950)
  expect(p95).toBeLessThan(950 * 1.13)
  for (let index = 0; index < 20_000; index++) quantiles.observe(10)
  expect(quantiles.quantile(0.95)).toBeLessThan(12)
  expect(quantiles.count).toBeLessThan(2_000)
})

test('property: within any ten seconds retries are at most a fifth of the first attempts, or three', () => {
  const step = fc.record({ waitMs: fc.nat({ max: 900 }), firsts: fc.nat({ max: 20 }), extras: fc.nat({ max: 20 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const budget = new RetryBudget()
      const taken: { readonly atMs: number; readonly isExtra: boolean }[] = []
      let nowMs = 0
      for (const { waitMs, firsts, extras } of steps) {
        nowMs += waitMs
        for (let index = 0; index < firsts; index++) {
          budget.first(nowMs)
          taken.push({ atMs: nowMs, isExtra: false })
        }
        for (let index = 0; index < extras; index++) if (budget.extra(nowMs)) taken.push({ atMs: nowMs, isExtra: true })
        const slot = Math.floor(nowMs / 1_000)
        const recent = taken.filter(({ atMs }) => Math.floor(atMs / 1_000) > slot - 10)
        const extra = recent.filter(({ isExtra }) => isExtra).length
        // What was granted by first attempts that have left the window since stays granted.
        const granted = taken.filter(({ atMs, isExtra }) => !isExtra && Math.floor(atMs / 1_000) > slot - 20).length
        expect(extra).toBeLessThanOrEqual(Math.max(3, Math.floor(granted / 5)))
      }
    }),
  )
})

test('one request in twenty may be hedged, and a burst of slow starts gets what was saved up', () => {
  const budget = createHedgeBudget()
  let taken = 0
  for (let request = 0; request < 1_000; request++) {
    budget.requested()
    if (budget.take()) taken++
  }
  expect(taken).toBeGreaterThanOrEqual(50)
  expect(taken).toBeLessThanOrEqual(51)
  for (let request = 0; request < 1_000; request++) budget.requested()
  let burst = 0
  while (budget.take()) burst++
  expect(burst).toBeGreaterThanOrEqual(19)
  expect(burst).toBeLessThanOrEqual(20)
})
