// The windows of budgets that end, as far as days tell of them: for forecasts.
import type { BudgetScope } from '../core/budget.ts'
import type { NanoUsd } from '../core/money.ts'
import type { BudgetState } from './budgets.ts'

type OpenWindow = {
  readonly budgetId: string
  readonly scope: BudgetScope
  readonly subject: string
  readonly spentNanoUsd: NanoUsd
  readonly limitNanoUsd: NanoUsd
  readonly until: number
}

/** Choosers of end users and tags are many: those that are most used up are told. */
const MOST = 200

/** Days, weeks and months of budgets; the most used up first. */
export function openWindowsOf(states: readonly BudgetState[]): readonly OpenWindow[] {
  return states
    .flatMap(({ budget, subject, spentNanoUsd, limitNanoUsd, resetAt }): OpenWindow[] => {
      const isByDay = budget.window.type === 'calendar' && budget.window.unit !== 'hour'
      return !isByDay || resetAt === null
        ? []
        : [{ budgetId: budget.id, scope: budget.scope, subject, spentNanoUsd, limitNanoUsd, until: resetAt }]
    })
    .toSorted((one, other) => usedShare(other) - usedShare(one))
    .slice(0, MOST)
}

function usedShare({ spentNanoUsd, limitNanoUsd }: OpenWindow): number {
  return limitNanoUsd <= 0n ? Number.MAX_VALUE : Number(spentNanoUsd) / Number(limitNanoUsd)
}
