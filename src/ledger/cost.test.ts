import { calcPrice, waitForUpdate } from '@pydantic/genai-prices'
import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import type { Rates } from '../core/model.ts'
import { NO_USAGE, USAGE_UNITS, type Usage } from '../core/usage.ts'
import { costOf, ratesIn, tierOf } from './cost.ts'
import { createPriceBook } from './price-book.ts'

// $3 in, $15 out, cache read $0.30, cache writes $3.75 and $6 per million tokens.
const RATES: Rates = {
  input: 3_000_000n,
  output: 15_000_000n,
  cacheRead: 300_000n,
  cacheWrite5m: 3_750_000n,
  cacheWrite1h: 6_000_000n,
}

const cases: readonly (readonly [string, Partial<Usage>, Rates, bigint])[] = [
  ['nothing costs nothing', {}, RATES, 0n],
  ['1 000 in and 500 out: $0.003 + $0.0075', { input: 1_000, output: 500 }, RATES, 10_500_000n],
  ['cached tokens cost the cached rate', { input: 1_000, cacheRead: 9_000 }, RATES, 5_700_000n],
  ['each cache write has its price', { cacheWrite5m: 1_000, cacheWrite1h: 1_000 }, RATES, 9_750_000n],
  [
    'an hour’s cache write without a price costs five minutes’',
    { cacheWrite1h: 8 },
    { cacheWrite5m: 1_000n, input: 2_000n },
    8n,
  ],
  ['cache without prices costs input', { cacheRead: 1, cacheWrite5m: 1, cacheWrite1h: 1 }, { input: 1_000n }, 3n],
  ['reasoning without a price costs output', { output: 2, reasoning: 3 }, { input: 9_000n, output: 1_000n }, 5n],
  ['reasoning with a price costs that', { output: 2, reasoning: 3 }, { output: 1_000n, reasoning: 7_000n }, 23n],
  [
    'audio, images and video fall back to their direction',
    { audioIn: 1, imageIn: 1, video: 1, audioOut: 1, imageOut: 1 },
    { input: 1_000n, output: 5_000n },
    13n,
  ],
  [
    'audio with a price costs that',
    { audioIn: 2, audioOut: 3 },
    { input: 1_000n, output: 1_000n, audioIn: 40_000n, audioOut: 80_000n },
    320n,
  ],
  [
    'what has no price and no fallback costs nothing',
    { characters: 5, requests: 1, searches: 2, seconds: 3 },
    RATES,
    0n,
  ],
  [
    'searches and requests are priced apiece',
    { searches: 2, requests: 1 },
    { searches: 10_000_000_000n, requests: 5_000_000_000n },
    25_000_000n,
  ],
  ['parts of seconds count', { seconds: 0.25 }, { seconds: 4_001n }, 1n],
  ['half a nano-dollar is rounded up', { input: 1 }, { input: 500n }, 1n],
  ['less than half is rounded down', { input: 1 }, { input: 499n }, 0n],
  [
    'rounding happens once, not for each unit',
    { input: 1, output: 1, cacheRead: 1 },
    { input: 400n, output: 400n, cacheRead: 400n },
    1n,
  ],
  ['fractions and wholes are rounded together', { input: 1, seconds: 0.5 }, { input: 300n, seconds: 400n }, 1n],
  [
    'amounts beyond 53 bits are exact',
    { input: 2 ** 52 + 1 },
    { input: 3_000_001n },
    ((2n ** 52n + 1n) * 3_000_001n + 500n) / 1_000n,
  ],
]

test.each(cases)('%s', (_, usage, rates, expected) => {
  expect(costOf({ ...NO_USAGE, ...usage }, rates)).toBe(expected)
})

test('a batch without a price of its own costs half, rounded up, and its tools what they always do', () => {
  const rates: Rates = {
    input: 101n,
    output: 400n,
    searches: 10_000n,
    contextTiers: [{ above: 200, rates: { input: 301n } }],
  }
  expect(ratesIn(rates, 'batch')).toEqual({
    input: 51n,
    output: 200n,
    searches: 10_000n,
    contextTiers: [{ above: 200, rates: { input: 151n } }],
  })
  expect(ratesIn(rates, 'batch')).toBe(ratesIn(rates, 'batch'))
  expect(ratesIn(rates, 'flex')).toBe(rates)
  const own: Rates = { ...rates, serviceTiers: { batch: { input: 7n } } }
  expect(costOf({ ...NO_USAGE, input: 1_000 }, own, 'batch')).toBe(7n)
})

test('a context tier prices the whole answer once the input exceeds its threshold', () => {
  const tiered: Rates = {
    input: 1_000n,
    output: 10_000n,
    contextTiers: [
      { above: 100, rates: { input: 2_000n, output: 15_000n } },
      { above: 200, rates: { input: 4_000n, output: 20_000n } },
    ],
  }
  expect(costOf({ ...NO_USAGE, input: 100, output: 1 }, tiered)).toBe(110n)
  expect(costOf({ ...NO_USAGE, input: 1, cacheRead: 100, output: 1 }, tiered)).toBe(217n)
  expect(costOf({ ...NO_USAGE, input: 201, output: 1 }, tiered)).toBe(824n)
  expect(tierOf(RATES, 1e9)).toBe(RATES)
})

test('costs are exact whatever the size of amounts and rates', () => {
  const amount = fc.oneof(
    fc.nat(2_000),
    fc.maxSafeNat(),
    fc.nat(1_000).map((whole) => whole / 8),
  )
  const rate = fc.oneof(fc.bigInt(0n, 5_000n), fc.bigInt(0n, 2n ** 60n))
  const units = fc.record({ input: amount, output: amount, seconds: amount })
  fc.assert(
    fc.property(units, fc.record({ input: rate, output: rate, seconds: rate }), (some, rates) => {
      // In eighths of a pico-dollar everything is whole.
      const eighths = (['input', 'output', 'seconds'] as const)
        .map((unit) => {
          const whole = Math.floor(some[unit])
          return (BigInt(whole) * 8n + BigInt((some[unit] - whole) * 8)) * rates[unit]
        })
        .reduce((sum, part) => sum + part, 0n)
      expect(costOf({ ...NO_USAGE, ...some }, rates)).toBe((eighths + 4_000n) / 8_000n)
    }),
    { numRuns: 500 },
  )
})

test('an amount at the edge of what doubles hold is still rounded right', () => {
  const usage = { ...NO_USAGE, input: 2 ** 53 - 1 }
  expect(costOf(usage, { input: 1n })).toBe((2n ** 53n - 1n + 500n) / 1_000n)
  expect(costOf({ ...NO_USAGE, input: 2 ** 53 - 501, output: 1 }, { input: 1n, output: 10n })).toBe(
    (2n ** 53n + 9n) / 1_000n,
  )
})

test('half a pico-dollar beside thousands of dollars still counts', () => {
  const input = 2 ** 52
  expect(input % 1_000).toBe(496)
  // 499.5 pico-dollars are rounded off; as doubles the sum would be 500 and be rounded up.
  const usage = { ...NO_USAGE, input, seconds: 0.5 }
  expect(costOf(usage, { input: 1n, seconds: 7n })).toBe(BigInt(input) / 1_000n)
})

test('usage that is no amount is refused', () => {
  expect(() => costOf({ ...NO_USAGE, input: Number.NaN }, RATES)).toThrow('no amount')
})

/** Every priced row of the bundled catalogue that has a price for tokens. */
const data = (await waitForUpdate()) ?? []
const book = createPriceBook({ overrides: {} })
const AT = Date.UTC(2026, 10, 20, 12)
const models = data.flatMap((provider) =>
  provider.models.flatMap((model) => {
    const query = { priceId: provider.id, provider: provider.id, model: model.id, at: AT }
    const price = book.ratesOf(query)
    return price === null ? [] : [{ ...query, rates: price.rates }]
  }),
)

test('the catalogue prices most of its own models', () => {
  expect(models.length).toBeGreaterThan(1_500)
})

test('costs equal those of genai-prices for tokens, cached tokens and output', () => {
  const tokens = fc.oneof(fc.nat(5_000), fc.nat(400_000))
  const usage = fc.record({ input: tokens, cacheRead: tokens, cacheWrite5m: tokens, output: tokens })
  fc.assert(
    fc.property(fc.constantFrom(...models), usage, (model, some) => {
      const ours = Number(costOf({ ...NO_USAGE, ...some }, model.rates))
      const theirs = calcPrice(
        {
          input_tokens: some.input + some.cacheRead + some.cacheWrite5m,
          cache_read_tokens: some.cacheRead,
          cache_write_tokens: some.cacheWrite5m,
          output_tokens: some.output,
        },
        model.model,
        { providerId: model.priceId, timestamp: new Date(AT) },
      )
      if (theirs === null) throw new Error(`genai-prices lost ${model.model}`)
      // genai-prices charges for the request itself without being told that there was one.
      const flat = Number(costOf({ ...NO_USAGE, requests: 1 }, model.rates))
      const difference = Math.abs(ours + flat - theirs.total_price * 1e9)
      // One for the rounding to whole nano-dollars of each side; floats lose the sixteenth digit.
      const allowed = 1 + theirs.total_price * 1e9 * 1e-12 + finerThanPico(theirs.model_price, some)
      if (difference > allowed)
        throw new Error(`${model.priceId}/${model.model}: ${ours + flat} ≠ ${theirs.total_price * 1e9}`)
    }),
    { numRuns: 3_000 },
  )
})

/** Prices such as $0.08333333333333334 per million are rounded to whole pico-dollars per token: at most half a one each. */
function finerThanPico(prices: Readonly<Record<string, unknown>>, usage: Partial<Usage>): number {
  const finer = Object.values(prices).some(
    (price) => typeof price === 'number' && !Number.isInteger(Number((price * 1e6).toFixed(3))),
  )
  const tokens = USAGE_UNITS.reduce((sum, unit) => sum + (usage[unit] ?? 0), 0)
  return finer ? tokens * 0.0005 : 0
}
