// What users were credited, from the store into the running budgets: all of it at the start, then whatever is added, by this
// process or another one.
import type { UserStore } from '../store/store.ts'
import type { Budgets } from './budgets.ts'

export interface Balances {
  /** Takes over what was credited since the last call; the first one takes all. */
  refresh(): Promise<void>
}

export function createBalances(budgets: Pick<Budgets, 'credit'>, store: Pick<UserStore, 'creditsSince'>): Balances {
  let seen = 0
  return {
    async refresh() {
      const { no, totals } = await store.creditsSince(seen)
      // Sums and not differences: of two calls at once both may bring the same.
      for (const { userId, creditedNanoUsd } of totals) budgets.credit(userId, creditedNanoUsd)
      seen = Math.max(seen, no)
    },
  }
}
