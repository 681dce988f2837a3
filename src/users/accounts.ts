// What each user was credited and charged, straight from the store: for programs beside the running gateway.
import { BALANCE } from '../core/budget.ts'
import type { NanoUsd } from '../core/money.ts'
import type { BudgetStore, UserStore } from '../store/store.ts'

export type UserAccount = { readonly creditedNanoUsd: NanoUsd; readonly chargedNanoUsd: NanoUsd }

/** By id; who was neither credited nor charged is not in it. */
export async function accountsOf(
  store: Pick<UserStore & BudgetStore, 'creditsSince' | 'budgetAccounts'>,
): Promise<ReadonlyMap<string, UserAccount>> {
  const { totals } = await store.creditsSince(0)
  const accounts = new Map<string, UserAccount>(
    totals.map(({ userId, creditedNanoUsd }) => [userId, { creditedNanoUsd, chargedNanoUsd: 0n }]),
  )
  for (const { budgetId, subject, spentNanoUsd } of await store.budgetAccounts({ endsAfter: 0 })) {
    if (budgetId !== BALANCE.id) continue
    accounts.set(subject, {
      creditedNanoUsd: accounts.get(subject)?.creditedNanoUsd ?? 0n,
      chargedNanoUsd: spentNanoUsd,
    })
  }
  return accounts
}
