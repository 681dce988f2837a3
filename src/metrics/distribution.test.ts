import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { CATALOGUE } from './catalogue.ts'
import { Distribution, RecentPeak } from './distribution.ts'
import { metricsReference } from './reference.ts'
import { watchRuntime } from './runtime.ts'

test('a value at a bound belongs under it, in every histogram of the catalogue', () => {
  for (const row of Object.values(CATALOGUE)) {
    if (!('buckets' in row)) continue
    const unitsPerBound = row.unit === 'seconds' ? 1000 : row.unit === 'dollars' ? 1e9 : 1
    row.buckets.forEach((bound, index) => {
      const distribution = new Distribution(row.buckets, unitsPerBound)
      distribution.observe(Number((bound * unitsPerBound).toPrecision(12)))
      expect([row.name, bound, distribution.cumulative()[index]]).toEqual([row.name, bound, 1])
      expect(distribution.cumulative()[index - 1] ?? 0).toBe(0)
    })
  }
})

test('bounds rise', () => {
  for (const row of Object.values(CATALOGUE)) {
    if ('buckets' in row) expect([...row.buckets]).toEqual([...row.buckets].sort((a, b) => a - b))
  }
})

test('what is above the last bound is in the count and in no bucket', () => {
  const distribution = new Distribution([1, 2], 1)
  distribution.observe(50)
  expect(distribution.cumulative()).toEqual([0, 0])
  expect(distribution.count).toBe(1)
  expect(distribution.sum).toBe(50)
  expect(distribution.quantile(0.5)).toBe(2)
})

test('a quantile lies in the bucket of the true one', () => {
  const bounds = [1, 2, 5, 10, 20, 50, 100]
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 200 }),
      fc.constantFrom(0.5, 0.9, 0.99, 1),
      (values, share) => {
        const distribution = new Distribution(bounds, 1)
        for (const value of values) distribution.observe(value)
        const sorted = values.toSorted((a, b) => a - b)
        const exact = sorted[Math.ceil(share * values.length) - 1]!
        const upper = bounds.find((bound) => exact <= bound)!
        const lower = [0, ...bounds].findLast((bound) => bound < upper)!
        const found = distribution.quantile(share)!
        expect(found).toBeGreaterThanOrEqual(lower)
        expect(found).toBeLessThanOrEqual(upper + 1e-9)
      },
    ),
  )
})

test('the sum of two series is the series of both', () => {
  const [first, second, both] = [1, 2, 3].map(() => new Distribution([1, 10], 1000)) as [
    Distribution,
    Distribution,
    Distribution,
  ]
  for (const [series, value] of [
    [first, 500],
    [first, 20_000],
    [second, 9_000],
  ] as const) {
    series.observe(value)
    both.observe(value)
  }
  first.add(second)
  expect(first.cumulative()).toEqual(both.cumulative())
  expect([first.sum, first.count]).toEqual([both.sum, both.count])
})

test('nothing observed has no quantile', () => expect(new Distribution([1], 1).quantile(0.5)).toBeNull())

test('a peak is remembered for half a window at least and a window at most', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), fc.nat(200), (start, wait) => {
      const peak = new RecentPeak(100)
      peak.observe(0.7, start)
      const read = peak.read(start + wait)
      if (wait < 50) expect(read).toBe(0.7)
      if (wait >= 100) expect(read).toBe(0)
    }),
  )
})

test('the reference names every metric with its unit, its labels and its buckets', () => {
  const text = metricsReference()
  for (const row of Object.values(CATALOGUE)) expect(text).toContain(`| \`${row.name}\` | ${row.type} |`)
  expect(text).toContain('0.000001, 0.00001')
  expect(text).not.toMatch(/undefined|e-\d/)
})

test('names say their unit as Prometheus expects', () => {
  for (const row of Object.values(CATALOGUE)) {
    expect([row.name, row.name.endsWith('_total')]).toEqual([row.name, row.type === 'counter'])
    if (['seconds', 'dollars', 'share'].includes(row.unit)) expect(row.name).toContain(`_${row.unit}`)
  }
})

test('the process is watched until it is not', async () => {
  let now = 1_700_000_000_000
  const runtime = watchRuntime(() => now)
  try {
    expect(runtime.residentBytes()).toBeGreaterThan(1_000_000)
    expect(runtime.cpuSeconds()).toBeGreaterThan(0)
    expect(runtime.startedAtSeconds).toBeLessThan(now / 1000)
    expect(runtime.name).toMatch(/^bun \d/)
    // A busy loop blocks the timers of the watch; it needs two of them to see that the second is late.
    for (const end = performance.now() + 2_000; performance.now() < end && runtime.eventLoopDelay().maxMs < 40;) {
      await new Promise((resolve) => setTimeout(resolve, 1))
      const busy = performance.now() + 60
      while (performance.now() < busy);
    }
    expect(runtime.eventLoopDelay().maxMs).toBeGreaterThan(30)
    now += 10_000
    expect(runtime.eventLoopDelay().maxMs).toBeGreaterThan(30)
    expect(runtime.eventLoopDelay()).toEqual({ p50Ms: 0, p99Ms: 0, maxMs: 0 })
  } finally {
    runtime.stop()
  }
})
