// The short form of `npm run bench:plan`: bounds wide enough for a machine that does other things meanwhile.
import { expect, test } from 'bun:test'
import { measurePlan, measureQuality, STRATEGIES } from '../bench/plan.ts'

for (const strategy of STRATEGIES)
  test(`planning is cheap and keeps nothing: ${strategy}`, () => {
    // So many that what is measured is compiled: a gateway plans for days.
    const five = measurePlan(strategy, 5, 28_000)
    const hundred = measurePlan(strategy, 100, 5_600)
    expect(five.cpuUs).toBeLessThan(60)
    expect(hundred.cpuUs).toBeLessThan(500)
    expect(hundred.grownBytes).toBeLessThan(2_000_000)
  })

test('a choice by quality between twelve targets costs a fraction of a millisecond for a page of text', () => {
  // The aim is 200 µs on a machine that does nothing else.
  expect(measureQuality(12, 4_096, 500).p50).toBeLessThan(600)
})
