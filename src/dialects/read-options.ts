// The gateway's own fields of a request: `weir: {…}`, and OpenRouter's `models`, `provider` and `route`, which its clients send.
import type { CacheOption, GatewayOptions, MaxPrice, ProviderWishes, RoutingOptions } from '../core/call.ts'
import { GatewayError } from '../core/error.ts'
import type { JsonObject } from '../core/json.ts'
import { parseUsd } from '../core/money.ts'
import { optionalBoolean, optionalCount, optionalObject, optionalString, wrong } from './read-fields.ts'

export const NO_OPTIONS: GatewayOptions = {
  tags: [],
  timeoutMs: null,
  maxCostNanoUsd: null,
  isTraced: false,
  cache: null,
  routing: null,
}

export const NO_ROUTING: RoutingOptions = {
  fallbacks: null,
  isAlone: false,
  providers: null,
  region: null,
  session: null,
  task: null,
  qualityFloor: null,
  hedgeAfterMs: null,
}

/** Fields of `weir: {…}` that are understood. */
const OPTION_NAMES = [
  'tags',
  'timeout_ms',
  'max_cost_usd',
  'trace',
  'fallbacks',
  'region',
  'session',
  'task',
  'quality',
  'hedge_after_ms',
  'cache',
] as const
const QUALITY_NAMES = ['floor', 'task'] as const
const WISH_NAMES = [
  'order',
  'only',
  'ignore',
  'allow_fallbacks',
  'sort',
  'max_price',
  'require_parameters',
  'data_collection',
  'quantizations',
] as const
const SORTS = ['price', 'throughput', 'latency'] as const
/** More names than this are no list of fallbacks. */
const MAX_NAMES = 32
const MAX_HEDGE_MS = 600_000

/** Reads them all; an unknown field among them is a mistake worth telling. Throws `request_malformed`. */
export function readOptions(body: JsonObject): GatewayOptions {
  const { weir, models, provider, route } = body
  // Nearly every request.
  if (weir === undefined && models === undefined && provider === undefined && route === undefined) return NO_OPTIONS
  const own = optionalObject(body, 'weir') ?? {}
  refuseUnknown(own, 'weir', OPTION_NAMES)
  const routing = readRouting(body, own)
  const trace = own['trace']
  if (trace !== undefined && trace !== 'full' && trace !== false) throw wrong('weir.trace', '"full" or false', trace)
  return {
    tags: readNames(own['tags'], 'weir.tags') ?? [],
    timeoutMs: positive(optionalCount(own, 'timeout_ms'), 'weir.timeout_ms'),
    maxCostNanoUsd: readUsd(own['max_cost_usd'], 'weir.max_cost_usd', 9),
    isTraced: trace === 'full',
    cache: readCacheOption(own['cache'], 'weir.cache'),
    routing,
  }
}

const CACHE_OPTIONS = ['off', 'only', 'refresh'] as const satisfies readonly CacheOption[]

export function readCacheOption(value: unknown, path: string): CacheOption | null {
  if (value === undefined || value === null) return null
  const option = CACHE_OPTIONS.find((known) => known === value)
  if (option === undefined) throw wrong(path, `one of ${CACHE_OPTIONS.join(', ')}`, value)
  return option
}

function readRouting(body: JsonObject, own: JsonObject): RoutingOptions | null {
  const route = optionalString(body, 'route')
  if (route !== null && route !== 'fallback') throw wrong('route', '"fallback"', route)
  const models = readNames(body['models'], 'models')
  const providers = readWishes(optionalObject(body, 'provider'))
  const isAlone = own['fallbacks'] === false
  const fallbacks = isAlone ? null : readNames(own['fallbacks'], 'weir.fallbacks')
  const quality = optionalObject(own, 'quality')
  if (quality !== null) refuseUnknown(quality, 'weir.quality', QUALITY_NAMES)
  const floor = quality?.['floor'] ?? null
  if (floor !== null && !(typeof floor === 'number' && floor >= 0 && floor <= 1))
    throw wrong('weir.quality.floor', 'a number from 0 to 1', floor)
  const options: RoutingOptions = {
    fallbacks: models === null && fallbacks === null ? null : [...furtherModels(body, models), ...(fallbacks ?? [])],
    isAlone: isAlone || (providers?.allowsFallbacks === false && providers.order === null),
    providers,
    region: readWord(own['region'], 'weir.region'),
    session: readWord(own['session'], 'weir.session'),
    task: readWord(own['task'] ?? quality?.['task'], 'weir.task'),
    qualityFloor: floor,
    hedgeAfterMs: positive(optionalCount(own, 'hedge_after_ms'), 'weir.hedge_after_ms', MAX_HEDGE_MS),
  }
  return Object.entries(options).every(([, value]) => value === null || value === false) ? null : options
}

/** `models` names the first model again, or it is the only one that names it. */
function furtherModels(body: JsonObject, models: readonly string[] | null): readonly string[] {
  const first = body['model'] ?? models?.[0]
  return (models ?? []).filter((name) => name !== first)
}

function readWishes(provider: JsonObject | null): ProviderWishes | null {
  if (provider === null) return null
  refuseUnknown(provider, 'provider', WISH_NAMES)
  const { allow_fallbacks: allows, data_collection: collection } = provider
  if (collection !== undefined && collection !== null && collection !== 'allow' && collection !== 'deny')
    throw wrong('provider.data_collection', '"allow" or "deny"', collection)
  const sorting = provider['sort'] ?? null
  const sort = SORTS.find((one) => one === sorting) ?? null
  if (sorting !== null && sort === null) throw wrong('provider.sort', `one of ${SORTS.join(', ')}`, sorting)
  return {
    order: readNames(provider['order'], 'provider.order'),
    only: readNames(provider['only'], 'provider.only'),
    ignore: readNames(provider['ignore'], 'provider.ignore') ?? [],
    allowsFallbacks: allows === undefined || allows === null ? true : optionalBoolean(provider, 'allow_fallbacks'),
    sort,
    maxPrice: readMaxPrice(optionalObject(provider, 'max_price')),
    requiresParameters: optionalBoolean(provider, 'require_parameters'),
    deniesDataCollection: collection === 'deny',
    quantizations: readNames(provider['quantizations'], 'provider.quantizations'),
  }
}

/** Dollars per million tokens, and per request. */
function readMaxPrice(prices: JsonObject | null): MaxPrice | null {
  if (prices === null) return null
  refuseUnknown(prices, 'provider.max_price', ['prompt', 'completion', 'request'])
  return {
    input: readUsd(prices['prompt'], 'provider.max_price.prompt', 6),
    output: readUsd(prices['completion'], 'provider.max_price.completion', 6),
    request: readUsd(prices['request'], 'provider.max_price.request', 12),
  }
}

/** Dollars in units of 10^-`digits`. */
export function readUsd(value: unknown, path: string, digits: number): bigint | null {
  if (value === undefined || value === null) return null
  const amount = typeof value === 'string' || typeof value === 'number' ? parseUsd(value, digits) : null
  if (amount === null || amount < 0n) throw wrong(path, 'an amount of dollars such as 0.05', value)
  return amount
}

function readNames(value: unknown, path: string): readonly string[] | null {
  if (value === undefined || value === null) return null
  if (!Array.isArray(value) || !value.every((name) => typeof name === 'string' && name !== ''))
    throw wrong(path, 'an array of strings', value)
  if (value.length > MAX_NAMES)
    throw new GatewayError('request_malformed', {
      message: `\`${path}\` takes at most ${MAX_NAMES} names.`,
      param: path,
    })
  return value as readonly string[]
}

/** A word that the caller chooses: it becomes part of a key in a table, and of a log line. */
export function readWord(value: unknown, path: string): string | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'string' && /^[\x21-\x7e]{1,200}$/.test(value)) return value
  throw wrong(path, 'text of 1 to 200 characters without spaces', value)
}

function positive(count: number | null, path: string, most = Number.MAX_SAFE_INTEGER): number | null {
  if (count !== null && (count < 1 || count > most))
    throw new GatewayError('request_malformed', {
      message: `\`${path}\` must be a whole number of at least 1${most < Number.MAX_SAFE_INTEGER ? ` and at most ${most}` : ''}.`,
      param: path,
    })
  return count
}

function refuseUnknown(fields: JsonObject, path: string, known: readonly string[]): void {
  for (const name of Object.keys(fields))
    if (!known.includes(name))
      throw new GatewayError('request_malformed', {
        message: `\`${path}.${name.slice(0, 64)}\` is not known; \`${path}\` takes ${known.join(', ')}.`,
        param: `${path}.${name.slice(0, 64)}`,
      })
}
