import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { defined } from '../core/json-read.ts'
import type { Rates } from '../core/model.ts'
import { costOf } from './cost.ts'
import { DEFAULT_OUTPUT_TOKENS, estimateTokens, worstCase } from './estimate.ts'

// Counted with the o200k tokenizer.
const COUNTED: readonly (readonly [string, number])[] = [
  ['The quick brown fox jumps over the lazy dog. It then rests for a while beside the river.', 20],
  ['function add(left, right) {\n  return left + right\n}\n', 15],
  ['{"model":"small","messages":[{"role":"user","content":"Say hello."}],"max_tokens":100}', 24],
]

test.each(COUNTED)('%p is about %d tokens', (text, tokens) => {
  const estimate = estimateTokens(text)
  expect(estimate).toBeGreaterThanOrEqual(tokens * 0.9)
  expect(estimate).toBeLessThanOrEqual(tokens * 1.6)
})

test('no text is no tokens, and any text is at least one', () => {
  expect(estimateTokens('')).toBe(0)
  expect(estimateTokens(' ')).toBe(1)
})

test('ideographs and emoji count more than letters', () => {
  expect(estimateTokens('今天天气很好')).toBe(6)
  expect(estimateTokens('Привет')).toBe(3)
  expect(estimateTokens('😀')).toBe(2)
})

test('more text is never fewer tokens', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (one, other) => {
      expect(estimateTokens(one + other)).toBeGreaterThanOrEqual(estimateTokens(one))
    }),
  )
})

test('a long text is sampled: the same figure within a hundredth', () => {
  const paragraph = 'A weir regulates the river, and measures what flows over it (12.5 m³/s on 3 May). '
  const times = 40_000
  const estimate = estimateTokens(paragraph.repeat(times))
  const exact = estimateTokens(paragraph.repeat(100)) * (times / 100)
  expect(Math.abs(estimate / exact - 1)).toBeLessThan(0.01)
})

test('a text whose halves differ is sampled in both', () => {
  const text = 'word '.repeat(100_000) + '今'.repeat(500_000)
  expect(Math.abs(estimateTokens(text) / (100_000 * 1.06 + 500_000) - 1)).toBeLessThan(0.03)
})

test('the worst case is all input, all output and the request itself', () => {
  const rates = { input: 1_000n, output: 10_000n, requests: 5_000n }
  const { usage, costNanoUsd } = worstCase({ inputTokens: 100, maxOutputTokens: 50, rates })
  expect(usage).toMatchObject({ input: 100, output: 50, reasoning: 0, requests: 1 })
  expect(costNanoUsd).toBe(605n)
})

test('where reasoning is dearer than output, the worst case is that everything is reasoning', () => {
  const rates = { input: 1_000n, output: 10_000n, reasoning: 30_000n }
  expect(worstCase({ inputTokens: 100, maxOutputTokens: 50, rates }).costNanoUsd).toBe(1_600n)
})

test('output that nothing bounds is assumed to be of a usual length', () => {
  const { usage } = worstCase({ inputTokens: 1, maxOutputTokens: null, rates: {} })
  expect(usage.output).toBe(DEFAULT_OUTPUT_TOKENS)
})

test('the worst case costs no less than what any share of reasoning in its output would', () => {
  const rate = fc.option(fc.bigInt({ min: 0n, max: 10n ** 8n }), { nil: undefined })
  const plain = fc.record({ input: rate, output: rate, reasoning: rate }).map((rates) => defined<Rates>(rates))
  const rates = fc.oneof(
    plain,
    fc
      .record({ below: plain, above: plain, at: fc.nat(2_000) })
      .map(({ below, above, at }): Rates => ({ ...below, contextTiers: [{ above: at, rates: above }] })),
  )
  fc.assert(
    fc.property(
      rates,
      fc.nat(4_000),
      fc.nat(4_000),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (of, input, most, share) => {
        const { usage, costNanoUsd } = worstCase({ inputTokens: input, maxOutputTokens: most, rates: of })
        const reasoning = Math.floor(usage.output * share)
        expect(costOf({ ...usage, output: usage.output - reasoning, reasoning }, of) <= costNanoUsd).toBe(true)
      },
    ),
    { numRuns: 1_000 },
  )
})

test('a text weighs what its characters do, wherever it is cut into pieces', () => {
  const weightOf = (character: string): number => {
    if (/[a-z]/.test(character)) return 24
    if (/[A-Z]/.test(character)) return 60
    if (/\d/.test(character)) return 65
    if (/[\t-\r ]/.test(character)) return 10
    if (character < '\u0080') return 60
    return character < '\u2e80' ? 50 : 100
  }
  const unit = fc.oneof(
    fc.constantFrom(
      'a',
      'Z',
      '7',
      ' ',
      '\n',
      '"',
      '\u0000',
      'é',
      'Ж',
      'न',
      '€',
      '今',
      '한',
      '😀',
      '\ud83d',
      '\ude00',
      '\uffff',
    ),
    fc.string({ minLength: 1, maxLength: 1 }),
  )
  const run = fc.tuple(fc.array(unit, { minLength: 1, maxLength: 9 }), fc.integer({ min: 1, max: 900 }))
  fc.assert(
    fc.property(fc.array(run, { maxLength: 4 }), (runs) => {
      const text = runs.map(([units, times]) => units.join('').repeat(times)).join('')
      let hundredths = 0
      // By code unit, so that a character of two counts twice.
      for (let index = 0; index < text.length; index++) hundredths += weightOf(text[index]!)
      expect(estimateTokens(text)).toBe(Math.ceil(hundredths / 100))
    }),
    { numRuns: 300 },
  )
})
