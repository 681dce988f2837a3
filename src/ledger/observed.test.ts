import { expect, test } from 'bun:test'
import { NO_USAGE, type Usage } from '../core/usage.ts'
import { createObservedAnswers } from './observed.ts'

const of = (output: number): Usage => ({ ...NO_USAGE, output })

test('the length that 95 of 100 answers do not exceed is at most a fifth too high', () => {
  const observed = createObservedAnswers()
  expect(observed.outputP95('a/m')).toBeNull()
  for (let tokens = 1; tokens <= 1_000; tokens++) observed.seen('a/m', of(tokens), 0)
  const found = observed.outputP95('a/m') ?? 0
  expect(found).toBeGreaterThanOrEqual(950)
  expect(found).toBeLessThanOrEqual(950 * 1.25)
  expect(observed.outputP95('b/m')).toBeNull()
})

test('too few answers say nothing, and old ones fade', () => {
  const observed = createObservedAnswers()
  for (let answer = 0; answer < 19; answer++) observed.seen('a/m', of(10_000), 0)
  expect(observed.outputP95('a/m')).toBeNull()
  for (let answer = 0; answer < 10_000; answer++) observed.seen('a/m', of(10), 0)
  expect(observed.outputP95('a/m')).toBeLessThan(13)
})

test('characters are counted as tokens by what the model reported for its own', () => {
  const observed = createObservedAnswers()
  expect(observed.tokensOf('a/m', 400)).toBe(100)
  observed.seen('a/m', of(30), 60)
  expect(observed.tokensOf('a/m', 400)).toBe(100)
  observed.seen('a/m', of(70), 140)
  expect(observed.tokensOf('a/m', 400)).toBe(200)
  // Of answers whose characters nobody counted, nothing is learned.
  observed.seen('a/m', of(70), 0)
  expect(observed.tokensOf('a/m', 1)).toBe(1)
  expect(observed.tokensOf('b/m', 400)).toBe(100)
})
