// Our engine beside another one: `calcPrice` of genai-prices over random usages of every model that it has a price of.
//
// Both are asked about the same tokens, ours in buckets that do not overlap, theirs as totals. Theirs are sums of floats, so
// equal means: within half a nano-dollar of rounding, and the error of their floats. The one known difference: prices that are
// finer than a pico-dollar per token are rounded to it here, which is at most half a pico-dollar for each token.
//
// Cached audio and cached images have no bucket of ours (providers report them as cached input), and are 0 in what is compared.
import { calcPrice, waitForUpdate } from '@pydantic/genai-prices'
import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { costOf } from './cost.ts'
import { inputTokens, NO_USAGE, outputTokens, type Usage } from '../core/usage.ts'
import { createPriceBook } from './price-book.ts'

const AT = Date.UTC(2026, 10, 20, 12)
const USAGES = 20_000

type Priced = {
  readonly vendor: string
  readonly model: string
  readonly priceKeys: ReadonlySet<string>
  /** It has a price that is no whole number of pico-dollars per token (OpenRouter's 0.08333… dollars per million): ours is rounded. */
  readonly isFine: boolean
}

async function pricedModels(): Promise<readonly Priced[]> {
  const book = createPriceBook({ overrides: {} })
  return ((await waitForUpdate()) ?? []).flatMap(({ id: vendor, models }) =>
    models.flatMap(({ id: model, prices }) => {
      const price = book.ratesOf({ priceId: vendor, provider: vendor, model, at: AT })
      if (price === null) return []
      const rows = Array.isArray(prices) ? prices.map((row) => row.prices) : [prices]
      const numbers = JSON.stringify(rows).match(/\d+\.\d+/g) ?? []
      const isFine = numbers.some((number) => (number.split('.')[1] ?? '').length > 6)
      return [{ vendor, model, priceKeys: new Set(rows.flatMap((row) => Object.keys(row))), isFine }]
    }),
  )
}

/** Our buckets as totals of theirs; units that a model has no price of are left out of both, as theirs refuses them. */
function theirUsage(usage: Usage, { priceKeys }: Priced): Record<string, number> {
  const audioIn = priceKeys.has('input_audio_mtok')
    ? { input_audio_tokens: usage.audioIn, cache_audio_read_tokens: 0 }
    : {}
  const audioOut = priceKeys.has('output_audio_mtok') ? { output_audio_tokens: usage.audioOut } : {}
  return {
    input_tokens: usage.input + usage.cacheRead + usage.cacheWrite5m + usage.cacheWrite1h + usage.audioIn,
    output_tokens: usage.output + usage.reasoning + usage.audioOut,
    cache_read_tokens: usage.cacheRead,
    cache_write_tokens: usage.cacheWrite5m + usage.cacheWrite1h,
    ...(priceKeys.has('cache_write_1h_mtok') ? { cache_write_1h_tokens: usage.cacheWrite1h } : {}),
    ...(priceKeys.has('output_reasoning_mtok') ? { output_reasoning_tokens: usage.reasoning } : {}),
    ...audioIn,
    ...audioOut,
  }
}

const HALF_A_PICO = 0.0005

function tokensOf(usage: Usage): number {
  return inputTokens(usage) + outputTokens(usage)
}

const tokens = fc.oneof(
  { weight: 3, arbitrary: fc.nat(4_000) },
  { weight: 2, arbitrary: fc.nat(400_000) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 127_999, 128_000, 128_001, 199_999, 200_000, 200_001, 272_001) },
)
const usages: fc.Arbitrary<Usage> = fc
  .record({
    input: tokens,
    cacheRead: tokens,
    cacheWrite5m: tokens,
    cacheWrite1h: tokens,
    output: tokens,
    reasoning: tokens,
    audioIn: fc.nat(5_000),
    audioOut: fc.nat(5_000),
  })
  .map((buckets) => ({ ...NO_USAGE, ...buckets, requests: 1 }))

test(`${USAGES} random usages cost what genai-prices says, for all models it has a price of`, async () => {
  const models = await pricedModels()
  expect(models.length).toBeGreaterThan(1_400)
  const book = createPriceBook({ overrides: {} })
  let compared = 0
  let explained = 0
  const different: string[] = []
  for (const [place, usage] of fc.sample(usages, { numRuns: USAGES, seed: 20_261_128 }).entries()) {
    const one = models[place % models.length] as Priced
    const { vendor, model } = one
    const theirs = calcPrice(theirUsage(usage, one), model, { providerId: vendor, timestamp: new Date(AT) })
    const rates = book.ratesOf({ priceId: vendor, provider: vendor, model, at: AT })?.rates ?? {}
    const ours = Number(costOf(usage, rates))
    const theirNano = (theirs?.total_price ?? Number.NaN) * 1e9
    // Half of a nano-dollar of our rounding, and their floats.
    const slack = 0.5 + Math.abs(theirNano) * 1e-12
    const distance = Math.abs(ours - theirNano)
    if (distance <= slack) compared++
    else if (one.isFine && distance <= slack + tokensOf(usage) * HALF_A_PICO) explained++
    else different.push(`${vendor}/${model} ${JSON.stringify(usage)}: ours ${ours}, theirs ${theirNano}`)
  }
  expect(different.slice(0, 5)).toEqual([])
  expect(compared + explained).toBe(USAGES)
  expect(explained).toBeLessThan(USAGES / 200)
}, 60_000)
