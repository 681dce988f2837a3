import { calcPrice, waitForUpdate } from '@pydantic/genai-prices'
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { costOf } from './cost.ts'
import { NO_USAGE } from '../core/usage.ts'
import { CATALOGUE_VERSION } from './catalogue-source.ts'
import { createPriceBook } from './price-book.ts'

const AT = Date.UTC(2026, 10, 20, 12)
const book = createPriceBook({ overrides: {} })

function ratesOf(priceId: string, model: string, at = AT) {
  return book.ratesOf({ priceId, provider: priceId, model, at })
}

test('a bundled price is exact in pico-dollars per token and names the catalogue', () => {
  expect(ratesOf('openai', 'gpt-4o-mini')).toEqual({
    rates: { input: 150_000n, output: 600_000n, cacheRead: 75_000n, searches: 10_000_000_000n },
    version: CATALOGUE_VERSION,
  })
})

test('the version is that of the installed catalogue', () => {
  const file = new URL('../../node_modules/@pydantic/genai-prices/package.json', import.meta.url)
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }
  expect(CATALOGUE_VERSION).toBe(`genai-prices-${version}`)
})

test('a dated model id finds the price of its family', () => {
  expect(ratesOf('openai', 'gpt-4o-mini-2024-07-18')?.rates).toEqual(ratesOf('openai', 'gpt-4o-mini')?.rates)
  expect(ratesOf('anthropic', 'claude-sonnet-4-20250514')?.rates.input).toBe(3_000_000n)
})

test('cache writes have the prices of their lifetimes', () => {
  const rates = ratesOf('anthropic', 'claude-sonnet-4-5')?.rates
  expect(rates).toMatchObject({ cacheRead: 300_000n, cacheWrite5m: 3_750_000n, cacheWrite1h: 6_000_000n })
})

test('seconds, searches and requests are priced apiece', () => {
  expect(ratesOf('groq', 'whisper-large-v3')?.rates.seconds).toBe(30_833_333n)
  expect(ratesOf('perplexity', 'sonar')?.rates).toMatchObject({ requests: 12_000_000_000n })
  expect(ratesOf('anthropic', 'claude-sonnet-4-5')?.rates.searches).toBe(10_000_000_000n)
})

test.each([
  ['openai', 'no-such-model'],
  ['no-such-provider', 'gpt-4o-mini'],
  // In the catalogue without a price: that is unknown, and not free.
  ['cerebras', 'qwen-3-coder-480b'],
  // Priced by pages, of which we know no count.
  ['mistral', 'mistral-ocr-latest'],
])('%s/%s has no price', (provider, model) => {
  expect(ratesOf(provider, model)).toBeNull()
})

test('a model whose vendor calls it free costs nothing and is priced', () => {
  expect(ratesOf('openrouter', 'deepseek/deepseek-r1:free')?.rates).toEqual({})
})

test('a provider outside the catalogue has the prices that were stated', () => {
  const stated = createPriceBook({ overrides: { local: { qwen: { input: '0.1', output: '0' } } } })
  const query = { priceId: null, provider: 'local', model: 'qwen', at: AT }
  expect(stated.ratesOf(query)).toEqual({
    rates: { input: 100_000n, output: 0n },
    version: expect.stringMatching(/^config-[0-9a-f]{12}$/) as string,
  })
  expect(stated.ratesOf({ ...query, model: 'llama' })).toBeNull()
})

test('a stated price replaces the catalogue’s altogether, and its version changes with it', () => {
  const of = (input: string) =>
    createPriceBook({ overrides: { mine: { 'gpt-4o-mini': { input } } } }).ratesOf({
      priceId: 'openai',
      provider: 'mine',
      model: 'gpt-4o-mini',
      at: AT,
    })
  expect(of('2.5e-1')?.rates).toEqual({ input: 250_000n })
  expect(of('0.25')?.version).toBe(of('0.250')?.version as string)
  expect(of('0.25')?.version).not.toBe(of('0.26')?.version as string)
})

test('an override that states nothing leaves the catalogue’s price', () => {
  const stated = createPriceBook({ overrides: { openai: { 'gpt-4o-mini': {} } } })
  const query = { priceId: 'openai', provider: 'openai', model: 'gpt-4o-mini', at: AT }
  expect(stated.ratesOf(query)).toEqual(book.ratesOf(query))
})

test.each(['abc', '-1', ''])('a price of %p is refused', (input) => {
  expect(() => createPriceBook({ overrides: { a: { m: { input } } } })).toThrow('no amount of dollars')
})

test('prices with a date and a time of day are those of the moment', async () => {
  const dated = ((await waitForUpdate()) ?? []).flatMap(({ id, models }) =>
    models.filter(({ prices }) => Array.isArray(prices)).map((model) => ({ provider: id, model: model.id })),
  )
  expect(dated.length).toBeGreaterThan(5)
  for (const { provider, model } of dated) {
    for (let at = Date.UTC(2025, 0, 1, 0, 15); at < Date.UTC(2027, 0, 1); at += 37.25 * 3_600_000) {
      const theirs = calcPrice({ input_tokens: 1e6, output_tokens: 1e6 }, model, {
        providerId: provider,
        timestamp: new Date(at),
      })
      const ours = ratesOf(provider, model, at)
      const cost = ours === null ? 0 : Number(costOf({ ...NO_USAGE, input: 1e6, output: 1e6, requests: 1 }, ours.rates))
      if (theirs === null) expect(ours).toBeNull()
      else expect(cost / 1e9).toBeCloseTo(theirs.total_price, 9)
    }
  }
})

test('tiers hold from one token above their threshold, as in the catalogue', async () => {
  const tiered = ((await waitForUpdate()) ?? []).flatMap(({ id, models }) =>
    models.flatMap((model) => {
      const tiers = ratesOf(id, model.id)?.rates.contextTiers ?? []
      return tiers.length === 0 ? [] : [{ provider: id, model: model.id, tiers }]
    }),
  )
  expect(tiered.length).toBeGreaterThan(30)
  for (const { provider, model, tiers } of tiered) {
    for (const input of tiers.flatMap(({ above }) => [above, above + 1])) {
      const theirs = calcPrice({ input_tokens: input, output_tokens: 10 }, model, {
        providerId: provider,
        timestamp: new Date(AT),
      })
      const rates = ratesOf(provider, model)?.rates ?? {}
      const ours = Number(costOf({ ...NO_USAGE, input, output: 10 }, rates)) / 1e9
      expect(ours).toBeCloseTo(theirs?.total_price ?? Number.NaN, 9)
    }
  }
})

test('invented model ids do not fill the memory, and known ones stay right', () => {
  const fresh = createPriceBook({ overrides: { mine: { m: { input: '1' } } } })
  for (let index = 0; index < 25_000; index++) {
    fresh.ratesOf({ priceId: null, provider: 'mine', model: `invented-${index}`, at: AT })
  }
  expect(fresh.ratesOf({ priceId: null, provider: 'mine', model: 'm', at: AT })?.rates.input).toBe(1_000_000n)
})
