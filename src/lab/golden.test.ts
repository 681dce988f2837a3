import { expect, test } from 'bun:test'
import { hasDropped, passes, tallied } from './golden.ts'
import { GOLDEN_SET, type GoldenCheck } from './golden-set.ts'

const CASES: readonly (readonly [answer: string, check: GoldenCheck, passes: boolean])[] = [
  ['Paris.', { contains: ['paris'] }, true],
  ['"Paris"', { equals: 'paris' }, true],
  ['It is Paris', { equals: 'Paris' }, false],
  ['Positive, not negative', { contains: ['positive'], excludes: ['negative'] }, false],
  ['So 12 * 3 = 36, and 36 - 5 leaves 31.', { number: 31 }, true],
  ['That makes 1,234 apples', { number: 1234 }, true],
  ['No idea', { number: 0 }, false],
  ['{"buyer": "Ada", "price": 15, "note": "cash"}', { json: { buyer: 'ada', price: 15 } }, true],
  ['Here:\n```json\n{"buyer": "Ada"}\n```', { json: { buyer: 'Ada' } }, true],
  ['{"price": "15"}', { json: { price: 15 } }, false],
  ['[1]', { json: { a: 1 } }, false],
  ['YES, indeed', { matches: '^yes' }, true],
]

test.each(CASES)('%s', (answer, check, expected) => {
  expect(passes(answer, check)).toBe(expected)
})

test('the shipped questions are 30 for each of five tasks, and no two alike', () => {
  const byTask = new Map<string, number>()
  for (const { task } of GOLDEN_SET) byTask.set(task, (byTask.get(task) ?? 0) + 1)
  expect([...byTask.values()]).toEqual([30, 30, 30, 30, 30])
  expect(new Set(GOLDEN_SET.map(({ prompt }) => prompt)).size).toBe(150)
  expect(new Set(GOLDEN_SET.map(({ name }) => name)).size).toBe(150)
})

test('a drop is told against what is usual, and not by chance', () => {
  const usual = { passed: 87, asked: 90 }
  expect(hasDropped(usual, { passed: 28, asked: 30 })).toBe(false)
  expect(hasDropped(usual, { passed: 26, asked: 30 })).toBe(false)
  expect(hasDropped(usual, { passed: 20, asked: 30 })).toBe(true)
  expect(hasDropped({ passed: 10, asked: 10 }, { passed: 0, asked: 30 })).toBe(false)
  expect(tallied({ passed: 580, asked: 600 }, { passed: 0, asked: 30 }).asked).toBe(600)
})
