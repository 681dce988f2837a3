// What may be spent: a limit for a scope and a window, and what the books say of it.
import type { Alert } from './alert.ts'
import type { NanoUsd } from './money.ts'
import type { SaleTerms } from './user.ts'

/** Whose spend a budget counts, from the whole to the part. */
export const BUDGET_SCOPES = [
  'gateway',
  'organisation',
  'team',
  'user',
  'key',
  'end_user',
  'tag',
  'route',
  'provider',
  'model',
] as const
export type BudgetScope = (typeof BUDGET_SCOPES)[number]

export const CALENDAR_UNITS = ['hour', 'day', 'week', 'month'] as const
export type CalendarUnit = (typeof CALENDAR_UNITS)[number]

export type BudgetWindow =
  /** Begins anew with each hour, day, ISO week or month of a time zone (an IANA name). */
  | { readonly type: 'calendar'; readonly unit: CalendarUnit; readonly timeZone: string }
  /** The last so many ms. */
  | { readonly type: 'rolling'; readonly lengthMs: number }
  /** All that is ever spent. */
  | { readonly type: 'once' }

export type OnExhausted =
  | { readonly type: 'reject' }
  /** Nothing is refused: the budget is only watched. */
  | { readonly type: 'alert' }
  /** Requests take this route instead, which this budget does not refuse. */
  | { readonly type: 'degrade'; readonly to: string }

/** Shares of a limit that are told of where nobody says which. */
export const DEFAULT_ALERT_AT: readonly number[] = [0.5, 0.8, 1]

/** More for a while. */
type BudgetRaise = { readonly amountNanoUsd: NanoUsd; readonly until: number }

export type Budget = {
  readonly id: string
  readonly scope: BudgetScope
  /** Id or name of the one it is for; null: each subject of the scope has such a budget of its own. */
  readonly subject: string | null
  readonly window: BudgetWindow
  readonly limitNanoUsd: NanoUsd
  readonly onExhausted: OnExhausted
  /**
   * How far it may go beyond its limit while a rejecting budget of a wider scope (its team, organisation or the gateway)
   * that covers the request has room; null: not at all.
   */
  readonly borrowNanoUsd: NanoUsd | null
  /** Shares of the limit that are told of. */
  readonly alertAt: readonly number[]
  readonly raises: readonly BudgetRaise[]
  /** Who owns it: what the file says is changed in the file. */
  readonly source: 'config' | 'store'
  readonly createdAt: number
}

/** A stretch of a budget's window; `until` is null where it never ends. */
type BudgetPeriod = {
  readonly budgetId: string
  readonly subject: string
  readonly from: number
  readonly until: number | null
}

/**
 * What a request in flight holds in one period. Those of a provider or a model count only if that one answers. `sale`: it
 * holds what the request would be sold for under these terms, and not what it would cost.
 */
export type BudgetHold = BudgetPeriod & {
  readonly scope: BudgetScope
  readonly nanoUsd: NanoUsd
  readonly sale?: SaleTerms
}

/** A period that an entry counts in: with its cost, or with what it was sold for. */
export type BudgetCharge = BudgetPeriod & {
  readonly sold?: true
  /** Where only what some of its targets cost counts: how much; `isBeside`: parts of the entry alone. Absent: all of it. */
  readonly share?: { readonly costNanoUsd: NanoUsd; readonly isBeside: boolean } | undefined
  /** What is to be told because of it, and is kept in the transaction of the entry. */
  readonly alerts?: readonly Alert[]
}

/** What was spent in a period, as the store has it. */
export type BudgetAccount = BudgetPeriod & { readonly spentNanoUsd: NanoUsd }

/**
 * What users may spend: an account for each of them, whose limit is what was credited to them. It covers every request of a
 * user, and what was spent of it is kept while users are switched off.
 */
export const BALANCE: Budget = {
  id: 'balance',
  scope: 'user',
  subject: null,
  window: { type: 'once' },
  limitNanoUsd: 0n,
  onExhausted: { type: 'reject' },
  borrowNanoUsd: null,
  alertAt: [],
  raises: [],
  source: 'config',
  createdAt: 0,
}

/** Whether budgets of the scope count what a user is charged: those that are the user's own. */
export function countsSales(scope: BudgetScope): boolean {
  return scope === 'user' || scope === 'key'
}

/** Whether a request that this provider and model answered counts in a budget of the scope and subject. */
export function countsFor(scope: BudgetScope, subject: string, provider: string, model: string): boolean {
  switch (scope) {
    case 'provider':
      return subject === provider
    case 'model':
      return subject === model || subject === `${provider}/${model}`
    case 'gateway':
    case 'organisation':
    case 'team':
    case 'user':
    case 'key':
    case 'end_user':
    case 'tag':
    case 'route':
      return true
  }
}

/** The window in words that do not change: `month Europe/Berlin`, `rolling 86400000`, `once`. */
export function windowText(window: BudgetWindow): string {
  switch (window.type) {
    case 'calendar':
      return window.timeZone === 'UTC' ? window.unit : `${window.unit} ${window.timeZone}`
    case 'rolling':
      return `rolling ${window.lengthMs}`
    case 'once':
      return 'once'
  }
}

/** Whether the name is one that the platform's time zone data knows. */
export function isTimeZone(name: string): boolean {
  try {
    return Intl.DateTimeFormat('en-US', { timeZone: name }) !== null
  } catch {
    return false
  }
}
