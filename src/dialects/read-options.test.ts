import { expect, test } from 'bun:test'
import { GatewayError } from '../core/error.ts'
import type { JsonObject } from '../core/json.ts'
import { requireModel } from './read-fields.ts'
import { NO_OPTIONS, NO_ROUTING, readOptions } from './read-options.ts'

test('a request without options shares the one value for none', () => {
  expect(readOptions({ model: 'm', messages: [] })).toBe(NO_OPTIONS)
  expect(readOptions({ model: 'm', weir: {} })).toEqual(NO_OPTIONS)
})

test('the gateway’s own options are read', () => {
  const weir: JsonObject = {
    tags: ['a'],
    timeout_ms: 100,
    max_cost_usd: '0.002',
    trace: 'full',
    fallbacks: ['b/m'],
    region: 'eu',
    session: 's-1',
    quality: { floor: 0.8, task: 'code' },
    hedge_after_ms: 300,
    cache: 'refresh',
  }
  expect(readOptions({ weir })).toEqual({
    tags: ['a'],
    timeoutMs: 100,
    maxCostNanoUsd: 2_000_000n,
    isTraced: true,
    cache: 'refresh',
    routing: {
      fallbacks: ['b/m'],
      isAlone: false,
      providers: null,
      region: 'eu',
      session: 's-1',
      task: 'code',
      qualityFloor: 0.8,
      hedgeAfterMs: 300,
    },
  })
  expect(readOptions({ weir: { fallbacks: false } }).routing).toEqual({ ...NO_ROUTING, isAlone: true })
  expect(readOptions({ weir: { fallbacks: [] } }).routing).toEqual({ ...NO_ROUTING, fallbacks: [] })
})

test('OpenRouter’s fields are read', () => {
  const { routing } = readOptions({
    model: 'a',
    models: ['a', 'b', 'c'],
    route: 'fallback',
    provider: {
      order: ['One', 'two/fp8'],
      ignore: ['three'],
      allow_fallbacks: false,
      sort: 'price',
      max_price: { prompt: 1, completion: '2.5', request: 0.01 },
      require_parameters: true,
      data_collection: 'deny',
      quantizations: ['fp8'],
    },
  })
  expect(routing).toEqual({
    ...NO_ROUTING,
    fallbacks: ['b', 'c'],
    providers: {
      order: ['One', 'two/fp8'],
      only: null,
      ignore: ['three'],
      allowsFallbacks: false,
      sort: 'price',
      maxPrice: { input: 1_000_000n, output: 2_500_000n, request: 10_000_000_000n },
      requiresParameters: true,
      deniesDataCollection: true,
      quantizations: ['fp8'],
    },
  })
})

test('where no model is named, the first of `models` is', () => {
  const body = { models: ['a', 'b'] }
  expect(requireModel(body)).toBe('a')
  expect(readOptions(body).routing?.fallbacks).toEqual(['b'])
  expect(() => requireModel({})).toThrow('`model` is missing.')
})

for (const [body, param] of [
  [{ weir: 5 }, 'weir'],
  [{ weir: { tgas: [] } }, 'weir.tgas'],
  [{ weir: { tags: 'a' } }, 'weir.tags'],
  [{ weir: { timeout_ms: 0 } }, 'weir.timeout_ms'],
  [{ weir: { hedge_after_ms: 1e9 } }, 'weir.hedge_after_ms'],
  [{ weir: { max_cost_usd: 'much' } }, 'weir.max_cost_usd'],
  [{ weir: { trace: 'some' } }, 'weir.trace'],
  [{ weir: { session: 'a b' } }, 'weir.session'],
  [{ weir: { quality: { floor: 1.1 } } }, 'weir.quality.floor'],
  [{ weir: { quality: { ceiling: 1 } } }, 'weir.quality.ceiling'],
  [{ models: 'a' }, 'models'],
  [{ models: Array<string>(40).fill('a') }, 'models'],
  [{ route: 'best' }, 'route'],
  [{ provider: { odrer: [] } }, 'provider.odrer'],
  [{ provider: { sort: 'beauty' } }, 'provider.sort'],
  [{ provider: { data_collection: 'maybe' } }, 'provider.data_collection'],
  [{ provider: { max_price: { prompt: 'x' } } }, 'provider.max_price.prompt'],
  [{ provider: { allow_fallbacks: 'no' } }, 'allow_fallbacks'],
] as const satisfies readonly (readonly [JsonObject, string])[])
  test(`what is wrong is named: ${JSON.stringify(body).slice(0, 60)}`, () => {
    let caught: unknown = null
    try {
      readOptions(body)
    } catch (error) {
      caught = error
    }
    expect(caught).toBeInstanceOf(GatewayError)
    expect((caught as GatewayError).detail.param).toBe(param)
  })
