// Random histories of many requests over nested budgets, with crashes, while hours and days pass: the books and the budgets agree to the nano-dollar,
// and nothing is overspent by more than what answers cost beyond their estimates.
import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import type { Budget, BudgetWindow } from '../src/core/budget.ts'
import { GatewayError } from '../src/core/error.ts'
import type { Entry, Intent } from '../src/core/ledger.ts'
import { recordOf } from '../src/core/testing.ts'
import { NO_USAGE } from '../src/core/usage.ts'
import { recover } from '../src/ledger/recover.ts'
import { createBudgetDefinitions } from '../src/limits/budget-definitions.ts'
import { periodAt } from '../src/limits/budget-window.ts'
import { createBudgets, type BudgetReservation, type Budgets } from '../src/limits/budgets.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import type { Store } from '../src/store/store.ts'
import { type Life, lifeOver } from './life.ts'

const NOON = Date.UTC(2026, 10, 28, 12)
/** `WEIR_TEST_HISTORIES=10000 npm test -- test/budget-histories.test.ts` is the long form. */
const HISTORIES = Number(process.env['WEIR_TEST_HISTORIES'] ?? 1_000)
const STEPS = 24
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const WINDOWS: readonly BudgetWindow[] = [
  { type: 'calendar', unit: 'hour', timeZone: 'UTC' },
  { type: 'calendar', unit: 'day', timeZone: 'UTC' },
  { type: 'calendar', unit: 'month', timeZone: 'Europe/Berlin' },
  { type: 'rolling', lengthMs: 2 * HOUR_MS },
  { type: 'rolling', lengthMs: 24 * HOUR_MS },
  { type: 'once' },
]

type Step =
  | { readonly type: 'reserve'; readonly key: number; readonly estimate: number; readonly provider: number }
  /** `share` of the estimate is what it cost; above 1 where the estimate was no bound. */
  | { readonly type: 'settle'; readonly which: number; readonly share: number }
  | { readonly type: 'release'; readonly which: number }
  | { readonly type: 'flush' }
  | { readonly type: 'crash' }
  | { readonly type: 'pass'; readonly ms: number }

type History = {
  readonly limits: readonly number[]
  readonly windows: readonly BudgetWindow[]
  readonly bounded: boolean
  readonly steps: readonly Step[]
}

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
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('pass' as const),
      ms: fc.oneof(
        fc.constantFrom(MINUTE_MS, HOUR_MS, 12 * HOUR_MS, 24 * HOUR_MS),
        fc.nat(2 * HOUR_MS),
        fc.nat(40 * HOUR_MS),
      ),
    }),
  },
)
const history: fc.Arbitrary<History> = fc.record({
  limits: fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 5, maxLength: 5 }),
  windows: fc.array(fc.constantFrom(...WINDOWS), { minLength: 5, maxLength: 5 }),
  bounded: fc.boolean(),
  steps: fc.array(step, { minLength: 8, maxLength: STEPS }),
})

function budgetsOf(prefix: string, { limits, windows }: History): Budget[] {
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
    window: windows[place]!,
    limitNanoUsd: BigInt(limits[place] ?? 0) + (scope === 'gateway' ? 200n : 0n),
    onExhausted: { type: 'reject' },
    borrowNanoUsd: null,
    alertAt: [],
    raises: [],
    source: 'config',
    createdAt: 0,
  }))
}

type Time = { now: number }
type World = Life & { readonly budgets: Budgets; readonly definitions: readonly Budget[] }
/** A request in the books. */
type Booked = { readonly at: number; readonly subjects: readonly string[]; readonly costNanoUsd: bigint }

async function live(store: Store, budgets: readonly Budget[], time: Time): Promise<World> {
  await recover({ store, now: time.now, which: 'all' })
  const book = createBudgets({
    clock: { now: () => time.now, monotonicMs: () => 0, after: () => () => {} },
    waitMs: () => 0,
  })
  const definitions = createBudgetDefinitions(book, {
    listBudgets: async () => ({ data: budgets, next: null }),
    budgetAccounts: (query) => store.budgetAccounts(query),
    keysVersion: async () => 0,
    adjustmentsSince: async () => [],
  })
  await definitions.load(time.now)
  return Object.assign(lifeOver(store), { budgets: book, definitions: budgets })
}

type Running = { readonly intent: Intent; readonly reservation: BudgetReservation; durable: boolean }

async function play(store: Store, prefix: string, history: History): Promise<void> {
  const { bounded, steps } = history
  const time: Time = { now: NOON }
  const definitions = budgetsOf(prefix, history)
  let life = await live(store, definitions, time)
  const intents: Intent[] = []
  const known = new Map<string, bigint>()
  let running: Running[] = []
  let overspent = 0n
  let number = 0
  const handedIn: Promise<unknown>[] = []

  async function crash(): Promise<void> {
    life.dead = true
    life = await live(store, definitions, time)
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
      createdAt: time.now,
      deadlineAt: time.now,
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
    intents.push(intent)
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
      at: intent.createdAt,
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
        await compare(life, await bookedOf(store, intents, known), bounded ? 0n : overspent, time.now)
        break
      case 'pass':
        time.now += step.ms
        break
    }
  await crash()
  for (const promise of handedIn) promise.catch(() => {})
  const booked = await bookedOf(store, intents, known)
  await compare(life, booked, bounded ? 0n : overspent, time.now)
  await compareRollUps(store, prefix, booked, time.now)
}

/** After a crash: what is spent is the Σ of the entries whose requests came in the window that is running; spent ≤ limit + bound. */
async function compare(world: World, booked: readonly Booked[], bound: bigint, now: number): Promise<void> {
  const states = world.budgets.state()
  for (const budget of world.definitions) {
    const live = booked.filter(({ at }) => (periodAt(budget.window, at).until ?? Infinity) > now)
    const own = states.filter((state) => state.budget.id === budget.id)
    for (const { subject, spentNanoUsd, heldNanoUsd, limitNanoUsd } of own) {
      expect(heldNanoUsd).toBe(0n)
      const ofSubject = live.filter(({ subjects }) => budget.scope === 'gateway' || subjects.includes(subject))
      expect([budget.id, subject, spentNanoUsd]).toEqual([budget.id, subject, sumOf(ofSubject)])
      expect(spentNanoUsd <= limitNanoUsd + bound).toBe(true)
    }
    // Whoever spent something has an account that says so.
    const all = live.filter(({ subjects }) => budget.subject === null || subjects.includes(budget.subject))
    expect([budget.id, own.reduce((sum, { spentNanoUsd }) => sum + spentNanoUsd, 0n)]).toEqual([budget.id, sumOf(all)])
  }
}

/** What the entries of these requests cost, as the store has them; 0: it has none. `known`: by id, of those that were seen; entries stay. */
async function bookedOf(store: Store, intents: readonly Intent[], known: Map<string, bigint>): Promise<Booked[]> {
  const booked: Booked[] = []
  for (const { id, createdAt, dimensions, provider } of intents) {
    const subjects = [dimensions.keyId, dimensions.teamId ?? '', provider]
    const costNanoUsd = known.get(id) ?? (await store.getEntry(id))?.costNanoUsd
    if (costNanoUsd !== undefined) known.set(id, costNanoUsd)
    booked.push({ at: createdAt, subjects, costNanoUsd: costNanoUsd ?? 0n })
  }
  return booked
}

/** Σ entries = Σ roll-ups, for each key at each provider. */
async function compareRollUps(store: Store, prefix: string, booked: readonly Booked[], now: number): Promise<void> {
  const rows = await store.spend({ by: ['key', 'provider'], bucket: null, from: 0, to: now + 24 * HOUR_MS })
  const own = rows.filter(({ group }) => group.key?.startsWith(prefix) === true)
  for (const { group, costNanoUsd } of own)
    expect(costNanoUsd).toBe(
      sumOf(booked.filter(({ subjects }) => subjects.includes(group.key!) && subjects.includes(group.provider!))),
    )
  expect(own.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n)).toBe(sumOf(booked))
}

function sumOf(booked: readonly Booked[]): bigint {
  return booked.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n)
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
