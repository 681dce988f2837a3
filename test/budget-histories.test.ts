// Random histories of many requests over nested budgets, with crashes: the books and the budgets agree to the nano-dollar,
// and nothing is overspent by more than what answers cost beyond their estimates.
import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import type { Budget } from '../src/core/budget.ts'
import { GatewayError } from '../src/core/error.ts'
import type { Entry, Intent } from '../src/core/ledger.ts'
import { recordOf } from '../src/core/testing.ts'
import { NO_USAGE } from '../src/core/usage.ts'
import { recover } from '../src/ledger/recover.ts'
import { createBudgetDefinitions } from '../src/limits/budget-definitions.ts'
import { createBudgets, type BudgetReservation, type Budgets } from '../src/limits/budgets.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import type { Store } from '../src/store/store.ts'
import { type Life, lifeOver } from './life.ts'

const NOON = Date.UTC(2026, 10, 28, 12)
/** `WEIR_TEST_HISTORIES=10000 npm test -- test/budget-histories.test.ts` is the long form. */
const HISTORIES = Number(process.env['WEIR_TEST_HISTORIES'] ?? 1_000)
const STEPS = 24

type Step =
  | { readonly type: 'reserve'; readonly key: number; readonly estimate: number; readonly provider: number }
  /** `share` of the estimate is what it cost; above 1 where the estimate was no bound. */
  | { readonly type: 'settle'; readonly which: number; readonly share: number }
  | { readonly type: 'release'; readonly which: number }
  | { readonly type: 'flush' }
  | { readonly type: 'crash' }

type History = { readonly limits: readonly number[]; readonly bounded: boolean; readonly steps: readonly Step[] }

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('reserve' as const),
      key: fc.nat(3),
      estimate: fc.integer({ min: 0, max: 60 }),
      provider: fc.nat(1),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('settle' as const),
      which: fc.nat(9),
      share: fc.integer({ min: 0, max: 150 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('release' as const), which: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.constant({ type: 'flush' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'crash' as const }) },
)
const history: fc.Arbitrary<History> = fc.record({
  limits: fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 5, maxLength: 5 }),
  bounded: fc.boolean(),
  steps: fc.array(step, { minLength: 8, maxLength: STEPS }),
})

const WINDOW = { type: 'calendar', unit: 'day', timeZone: 'UTC' } as const

function budgetsOf(prefix: string, limits: readonly number[]): Budget[] {
  const scopes = [
    ['gateway', null],
    ['team', null],
    ['key', null],
    ['key', `${prefix}k0`],
    ['provider', null],
  ] as const
  return scopes.map(([scope, subject], place) => ({
    id: `${prefix}b${place}`,
    scope,
    subject,
    window: WINDOW,
    limitNanoUsd: BigInt(limits[place] ?? 0) + (scope === 'gateway' ? 200n : 0n),
    onExhausted: { type: 'reject' },
    borrowNanoUsd: null,
    alertAt: [],
    raises: [],
    source: 'config',
    createdAt: 0,
  }))
}

type World = Life & { readonly budgets: Budgets }

async function live(store: Store, budgets: readonly Budget[]): Promise<World> {
  await recover({ store, now: NOON, which: 'all' })
  const book = createBudgets({
    clock: { now: () => NOON, monotonicMs: () => 0, after: () => () => {} },
    waitMs: () => 0,
  })
  const definitions = createBudgetDefinitions(book, {
    listBudgets: async () => ({ data: budgets, next: null }),
    budgetAccounts: (query) => store.budgetAccounts(query),
    keysVersion: async () => 0,
    adjustmentsSince: async () => [],
  })
  await definitions.load(NOON)
  return Object.assign(lifeOver(store), { budgets: book })
}

type Running = { readonly intent: Intent; readonly reservation: BudgetReservation; durable: boolean }

async function play(store: Store, prefix: string, { limits, bounded, steps }: History): Promise<void> {
  const definitions = budgetsOf(prefix, limits)
  let life = await live(store, definitions)
  let running: Running[] = []
  let overspent = 0n
  let number = 0
  const handedIn: Promise<unknown>[] = []

  async function crash(): Promise<void> {
    life.dead = true
    life = await live(store, definitions)
    running = []
  }

  function reserve({ key, estimate, provider }: Extract<Step, { type: 'reserve' }>): void {
    const keyId = `${prefix}k${key}`
    const team = { id: `${prefix}t${key % 2}`, name: '' }
    const payer = { key: { id: keyId, name: '' }, team, organisation: null, endUser: null, tags: [], route: 'chat' }
    const estimateNanoUsd = BigInt(estimate)
    const providerName = `${prefix}p${provider}`
    let reservation: BudgetReservation | null
    try {
      const answer = life.budgets.reserve({
        payer,
        candidates: [{ provider: providerName, model: 'm', estimateNanoUsd }],
      })
      // What waits is refused after its time, which is none here.
      if (answer instanceof Promise) return void answer.catch(() => {})
      reservation = answer
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'budget_exhausted') return
      throw error
    }
    if (reservation === null) throw new Error('budgets cover every request here')
    const intent: Intent = {
      id: `${prefix}r${number++}`,
      createdAt: NOON,
      deadlineAt: NOON,
      dimensions: {
        keyId,
        teamId: team.id,
        endUser: null,
        tags: [],
        requestedModel: 'chat',
        route: 'chat',
        operation: 'chat',
        dialect: 'openai-chat',
      },
      provider: providerName,
      model: 'm',
      estimateNanoUsd,
      estimateUsage: NO_USAGE,
      priceVersion: 'v',
      holds: reservation.holds,
    }
    const one: Running = { intent, reservation, durable: false }
    handedIn.push(life.journal.intend(intent).then(() => (one.durable = true)))
    running.push(one)
  }

  function end(which: number, share: number | null): void {
    const durable = running.filter((one) => one.durable)
    const one = durable[which % Math.max(1, durable.length)]
    if (one === undefined) return
    running = running.filter((other) => other !== one)
    const { intent, reservation } = one
    const cost = share === null ? 0n : (intent.estimateNanoUsd * BigInt(bounded ? Math.min(share, 100) : share)) / 100n
    const over = cost - intent.estimateNanoUsd
    if (over > 0n) overspent += over
    const entry: Entry = {
      id: intent.id,
      at: NOON,
      dimensions: intent.dimensions,
      provider: intent.provider,
      model: intent.model,
      status: share === null ? 'failed' : 'complete',
      usage: NO_USAGE,
      usageSource: 'reported',
      costNanoUsd: cost,
      unpriced: false,
      priceVersion: 'v',
      charges: reservation.settle(cost, intent.provider, intent.model),
    }
    handedIn.push(life.journal.settle(entry, recordOf(entry)))
  }

  for (const step of steps)
    switch (step.type) {
      case 'reserve':
        reserve(step)
        break
      case 'settle':
        end(step.which, step.share)
        break
      case 'release':
        end(step.which, null)
        break
      case 'flush':
        await life.commit()
        break
      case 'crash':
        await crash()
        break
    }
  await crash()
  for (const promise of handedIn) promise.catch(() => {})
  await compare(store, prefix, life.budgets, definitions, bounded ? 0n : overspent)
}

/** Σ entries = Σ roll-ups = Σ spent, for each subject of each budget; spent ≤ limit + bound. */
async function compare(
  store: Store,
  prefix: string,
  budgets: Budgets,
  definitions: readonly Budget[],
  bound: bigint,
): Promise<void> {
  const rows = (
    await store.spend({ by: ['key', 'team', 'provider'], bucket: null, from: 0, to: NOON + 86_400_000 })
  ).filter(({ group }) => group.key?.startsWith(prefix) === true)
  const sum = (matches: (group: (typeof rows)[number]['group']) => boolean): bigint =>
    rows.reduce((total, { group, costNanoUsd }) => (matches(group) ? total + costNanoUsd : total), 0n)
  for (const state of budgets.state()) {
    const { budget, subject, spentNanoUsd, heldNanoUsd, limitNanoUsd } = state
    expect(heldNanoUsd).toBe(0n)
    const booked = sum(({ key, team, provider }) => {
      if (budget.scope === 'gateway') return true
      return [key, team, provider].includes(subject)
    })
    expect([budget.id, subject, spentNanoUsd]).toEqual([budget.id, subject, booked])
    expect(spentNanoUsd <= limitNanoUsd + bound).toBe(true)
  }
  // Whoever spent something has an account that says so.
  const gateway = budgets.state().find(({ budget }) => budget.id === definitions[0]?.id)
  expect(gateway?.spentNanoUsd ?? 0n).toBe(sum(() => true))
}

test(`in ${HISTORIES} histories of concurrent requests and crashes the entries, the roll-ups and the budgets agree`, async () => {
  let store = openSqliteStore({ path: ':memory:', sync: 'process' })
  let played = 0
  await fc.assert(
    fc.asyncProperty(history, async (one) => {
      // Budgets and keys are each history's own; a fresh store now and then keeps its sums short.
      if (played % 50 === 0) {
        await store.close()
        store = openSqliteStore({ path: ':memory:', sync: 'process' })
      }
      await play(store, `h${played++}-`, one)
    }),
    { numRuns: HISTORIES },
  )
  await store.close()
}, 300_000)
