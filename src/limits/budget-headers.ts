// What is left of the tightest budget, as response headers.
import { formatUsd } from '../core/money.ts'
import type { BudgetRoom } from './budgets.ts'

export function budgetHeaders({ limitNanoUsd, remainingNanoUsd, resetAt }: BudgetRoom): Record<string, string> {
  return {
    'x-weir-budget-limit-usd': formatUsd(limitNanoUsd),
    'x-weir-budget-remaining-usd': formatUsd(remainingNanoUsd),
    ...(resetAt === null ? {} : { 'x-weir-budget-reset': new Date(resetAt).toISOString() }),
  }
}
