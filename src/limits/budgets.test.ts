import { describe, expect, test } from 'bun:test'
import type { Budget } from '../core/budget.ts'
import { GatewayError } from '../core/error.ts'
import type { Payer } from './budget-index.ts'
import { BudgetExhausted, createBudgets, type BudgetReservation, type Budgets } from './budgets.ts'

const NOON = Date.UTC(2026, 10, 28, 12)
const USD = 1_000_000_000n

function aBudget(change: Partial<Budget> = {}): Budget {
  return {
    id: 'budget_1',
    scope: 'key',
    subject: null,
    window: { type: 'calendar', unit: 'day', timeZone: 'UTC' },
    limitNanoUsd: 10n * USD,
    onExhausted: { type: 'reject' },
    borrowNanoUsd: null,
    alertAt: [],
    raises: [],
    source: 'store',
    createdAt: 0,
    ...change,
  }
}

function aPayer(change: Partial<Payer> = {}): Payer {
  return {
    key: { id: 'key_1', name: 'laptop' },
    team: { id: 'team_1', name: 'research' },
    organisation: null,
    endUser: null,
    tags: [],
    route: 'chat',
    ...change,
  }
}

/** Budgets on a clock that only the test moves; timers run when it passes them. */
function start(budgets: readonly Budget[], options: { waitMs?: number; maxAccounts?: number } = {}) {
  let now = NOON
  let timers: { at: number; run: () => void }[] = []
  const book = createBudgets({
    clock: {
      now: () => now,
      monotonicMs: () => now,
      after(delayMs, run) {
        const timer = { at: now + delayMs, run }
        timers.push(timer)
        return () => {
          timers = timers.filter((other) => other !== timer)
        }
      },
    },
    waitMs: () => options.waitMs ?? 1_000,
    ...(options.maxAccounts === undefined ? {} : { maxAccounts: options.maxAccounts }),
  })
  book.configure(budgets)
  return {
    book,
    pass: (ms: number): void => {
      now += ms
      for (const timer of timers.filter(({ at }) => at <= now)) timer.run()
      timers = timers.filter(({ at }) => at > now)
    },
  }
}

function ask(book: Budgets, usd: bigint, payer: Payer = aPayer()): ReturnType<Budgets['reserve']> {
  return book.reserve({ payer, candidates: [{ provider: 'openai', model: 'gpt-5', estimateNanoUsd: usd * USD }] })
}

function granted(answer: ReturnType<Budgets['reserve']>): BudgetReservation {
  if (answer === null || answer instanceof Promise) throw new Error('it was not granted at once')
  return answer
}

function refusalOf(action: () => unknown): GatewayError {
  try {
    action()
  } catch (error) {
    if (error instanceof GatewayError) return error
  }
  throw new Error('it was not refused')
}

describe('a request', () => {
  test('that no budget covers is not held to any', () => {
    const { book } = start([aBudget({ scope: 'team', subject: 'other' })])
    expect(ask(book, 100n)).toBeNull()
  })

  test('that fits is held at its estimate and spends what it cost', () => {
    const { book } = start([aBudget()])
    const reservation = granted(ask(book, 4n))
    expect(reservation.holds).toEqual([
      {
        budgetId: 'budget_1',
        subject: 'key_1',
        scope: 'key',
        from: Date.UTC(2026, 10, 28),
        until: Date.UTC(2026, 10, 29),
        nanoUsd: 4n * USD,
      },
    ])
    expect(book.state()[0]).toMatchObject({ spentNanoUsd: 0n, heldNanoUsd: 4n * USD })
    expect(reservation.settle(3n * USD, 'openai', 'gpt-5')).toHaveLength(1)
    expect(book.state()[0]).toMatchObject({ spentNanoUsd: 3n * USD, heldNanoUsd: 0n })
    expect(reservation.room()).toMatchObject({ remainingNanoUsd: 7n * USD, resetAt: Date.UTC(2026, 10, 29) })
  })

  test('ends once, whatever is called afterwards', () => {
    const { book } = start([aBudget()])
    const reservation = granted(ask(book, 4n))
    reservation.release()
    reservation.release()
    expect(reservation.settle(3n * USD, 'openai', 'gpt-5')).toEqual([])
    expect(book.state()[0]).toMatchObject({ spentNanoUsd: 0n, heldNanoUsd: 0n })
  })

  test('that does not fit is refused with the amounts and the reset', () => {
    const { book } = start([aBudget()])
    granted(ask(book, 9n)).settle(9n * USD, 'openai', 'gpt-5')
    const refusal = refusalOf(() => ask(book, 2n))
    expect(refusal).toMatchObject({
      code: 'budget_exhausted',
      status: 402,
      message:
        'The budget of the key key_1 is 10 dollars, of which 9 are spent; this request may cost 2. It resets at 2026-11-29T00:00:00.000Z.',
      detail: { headers: { 'x-weir-budget-reset': '2026-11-29T00:00:00.000Z' } },
    })
  })

  test('that is as good as spent is held whatever is left', () => {
    const { book } = start([aBudget({ limitNanoUsd: 1n * USD })])
    const ask = { payer: aPayer(), candidates: [{ provider: 'p', model: 'm', estimateNanoUsd: 5n * USD }] }
    expect(() => book.reserve(ask)).toThrow(BudgetExhausted)
    const reservation = book.reserve({ ...ask, isSpent: true }) as BudgetReservation
    expect(book.state()).toMatchObject([{ heldNanoUsd: 5n * USD }])
    reservation.settle(2n * USD, 'p', 'm')
    expect(book.state()).toMatchObject([{ heldNanoUsd: 0n, spentNanoUsd: 2n * USD }])
  })

  test('is held in all its budgets or in none', () => {
    const { book } = start([aBudget({ id: 'team', scope: 'team', limitNanoUsd: 3n * USD }), aBudget({ id: 'key' })])
    refusalOf(() => ask(book, 4n))
    expect(book.state().every(({ heldNanoUsd }) => heldNanoUsd === 0n)).toBe(true)
    granted(ask(book, 3n))
    expect(book.state().map(({ heldNanoUsd }) => heldNanoUsd)).toEqual([3n * USD, 3n * USD])
  })
})

describe('a scope', () => {
  const cases: [Budget['scope'], subject: string, other: string][] = [
    ['key', 'key_1', 'key_2'],
    ['key', 'laptop', 'phone'],
    ['team', 'team_1', 'team_2'],
    ['team', 'research', 'sales'],
    ['organisation', 'acme', 'other'],
    ['end_user', 'ada', 'bob'],
    ['tag', 'night', 'day'],
    ['route', 'chat', 'code'],
    ['provider', 'openai', 'azure'],
    ['model', 'gpt-5', 'gpt-4'],
    ['model', 'openai/gpt-5', 'azure/gpt-5'],
  ]
  const payer = aPayer({ organisation: 'acme', endUser: 'ada', tags: ['night', 'batch'] })
  test.each(cases)('%s %s is covered by its own budget and not by that of %s', (scope, subject, other) => {
    expect(() => ask(start([aBudget({ scope, subject, limitNanoUsd: 0n })]).book, 1n, payer)).toThrow(BudgetExhausted)
    expect(ask(start([aBudget({ scope, subject: other, limitNanoUsd: 0n })]).book, 1n, payer)).toBeNull()
    const each = start([aBudget({ scope, limitNanoUsd: 1n * USD })]).book
    granted(ask(each, 1n, payer)).settle(1n * USD, 'openai', 'gpt-5')
    expect(() => ask(each, 1n, payer)).toThrow(BudgetExhausted)
  })

  test('end users of the same name in two teams have a budget each', () => {
    const { book } = start([aBudget({ scope: 'end_user', limitNanoUsd: 1n * USD })])
    granted(ask(book, 1n, aPayer({ endUser: 'ada' })))
    granted(ask(book, 1n, aPayer({ endUser: 'ada', team: { id: 'team_2', name: 'sales' } })))
  })

  test('subjects beyond the bound share one account', () => {
    const { book } = start([aBudget({ scope: 'tag', limitNanoUsd: 1n * USD })], { maxAccounts: 2, waitMs: 0 })
    for (const tag of ['a', 'b', 'c'])
      granted(ask(book, 1n, aPayer({ tags: [tag] }))).settle(1n * USD, 'openai', 'gpt-5')
    expect(() => ask(book, 1n, aPayer({ tags: ['d'] }))).toThrow('the tag *')
  })
})

describe('waiting for what requests in flight hold', () => {
  test('a request that would fit if they came to nothing waits, in line', async () => {
    const { book } = start([aBudget()])
    const first = granted(ask(book, 10n))
    const order: string[] = []
    const second = Promise.resolve(ask(book, 6n)).then((reservation) => {
      order.push('second')
      return reservation
    })
    const third = Promise.resolve(ask(book, 1n)).then(() => order.push('third'))
    expect(book.waiting).toBe(2)
    first.settle(1n * USD, 'openai', 'gpt-5')
    await Promise.all([second, third])
    expect(order).toEqual(['second', 'third'])
    expect(book.state()[0]).toMatchObject({ spentNanoUsd: 1n * USD, heldNanoUsd: 7n * USD })
  })

  test('it is refused when they leave no room, and after its time', async () => {
    const { book, pass } = start([aBudget()])
    const first = granted(ask(book, 10n))
    const second = Promise.resolve(ask(book, 6n))
    first.settle(9n * USD, 'openai', 'gpt-5')
    expect(second).rejects.toMatchObject({ code: 'budget_exhausted' })
    granted(ask(book, 1n))
    const third = Promise.resolve(ask(book, 1n))
    pass(1_000)
    expect(third).rejects.toMatchObject({ code: 'budget_exhausted', message: expect.stringContaining('are held') })
    expect(book.waiting).toBe(0)
    await Promise.allSettled([second, third])
  })

  test('a raised limit lets it in', async () => {
    const { book } = start([aBudget()])
    granted(ask(book, 10n))
    const waiting = Promise.resolve(ask(book, 6n))
    book.configure([aBudget({ limitNanoUsd: 20n * USD })])
    expect(await waiting).not.toBeNull()
  })
})

test('a target whose own budget is used up is left out, and the others are held at their own dearest', () => {
  const { book } = start([
    aBudget({ id: 'of-azure', scope: 'provider', subject: 'azure', limitNanoUsd: 1n * USD }),
    aBudget({ id: 'of-key' }),
  ])
  const candidates = [
    { provider: 'azure', model: 'gpt-5', estimateNanoUsd: 9n * USD },
    { provider: 'openai', model: 'gpt-5', estimateNanoUsd: 2n * USD },
  ]
  const reservation = granted(book.reserve({ payer: aPayer(), candidates }))
  expect(reservation.allowed).toEqual([1])
  expect(reservation.holds.map(({ budgetId, nanoUsd }) => [budgetId, nanoUsd])).toEqual([['of-key', 2n * USD]])
  const refusal = refusalOf(() => book.reserve({ payer: aPayer(), candidates: candidates.slice(0, 1) }))
  expect(refusal.message).toContain('the provider azure')
})

test('a target’s budget counts only when that target answered', () => {
  const { book } = start([aBudget({ scope: 'provider' })])
  const reservation = granted(
    book.reserve({
      payer: aPayer(),
      candidates: [
        { provider: 'azure', model: 'gpt-5', estimateNanoUsd: 2n * USD },
        { provider: 'openai', model: 'gpt-5', estimateNanoUsd: 2n * USD },
      ],
    }),
  )
  expect(reservation.settle(2n * USD, 'openai', 'gpt-5').map(({ subject }) => subject)).toEqual(['openai'])
  expect(book.state().map(({ subject, spentNanoUsd }) => [subject, spentNanoUsd])).toEqual([
    ['azure', 0n],
    ['openai', 2n * USD],
  ])
})

test('what other targets cost counts in their own budgets, and the whole in those of everybody', () => {
  const { book } = start([
    aBudget({ id: 'providers', scope: 'provider' }),
    aBudget({ id: 'models', scope: 'model', subject: 'gpt-5' }),
    aBudget(),
  ])
  const candidates = ['azure', 'openai'].map((provider) => ({ provider, model: 'gpt-5', estimateNanoUsd: 5n * USD }))
  const reservation = granted(book.reserve({ payer: aPayer(), candidates }))
  const parts = [
    { provider: 'azure', model: 'gpt-5', costNanoUsd: 1n * USD },
    { provider: 'mistral', model: 'large', costNanoUsd: 2n * USD },
  ]
  const charges = reservation.settle(7n * USD, 'openai', 'gpt-5', parts)
  const shares = charges.map(({ budgetId, subject, share }) => [`${budgetId} ${subject}`, share])
  expect(Object.fromEntries(shares)).toEqual({
    'budget_1 key_1': undefined,
    'models gpt-5': { costNanoUsd: 5n * USD, isBeside: false },
    'providers azure': { costNanoUsd: 1n * USD, isBeside: true },
    'providers mistral': { costNanoUsd: 2n * USD, isBeside: true },
    'providers openai': { costNanoUsd: 4n * USD, isBeside: false },
  })
  const spent = book.state().map(({ budget, subject, spentNanoUsd }) => [`${budget.id} ${subject}`, spentNanoUsd / USD])
  expect(Object.fromEntries(spent)).toEqual({
    'budget_1 key_1': 7n,
    'models gpt-5': 5n,
    'providers azure': 1n,
    'providers mistral': 2n,
    'providers openai': 4n,
  })
})

test('a key borrows from the pool of its team, so far and no further', () => {
  const pool = aBudget({ id: 'pool', scope: 'team', limitNanoUsd: 100n * USD })
  const { book } = start([pool, aBudget({ borrowNanoUsd: 5n * USD })])
  granted(ask(book, 15n)).settle(15n * USD, 'openai', 'gpt-5')
  expect(() => ask(book, 1n)).toThrow(BudgetExhausted)
  // Nobody lends where there is no pool.
  expect(() => ask(start([aBudget({ borrowNanoUsd: 5n * USD })]).book, 15n)).toThrow(BudgetExhausted)
})

test('a raise ends by itself', () => {
  const { book, pass } = start([aBudget({ raises: [{ amountNanoUsd: 5n * USD, until: NOON + 60_000 }] })])
  granted(ask(book, 12n)).release()
  pass(60_000)
  expect(() => ask(book, 12n)).toThrow(BudgetExhausted)
})

test('a watched budget refuses nothing and counts everything; one that degrades names its route', () => {
  const { book } = start([aBudget({ onExhausted: { type: 'alert' } })])
  const reservation = granted(ask(book, 50n))
  expect(reservation.room()).toBeNull()
  reservation.settle(50n * USD, 'openai', 'gpt-5')
  expect(book.state()[0]).toMatchObject({ spentNanoUsd: 50n * USD })
  const degrading = start([aBudget({ onExhausted: { type: 'degrade', to: 'cheap' } })]).book
  expect(refusalOf(() => ask(degrading, 50n))).toMatchObject({ degradeTo: 'cheap' })
  const candidates = [{ provider: 'openai', model: 'gpt-5', estimateNanoUsd: 50n * USD }]
  granted(degrading.reserve({ payer: aPayer(), candidates, degraded: true }))
})

describe('a window', () => {
  test('that ends gives the room back, and a late answer still counts where it was admitted', () => {
    const { book, pass } = start([aBudget()])
    const late = granted(ask(book, 10n))
    pass(12 * 3_600_000)
    late.settle(10n * USD, 'openai', 'gpt-5')
    granted(ask(book, 10n))
  })

  test('that rolls lets go of what was spent, step by step', () => {
    const { book, pass } = start([aBudget({ window: { type: 'rolling', lengthMs: 48 * 60_000 } })])
    granted(ask(book, 6n)).settle(6n * USD, 'openai', 'gpt-5')
    pass(24 * 60_000)
    granted(ask(book, 4n)).settle(4n * USD, 'openai', 'gpt-5')
    expect(refusalOf(() => ask(book, 1n)).detail.headers?.['x-weir-budget-reset']).toBe('2026-11-28T12:49:00.000Z')
    pass(25 * 60_000)
    granted(ask(book, 6n)).release()
    expect(() => ask(book, 7n)).toThrow(BudgetExhausted)
  })

  test('that is changed begins anew; a changed limit keeps what was spent', () => {
    const { book } = start([aBudget()])
    granted(ask(book, 10n)).settle(10n * USD, 'openai', 'gpt-5')
    book.configure([aBudget({ limitNanoUsd: 11n * USD })])
    expect(() => ask(book, 2n)).toThrow(BudgetExhausted)
    book.configure([aBudget({ window: { type: 'once' } })])
    granted(ask(book, 10n))
  })

  test('what the store says was spent is put back where it belongs', () => {
    const { book } = start([aBudget()])
    const day = { from: Date.UTC(2026, 10, 28), until: Date.UTC(2026, 10, 29) }
    book.restore('budget_1', 'key_1', day, 9n * USD)
    // Of an hour that the budget had before it was one of a day.
    book.restore('budget_1', 'key_1', { from: day.from, until: day.from + 3_600_000 }, 9n * USD)
    book.restore('gone', 'key_1', day, 9n * USD)
    expect(book.state().map(({ spentNanoUsd }) => spentNanoUsd)).toEqual([9n * USD])
    expect(() => ask(book, 2n)).toThrow(BudgetExhausted)
  })
})
