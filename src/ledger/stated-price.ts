// Prices that the operator states: by unit, and where they differ by length of the input, service tier and date.
import { createHash } from 'node:crypto'
import type { Rates, ServiceTier } from '../core/model.ts'
import { parseUsd } from '../core/money.ts'
import { USAGE_UNITS, type UsageUnit } from '../core/usage.ts'
import type { KnownPrice, Price } from './price-source.ts'

/** Dollars per million units, decimal text. */
type UnitPrices = { readonly [unit in UsageUnit]?: string }

export type PriceOverride = UnitPrices & {
  /** What replaces these prices for answers with more input tokens than `above`. */
  readonly tiers?: readonly (UnitPrices & { readonly above: number })[]
  /** What replaces them in a service tier. */
  readonly batch?: UnitPrices
  readonly flex?: UnitPrices
  readonly priority?: UnitPrices
  /** What replaces all of it from a moment on, ms since the epoch. */
  readonly later?: readonly (PriceOverride & { readonly from: number })[]
}

const SERVICE_TIERS = ['batch', 'flex', 'priority'] as const satisfies readonly Exclude<ServiceTier, 'standard'>[]

/** Null where it states nothing. Throws RangeError for what is no price. */
export function statedPrice(model: string, override: PriceOverride): KnownPrice {
  const first = priceOf(model, override)
  const later = (override.later ?? []).toSorted((one, other) => one.from - other.from)
  if (later.length === 0) return first
  return [
    { holds: () => true, price: first },
    ...later.map((next) => ({ holds: (at: number) => at >= next.from, price: priceOf(model, next) })),
  ]
}

function priceOf(model: string, override: PriceOverride): Price | null {
  const base = unitRates(model, override)
  const serviceTiers: { [tier in Exclude<ServiceTier, 'standard'>]?: Rates } = {}
  for (const tier of SERVICE_TIERS) {
    const stated = override[tier]
    if (stated !== undefined) serviceTiers[tier] = { ...base, ...unitRates(model, stated) }
  }
  const contextTiers = (override.tiers ?? [])
    .map(({ above, ...stated }) => ({ above, rates: { ...base, ...unitRates(model, stated) } }))
    .sort((one, other) => one.above - other.above)
  const rates: Rates = {
    ...base,
    ...(contextTiers.length === 0 ? {} : { contextTiers }),
    ...(Object.keys(serviceTiers).length === 0 ? {} : { serviceTiers }),
  }
  if (Object.keys(rates).length === 0) return null
  const text = JSON.stringify(rates, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))
  return { rates, version: `config-${createHash('sha256').update(text).digest('hex').slice(0, 12)}` }
}

function unitRates(model: string, prices: UnitPrices): { [unit in UsageUnit]?: bigint } {
  const rates: { [unit in UsageUnit]?: bigint } = {}
  for (const unit of USAGE_UNITS) {
    const text = prices[unit]
    if (text === undefined) continue
    const rate = parseUsd(text, 6)
    if (rate === null || rate < 0n)
      throw new RangeError(`the price of ${unit} of ${model} is no amount of dollars: ${text}`)
    rates[unit] = rate
  }
  return rates
}
