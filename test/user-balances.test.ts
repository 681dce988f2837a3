// Random histories of users who spend, are credited and change their groups, with crashes: a balance is Σ credits − Σ charges
// to the nano-dollar, in memory, in the store and in the books.
import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { BALANCE } from '../src/core/budget.ts'
import { GatewayError } from '../src/core/error.ts'
import type { Entry, Intent } from '../src/core/ledger.ts'
import { recordOf } from '../src/core/testing.ts'
import { NO_USAGE } from '../src/core/usage.ts'
import { saleOf, type SaleTerms } from '../src/core/user.ts'
import { recover } from '../src/ledger/recover.ts'
import { createBalances, type Balances } from '../src/limits/balances.ts'
import { createBudgetDefinitions } from '../src/limits/budget-definitions.ts'
import { createBudgets, type BudgetReservation, type Budgets } from '../src/limits/budgets.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import type { Store } from '../src/store/store.ts'
import { type Life, lifeOver } from './life.ts'

const NOON = Date.UTC(2026, 10, 28, 12)
/** `WEIR_TEST_HISTORIES=10000 npm test -- test/user-balances.test.ts` is the long form. */
const HISTORIES = Number(process.env['WEIR_TEST_HISTORIES'] ?? 500)

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('credit' as const),
      user: fc.nat(1),
      amount: fc.integer({ min: -40, max: 200 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('reserve' as const),
      user: fc.nat(1),
      estimate: fc.integer({ min: 0, max: 90 }),
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
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('multiply' as const),
      user: fc.nat(1),
      millionths: fc.integer({ min: 0, max: 3_000_000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('redeem' as const), user: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.constant({ type: 'flush' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'crash' as const }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

type World = Life & { readonly budgets: Budgets; readonly balances: Balances }

async function live(store: Store): Promise<World> {
  await recover({ store, now: NOON, which: 'all' })
  const budgets = createBudgets({
    clock: { now: () => NOON, monotonicMs: () => 0, after: () => () => {} },
    waitMs: () => 0,
  })
  const definitions = createBudgetDefinitions(budgets, store)
  definitions.configure([], true)
  await definitions.load(NOON)
  const balances = createBalances(budgets, store)
  await balances.refresh()
  return Object.assign(lifeOver(store), { budgets, balances })
}

type Running = {
  readonly intent: Intent
  readonly terms: SaleTerms
  readonly reservation: BudgetReservation
  durable: boolean
}

async function play(store: Store, prefix: string, steps: readonly Step[]): Promise<void> {
  const users = [0, 1].map((place) => `${prefix}u${place}`)
  const multipliers = [1_000_000n, 1_250_000n]
  for (const id of users)
    await store.insertUser({
      user: { id, login: id, group: 'default', disabled: false, createdAt: NOON, invitedBy: null },
      passwordHash: null,
      credits: [],
      invitation: null,
    })
  let life = await live(store)
  let running: Running[] = []
  let number = 0
  const credited = new Map(users.map((user) => [user, 0n]))
  const over = new Map(users.map((user) => [user, 0n]))
  const handedIn: Promise<unknown>[] = []
  const name = (): string => `${prefix}${number++}`
  const add = (totals: Map<string, bigint>, user: string, amount: bigint): void =>
    void totals.set(user, (totals.get(user) ?? 0n) + amount)

  function reserve(place: number, estimate: number): void {
    const userId = users[place] ?? ''
    const terms: SaleTerms = { userId, group: 'default', multiplierMillionths: multipliers[place] ?? 0n }
    const estimateNanoUsd = BigInt(estimate)
    let reservation: BudgetReservation | null
    try {
      const answer = life.budgets.reserve({
        payer: {
          key: { id: 'k', name: '' },
          team: null,
          organisation: null,
          user: terms,
          endUser: null,
          tags: [],
          route: 'chat',
        },
        candidates: [{ provider: 'p', model: 'm', estimateNanoUsd }],
      })
      if (answer instanceof Promise) return void answer.catch(() => {})
      reservation = answer
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'budget_exhausted') return
      throw error
    }
    if (reservation === null) throw new Error('the balance covers every request of a user')
    const intent: Intent = {
      id: name(),
      createdAt: NOON,
      deadlineAt: NOON,
      dimensions: {
        keyId: 'k',
        teamId: null,
        endUser: null,
        tags: [],
        requestedModel: 'm',
        route: 'chat',
        operation: 'chat',
        dialect: 'openai-chat',
      },
      provider: 'p',
      model: 'm',
      estimateNanoUsd,
      estimateUsage: NO_USAGE,
      priceVersion: 'v',
      holds: reservation.holds,
    }
    const one: Running = { intent, terms, reservation, durable: false }
    handedIn.push(life.journal.intend(intent).then(() => (one.durable = true)))
    running.push(one)
  }

  function settle(which: number, share: number): void {
    const durable = running.filter((one) => one.durable)
    const one = durable[which % Math.max(1, durable.length)]
    if (one === undefined) return
    running = running.filter((other) => other !== one)
    const { intent, terms, reservation } = one
    const cost = (intent.estimateNanoUsd * BigInt(share)) / 100n
    const sale = saleOf(terms, cost)
    const beyond = sale.chargedNanoUsd - saleOf(terms, intent.estimateNanoUsd).chargedNanoUsd
    if (beyond > 0n) add(over, terms.userId, beyond)
    const entry: Entry = {
      id: intent.id,
      at: NOON,
      dimensions: intent.dimensions,
      provider: 'p',
      model: 'm',
      status: 'complete',
      usage: NO_USAGE,
      usageSource: 'reported',
      costNanoUsd: cost,
      unpriced: false,
      priceVersion: 'v',
      sale,
      charges: reservation.settle(cost, 'p', 'm'),
    }
    handedIn.push(life.journal.settle(entry, recordOf(entry)))
  }

  /** The same code twice at once. */
  async function redeem(userId: string): Promise<void> {
    const id = name()
    await store.insertCodes([
      {
        id,
        kind: 'redemption',
        hash: id,
        batch: id,
        amountNanoUsd: 7n,
        group: null,
        note: '',
        madeBy: null,
        createdAt: NOON,
        expiresAt: null,
        usedBy: null,
        usedAt: null,
      },
    ])
    const credit = { userId, at: NOON, kind: 'code', amountNanoUsd: 7n, reference: id, note: '' } as const
    const done = await Promise.allSettled(['a', 'b'].map((twin) => store.redeemCode(id, { ...credit, id: id + twin })))
    expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    add(credited, userId, 7n)
    await life.balances.refresh()
  }

  for (const step of steps)
    switch (step.type) {
      case 'credit': {
        const userId = users[step.user] ?? ''
        const amountNanoUsd = BigInt(step.amount)
        // Money that is taken back may leave a balance below zero.
        if (amountNanoUsd < 0n) add(over, userId, -amountNanoUsd)
        const id = name()
        await store.addCredit({ id, userId, at: NOON, kind: 'topup', amountNanoUsd, reference: id, note: '' })
        add(credited, userId, amountNanoUsd)
        await life.balances.refresh()
        break
      }
      case 'reserve':
        reserve(step.user, step.estimate)
        break
      case 'settle':
        settle(step.which, step.share)
        break
      case 'multiply':
        multipliers[step.user] = BigInt(step.millionths)
        break
      case 'redeem':
        await redeem(users[step.user] ?? '')
        break
      case 'flush':
        await life.commit()
        break
      case 'crash':
        life.dead = true
        life = await live(store)
        running = []
        break
    }
  life.dead = true
  life = await live(store)
  for (const promise of handedIn) promise.catch(() => {})
  for (const user of users) {
    const { limitNanoUsd, spentNanoUsd, heldNanoUsd } = life.budgets.balance(user)
    const [sold] = await store.sales({ by: [], bucket: null, from: NOON, to: NOON + 1, userId: user })
    expect([user, limitNanoUsd, spentNanoUsd, heldNanoUsd]).toEqual([
      user,
      credited.get(user) ?? 0n,
      sold?.chargedNanoUsd ?? 0n,
      0n,
    ])
    expect(spentNanoUsd <= limitNanoUsd + (over.get(user) ?? 0n)).toBe(true)
  }
}

test(`in ${HISTORIES} histories of spending, top-ups, codes and crashes a balance is what was credited less what was charged`, async () => {
  let store = openSqliteStore({ path: ':memory:', sync: 'process' })
  let played = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 30 }), async (steps) => {
      if (played % 50 === 0) {
        await store.close()
        store = openSqliteStore({ path: ':memory:', sync: 'process' })
      }
      await play(store, `h${played++}-`, steps)
      if (played % 50 === 0) expect(await store.verifyBooks()).toMatchObject({ differences: 0, examples: [] })
    }),
    { numRuns: HISTORIES },
  )
  await store.close()
}, 300_000)

test('what users have is kept while they are switched off', async () => {
  const store = openSqliteStore({ path: ':memory:', sync: 'process' })
  const { budgets } = await live(store)
  budgets.credit('user_1', 10n)
  budgets.restore(BALANCE.id, 'user_1', { from: 0, until: null }, 4n)
  budgets.configure([])
  expect(budgets.any).toBe(false)
  budgets.configure([], true)
  expect(budgets.any).toBe(true)
  expect(budgets.balance('user_1')).toMatchObject({ limitNanoUsd: 10n, spentNanoUsd: 4n })
  await store.close()
})
