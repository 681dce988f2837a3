// What attempts consumed that did not give the answer, each at its own target's price. Pure but for the costs that it notes
// on the attempts themselves.
import type { EntryPart } from '../core/ledger.ts'
import type { Rates, ServiceTier } from '../core/model.ts'
import type { Attempt } from '../core/outcome.ts'
import type { Usage, UsageUnit } from '../core/usage.ts'
import { versionWithTier } from './billed-tier.ts'
import { costOf } from './cost.ts'

/** More of a unit than any answer holds. Beyond it a provider's numbers are a mistake, or meant to break the books. */
const MOST_UNITS = 1e9

export function isPlausible(usage: Usage): boolean {
  // A third of the time that a list of names takes: an engine knows where the next member of an object lies.
  for (const unit in usage) if (!(usage[unit as UsageUnit] <= MOST_UNITS)) return false
  return true
}

export type PriceOf = (deploymentId: string, at: number) => { readonly rates: Rates; readonly version: string } | null

/** What the attempts consumed, in their order; null: nothing, as nearly always. Each one's cost is noted on it. */
export function attemptCosts(
  attempts: Attempt[],
  priceOf: PriceOf,
  { at, tier }: { readonly at: number; readonly tier: ServiceTier },
): readonly EntryPart[] | null {
  let parts: EntryPart[] | null = null
  for (let index = 0; index < attempts.length; index++) {
    const attempt = attempts[index]
    const consumed = attempt?.consumed
    if (attempt === undefined || consumed === undefined || !isPlausible(consumed.usage)) continue
    const { target } = attempt
    const slash = target.indexOf('/')
    const price = priceOf(target, at)
    const cost = price === null ? null : costOf(consumed.usage, price.rates, tier)
    attempts[index] = { ...attempt, consumed: { ...consumed, costNanoUsd: cost } }
    parts ??= []
    parts.push({
      provider: target.slice(0, slash),
      model: target.slice(slash + 1),
      usage: consumed.usage,
      costNanoUsd: cost ?? 0n,
      unpriced: price === null,
      priceVersion: price === null ? '' : versionWithTier(price.version, tier),
    })
  }
  return parts
}
