// Putting a budget in force: on its own, or with the key or team that it is for.
import type { z } from '@hono/zod-openapi'
import { type Budget as CoreBudget, type BudgetScope, DEFAULT_ALERT_AT } from '../core/budget.ts'
import { randomId } from '../core/id.ts'
import type { BudgetState } from '../limits/budgets.ts'
import { malformed } from './errors.ts'
import type { StoreRoutes } from './route.ts'
import { type OwnBudgetInput, readLimitFields } from './schemas-budget-limits.ts'

/** The running budgets: those of the file too, and what is spent of each. */
type RunningBudgets = {
  readonly list: () => readonly CoreBudget[]
  readonly state: () => readonly BudgetState[]
  /** Takes over what the store says now. */
  readonly refresh: () => Promise<void>
}

export type BudgetRoutes = Pick<StoreRoutes, 'store' | 'clock'> & { readonly budgets: RunningBudgets }

/** Puts a budget in force. */
export async function insertBudget(
  limits: z.output<typeof OwnBudgetInput>,
  whose: { readonly scope: BudgetScope; readonly subject: string | null },
  { store, clock, budgets }: BudgetRoutes,
): Promise<CoreBudget> {
  const { window, limitNanoUsd, ...others } = readLimitFields(limits, 'UTC')
  if (window === undefined || limitNanoUsd === undefined)
    throw malformed('window', 'A budget has a window and a limit.')
  const budget: CoreBudget = {
    id: randomId('budget'),
    ...whose,
    onExhausted: { type: 'reject' },
    borrowNanoUsd: null,
    alertAt: DEFAULT_ALERT_AT,
    ...others,
    window,
    limitNanoUsd,
    raises: [],
    source: 'store',
    createdAt: clock.now(),
  }
  await store.insertBudget(budget)
  await budgets.refresh()
  return budget
}
