import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { idMaker } from './id.ts'

test('ids are of one form, unlike each other, and sort as they were made, however the clock goes', () => {
  fc.assert(
    fc.property(
      // How far the clock goes before so many ids are made.
      fc.array(fc.tuple(fc.integer({ min: -5, max: 5 }), fc.integer({ min: 1, max: 1_500 })), {
        minLength: 1,
        maxLength: 6,
      }),
      (steps) => {
        let nowMs = Date.UTC(2026, 10, 28)
        const newId = idMaker('req', () => nowMs)
        const ids = steps.flatMap(([goMs, count]) => {
          nowMs += goMs
          return Array.from({ length: count }, newId)
        })
        expect(ids.filter((id) => !/^req_[0-9a-hjkmnp-tv-z]{22}$/.test(id))).toEqual([])
        expect(ids.toSorted()).toEqual(ids)
        expect(new Set(ids).size).toBe(ids.length)
      },
    ),
    { numRuns: 100 },
  )
})

test('makers that begin in the same ms are told apart by their last characters', () => {
  const [one, other] = [0.1, 0.9].map((draw) =>
    idMaker(
      'req',
      () => 1_790_000_000_000,
      () => draw,
    ),
  )
  expect(one?.().slice(0, -8)).toBe(other?.().slice(0, -8) as string)
  expect(one?.()).not.toBe(other?.() as string)
})
