// What is spent and held in each budget's window, in memory: authoritative for one process, rebuilt from the store at start.
//
// An account is one budget of one subject (the month of team A). Its spend lies in periods: one for a calendar window, many
// short ones for a rolling window, each forgotten when it has ended. What requests in flight may cost at most is held
// beside it. Invariants: `held` is the sum of open holds; `spent` is the sum of the live periods; both change at once.
import { windowText, type Budget } from '../core/budget.ts'
import type { NanoUsd } from '../core/money.ts'
import { periodAt, type Period } from './budget-window.ts'

type Spending = Period & { spent: NanoUsd }

/** What a budget tells of under one limit in one window, and how far it was told. */
export type Thresholds = {
  readonly limit: NanoUsd
  /** Beginning of the window. */
  readonly from: number
  /** Its `alertAt` as amounts, in their order. */
  readonly amounts: readonly NanoUsd[]
  /** Those up to this amount were told. */
  toldUpTo: NanoUsd
  isForecastTold: boolean
}

export type Account = {
  budget: Budget
  readonly subject: string
  held: NanoUsd
  /** What was credited on top of the limit; 0 but for balances. */
  credited: NanoUsd
  /** Oldest first. */
  spendings: Spending[]
  /** The period that now lies in, worked out once for its length. */
  current: Period | null
  /** As they were asked for last (`budget-alerts.ts`); null: they were not. */
  thresholds: Thresholds | null
}

/** Account name of subjects beyond the bound. */
const OTHERS = '*'
/** Callers choose end users and tags: beyond this many accounts, subjects that are new share one. */
const MAX_ACCOUNTS = 200_000

export interface BudgetLedger {
  account(budget: Budget, subject: string): Account
  /** Takes over the new definitions; accounts whose window changed begin anew. */
  redefine(budgets: ReadonlyMap<string, Budget>): void
  /** Puts back what the store says was spent. */
  restore(budget: Budget, subject: string, period: Period, spent: NanoUsd): void
  accounts(): Iterable<Account>
}

export function createBudgetLedger(maxAccounts = MAX_ACCOUNTS): BudgetLedger {
  /** By budget and subject: asked for by each request, so that no name is put together of the two. */
  const accounts = new Map<string, Map<string, Account>>()
  let count = 0

  function account(budget: Budget, subject: string): Account {
    const known = accounts.get(budget.id)?.get(subject)
    if (known !== undefined) return known
    // Users do not come by themselves, and what is theirs is nobody else's.
    if (count >= maxAccounts && subject !== OTHERS && budget.scope !== 'user') return account(budget, OTHERS)
    const opened = { budget, subject, held: 0n, credited: 0n, spendings: [], current: null, thresholds: null }
    const ofBudget = accounts.get(budget.id) ?? new Map<string, Account>()
    accounts.set(budget.id, ofBudget.set(subject, opened))
    count++
    return opened
  }

  function* all(): Generator<Account> {
    for (const ofBudget of accounts.values()) yield* ofBudget.values()
  }

  return {
    account,
    redefine(budgets) {
      for (const known of all()) {
        const budget = budgets.get(known.budget.id)
        if (budget === undefined || windowText(budget.window) !== windowText(known.budget.window)) {
          accounts.get(known.budget.id)?.delete(known.subject)
          count--
        } else {
          known.budget = budget
          known.thresholds = null
        }
      }
    },
    restore(budget, subject, period, spent) {
      const own = periodAt(budget.window, period.from)
      // A row of a window that the budget no longer has says nothing about the one that it has now.
      if (own.from !== period.from || own.until !== period.until) return
      charge(account(budget, subject), period, spent)
    },
    accounts: all,
  }
}

/** The period that a request of this moment counts in. */
export function currentPeriod(account: Account, now: number): Period {
  const { current } = account
  // Of a rolling window only a step is current, which is shorter than its period.
  if (current !== null && account.budget.window.type !== 'rolling' && now >= current.from)
    if (current.until === null || now < current.until) return current
  account.current = periodAt(account.budget.window, now)
  return account.current
}

function forgetEnded(account: Account, now: number): void {
  for (const { until } of account.spendings)
    if (until !== null && until <= now) {
      account.spendings = account.spendings.filter((one) => one.until === null || one.until > now)
      return
    }
}

/** What was spent in the window that is running. */
export function spentOf(account: Account, now: number): NanoUsd {
  forgetEnded(account, now)
  const { spendings } = account
  // All but rolling windows have one period.
  if (spendings.length === 1) return spendings[0]?.spent ?? 0n
  let sum = 0n
  for (const { spent } of spendings) sum += spent
  return sum
}

/** Adds to what was spent in a period. */
export function charge(account: Account, period: Period, nanoUsd: NanoUsd): void {
  const known = account.spendings.find(({ from }) => from === period.from)
  if (known !== undefined) known.spent += nanoUsd
  else {
    account.spendings.push({ ...period, spent: nanoUsd })
    account.spendings.sort((one, other) => one.from - other.from)
  }
}

/** The limit with the raises that are in force, and what was credited. */
export function limitOf({ budget, credited }: Account, now: number): NanoUsd {
  const { limitNanoUsd, raises } = budget
  let limit = credited === 0n ? limitNanoUsd : limitNanoUsd + credited
  for (const { amountNanoUsd, until } of raises) if (until > now) limit += amountNanoUsd
  return limit
}

/** When there is room again, at the latest: the end of the oldest spend; null: never by itself. */
export function resetOf(account: Account, now: number): number | null {
  const { spendings, budget } = account
  if (budget.window.type !== 'rolling') return currentPeriod(account, now).until
  return spendings.find(({ until, spent }) => until !== null && until > now && spent > 0n)?.until ?? null
}
