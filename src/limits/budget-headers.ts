// What is left of the tightest budget, as response headers.
import { formatUsd } from '../core/money.ts'
import type { BudgetRoom } from './budgets.ts'

/** Sets them beside the others of an answer. */
export function setBudgetHeaders(headers: Record<string, string>, room: BudgetRoom): void {
  headers['x-weir-budget-limit-usd'] = formatUsd(room.limitNanoUsd)
  headers['x-weir-budget-remaining-usd'] = formatUsd(room.remainingNanoUsd)
  if (room.resetAt !== null) headers['x-weir-budget-reset'] = resetText(room.resetAt)
}

// Windows end at few moments, each told to thousands of requests. Same input, same output.
const resetTexts = new Map<number, string>()
const MAX_RESET_TEXTS = 100

function resetText(resetAt: number): string {
  let text = resetTexts.get(resetAt)
  if (text === undefined) {
    text = new Date(resetAt).toISOString()
    if (resetTexts.size >= MAX_RESET_TEXTS) resetTexts.clear()
    resetTexts.set(resetAt, text)
  }
  return text
}
