import { waitForUpdate } from '@pydantic/genai-prices'
import { describe, expect, test } from 'bun:test'
import { costOf } from './cost.ts'
import { NO_USAGE } from '../core/usage.ts'
import { createPriceBook } from './price-book.ts'
import { parseFeed } from './price-file.ts'
import { judgePrices } from './price-sanity.ts'
import { priceAt, type PricedModel, type PriceSource } from './price-source.ts'

const AT = Date.UTC(2026, 10, 20, 12)

const LITELLM = {
  sample_spec: { litellm_provider: 'one of …', input_cost_per_token: 0 },
  'gpt-5-mini': {
    litellm_provider: 'openai',
    mode: 'chat',
    input_cost_per_token: 2.5e-7,
    output_cost_per_token: 2e-6,
    cache_read_input_token_cost: 2.5e-8,
    input_cost_per_token_flex: 1.25e-7,
    output_cost_per_token_flex: 1e-6,
    cache_read_input_token_cost_flex: 1.25e-8,
    input_cost_per_token_batches: 1.25e-7,
  },
  'gemini/gemini-2.5-pro': {
    litellm_provider: 'gemini',
    input_cost_per_token: 1.25e-6,
    output_cost_per_token: 1e-5,
    input_cost_per_token_above_200k_tokens: 2.5e-6,
    output_cost_per_token_above_200k_tokens: 1.5e-5,
    search_context_cost_per_query: { search_context_size_low: 0.03, search_context_size_medium: 0.035 },
  },
  'groq/whisper-large-v3': { litellm_provider: 'groq', input_cost_per_second: 3.083e-5, output_cost_per_second: 0 },
  'xai/grok-2-image': { litellm_provider: 'xai', output_cost_per_image: 0.07 },
  'free-of-charge': { litellm_provider: 'openai', input_cost_per_token: 0, output_cost_per_token: 0 },
  'no-price-at-all': { litellm_provider: 'openai', max_tokens: 100 },
}

const MODELS_DEV = {
  google: {
    id: 'google',
    models: {
      'gemini-2.5-pro': {
        id: 'gemini-2.5-pro',
        cost: { input: 1.25, output: 10, cache_read: 0.31, context_over_200k: { input: 2.5, output: 15 } },
      },
      'gemma-free': { id: 'gemma-free', cost: { input: 0, output: 0 } },
      unknown: { id: 'unknown' },
    },
  },
  xai: { id: 'xai', models: { 'grok-4': { id: 'grok-4', cost: { input: 3, output: 15, reasoning: 15 } } } },
}

function ratesOf(source: PriceSource, vendor: string, model: string) {
  return priceAt(source.look(vendor, model), AT)?.rates ?? null
}

describe('a price file is read in its own form', () => {
  test('of LiteLLM: dollars per unit, tiers and service tiers', () => {
    const source = parseFeed('litellm', JSON.stringify(LITELLM))
    expect(source.version).toMatch(/^litellm-[0-9a-f]{12}$/)
    const mini = { input: 250_000n, output: 2_000_000n, cacheRead: 25_000n }
    expect(ratesOf(source, 'openai', 'gpt-5-mini')).toEqual({
      ...mini,
      serviceTiers: {
        batch: { ...mini, input: 125_000n },
        flex: { input: 125_000n, output: 1_000_000n, cacheRead: 12_500n },
      },
    })
    const pro = { input: 1_250_000n, output: 10_000_000n, searches: 35_000_000_000n }
    expect(ratesOf(source, 'google', 'gemini-2.5-pro')).toEqual({
      ...pro,
      contextTiers: [{ above: 200_000, rates: { ...pro, input: 2_500_000n, output: 15_000_000n } }],
    })
    expect(ratesOf(source, 'groq', 'whisper-large-v3')).toEqual({ seconds: 30_830_000n })
    expect(ratesOf(source, 'x-ai', 'grok-2-image')).toEqual({ images: 70_000_000_000n })
    expect(ratesOf(source, 'openai', 'free-of-charge')).toEqual({ input: 0n, output: 0n })
    expect(ratesOf(source, 'openai', 'no-price-at-all')).toBeNull()
    expect(ratesOf(source, 'one of …', 'sample_spec')).toBeNull()
  })

  test('of models.dev: dollars per million tokens', () => {
    const source = parseFeed('models.dev', JSON.stringify(MODELS_DEV))
    const pro = { input: 1_250_000n, output: 10_000_000n, cacheRead: 310_000n }
    expect(ratesOf(source, 'google', 'gemini-2.5-pro')).toEqual({
      ...pro,
      contextTiers: [{ above: 200_000, rates: { ...pro, input: 2_500_000n, output: 15_000_000n } }],
    })
    expect(ratesOf(source, 'x-ai', 'grok-4')).toEqual({
      input: 3_000_000n,
      output: 15_000_000n,
      reasoning: 15_000_000n,
    })
    expect(ratesOf(source, 'google', 'unknown')).toBeNull()
    expect(parseFeed('models.dev', JSON.stringify({ providers: MODELS_DEV })).models()).toEqual(source.models())
  })

  test.each([
    ['with', (_: string, value: unknown) => value],
    ['without', (key: string, value: unknown) => (key === 'type' ? undefined : value)],
  ])('of genai-prices, %s types of its conditions: the file says what the bundled package says', async (_, written) => {
    const bundled = (await waitForUpdate()) ?? []
    const source = parseFeed('genai-prices', JSON.stringify(bundled, written))
    const book = createPriceBook({ overrides: {} })
    expect(source.models().length).toBeGreaterThan(1_500)
    for (const { vendor, model } of source.models())
      expect(ratesOf(source, vendor, model)).toEqual(
        book.ratesOf({ priceId: vendor, provider: vendor, model, at: AT })?.rates ?? null,
      )
  })

  test('a model that is dated or tagged in its name has the price of its family', () => {
    const source = parseFeed('litellm', JSON.stringify(LITELLM))
    const family = ratesOf(source, 'openai', 'gpt-5-mini')
    for (const name of ['gpt-5-mini-2025-08-07', 'GPT-5-mini', 'gpt-5-mini@20250807', 'gpt-5-mini:latest'])
      expect([name, ratesOf(source, 'openai', name)]).toEqual([name, family])
    expect(ratesOf(source, 'openai', 'gpt-5-minimal')).toBeNull()
    expect(ratesOf(source, 'azure', 'gpt-5-mini')).toBeNull()
  })

  test.each([
    ['litellm', 'not json', 'no JSON'],
    ['litellm', '[]', 'no mapping'],
    ['litellm', '{"m":{"input_cost_per_token":1}}', 'litellm_provider'],
    ['litellm', '{"m":{"litellm_provider":"openai","input_cost_per_token":"1"}}', 'input_cost_per_token'],
    ['models.dev', '{"openai":{}}', 'openai.models'],
    ['models.dev', '{"openai":{"models":{"m":{"cost":{"input":"1"}}}}}', 'cost.input'],
    ['genai-prices', '{}', 'not what it should be'],
    ['genai-prices', '[{"id":"openai"}]', '0.models'],
    ['genai-prices', '[{"id":"openai","models":[{"id":"m","prices":{}}]}]', '0.models.0.match'],
    ['genai-prices', catalogueOf({ input_mtok: '1' }), '0.models.0.prices'],
    ['genai-prices', catalogueOf([{ constraint: { start_date: 'soon' }, prices: {} }]), '0.models.0.prices'],
    ['genai-prices', catalogueOf([{ constraint: { start_time: '25' }, prices: {} }]), '0.models.0.prices'],
  ] as const)('%s: %p is refused', (form, text, reason) => {
    expect(() => parseFeed(form, text)).toThrow(reason)
  })
})

function catalogueOf(prices: unknown): string {
  return JSON.stringify([{ id: 'openai', models: [{ id: 'm', match: { equals: 'm' }, prices }] }])
}

test('feeds stand over the catalogue, the last one on top, and the operator over all', () => {
  const query = { priceId: 'openai', provider: 'openai', model: 'gpt-5-mini', at: AT }
  const cheap = (input: number): PriceSource =>
    parseFeed('litellm', JSON.stringify({ 'gpt-5-mini': { litellm_provider: 'openai', input_cost_per_token: input } }))
  const layers = [cheap(1e-6), cheap(2e-6)]
  const book = createPriceBook({ overrides: {}, feeds: layers })
  expect(book.ratesOf(query)).toEqual({ rates: { input: 2_000_000n }, version: layers[1]?.version ?? '' })
  expect(book.ratesOf({ ...query, model: 'gpt-4o-mini' })?.version).toStartWith('genai-prices-')
  const stated = createPriceBook({ overrides: { openai: { 'gpt-5-mini': { input: '7' } } }, feeds: layers })
  expect(stated.layersOf(query).map(({ version }) => version)).toEqual([
    expect.stringMatching(/^config-/),
    layers[1]?.version ?? '',
    layers[0]?.version ?? '',
    expect.stringMatching(/^genai-prices-/),
  ])
})

test('a stated price has tiers of length, service and date', () => {
  const book = createPriceBook({
    overrides: {
      mine: {
        m: {
          input: '1',
          output: '2',
          tiers: [{ above: 1_000, input: '3' }],
          batch: { input: '0.5', output: '1' },
          later: [{ from: Date.UTC(2026, 11, 1), input: '9' }],
        },
      },
    },
  })
  const at = (moment: number) => book.ratesOf({ priceId: null, provider: 'mine', model: 'm', at: moment })
  const now = at(AT)?.rates ?? {}
  const usage = (input: number) => ({ ...NO_USAGE, input, output: 100 })
  expect(costOf(usage(1_000), now)).toBe(1_000n * 1_000n + 100n * 2_000n)
  expect(costOf(usage(1_001), now)).toBe(1_001n * 3_000n + 100n * 2_000n)
  expect(costOf(usage(1_000), now, 'batch')).toBe(1_000n * 500n + 100n * 1_000n)
  expect(costOf(usage(1_000), now, 'priority')).toBe(costOf(usage(1_000), now))
  expect(at(Date.UTC(2026, 11, 1) - 1)?.rates.input).toBe(1_000_000n)
  expect(at(Date.UTC(2026, 11, 1))?.rates).toEqual({ input: 9_000_000n })
})

describe('a new price file', () => {
  const before = parseFeed('litellm', JSON.stringify(LITELLM))
  const judge = (change: (file: typeof LITELLM) => object, accepted: readonly string[] = []) => {
    const next = parseFeed('litellm', JSON.stringify(change(structuredClone(LITELLM))))
    return judgePrices(next, {
      current: ({ vendor, model }: PricedModel) => ratesOf(before, vendor, model),
      before: before.models(),
      at: AT,
      accepted: new Set(accepted),
    })
  }
  const mini = (row: object) => (file: typeof LITELLM) => ({ ...file, 'gpt-5-mini': { ...file['gpt-5-mini'], ...row } })

  test('that says the same changes nothing', () => {
    expect(judge((file) => file)).toEqual({ problems: [], changes: [] })
  })

  test('that says something else within reason is taken, with each change', () => {
    const { problems, changes } = judge(mini({ input_cost_per_token: 5e-7, input_cost_per_audio_token: 1e-6 }))
    expect(problems).toEqual([])
    expect(changes).toEqual([
      { vendor: 'openai', model: 'gpt-5-mini', unit: 'input', before: 250_000n, after: 500_000n },
      { vendor: 'openai', model: 'gpt-5-mini', unit: 'audioIn', before: null, after: 1_000_000n },
    ])
  })

  test.each([
    ['a jump of 100', mini({ input_cost_per_token: 2.5e-5 }), 'more than tenfold'],
    ['a fall to a hundredth', mini({ output_cost_per_token: 2e-8 }), 'more than tenfold'],
    ['a zero', mini({ input_cost_per_token: 0 }), 'a price of zero for input where it was 0.25'],
    ['a price below zero', mini({ input_cost_per_token: -1e-7 }), 'below zero'],
    ['a wrong unit', mini({ input_cost_per_token: 0.25 }), 'per token where per million'],
    ['the other wrong unit', mini({ output_cost_per_token: 2e-12 }), 'per token where per million'],
    ['a missing price', mini({ output_cost_per_token: undefined }), 'no price of output any more'],
    [
      'a new model in a wrong unit',
      (file: typeof LITELLM) => ({ ...file, new: { litellm_provider: 'openai', input_cost_per_token: 0.25 } }),
      'per token where per million',
    ],
    [
      'a file that was cut',
      ({ 'gpt-5-mini': only }: typeof LITELLM) => ({ 'gpt-5-mini': only }),
      'has 1 models where there were 5',
    ],
  ])('with %s is refused with its reason', (_, change, reason) => {
    const { problems } = judge(change)
    expect(problems).toHaveLength(1)
    expect(problems[0]?.reason).toContain(reason)
  })

  test('is taken where somebody has looked at what looks wrong', () => {
    const jump = mini({ input_cost_per_token: 2.5e-5 })
    expect(judge(jump, ['openai/gpt-5-mini']).problems).toEqual([])
    expect(judge(jump, ['*']).problems).toEqual([])
    expect(judge(jump, ['openai/other']).problems).toHaveLength(1)
  })
})
