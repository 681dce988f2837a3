// What is left of the tightest budget, as response headers.
import { formatUsd } from '../core/money.ts'
import type { BudgetRoom } from './budgets.ts'

/** Sets them beside the others of an answer. */
export function setBudgetHeaders(headers: Record<string, string>, room: BudgetRoom): void {
  headers['x-weir-budget-limit-usd'] = formatUsd(room.limitNanoUsd)
  headers['x-weir-budget-remaining-usd'] = formatUsd(room.remainingNanoUsd)
  if (room.resetAt !== null) headers['x-weir-budget-reset'] = new Date(room.resetAt).toISOString()
}
