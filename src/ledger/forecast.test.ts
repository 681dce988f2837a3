import { expect, test } from 'bun:test'
import { forecast } from './forecast.ts'

const DAY = 86_400_000
/** A Saturday, noon. */
const NOW = Date.UTC(2026, 10, 28, 12)
const TODAY = NOW - DAY / 2
const END = Date.UTC(2026, 11, 1)
/** `cost` of the day so many days ago. */
const history = (days: number, cost: (day: number) => bigint) =>
  new Map(Array.from({ length: days }, (_, ago) => [TODAY - (ago + 1) * DAY, cost(TODAY - (ago + 1) * DAY)]))
const isWeekend = (day: number): boolean => [0, 6].includes(new Date(day).getUTCDay())
const base = { now: NOW, until: END, spentNanoUsd: 100n, limitNanoUsd: null }

test.each([
  // Half of Saturday, Sunday and Monday are left.
  ['four weeks of working days', history(28, (day) => (isWeekend(day) ? 0n : 40n)), 100n + 40n, 28],
  ['four weeks of days that are alike', history(28, () => 10n), 100n + 25n, 28],
  ['three days, which count alike', history(3, () => 20n), 100n + 50n, 3],
  [
    'more than four weeks, of which the last count',
    history(60, (day) => (day < TODAY - 28 * DAY ? 99n : 10n)),
    125n,
    28,
  ],
  ['today alone, at its pace', new Map([[TODAY, 100n]]), 100n + 500n, 0],
  ['nothing', new Map<number, bigint>(), 100n, 0],
  ['a day of spend two weeks ago, and none since', new Map([[TODAY - 14 * DAY, 14n]]), 100n + 3n, 14],
] as const)('the rest of a window goes on like %s', (_, days, expectedNanoUsd, known) => {
  const found = forecast({ ...base, history: days })
  expect(found).toEqual({ expectedNanoUsd, exhaustedAt: null, days: known })
})

test.each([
  ['in the middle of a day', 105n, NOW + DAY / 2],
  ['on the next day', 115n, NOW + DAY * 1.5],
  ['at once where it is reached', 100n, NOW],
  ['never before the end', 126n, null],
])('a limit is reached %s', (_, limitNanoUsd, exhaustedAt) => {
  expect(forecast({ ...base, limitNanoUsd, history: history(28, () => 10n) }).exhaustedAt).toBe(exhaustedAt as number)
})

test('a window that has ended is what was spent', () => {
  expect(forecast({ ...base, until: NOW - 1, history: history(28, () => 10n) }).expectedNanoUsd).toBe(100n)
})
