// What a unit of a model costs: the operator's own prices first, then the bundled catalogue.
//
// Prices become integers by their decimal text, never by float arithmetic: 0.15 dollars per million tokens are 150 000
// pico-dollars per token. The catalogue's own matching decides which row a model id means. It is asked once for each
// (provider, model) and remembered, so that the hot path is two look-ups in maps.
import { calcPrice, findProvider, type ConditionalPrice, type ModelPrice } from '@pydantic/genai-prices'
import { createHash } from 'node:crypto'
import type { ContextTier, Rates } from '../core/model.ts'
import { parseUsd } from '../core/money.ts'
import { USAGE_UNITS, type UsageUnit } from '../core/usage.ts'

/** Dollars per million units, decimal text. */
export type PriceOverride = { readonly [unit in UsageUnit]?: string }

export type PriceBookOptions = {
  /** Provider name → model id → price. It replaces the catalogue's price of that model altogether. */
  readonly overrides: Readonly<Record<string, Readonly<Record<string, PriceOverride>>>>
}

type PriceQuery = {
  /** The provider's id in the catalogue; null where it is not in there. */
  readonly priceId: string | null
  /** The provider's name in the configuration. */
  readonly provider: string
  readonly model: string
  /** When the answer was made, ms since the epoch: some prices change by date or time of day. */
  readonly at: number
}

type Price = {
  readonly rates: Rates
  /** Names where the rates come from; kept in each entry. */
  readonly version: string
}

export interface PriceBook {
  /** Null when no price is known. A price of zero is one that somebody stated. */
  ratesOf(query: PriceQuery): Price | null
}

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

/** Price of one model through time: the last condition that holds wins, the first row is what holds otherwise. */
type Schedule = readonly { readonly holds: (at: number) => boolean; readonly price: Price | null }[]
type Known = Price | null | Schedule

/** Bound of what is remembered for each provider: callers may invent model ids. */
const MAX_REMEMBERED = 10_000

export function createPriceBook({ overrides }: PriceBookOptions): PriceBook {
  const stated = new Map(
    Object.entries(overrides).map(([provider, models]) => [
      provider,
      new Map(Object.entries(models).flatMap(([model, override]) => statedPrice(model, override))),
    ]),
  )
  const remembered = new Map<string, Map<string, Known>>()

  function look({ priceId, provider, model }: PriceQuery): Known {
    return stated.get(provider)?.get(model) ?? (priceId === null ? null : cataloguePrice(priceId, model))
  }

  return {
    ratesOf(query) {
      let models = remembered.get(query.provider)
      if (models === undefined) {
        models = new Map()
        remembered.set(query.provider, models)
      }
      let known = models.get(query.model)
      if (known === undefined) {
        known = look(query)
        if (models.size >= MAX_REMEMBERED) models.clear()
        models.set(query.model, known)
      }
      if (known === null || !isSchedule(known)) return known
      return (known.findLast(({ holds }) => holds(query.at)) ?? known[0])?.price ?? null
    },
  }
}

function isSchedule(known: Price | Schedule): known is Schedule {
  return Array.isArray(known)
}

function statedPrice(model: string, override: PriceOverride): readonly (readonly [string, Price])[] {
  const rates: { [unit in UsageUnit]?: bigint } = {}
  for (const unit of USAGE_UNITS) {
    const text = override[unit]
    if (text === undefined) continue
    const rate = parseUsd(text, 6)
    if (rate === null || rate < 0n)
      throw new RangeError(`the price of ${unit} of ${model} is no amount of dollars: ${text}`)
    rates[unit] = rate
  }
  const names = Object.entries(rates)
  if (names.length === 0) return []
  const digest = createHash('sha256')
    .update(names.map(([unit, rate]) => `${unit}=${rate}`).join())
    .digest('hex')
  return [[model, { rates, version: `config-${digest.slice(0, 12)}` }]]
}

function cataloguePrice(priceId: string, model: string): Known {
  if (findProvider({ providerId: priceId }) === undefined) return null
  // Without any usage the package only matches: its answer tells the row that it found.
  const found = calcPrice({}, model, { providerId: priceId })
  if (found === null) return null
  const { id, prices } = found.model
  // An empty row is a model whose price the catalogue does not know, unless the vendor's id says that it is free.
  const free = id.endsWith(':free') || model.toLowerCase().endsWith(':free')
  if (!Array.isArray(prices)) return pricedRow(prices, free)
  return prices.map(({ constraint, prices: row }) => ({ holds: conditionOf(constraint), price: pricedRow(row, free) }))
}

function pricedRow(row: ModelPrice, free: boolean): Price | null {
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
  return { rates: contextTiers.length === 0 ? base : { ...base, contextTiers }, version: CATALOGUE_VERSION }
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
    if (rate === null) throw new RangeError(`the catalogue's price ${dollars} of ${key} is no number`)
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
  if (Number.isNaN(ms)) throw new RangeError(`the catalogue's time ${text} is no time of day`)
  return ((ms % DAY_MS) + DAY_MS) % DAY_MS
}
