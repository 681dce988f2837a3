// Prices in the form of genai-prices: those of the bundled package, and of its data file.
//
// Prices become integers by their decimal text, never by float arithmetic: 0.15 dollars per million tokens are 150 000
// pico-dollars per token. The package's own matching decides which row a model id means.
import { findProvider, type ConditionalPrice, type ModelPrice, type Provider } from '@pydantic/genai-prices'
import type { ContextTier, Rates } from '../core/model.ts'
import { parseUsd } from '../core/money.ts'
import type { UsageUnit } from '../core/usage.ts'
import { catalogueModel } from '../models/price-catalogue.ts'
import type { KnownPrice, Price, PriceSource } from './price-source.ts'

/** Version of the bundled catalogue; a test compares it with the installed package. */
export const CATALOGUE_VERSION = 'genai-prices-0.1.8'

/**
 * Our unit of each catalogue key, and the decimal places from its dollars to pico-dollars per unit. Where a unit has two
 * keys the first one that is priced counts. Keys that are not here have no unit of ours (pages, citations, storage
 * searches, cached audio and images, which providers report as cached input).
 */
const CATALOGUE_KEYS: readonly (readonly [key: string, unit: UsageUnit, digits: number, divisor: bigint])[] = [
  ['input_mtok', 'input', 6, 1n],
  ['cache_read_mtok', 'cacheRead', 6, 1n],
  ['cache_write_5m_mtok', 'cacheWrite5m', 6, 1n],
  ['cache_write_mtok', 'cacheWrite5m', 6, 1n],
  ['cache_write_1h_mtok', 'cacheWrite1h', 6, 1n],
  ['output_mtok', 'output', 6, 1n],
  ['output_reasoning_mtok', 'reasoning', 6, 1n],
  ['input_audio_mtok', 'audioIn', 6, 1n],
  ['output_audio_mtok', 'audioOut', 6, 1n],
  ['input_image_mtok', 'imageIn', 6, 1n],
  ['output_image_mtok', 'imageOut', 6, 1n],
  ['input_video_mtok', 'video', 6, 1n],
  ['input_mchars', 'characters', 6, 1n],
  ['audio_hours', 'seconds', 12, 3_600n],
  ['input_audio_hours', 'seconds', 12, 3_600n],
  ['requests_kcount', 'requests', 9, 1n],
  ['web_searches_kcount', 'searches', 9, 1n],
]

/** @param providers of a data file; absent: those of the bundled package */
export function catalogueSource(version: string, providers?: readonly Provider[]): PriceSource {
  const byId = new Map(providers?.map((provider) => [provider.id, provider]))
  const providerOf = (id: string): Provider | undefined =>
    providers === undefined ? findProvider({ providerId: id }) : byId.get(id)
  return {
    version,
    look(vendor, model) {
      const provider = providerOf(vendor)
      return provider === undefined ? null : pricesOf(provider, model, version)
    },
    models: () =>
      (providers ?? []).flatMap(({ id, models }) => models.map((model) => ({ vendor: id, model: model.id }))),
  }
}

function pricesOf(provider: Provider, model: string, version: string): KnownPrice {
  const found = catalogueModel(provider, model)
  if (found === null) return null
  const { id, prices } = found
  // An empty row is a model whose price the catalogue does not know, unless the vendor's id says that it is free.
  const free = id.endsWith(':free') || model.toLowerCase().endsWith(':free')
  if (!Array.isArray(prices)) return pricedRow(prices, free, version)
  return prices.map(({ constraint, prices: row }) => ({
    holds: conditionOf(constraint),
    price: pricedRow(row, free, version),
  }))
}

function pricedRow(row: ModelPrice, free: boolean, version: string): Price | null {
  const starts = new Set<number>()
  for (const [key] of CATALOGUE_KEYS) {
    const price = row[key]
    if (typeof price === 'object') for (const { start } of price.tiers) starts.add(start)
  }
  const base = ratesAt(row, -1)
  if (Object.keys(base).length === 0 && !free) return null
  const contextTiers: readonly ContextTier[] = [...starts]
    .sort((one, other) => one - other)
    .map((above) => ({ above, rates: ratesAt(row, above) }))
  return { rates: contextTiers.length === 0 ? base : { ...base, contextTiers }, version }
}

/** Rates of an answer whose input tokens just exceed `above`. */
function ratesAt(row: ModelPrice, above: number): Rates {
  const rates: { [unit in UsageUnit]?: bigint } = {}
  for (const [key, unit, digits, divisor] of CATALOGUE_KEYS) {
    const price = row[key]
    if (price === undefined || rates[unit] !== undefined) continue
    let dollars = typeof price === 'number' ? price : price.base
    if (typeof price === 'object') {
      const reached = price.tiers.filter(({ start }) => start <= above).sort((one, other) => one.start - other.start)
      dollars = reached.at(-1)?.price ?? dollars
    }
    const rate = parseUsd(dollars, digits)
    if (rate === null) throw new RangeError(`the price ${dollars} of ${key} is no number`)
    rates[unit] = (rate + divisor / 2n) / divisor
  }
  return rates
}

function conditionOf(constraint: ConditionalPrice['constraint']): (at: number) => boolean {
  if (constraint === undefined) return () => true
  switch (constraint.type) {
    case 'start_date': {
      const start = Date.parse(constraint.start_date)
      return (at) => at >= start
    }
    case 'time_of_date': {
      const start = timeOfDay(constraint.start_time)
      const end = timeOfDay(constraint.end_time)
      return (at) => {
        const now = ((at % DAY_MS) + DAY_MS) % DAY_MS
        return end < start ? now >= start || now < end : now >= start && now < end
      }
    }
  }
}

const DAY_MS = 86_400_000

/** `00:30:00Z`, `08:00:00+08:00` → ms since midnight UTC. */
function timeOfDay(text: string): number {
  const ms = Date.parse(`1970-01-01T${text}`)
  if (Number.isNaN(ms)) throw new RangeError(`the time ${text} is no time of day`)
  return ((ms % DAY_MS) + DAY_MS) % DAY_MS
}
