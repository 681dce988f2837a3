import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { didYouMean, editDistance, nearestNames } from './nearest.ts'

test.each([
  ['same', 'same', 0],
  ['listn', 'listen', 1],
  ['lsiten', 'listen', 1], // two neighbours swapped are one mistake
  ['kitten', 'sitting', 3],
  ['', 'abc', 3],
])('%s is %s away from %s', (from, to, distance) => {
  expect(editDistance(from, to, 10)).toBe(distance)
})

test('a distance above the bound is not counted out', () => {
  expect(editDistance('abcdefgh', 'zyxwvuts', 2)).toBe(3)
})

test('the distance is symmetric, zero only for equal texts, and never above the longer length', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (one, two) => {
      const distance = editDistance(one, two, 100)
      expect(distance).toBe(editDistance(two, one, 100))
      expect(distance === 0).toBe(one === two)
      expect(distance).toBeLessThanOrEqual(Math.max(one.length, two.length))
    }),
  )
})

test.each([
  ['drain_timout', ['drain_timeout']],
  ['drainTimeout', ['drain_timeout']],
  ['max', ['max_in_flight', 'max_bytes_held']],
  ['zzz', []],
  ['', []],
])('near %p: %p', (name, expected) => {
  expect(nearestNames(name, ['listen', 'drain_timeout', 'max_in_flight', 'max_bytes_held'])).toEqual(expected)
})

test('a hostile name of a million characters costs nothing', () => {
  expect(nearestNames('x'.repeat(1_000_000), ['listen'])).toEqual([])
})

test('the hint reads as a question', () => {
  expect(didYouMean('opnai', ['openai'])).toBe('Did you mean openai?')
  expect(didYouMean('model', ['models', 'mode'])).toBe('Did you mean models or mode?')
  expect(didYouMean('nothing', ['else'])).toBeNull()
})
