// May these new prices take the place of the old ones? A price file is a stranger's word about money: what looks like a slip
// is refused with its reason, and the whole file with it, so that no half of it is ever in force. Pure.
import type { Rates } from '../core/model.ts'
import { USAGE_UNITS, type UsageUnit } from '../core/usage.ts'
import { priceAt, type PricedModel, type PriceSource } from './price-source.ts'

export type PriceProblem = PricedModel & { readonly reason: string }

/** A price that is not what it was; null: there is or was none. Pico-dollars per unit. */
export type RateChange = PricedModel & {
  readonly unit: UsageUnit
  readonly before: bigint | null
  readonly after: bigint | null
}

export type Judgement = { readonly problems: readonly PriceProblem[]; readonly changes: readonly RateChange[] }

export type JudgeOptions = {
  /** What is in force now, for a model of the new file. */
  readonly current: (model: PricedModel) => Rates | null
  /** Models of the same feed that were in force; of the bundled catalogue there may be none. */
  readonly before: readonly PricedModel[]
  readonly at: number
  /** `vendor/model`, or `*`: what somebody has looked at and found right. */
  readonly accepted: ReadonlySet<string>
}

const MOST_JUMP = 10n
/** Dollars per token where dollars per million tokens are meant, or the other way round, is a factor of 10^6; prices themselves differ. */
const UNIT_JUMP = 100_000n
/** Ten thousand dollars for a million tokens: twenty times the dearest model there is. */
const DEAREST_TOKEN = 10_000_000_000n
/** A hundred-thousandth of a dollar for a million tokens: a hundredth of the cheapest. */
const CHEAPEST_TOKEN = 10n
const TOKEN_UNITS: ReadonlySet<UsageUnit> = new Set<UsageUnit>([
  'input',
  'cacheRead',
  'cacheWrite5m',
  'cacheWrite1h',
  'output',
  'reasoning',
])
/** Fewer models than this share of those before is a file that was cut, not a market that shrank. */
const LEAST_SHARE = 0.5

export function judgePrices(next: PriceSource, options: JudgeOptions): Judgement {
  const problems: PriceProblem[] = []
  const changes: RateChange[] = []
  const models = next.models()
  if (models.length < options.before.length * LEAST_SHARE)
    problems.push({
      vendor: '*',
      model: '*',
      reason: `has ${models.length} models where there were ${options.before.length}`,
    })
  for (const one of models) {
    const after = priceAt(next.look(one.vendor, one.model), options.at)?.rates ?? null
    if (after === null) continue
    const before = options.current(one)
    const reason = whyWrong(before, after)
    if (reason !== null && !isAccepted(one, options.accepted)) problems.push({ ...one, reason })
    for (const unit of USAGE_UNITS) {
      const [old, now] = [before?.[unit] ?? null, after[unit] ?? null]
      if (old !== now) changes.push({ ...one, unit, before: old, after: now })
    }
  }
  return { problems, changes }
}

function isAccepted({ vendor, model }: PricedModel, accepted: ReadonlySet<string>): boolean {
  return accepted.has('*') || accepted.has(`${vendor}/${model}`)
}

/** The first thing that is wrong with a row, in words; null: nothing. */
function whyWrong(before: Rates | null, after: Rates): string | null {
  for (const unit of USAGE_UNITS) {
    const [old, now] = [before?.[unit], after[unit]]
    const reason = now === undefined ? whyMissing(unit, old, after) : whyOdd(unit, old, now)
    if (reason !== null) return reason
  }
  return null
}

/** Input and output cannot lose their price; what else has none is billed as one of them. */
function whyMissing(unit: UsageUnit, old: bigint | undefined, after: Rates): string | null {
  if (old === undefined || old === 0n) return null
  if (unit === 'input' || unit === 'output' || after.input === undefined) return `has no price of ${unit} any more`
  return null
}

function whyOdd(unit: UsageUnit, old: bigint | undefined, now: bigint): string | null {
  if (now < 0n) return `has a price of ${unit} below zero`
  if (old === undefined || old === 0n) {
    if (!TOKEN_UNITS.has(unit) || now === 0n) return null
    if (now > DEAREST_TOKEN || now < CHEAPEST_TOKEN)
      return `costs ${dollars(now)} dollars per million of ${unit}: per token where per million is meant, or the reverse`
    return null
  }
  if (now === 0n) return `has a price of zero for ${unit} where it was ${dollars(old)} dollars per million`
  const [large, small] = now > old ? [now, old] : [old, now]
  const words = `from ${dollars(old)} to ${dollars(now)} dollars per million of ${unit}`
  if (large >= small * UNIT_JUMP) return `goes ${words}: per token where per million is meant, or the reverse`
  return large > small * MOST_JUMP ? `goes ${words}, which is more than tenfold` : null
}

/** Pico-dollars per unit → dollars per million units, exact. */
export function dollars(pico: bigint): string {
  const sign = pico < 0n ? '-' : ''
  const amount = pico < 0n ? -pico : pico
  const fraction = (amount % 1_000_000n).toString().padStart(6, '0').replace(/0+$/, '')
  return `${sign}${amount / 1_000_000n}${fraction === '' ? '' : `.${fraction}`}`
}
