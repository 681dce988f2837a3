// Usage × rates → cost. Integers from end to end, rounded half up once at the very end.
import type { Rates, ServiceTier } from '../core/model.ts'
import { nanoFromPico, parseUsd, PICO_PER_NANO, type NanoUsd } from '../core/money.ts'
import { inputTokens, USAGE_UNITS, type Usage, type UsageUnit } from '../core/usage.ts'

/**
 * What a unit costs where it has no rate of its own: the first of these that has one. Vendors that do not price a kind of
 * token apart bill it as plain input or output. Units without a row (characters, seconds, requests, searches) cost nothing
 * unless they are priced: most models do not charge for them.
 */
const BILLED_AS: { readonly [unit in UsageUnit]?: readonly UsageUnit[] } = {
  cacheRead: ['input'],
  cacheWrite5m: ['input'],
  cacheWrite1h: ['cacheWrite5m', 'input'],
  audioIn: ['input'],
  imageIn: ['input'],
  video: ['input'],
  reasoning: ['output'],
  audioOut: ['output'],
  imageOut: ['output'],
}

/** Fractional amounts (seconds) are counted in millionths. */
const FRACTION_DIGITS = 6
const FRACTION = 10n ** BigInt(FRACTION_DIGITS)

/**
 * Cost of one answer in nano-dollars, rounded half up once. Of rates that have service tiers those of the answer's own count;
 * a batch without any is half of the standard price. Where the rates have context tiers, the last one whose threshold the
 * answer's input tokens exceed prices all of its units. Amounts are finite and not negative.
 */
export function costOf(usage: Usage, rates: Rates, tier: ServiceTier = 'standard'): NanoUsd {
  const own = tier === 'standard' ? rates : ratesIn(rates, tier)
  return costInDoubles(usage, own) ?? costInBigInts(usage, own)
}

/** The rates of a service tier; those of no tier where it has none of its own. */
export function ratesIn(rates: Rates, tier: Exclude<ServiceTier, 'standard'>): Rates {
  return rates.serviceTiers?.[tier] ?? (tier === 'batch' ? halfOf(rates) : rates)
}

/** Made once: what is known of rates hangs on the object. */
const halves = new WeakMap<Rates, Rates>()

/**
 * Half of each rate of tokens, an odd pico-dollar rounded up: what OpenAI, Anthropic, Groq and Mistral take for batches (their price
 * pages, November 2026), where the price book has no batch price of its own. Calls of tools cost what they always do.
 */
function halfOf(rates: Rates): Rates {
  let half = halves.get(rates)
  if (half === undefined) {
    const units = USAGE_UNITS.flatMap((unit) => {
      const rate = rates[unit]
      return rate === undefined ? [] : [[unit, unit === 'searches' ? rate : (rate + 1n) / 2n] as const]
    })
    const contextTiers = rates.contextTiers?.map((tier) => ({ above: tier.above, rates: halfOf(tier.rates) }))
    half = { ...Object.fromEntries(units), ...(contextTiers === undefined ? {} : { contextTiers }) }
    halves.set(rates, half)
  }
  return half
}

/** Rates as doubles by the place of their unit, for rates that doubles hold exactly; null for the others. */
const doubles = new WeakMap<Rates, Float64Array | null>()

function doublesOf(rates: Rates): Float64Array | null {
  let known = doubles.get(rates)
  if (known === undefined) {
    const values = Float64Array.from(USAGE_UNITS, (unit) => Number(rateOf(unit, rates)))
    known = rates.contextTiers === undefined && values.every(Number.isSafeInteger) ? values : null
    doubles.set(rates, known)
  }
  return known
}

/**
 * The same in doubles, which are exact for whole numbers up to 2^53 (here: nine thousand dollars): a request should not
 * pay for big integers that it does not need. Null as soon as any step could be inexact.
 */
function costInDoubles(usage: Usage, rates: Rates): NanoUsd | null {
  const values = doublesOf(rates)
  if (values === null) return null
  let pico = 0
  for (let index = 0; index < values.length; index++) {
    const amount = usage[USAGE_UNITS[index] as UsageUnit]
    if (amount === 0) continue
    // What a fraction adds to a large sum can be rounded to a whole number without a trace.
    if (!Number.isInteger(amount)) return null
    pico += amount * (values[index] as number)
    if (!Number.isSafeInteger(pico)) return null
  }
  const halfUp = pico + 500
  if (!Number.isSafeInteger(halfUp)) return null
  return BigInt((halfUp - (halfUp % 1_000)) / 1_000)
}

function costInBigInts(usage: Usage, rates: Rates): NanoUsd {
  const tier = rates.contextTiers === undefined ? rates : tierOf(rates, inputTokens(usage))
  let pico = 0n
  let fractions = 0n
  for (const unit of USAGE_UNITS) {
    const amount = usage[unit]
    if (amount === 0) continue
    const rate = rateOf(unit, tier)
    if (rate === 0n) continue
    if (Number.isInteger(amount)) pico += BigInt(amount) * rate
    else fractions += millionths(amount) * rate
  }
  if (fractions === 0n) return nanoFromPico(pico)
  const unit = PICO_PER_NANO * FRACTION
  return (pico * FRACTION + fractions + unit / 2n) / unit
}

/** The rates that hold for an answer with this many input tokens. */
export function tierOf(rates: Rates, tokens: number): Rates {
  let chosen = rates
  for (const tier of rates.contextTiers ?? []) if (tokens > tier.above) chosen = tier.rates
  return chosen
}

/** Pico-dollars of one unit, by its own rate or the one it is billed as; 0 where it is not priced. */
function rateOf(unit: UsageUnit, rates: Rates): bigint {
  const own = rates[unit]
  if (own !== undefined) return own
  for (const other of BILLED_AS[unit] ?? []) {
    const rate = rates[other]
    if (rate !== undefined) return rate
  }
  return 0n
}

function millionths(amount: number): bigint {
  const parsed = parseUsd(amount, FRACTION_DIGITS)
  if (parsed === null) throw new RangeError(`${amount} is no amount of usage`)
  return parsed
}
