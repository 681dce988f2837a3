// What batches that providers execute may still cost, held in the budgets of whoever pays for their lines. A line that is
// settled takes its part out. Holds live in memory: a start makes them anew, whatever is left, because the money is as
// good as spent.
import type { NanoUsd } from '../core/money.ts'
import type { Payer } from '../limits/budget-index.ts'
import type { BudgetReservation, Budgets } from '../limits/budgets.ts'

/** What the lines of one payer may cost at the deployment of the batch. */
export type Share = {
  readonly payer: Payer
  readonly provider: string
  readonly model: string
  readonly nanoUsd: NanoUsd
}

type Held = Share & { leftNanoUsd: NanoUsd; reservation: BudgetReservation | null }

export interface ForwardHolds {
  has(batchId: string): boolean
  /** All or nothing. Throws `budget_exhausted`, but for money that is as good as spent. */
  hold(batchId: string, shares: readonly Share[], isSpent: boolean): Promise<void>
  /** The part of one line, as a reservation of its own; null where no budget covers it. */
  take(batchId: string, part: Share): Promise<BudgetReservation | null>
  release(batchId: string): void
}

/** Who pays: lines with the same one are held together. */
export function payerName({ endUser, tags, route }: Payer): string {
  return JSON.stringify([endUser, route, ...tags])
}

export function createForwardHolds(budgets: Pick<Budgets, 'reserve'>): ForwardHolds {
  const batches = new Map<string, ReadonlyMap<string, Held>>()

  async function reserve(
    { payer, provider, model }: Share,
    estimateNanoUsd: NanoUsd,
    isSpent: boolean,
  ): Promise<BudgetReservation | null> {
    return budgets.reserve({ payer, isSpent, candidates: [{ provider, model, estimateNanoUsd }] })
  }

  return {
    has: (batchId) => batches.has(batchId),
    async hold(batchId, shares, isSpent) {
      const held = new Map<string, Held>()
      try {
        for (const share of shares) {
          const reservation = await reserve(share, share.nanoUsd, isSpent)
          held.set(payerName(share.payer), { ...share, leftNanoUsd: share.nanoUsd, reservation })
        }
      } catch (error) {
        for (const { reservation } of held.values()) reservation?.release()
        throw error
      }
      batches.set(batchId, held)
    },
    async take(batchId, part) {
      const held = batches.get(batchId)?.get(payerName(part.payer))
      if (held !== undefined) {
        held.leftNanoUsd = held.leftNanoUsd > part.nanoUsd ? held.leftNanoUsd - part.nanoUsd : 0n
        held.reservation?.release()
        held.reservation = await reserve(held, held.leftNanoUsd, true)
      }
      return reserve(part, part.nanoUsd, true)
    },
    release(batchId) {
      for (const { reservation } of batches.get(batchId)?.values() ?? []) reservation?.release()
      batches.delete(batchId)
    },
  }
}
