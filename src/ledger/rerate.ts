// After a price was corrected: what each entry should have cost, and the corrections that make it so.
//
// An entry is never edited. A correction is an entry of its own, at the time of its original and for the same subject, with
// the difference as its cost and no usage; it counts in the same roll-ups and budgets, and not as a request. Doing it twice
// changes nothing: what is corrected already is taken into account.
import type { Entry } from '../core/ledger.ts'
import type { NanoUsd } from '../core/money.ts'
import { NO_USAGE } from '../core/usage.ts'
import { saleOf } from '../core/user.ts'
import type { Adjustment, BookedEntry } from '../store/store.ts'
import { costOf } from './cost.ts'
import type { Price } from './price-source.ts'
import { serviceTierIn } from './billed-tier.ts'

export type Rerated =
  | { readonly type: 'same' }
  | { readonly type: 'changed'; readonly adjustment: Adjustment; readonly before: NanoUsd; readonly after: NanoUsd }
  /** Why it stays as it is. */
  | { readonly type: 'skipped'; readonly why: 'no price' | 'no log line' | 'no usage' }

/**
 * What becomes of one entry.
 * @param priceOf the price of its target at a moment
 */
export function rerate(
  { entry, adjustedNanoUsd, besideNanoUsd }: BookedEntry,
  priceOf: (deploymentId: string, at: number) => Price | null,
  madeAt: number,
): Rerated {
  if (entry.status === 'adjusted') return { type: 'same' }
  // Without any usage of its own, what it cost is that of attempts, each at a price of its own.
  if (Object.values(entry.usage).every((amount) => amount === 0)) return { type: 'skipped', why: 'no usage' }
  const price = priceOf(`${entry.provider}/${entry.model}`, entry.at)
  if (price === null) return { type: 'skipped', why: 'no price' }
  if (besideNanoUsd === null && entry.status !== 'recovered') return { type: 'skipped', why: 'no log line' }
  const after = costOf(entry.usage, price.rates, serviceTierIn(entry.priceVersion)) + (besideNanoUsd ?? 0n)
  const before = entry.costNanoUsd + adjustedNanoUsd
  if (after === before) return { type: 'same' }
  return { type: 'changed', before, after, adjustment: correctionOf(entry, { before, after }, price.version, madeAt) }
}

function correctionOf(
  entry: Entry,
  { before, after }: { readonly before: NanoUsd; readonly after: NanoUsd },
  priceVersion: string,
  madeAt: number,
): Adjustment {
  const { sale } = entry
  return {
    original: entry.id,
    madeAt,
    entry: {
      ...entry,
      // One correction of an entry a moment: ids are those of the original, so that they are found beside each other.
      id: `adj_${entry.id}_${madeAt.toString(36)}`,
      status: 'adjusted',
      usage: NO_USAGE,
      costNanoUsd: after - before,
      unpriced: false,
      priceVersion,
      ...(sale === undefined
        ? {}
        : {
            sale: {
              ...sale,
              chargedNanoUsd: saleOf(sale, after).chargedNanoUsd - saleOf(sale, before).chargedNanoUsd,
            },
          }),
    },
  }
}
