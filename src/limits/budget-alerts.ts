// What there is to tell of a budget: thresholds that its spend has reached, and whether it will last.
//
// A threshold is told once for its window and its limit: another limit (a raise, a changed budget, a credit) has thresholds of
// its own. A window of the calendar is the window; a rolling one has no beginning, so its thresholds are told once in each
// stretch of its length, counted from the epoch.
import type { Alert, AlertOf } from '../core/alert.ts'
import { formatUsd, type NanoUsd } from '../core/money.ts'
import { type Account, currentPeriod, limitOf, resetOf, spentOf, type Thresholds } from './budget-ledger.ts'
import type { Period } from './budget-window.ts'

const NONE: readonly Alert[] = []
const MILLION = 1_000_000n

/**
 * The thresholds that are reached, with what is spent now on top, and were not told yet; they count as told from now on.
 * Nearly always there are none, and it costs a comparison for each.
 */
export function reachedThresholds(account: Account, onTop: NanoUsd, now: number): readonly Alert[] {
  if (account.budget.alertAt.length === 0) return NONE
  const spent = spentOf(account, now) + onTop
  const thresholds = thresholdsOf(account, now)
  const { amounts, limit, toldUpTo } = thresholds
  if (spent <= toldUpTo) return NONE
  thresholds.toldUpTo = spent
  let alerts: Alert[] | null = null
  for (let index = 0; index < amounts.length; index++) {
    const amount = amounts[index] ?? 0n
    if (amount > spent || amount <= toldUpTo) continue
    alerts ??= []
    alerts.push(thresholdAlert(account, account.budget.alertAt[index] ?? 0, { limit, spent }, now))
  }
  return alerts ?? NONE
}

/** Worked out once for a limit and a window. */
function thresholdsOf(account: Account, now: number): Thresholds {
  const limit = limitOf(account, now)
  const { from } = windowOf(account, now)
  if (account.thresholds?.limit === limit && account.thresholds.from === from) return account.thresholds
  // A limit of nothing has no share that could be reached.
  const amounts =
    limit <= 0n
      ? []
      : account.budget.alertAt.map((share) => (limit * BigInt(Math.round(share * 1e6)) + MILLION - 1n) / MILLION)
  account.thresholds = { limit, from, amounts, toldUpTo: 0n, isForecastTold: false }
  return account.thresholds
}

type Amounts = { readonly limit: NanoUsd; readonly spent: NanoUsd }

function thresholdAlert(account: Account, share: number, amounts: Amounts, now: number): AlertOf<'budget_threshold'> {
  const { budget, subject } = account
  return {
    kind: 'budget_threshold',
    subject: { scope: budget.scope, id: subject },
    threshold: `${budget.id} ${share} of ${formatUsd(amounts.limit)}`,
    window: windowOf(account, now),
    at: now,
    facts: { ...factsOf(account, amounts, now), share, onExhausted: budget.onExhausted.type },
  }
}

function factsOf(account: Account, { limit, spent }: Amounts, now: number) {
  const resetAt = resetOf(account, now)
  return {
    budget: account.budget.id,
    limitUsd: formatUsd(limit),
    spentUsd: formatUsd(spent),
    resetsAt: resetAt === null ? null : new Date(resetAt).toISOString(),
  }
}

function windowOf(account: Account, now: number): Period {
  const { window } = account.budget
  if (window.type !== 'rolling') return currentPeriod(account, now)
  const from = now - (now % window.lengthMs)
  return { from, until: from + window.lengthMs }
}

/** So much of a window must have passed, and so much of the limit must be spent, for its pace to say anything. */
const EARLIEST_SHARE = 0.1
/** What will last nearly to the end of the window is not told. */
const NEARLY_SHARE = 0.02

/** Set once where a budget of the calendar will be used up before its window ends, if it goes on as since the window began. */
export function forecastOf(account: Account, now: number): AlertOf<'budget_forecast'> | null {
  const { budget, subject } = account
  // Within an hour one batch looks like a pace.
  if (budget.window.type !== 'calendar' || budget.window.unit === 'hour' || budget.alertAt.length === 0) return null
  const { from, until } = currentPeriod(account, now)
  if (until === null) return null
  const length = until - from
  const passed = now - from
  const thresholds = thresholdsOf(account, now)
  const { limit, isForecastTold } = thresholds
  const spent = spentOf(account, now)
  if (isForecastTold || limit <= 0n || spent >= limit || passed < length * EARLIEST_SHARE) return null
  const spentShare = Number((spent * MILLION) / limit) / 1e6
  if (spentShare < EARLIEST_SHARE) return null
  const exhaustedAt = from + passed / spentShare
  if (exhaustedAt >= until - length * NEARLY_SHARE) return null
  thresholds.isForecastTold = true
  return {
    kind: 'budget_forecast',
    subject: { scope: budget.scope, id: subject },
    threshold: `${budget.id} of ${formatUsd(limit)}`,
    window: { from, until },
    at: now,
    facts: { ...factsOf(account, { limit, spent }, now), exhaustedAt: new Date(Math.round(exhaustedAt)).toISOString() },
  }
}
