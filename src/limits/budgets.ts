// May they spend that, now? All budgets of a request at once, all or nothing.
//
// A request asks for the most that it may cost. What it is granted is a reservation: that amount is held in every budget
// that covers it, until `settle` puts the actual cost in its place, or `release` gives it back. Both may be called any
// number of times; the first call counts. So at every moment spent + held ≤ limit, and what is spent exceeds the limit at
// most by Σ (actual − estimate)⁺ over requests in flight.
//
// Holds are larger than what comes of them. A request that does not fit beside the holds, but would fit if they came to
// nothing, is not refused yet: it waits in line until a reservation ends, for a bounded time. Who does not fit even then is
// refused at once, with the moment of the reset.
//
// Of a user's request the user's own budgets (and those of the key) count what it is sold for, all others what it costs. The
// balance is such a budget, an account for each user, whose limit grows with each credit.
//
// A target whose provider or model has used up its own budget is left out; the request is refused for it only when no
// target is left.
import { BALANCE, countsSales, type Budget, type BudgetCharge, type BudgetHold } from '../core/budget.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import { formatUsd, timesMillionths, type NanoUsd } from '../core/money.ts'
import type { SaleTerms } from '../core/user.ts'
import type { Alert } from '../core/alert.ts'
import { forecastOf, reachedThresholds } from './budget-alerts.ts'
import {
  createBudgetLedger,
  currentPeriod,
  limitOf,
  resetOf,
  spentOf,
  type Account,
  type BudgetLedger,
} from './budget-ledger.ts'
import { spend, type Spending, type TargetCost, type TargetOf } from './budget-spend.ts'
import { createBudgetIndex, type BudgetIndex, type Payer } from './budget-index.ts'
import type { Period } from './budget-window.ts'

/** A target that the request may reach, and the most that it may cost there. */
type Candidate = TargetOf & { readonly estimateNanoUsd: NanoUsd }

type BudgetAsk = {
  readonly payer: Payer
  readonly candidates: readonly Candidate[]
  /** It takes a cheaper route already: budgets that degrade do not refuse it. */
  readonly degraded?: boolean
  /** The money is as good as spent: it is held whatever is left. */
  readonly isSpent?: boolean
}

/** What is left in the tightest budget of a request. */
export type BudgetRoom = {
  readonly budget: Budget
  readonly limitNanoUsd: NanoUsd
  readonly remainingNanoUsd: NanoUsd
  readonly resetAt: number | null
}

export interface BudgetReservation {
  /** For the intent. */
  readonly holds: readonly BudgetHold[]
  /** Places in the ask's candidates that may be used. */
  readonly allowed: readonly number[]
  /**
   * The cost is spent; returns the periods that the entry counts in. `parts` of the cost belong to other targets: budgets of
   * a provider or a model count only what their own cost.
   */
  settle(costNanoUsd: NanoUsd, provider: string, model: string, parts?: readonly TargetCost[]): readonly BudgetCharge[]
  /** Nothing was spent. */
  release(): void
  /** Null where only watched budgets cover the request. */
  room(): BudgetRoom | null
}

export type BudgetState = {
  readonly budget: Budget
  readonly subject: string
  readonly limitNanoUsd: NanoUsd
  readonly spentNanoUsd: NanoUsd
  readonly heldNanoUsd: NanoUsd
  readonly resetAt: number | null
}

export interface Budgets {
  /** False: no budget covers anybody, and requests need not ask. */
  readonly any: boolean
  /** `hasUsers`: whether requests of users come, who pay from their balances. */
  configure(budgets: readonly Budget[], hasUsers?: boolean): void
  restore(budgetId: string, subject: string, period: Period, spentNanoUsd: NanoUsd): void
  /** What was credited to a user, all in all. */
  credit(userId: string, creditedNanoUsd: NanoUsd): void
  /** What a user has, and has spent. */
  balance(userId: string): BudgetState
  /** Whether a budget that refuses covers this payer: then a request without a price is refused by default. */
  coversHard(payer: Payer): boolean
  /** Grants, or throws `BudgetExhausted`; a promise while it waits for room. Null where no budget covers the request. */
  reserve(ask: BudgetAsk): BudgetReservation | null | Promise<BudgetReservation | null>
  /** Every budget of a payer (without those of providers and models), or all accounts there are. */
  state(payer?: Payer): readonly BudgetState[]
  /** The account of a budget; null: there is no such budget. */
  find(budgetId: string, subject: string): BudgetState | null
  /** What is to be told and was not yet, an account at a time: what restored spend and changed limits reach, and forecasts. Each is given out once. */
  alerts(): Iterable<readonly Alert[]>
  /** Requests that wait for room. */
  readonly waiting: number
}

/** The budget is used up; `degradeTo` names the route that its requests take instead, if any. */
export class BudgetExhausted extends GatewayError {
  readonly degradeTo: string | null
  constructor(account: Account, detail: { readonly message: string; readonly resetAt: number | null }) {
    super('budget_exhausted', {
      message: detail.message,
      headers: detail.resetAt === null ? {} : { 'x-weir-budget-reset': new Date(detail.resetAt).toISOString() },
    })
    const { onExhausted } = account.budget
    this.degradeTo = onExhausted.type === 'degrade' ? onExhausted.to : null
  }
}

/** `sale`: the amount is what it is sold for under these terms. */
type Wants = { readonly account: Account; readonly amount: NanoUsd; readonly sale?: SaleTerms }
/** What came of looking: granted, or the account that stands in the way and whether waiting may help. */
type Look =
  | { readonly type: 'granted'; readonly wants: readonly Wants[]; readonly allowed: readonly number[] }
  | { readonly type: 'full'; readonly account: Account; readonly amount: NanoUsd; readonly settlesLater: boolean }

type Waiter = {
  readonly ask: BudgetAsk
  blockedBy: Account
  readonly answer: PromiseWithResolvers<BudgetReservation | null>
  readonly cancel: () => void
}

const MAX_WAITING = 2_000
const WAIT_MS = 5_000

export function createBudgets({
  clock,
  waitMs = () => WAIT_MS,
  maxAccounts,
}: {
  readonly clock: Clock
  /** How long a request may wait for reservations to end; asked each time. */
  readonly waitMs?: () => number
  readonly maxAccounts?: number
}): Budgets {
  const ledger: BudgetLedger = createBudgetLedger(maxAccounts)
  let index: BudgetIndex = createBudgetIndex([])
  let waiters: Waiter[] = []

  function look(ask: BudgetAsk): Look | null {
    const now = clock.now()
    const how = { now, degraded: ask.degraded === true, isSpent: ask.isSpent === true }
    const shared = index.covering(ask.payer)
    const wants: Wants[] = []
    const allowed: number[] = []
    let blocked: Look | null = null
    let most = 0n
    for (let place = 0; place < ask.candidates.length; place++) {
      const candidate = ask.candidates[place]!
      const own = index.ofTarget(candidate.provider, candidate.model)
      const amount = candidate.estimateNanoUsd
      let full: Look | null = null
      for (const { budget, subject } of own) {
        const account = ledger.account(budget, subject)
        full ??= whyFull(account, amount, how, false)
      }
      if (full !== null) {
        blocked = preferred(blocked, full)
        continue
      }
      allowed.push(place)
      if (amount > most) most = amount
      for (const { budget, subject } of own) addWant(wants, ledger.account(budget, subject), amount)
    }
    if (allowed.length === 0 && blocked !== null) return blocked
    for (const { budget, subject } of shared) {
      const account = ledger.account(budget, subject)
      const sale = countsSales(budget.scope) ? ask.payer.user : undefined
      const amount = sale === undefined ? most : timesMillionths(most, sale.multiplierMillionths)
      const full = whyFull(account, amount, how, mayBorrow(budget, shared))
      if (full !== null) return full
      wants.push(sale === undefined ? { account, amount } : { account, amount, sale })
    }
    const covered = wants.length > 0 || allowed.length < ask.candidates.length
    return covered ? { type: 'granted', wants, allowed } : null
  }

  function take({ wants, allowed }: Extract<Look, { type: 'granted' }>): BudgetReservation {
    const now = clock.now()
    const held = wants.map(({ account, amount, sale }): Held => {
      account.held += amount
      return { account, amount, sale, period: currentPeriod(account, now) }
    })
    let open = true
    const end = (): boolean => {
      if (!open) return false
      open = false
      for (const { account, amount } of held) account.held -= amount
      return true
    }
    return {
      allowed,
      holds: held.map(holdOf),
      settle(cost, provider, model, parts = NO_PARTS) {
        if (!end()) return []
        const spending = { cost, provider, model, parts, settledAt: clock.now(), charged: [], charges: [] }
        for (const { account, period, sale } of held) spend(spending, account, period, sale)
        // A target that the plan did not foresee counts in its own budgets all the same.
        spendAt(spending, provider, model, now)
        for (const part of parts) spendAt(spending, part.provider, part.model, now)
        callWaiters()
        return spending.charges
      },
      release() {
        if (end()) callWaiters()
      },
      room: () => roomOf(held, clock.now()),
    }
  }

  function spendAt(spending: Spending, provider: string, model: string, now: number): void {
    for (const { budget, subject } of index.ofTarget(provider, model)) {
      const account = ledger.account(budget, subject)
      spend(spending, account, currentPeriod(account, now), undefined)
    }
  }

  function wait(ask: BudgetAsk, blockedBy: Account): Promise<BudgetReservation | null> {
    const answer = Promise.withResolvers<BudgetReservation | null>()
    const waiter: Waiter = {
      ask,
      blockedBy,
      answer,
      cancel: clock.after(waitMs(), () => {
        waiters = waiters.filter((other) => other !== waiter)
        const found = look(ask)
        if (found?.type === 'full') answer.reject(exhausted(found, clock.now()))
        else answer.resolve(found === null ? null : take(found))
      }),
    }
    waiters.push(waiter)
    return answer.promise
  }

  /** In the order of their coming; nobody overtakes somebody who waits for the same budget. */
  function callWaiters(): void {
    if (waiters.length === 0) return
    const still: Waiter[] = []
    const blocked = new Set<Account>()
    const before = waiters
    waiters = []
    for (const waiter of before) {
      if (blocked.has(waiter.blockedBy)) {
        still.push(waiter)
        continue
      }
      const found = look(waiter.ask)
      if (found?.type === 'full' && found.settlesLater) {
        waiter.blockedBy = found.account
        blocked.add(found.account)
        still.push(waiter)
        continue
      }
      waiter.cancel()
      if (found?.type === 'full') waiter.answer.reject(exhausted(found, clock.now()))
      else waiter.answer.resolve(found === null ? null : take(found))
    }
    waiters = [...still, ...waiters]
  }

  function stateOf(account: Account, now: number): BudgetState {
    return {
      budget: account.budget,
      subject: account.subject,
      limitNanoUsd: limitOf(account, now),
      spentNanoUsd: spentOf(account, now),
      heldNanoUsd: account.held,
      resetAt: resetOf(account, now),
    }
  }

  return {
    get any() {
      return index.any
    },
    get waiting() {
      return waiters.length
    },
    configure(budgets, hasUsers = false) {
      index = createBudgetIndex(budgets, hasUsers)
      ledger.redefine(index.byId)
      callWaiters()
    },
    restore(budgetId, subject, period, spent) {
      const budget = index.byId.get(budgetId)
      if (budget !== undefined) ledger.restore(budget, subject, period, spent)
    },
    credit(userId, credited) {
      ledger.account(BALANCE, userId).credited = credited
      callWaiters()
    },
    balance: (userId) => stateOf(ledger.account(BALANCE, userId), clock.now()),
    coversHard: (payer) => index.any && index.covering(payer).some(({ budget }) => budget.onExhausted.type !== 'alert'),
    reserve(ask) {
      const found = look(ask)
      if (found === null) return null
      if (found.type === 'granted') return take(found)
      if (!found.settlesLater || waiters.length >= MAX_WAITING) throw exhausted(found, clock.now())
      return wait(ask, found.account)
    },
    find(budgetId, subject) {
      const budget = index.byId.get(budgetId)
      return budget === undefined ? null : stateOf(ledger.account(budget, subject), clock.now())
    },
    *alerts() {
      for (const account of ledger.accounts()) {
        const now = clock.now()
        const reached = reachedThresholds(account, 0n, now)
        const forecast = forecastOf(account, now)
        yield forecast === null ? reached : [...reached, forecast]
      }
    },
    state(payer) {
      const now = clock.now()
      if (payer === undefined) return [...ledger.accounts()].map((account) => stateOf(account, now))
      return index.covering(payer).map(({ budget, subject }) => stateOf(ledger.account(budget, subject), now))
    },
  }
}

/** What a granted request holds of an account. */
type Held = {
  readonly account: Account
  readonly amount: NanoUsd
  readonly sale: SaleTerms | undefined
  readonly period: Period
}

function holdOf({ account: { budget, subject }, amount, sale, period: { from, until } }: Held): BudgetHold {
  const hold = { budgetId: budget.id, subject, from, until, scope: budget.scope, nanoUsd: amount }
  return sale === undefined ? hold : { ...hold, sale }
}

const NO_PARTS: readonly TargetCost[] = []

/** A budget that narrower ones may borrow from. */
function isPool({ scope }: Budget): boolean {
  return scope === 'team' || scope === 'organisation' || scope === 'gateway'
}

function addWant(wants: Wants[], account: Account, amount: NanoUsd): void {
  const place = wants.findIndex((want) => want.account === account)
  const known = wants[place]
  if (known === undefined) wants.push({ account, amount })
  else if (known.amount < amount) wants[place] = { account, amount }
}

/** Whether a wider budget that covers the request, too, may stand in for this one. */
function mayBorrow(budget: Budget, shared: readonly { readonly budget: Budget }[]): boolean {
  if (budget.borrowNanoUsd === null || isPool(budget)) return false
  return shared.some((other) => other.budget.onExhausted.type === 'reject' && isPool(other.budget))
}

type HowFull = { readonly now: number; readonly degraded: boolean; readonly isSpent: boolean }

function whyFull(account: Account, amount: NanoUsd, how: HowFull, borrows: boolean): Look | null {
  const { now, degraded, isSpent } = how
  if (isSpent) return null
  const { budget } = account
  if (budget.onExhausted.type === 'alert' || (degraded && budget.onExhausted.type === 'degrade')) return null
  const limit = limitOf(account, now)
  const most = borrows ? limit + (budget.borrowNanoUsd ?? 0n) : limit
  const spent = spentOf(account, now)
  if (spent + account.held + amount <= most) return null
  return { type: 'full', account, amount, settlesLater: account.held > 0n && spent + amount <= most }
}

/** Of two reasons, the one that may pass. */
function preferred(one: Look | null, other: Look): Look {
  return one?.type === 'full' && one.settlesLater ? one : other
}

function exhausted({ account, amount }: Extract<Look, { type: 'full' }>, now: number): BudgetExhausted {
  const { budget, subject } = account
  const limit = limitOf(account, now)
  const spent = spentOf(account, now)
  const resetAt = resetOf(account, now)
  const whose = budget.scope === 'gateway' ? 'this gateway' : `the ${budget.scope.replace('_', ' ')} ${subject}`
  const held = account.held > 0n ? ` and ${formatUsd(account.held)} are held by requests in flight` : ''
  if (budget.id === BALANCE.id)
    return new BudgetExhausted(account, {
      message: `The balance is ${formatUsd(limit - spent)} dollars${held}; this request may cost ${formatUsd(amount)}. Top it up, or redeem a code.`,
      resetAt,
    })
  const reset = resetAt === null ? 'It does not reset by itself.' : `It resets at ${new Date(resetAt).toISOString()}.`
  return new BudgetExhausted(account, {
    message: `The budget of ${whose} is ${formatUsd(limit)} dollars, of which ${formatUsd(spent)} are spent${held}; this request may cost ${formatUsd(amount)}. ${reset}`,
    resetAt,
  })
}

function roomOf(held: readonly { readonly account: Account }[], now: number): BudgetRoom | null {
  let tightest: BudgetRoom | null = null
  for (const { account } of held) {
    if (account.budget.onExhausted.type === 'alert') continue
    const limitNanoUsd = limitOf(account, now)
    const left = limitNanoUsd - spentOf(account, now) - account.held
    const remainingNanoUsd = left > 0n ? left : 0n
    if (tightest !== null && tightest.remainingNanoUsd <= remainingNanoUsd) continue
    tightest = { budget: account.budget, limitNanoUsd, remainingNanoUsd, resetAt: resetOf(account, now) }
  }
  return tightest
}
