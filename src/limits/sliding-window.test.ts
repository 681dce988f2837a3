import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { SlidingWindow } from './sliding-window.ts'

test('an amount counts for a minute and is gone a second after it', () => {
  const window = new SlidingWindow()
  window.take(5, 1_000_500)
  expect(window.used(1_060_500)).toBe(5)
  expect(window.used(1_060_999)).toBe(5)
  expect(window.used(1_061_000)).toBe(0)
})

test('a clock set back forgets nothing', () => {
  const window = new SlidingWindow()
  window.take(3, 2_000_000)
  expect(window.used(1_900_000)).toBe(3)
  window.take(1, 1_900_000)
  expect(window.used(2_060_000)).toBe(4)
})

test('a long silence empties the window', () => {
  const window = new SlidingWindow()
  window.take(3, 0)
  expect(window.used(10_000_000)).toBe(0)
  expect(window.clearMs(10_000_000)).toBe(0)
})

test('what never fits has no waiting time', () => {
  const window = new SlidingWindow()
  expect(window.waitMs(11, 10, 0)).toBeNull()
  expect(window.waitMs(10, 10, 0)).toBe(0)
})

test('a correction after the slot has left the window changes nothing', () => {
  const window = new SlidingWindow()
  const slot = window.take(100, 0)
  window.adjust(slot, -50, 30_000)
  expect(window.used(30_000)).toBe(50)
  window.adjust(slot, -50, 70_000)
  expect(window.used(70_000)).toBe(0)
})

test('never more than the limit within any 60 s, and the waiting time told is true', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 9_000 }), amount: fc.integer({ min: 1, max: 8 }) }), {
        minLength: 1,
        maxLength: 150,
      }),
      (limit, steps) => {
        const window = new SlidingWindow()
        const taken: { at: number; amount: number }[] = []
        let now = 1_700_000_000_000
        for (const step of steps) {
          now += step.afterMs
          if (window.used(now) + step.amount <= limit) {
            window.take(step.amount, now)
            taken.push({ at: now, amount: step.amount })
          } else {
            const wait = window.waitMs(step.amount, limit, now)
            if (wait === null) expect(step.amount).toBeGreaterThan(limit)
            else {
              // A twin with the same history has room at the told moment, and not a ms earlier.
              expect(replay(taken).used(now + wait) + step.amount).toBeLessThanOrEqual(limit)
              expect(replay(taken).used(now + wait - 1) + step.amount).toBeGreaterThan(limit)
            }
          }
        }
        for (const first of taken) expect(sumWithin(taken, first.at, first.at + 60_000 - 1)).toBeLessThanOrEqual(limit)
      },
    ),
    { numRuns: 500 },
  )
})

function replay(taken: readonly { at: number; amount: number }[]): SlidingWindow {
  const twin = new SlidingWindow()
  for (const { at, amount } of taken) twin.take(amount, at)
  return twin
}

function sumWithin(taken: readonly { at: number; amount: number }[], from: number, to: number): number {
  let sum = 0
  for (const { at, amount } of taken) if (at >= from && at <= to) sum += amount
  return sum
}
