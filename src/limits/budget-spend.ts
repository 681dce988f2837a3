// The cost of a request in the accounts that it counts in: in each once, with what of it is theirs.
import { countsFor, type BudgetCharge, type BudgetScope } from '../core/budget.ts'
import type { Alert } from '../core/alert.ts'
import { timesMillionths, type NanoUsd } from '../core/money.ts'
import type { SaleTerms } from '../core/user.ts'
import { reachedThresholds } from './budget-alerts.ts'
import { charge, type Account } from './budget-ledger.ts'
import type { Period } from './budget-window.ts'

export type TargetOf = { readonly provider: string; readonly model: string }
export type TargetCost = TargetOf & { readonly costNanoUsd: NanoUsd }

/** A request whose cost is being spent: what it cost and where, and in which accounts it counts so far. */
export type Spending = TargetOf & {
  readonly cost: NanoUsd
  readonly parts: readonly TargetCost[]
  readonly settledAt: number
  readonly charged: Account[]
  readonly charges: BudgetCharge[]
}

const NO_ALERTS: readonly Alert[] = []

/** Counts a request in an account, once; `sale`: with what it is sold for under these terms. */
export function spend(spending: Spending, account: Account, period: Period, sale: SaleTerms | undefined): void {
  const { charged, charges, settledAt } = spending
  if (charged.includes(account)) return
  const amount = spentIn(account.budget.scope, account.subject, spending)
  if (amount === null) return
  charged.push(account)
  const { costNanoUsd, share } = amount
  const spent = sale === undefined ? costNanoUsd : timesMillionths(costNanoUsd, sale.multiplierMillionths)
  const alerts = endsAfter(period, settledAt) ? reachedThresholds(account, spent, settledAt) : NO_ALERTS
  charge(account, period, spent)
  const named = { budgetId: account.budget.id, subject: account.subject, from: period.from, until: period.until }
  const of = sale !== undefined ? { ...named, sold: true as const } : share === undefined ? named : { ...named, share }
  charges.push(alerts.length === 0 ? of : { ...of, alerts })
}

type Spent = { readonly costNanoUsd: NanoUsd; readonly share: BudgetCharge['share'] }

/** What a settled request cost in a budget; null: it does not count there. */
function spentIn(
  scope: BudgetScope,
  subject: string,
  { cost, provider, model, parts }: TargetOf & { readonly cost: NanoUsd; readonly parts: readonly TargetCost[] },
): Spent | null {
  const isOwn = countsFor(scope, subject, provider, model)
  if (parts.length === 0) return isOwn ? { costNanoUsd: cost, share: undefined } : null
  let [costNanoUsd, counted] = [isOwn ? cost : 0n, 0]
  for (const part of parts) {
    const counts = countsFor(scope, subject, part.provider, part.model)
    if (counts) counted++
    if (isOwn && !counts) costNanoUsd -= part.costNanoUsd
    if (!isOwn && counts) costNanoUsd += part.costNanoUsd
  }
  if (isOwn && counted === parts.length) return { costNanoUsd: cost, share: undefined }
  return isOwn || counted > 0 ? { costNanoUsd, share: { costNanoUsd, isBeside: !isOwn } } : null
}

/** Of a window that has ended there is nothing to tell any more. */
function endsAfter({ until }: Period, now: number): boolean {
  return until === null || until > now
}
