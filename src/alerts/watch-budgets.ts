// What budgets have to tell besides what their ledger entries tell at once: thresholds that were reached by a changed limit or
// by spend of before the start, forecasts, and budgets that begin anew.
import type { Alert } from '../core/alert.ts'
import type { Budget } from '../core/budget.ts'
import { formatUsd, type NanoUsd } from '../core/money.ts'
import type { AlertStore, BudgetStore } from '../store/store.ts'
import type { Watcher } from './watch.ts'

/** The running budgets, as far as they are looked at here. */
export type WatchedBudgets = {
  /** An account at a time. */
  readonly alerts: () => Iterable<readonly Alert[]>
  readonly find: (
    budgetId: string,
    subject: string,
  ) => { readonly budget: Budget; readonly limitNanoUsd: NanoUsd; readonly resetAt: number | null } | null
}

const EVERY_MS = 60_000
/** Accounts that are looked at before others have their turn: there may be a few hundred thousand. */
const SLICE = 500
/** A window that ended longer ago has been told of, or nobody was there to tell. */
const RECENTLY_MS = 3_600_000

export function thresholdWatcher(budgets: WatchedBudgets): Watcher {
  return {
    everyMs: EVERY_MS,
    async look() {
      const found: Alert[] = []
      let seen = 0
      for (const alerts of budgets.alerts()) {
        found.push(...alerts)
        if (++seen % SLICE === 0) await nextTurn()
      }
      return found
    },
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}

export function resetWatcher(
  budgets: WatchedBudgets,
  store: Pick<AlertStore, 'endedAlerts'> & Pick<BudgetStore, 'budgetAccounts'>,
): Watcher {
  return {
    everyMs: EVERY_MS,
    async look(now) {
      const after = now - RECENTLY_MS
      const ended = await store.endedAlerts({ kind: 'budget_threshold', after, until: now })
      if (ended.length === 0) return []
      const accounts = await store.budgetAccounts({ endsAfter: after - 1 })
      const spent = new Map(accounts.map((one) => [nameOf(one.budgetId, one.subject, one.from), one.spentNanoUsd]))
      return ended.flatMap((alert): Alert[] => {
        if (alert.kind !== 'budget_threshold') return []
        const { subject, facts, window } = alert
        const state = budgets.find(facts.budget, subject.id)
        // A rolling window does not end, and one that is for ever does not either.
        if (state?.budget.window.type !== 'calendar' || window.until === null) return []
        const { limitNanoUsd, resetAt } = state
        return [
          {
            kind: 'budget_reset',
            subject,
            threshold: facts.budget,
            window: { from: window.until, until: resetAt },
            at: now,
            facts: {
              budget: facts.budget,
              limitUsd: formatUsd(limitNanoUsd),
              spentUsd: formatUsd(spent.get(nameOf(facts.budget, subject.id, window.from)) ?? 0n),
              resetsAt: resetAt === null ? null : new Date(resetAt).toISOString(),
            },
          },
        ]
      })
    },
  }
}

function nameOf(budgetId: string, subject: string, from: number): string {
  return `${budgetId}\0${subject}\0${from}`
}
