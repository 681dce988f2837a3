import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { averageQuality, callShare, hullOf, savingsOf } from './routing-curve.ts'
import { replay, sweep } from './routing-play.ts'
import { readTables } from './routing-table.ts'

const SINGLES = [
  { usd: 1, quality: 0.5 },
  { usd: 2, quality: 0.4 },
  { usd: 3, quality: 0.9 },
  { usd: 5, quality: 1 },
]

test('the hull leaves out what a mixture of others beats', () => {
  expect(hullOf(SINGLES)).toEqual([SINGLES[0]!, SINGLES[2]!, SINGLES[3]!])
})

test('the average quality is the area under the hull between the cheapest and the dearest', () => {
  // From 1 to 3: 0.7 on average; from 3 to 5: 0.95.
  expect(averageQuality(hullOf(SINGLES), 1, 5)).toBeCloseTo((0.7 * 2 + 0.95 * 2) / 4)
  expect(averageQuality([{ usd: 3, quality: 1 }], 1, 5)).toBeCloseTo(0.5)
})

test('what is saved is read off the hull, and a quality that is never reached saves nothing', () => {
  const best = SINGLES[3]!
  const { '100': all, '95': most, '90': much } = savingsOf(hullOf(SINGLES), best)
  expect(all).toBeCloseTo(0)
  expect(most).toBeCloseTo(1 - 4 / 5)
  expect(much).toBeCloseTo(1 - 3 / 5)
  expect(savingsOf(hullOf(SINGLES.slice(0, 3)), best)['100']).toBeNull()
})

test('calls to the strong model go in the order of the predicted gain', () => {
  const pairs = [
    { gain: 0.9, weak: 0, strong: 1 },
    { gain: 0.1, weak: 1, strong: 1 },
    { gain: 0.5, weak: 0, strong: 1 },
    { gain: 0.2, weak: 1, strong: 1 },
  ]
  expect(callShare(pairs, 0.5)).toBe(0.25)
  expect(callShare(pairs, 1)).toBe(0.5)
  expect(callShare([], 0.5)).toBeNull()
})

test('tables of several forms are read, and what cannot be priced is left out and told', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-routing-'))
  try {
    const lines = (rows: readonly unknown[]): string => rows.map((row) => JSON.stringify(row)).join('\n')
    writeFileSync(
      path.join(folder, 'x.prompts.jsonl'),
      lines([
        {
          pid: 1,
          messages: [
            { role: 'system', content: 'Be brief.' },
            { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
          ],
        },
        { pid: 'b', q: 'Ho', dataset: 'graded' },
        { pid: 'c', q: 'nobody answered' },
      ]),
    )
    writeFileSync(
      path.join(folder, 'x.outcomes.jsonl.gz'),
      gzipSync(
        lines([
          { pid: 1, o: { small: [1, 10, 20, 0.5, null, ''], big: [true, 100, 200], odd: [1] } },
          { pid: 'b', o: { small: [5], big: { score: 10, cost: 2 } } },
          'no object',
        ]),
      ),
    )
    writeFileSync(
      path.join(folder, 'prices.json'),
      JSON.stringify({ small: { input_per_1m: 1, output_per_1m: 2 }, big: { input_per_1m: 10, output_per_1m: 20 } }),
    )
    const [table] = readTables(folder)
    expect(table?.models).toEqual(['small', 'big'])
    expect(table?.rows).toHaveLength(2)
    expect(table?.rows[0]).toMatchObject({ system: 'Be brief.', text: 'Hi', dataset: 'x' })
    expect(Array.from(table!.rows[0]!.costUsd)).toEqual([0.5, 0.005])
    expect(Array.from(table!.rows[1]!.quality)).toEqual([0.5, 1])
    expect(table!.rows[1]!.costUsd[1]).toBe(2)
    expect(table!.notes.join()).toContain('odd')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

const PRICES = { small: { input_per_1m: 1, output_per_1m: 2 }, big: { input_per_1m: 10, output_per_1m: 20 } }
const PROMPTS = [1, 2, 3].map((pid) => ({ pid, q: `Question ${pid}` }))
const OUTCOMES = [1, 2, 3].map((pid) => ({ pid, o: { small: [0, 10, 20], big: [1, 10, 20] } }))

for (const [title, prompts, outcomes, prices, problem] of [
  ['no prompts at all', null, OUTCOMES, PRICES, 'there is no x.prompts.jsonl[.gz] beside its other half'],
  ['no outcomes at all', PROMPTS, null, PRICES, 'there is no x.outcomes.jsonl[.gz] beside its other half'],
  ['outcomes without ids', PROMPTS, [{ o: { small: [1] } }], PRICES, 'no line of x.outcomes.jsonl has an id'],
  ['outcomes without scores', PROMPTS, [{ pid: 1, scores: { small: 1 } }], PRICES, 'has scores'],
  ['other ids', [{ pid: 9, q: 'Hi' }], OUTCOMES, PRICES, 'has the id (`pid`) of an outcome'],
  ['prompts without words', [{ pid: 1, body: 'Hi' }], OUTCOMES, PRICES, 'no line of x.prompts.jsonl has words'],
  ['one model', PROMPTS, [{ pid: 1, o: { small: [1] } }], PRICES, 'fewer than two models'],
  ['no prices', PROMPTS, OUTCOMES, null, 'fewer than two models'],
] as const)
  test(`a table that cannot be measured says why: ${title}`, () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'weir-routing-'))
    try {
      const write = (name: string, rows: readonly unknown[] | null): void => {
        if (rows !== null) writeFileSync(path.join(folder, name), rows.map((row) => JSON.stringify(row)).join('\n'))
      }
      write('x.prompts.jsonl', prompts)
      write('x.outcomes.jsonl', outcomes)
      if (prices !== null) writeFileSync(path.join(folder, 'prices.json'), JSON.stringify(prices))
      expect(readTables(folder)[0]?.problem).toContain(problem)
      writeFileSync(path.join(folder, 'prices.json'), '{"small": ')
      expect(() => readTables(folder)).toThrow('is no JSON object of prices')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

test('other models, prices and tasks of any number: the smallest table has figures, and none is worse than single models', () => {
  for (const count of [1, 2, 7, 120]) {
    const rows = Array.from({ length: count }, (_, each) => ({
      system: '',
      text: `Question ${each} of ${'many words '.repeat(each % 5)}`,
      dataset: 'made',
      quality: Float32Array.of(each % 2, (each * 7) % 3 === 0 ? 0 : 1, 1),
      costUsd: Float64Array.of(0.001, 0.004, 0.01),
    }))
    const table = { name: 'made', models: ['a', 'b', 'c'], rows, notes: [], problem: null }
    const singles = table.models.map((_, each) => ({
      quality: rows.reduce((sum, { quality }) => sum + quality[each]!, 0) / count,
      usd: rows[0]!.costUsd[each]!,
    }))
    const best = singles.reduce((most, each) => (each.quality > most.quality ? each : most))
    const hull = hullOf(sweep(table, replay(table).expected, best.usd, () => true))
    expect(averageQuality(hull, 0.001, 0.01)).toBeGreaterThanOrEqual(
      averageQuality(hullOf(singles), 0.001, 0.01) - 1e-9,
    )
    const saved = savingsOf(hull, best)
    for (const level of ['100', '99', '95', '90'] as const)
      expect(saved[level]).toBeGreaterThanOrEqual(savingsOf(hullOf(singles), best)[level]! - 1e-9)
  }
})

test('the product’s own code finds the cheaper model where that is good, and beats every single one', () => {
  const rows = Array.from({ length: 1_500 }, (_, each) => {
    const isEasy = each % 2 === 0
    return {
      system: '',
      text: isEasy ? `Add ${each} and two` : `Prove the theorem of number ${each} on manifolds`,
      dataset: 'made',
      quality: Float32Array.of(isEasy ? 1 : 0, 1),
      costUsd: Float64Array.of(0.001, 0.01),
    }
  })
  const table = { name: 'made', models: ['small', 'big'], rows, notes: [], problem: null }
  const { expected, decisionUs } = replay(table)
  expect(decisionUs).toHaveLength(rows.length)
  const { '100': saved } = savingsOf(hullOf(sweep(table, expected, 0.01, () => true)), { usd: 0.01, quality: 1 })
  expect(saved).toBeGreaterThan(0.4)
})
