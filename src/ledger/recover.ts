// Settles what a crash left behind: an intent without an entry means that a request may have reached a provider and that
// nobody wrote down what it cost. It is booked at its estimate and marked `recovered`: nothing is dropped. Nothing is
// charged twice either, because an entry of the same id that stands already wins.
import { countsFor, type BudgetCharge } from '../core/budget.ts'
import type { Entry, Intent } from '../core/ledger.ts'
import { saleOf } from '../core/user.ts'
import type { LedgerStore } from '../store/store.ts'

export type RecoverOptions = {
  readonly store: Pick<LedgerStore, 'openIntents' | 'commit'>
  readonly now: number
  /**
   * `expired`: those whose deadline has passed; their owner has given up or died. `all`: every one there is, at the start
   * of the only process that uses the store, when nobody can be working on any of them.
   */
  readonly which: 'expired' | 'all'
  /** Told each one after it is durable. */
  readonly onRecovered?: (entry: Entry) => void
}

const GROUP = 500

/** Returns how many were settled. */
export async function recover({ store, now, which, onRecovered }: RecoverOptions): Promise<number> {
  const deadlineBefore = which === 'all' ? Number.MAX_SAFE_INTEGER : now
  let count = 0
  while (true) {
    const intents = await store.openIntents({ deadlineBefore, limit: GROUP })
    if (intents.length === 0) return count
    const entries = intents.map(recoveredEntry)
    await store.commit({ intents: [], entries, records: [] })
    count += entries.length
    for (const entry of entries) onRecovered?.(entry)
  }
}

function recoveredEntry(intent: Intent): Entry {
  return {
    id: intent.id,
    // When the request was made and not now: the gateway may have been down over the end of a month.
    at: intent.createdAt,
    dimensions: intent.dimensions,
    provider: intent.provider,
    model: intent.model,
    status: 'recovered',
    usage: intent.estimateUsage,
    usageSource: 'estimated',
    costNanoUsd: intent.estimateNanoUsd,
    // An intent whose target had no price names no price version.
    unpriced: intent.priceVersion === '',
    priceVersion: intent.priceVersion,
    ...chargedOf(intent),
  }
}

/** Whom it was sold to stands with what was held of the balance. */
function chargedOf({ holds, provider, model, estimateNanoUsd }: Intent): Pick<Entry, 'charges' | 'sale'> {
  if (holds === undefined) return {}
  const terms = holds.find(({ sale }) => sale !== undefined)?.sale
  const charges = holds
    .filter(({ scope, subject }) => countsFor(scope, subject, provider, model))
    .map(({ budgetId, subject, from, until, sale }): BudgetCharge => {
      const period = { budgetId, subject, from, until }
      return sale === undefined ? period : { ...period, sold: true }
    })
  return terms === undefined ? { charges } : { charges, sale: saleOf(terms, estimateNanoUsd) }
}
