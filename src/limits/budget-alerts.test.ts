import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { alertKey, type Alert } from '../core/alert.ts'
import type { Budget } from '../core/budget.ts'
import { createBudgets, type Budgets } from './budgets.ts'

const USD = 1_000_000_000n
const HOUR = 3_600_000
const DAY = 24 * HOUR
const MIDNIGHT = Date.UTC(2026, 10, 2)

function aBudget(change: Partial<Budget> = {}): Budget {
  return {
    id: 'b',
    scope: 'team',
    subject: null,
    window: { type: 'calendar', unit: 'day', timeZone: 'UTC' },
    limitNanoUsd: 100n * USD,
    onExhausted: { type: 'alert' },
    borrowNanoUsd: null,
    alertAt: [0.5, 0.8, 1],
    raises: [],
    source: 'store',
    createdAt: 0,
    ...change,
  }
}

const PAYER = {
  key: { id: 'key_1', name: 'laptop' },
  team: { id: 'team_1', name: 'research' },
  organisation: null,
  endUser: null,
  tags: [],
  route: null,
}

function start(...budgets: Budget[]) {
  const time = { now: MIDNIGHT + HOUR }
  const clock = { now: () => time.now, monotonicMs: () => time.now, after: () => () => {} }
  const book: Budgets = createBudgets({ clock })
  book.configure(budgets)
  return {
    book,
    time,
    /** Spends dollars and gives the alerts that go with the entry. */
    spend(this: void, usd: number): readonly Alert[] {
      const reservation = book.reserve({
        payer: PAYER,
        candidates: [{ provider: 'up', model: 'm', estimateNanoUsd: 0n }],
      })
      if (reservation === null || reservation instanceof Promise) throw new Error('it was not granted at once')
      return reservation.settle(BigInt(Math.round(usd * 1e9)), 'up', 'm').flatMap(({ alerts }) => alerts ?? [])
    },
    watched: (): readonly Alert[] => [...book.alerts()].flat(),
  }
}

const shares = (alerts: readonly Alert[]): readonly (number | string)[] =>
  alerts.map((alert) => (alert.kind === 'budget_threshold' ? alert.facts.share : alert.kind))

describe('a threshold', () => {
  test('goes with the entry that reaches it, and with no other', () => {
    const { spend, watched } = start(aBudget())
    expect([49, 1, 10, 45, 20].map((usd) => shares(spend(usd)))).toEqual([[], [0.5], [], [0.8, 1], []])
    expect(shares(watched())).toEqual([])
  })

  test('tells who, how much and until when', () => {
    const { spend } = start(aBudget())
    expect(spend(50)).toEqual([
      {
        kind: 'budget_threshold',
        subject: { scope: 'team', id: 'team_1' },
        threshold: 'b 0.5 of 100',
        window: { from: MIDNIGHT, until: MIDNIGHT + DAY },
        at: MIDNIGHT + HOUR,
        facts: {
          budget: 'b',
          share: 0.5,
          limitUsd: '100',
          spentUsd: '50',
          resetsAt: new Date(MIDNIGHT + DAY).toISOString(),
          onExhausted: 'alert',
        },
      },
    ])
  })

  test('is told again in the next window', () => {
    const { spend, time } = start(aBudget())
    const first = spend(60)
    time.now += DAY
    const second = spend(60)
    expect([shares(first), shares(second)]).toEqual([[0.5], [0.5]])
    expect(alertKey(first[0]!)).not.toBe(alertKey(second[0]!))
  })

  test('is armed again when the budget is raised, by its limit or for a while', () => {
    const { spend, book, time, watched } = start(aBudget())
    expect(shares(spend(85))).toEqual([0.5, 0.8])
    book.configure([aBudget({ limitNanoUsd: 160n * USD })])
    // Half of the new limit is spent already; it was not told of this limit.
    expect(shares(watched())).toEqual([0.5])
    expect(shares(spend(43))).toEqual([0.8])
    const raised = aBudget({
      limitNanoUsd: 160n * USD,
      raises: [{ amountNanoUsd: 100n * USD, until: time.now + HOUR }],
    })
    book.configure([raised])
    expect(shares(spend(2))).toEqual([0.5])
    time.now += HOUR
    // What was told of the lower limit has the key that it had.
    expect(new Set(watched().map(alertKey)).size).toBe(2)
  })

  test('that a lower limit, or spend of before the start, has reached is found by looking', () => {
    const { spend, book, watched } = start(aBudget())
    spend(40)
    book.configure([aBudget({ limitNanoUsd: 50n * USD })])
    expect(shares(watched())).toEqual([0.5, 0.8])
    const other = start(aBudget())
    other.book.restore('b', 'team_1', { from: MIDNIGHT, until: MIDNIGHT + DAY }, 55n * USD)
    expect(shares(other.watched())).toEqual([0.5])
    expect(shares(other.spend(30))).toEqual([0.8])
  })

  test('of a rolling window is told once in each stretch of its length', () => {
    const { spend, time, watched } = start(aBudget({ window: { type: 'rolling', lengthMs: DAY } }))
    expect(shares(spend(55))).toEqual([0.5])
    time.now += 2 * HOUR
    expect(shares(watched())).toEqual([])
    time.now += 22 * HOUR
    expect(shares(watched())).toEqual([0.5])
    time.now += 20 * HOUR
    expect(shares(spend(55))).toEqual([])
  })

  test('of a window that has ended meanwhile is not told', () => {
    const { book, time } = start(aBudget())
    const candidates = [{ provider: 'up', model: 'm', estimateNanoUsd: 0n }]
    const reservation = book.reserve({ payer: PAYER, candidates })
    if (reservation === null || reservation instanceof Promise) throw new Error('it was not granted at once')
    time.now += DAY
    expect(reservation.settle(90n * USD, 'up', 'm')[0]).not.toHaveProperty('alerts')
  })

  test('whatever is spent and however the limit changes: each is told once for a limit, and exactly those that are reached', () => {
    const step = fc.oneof(
      fc.record({ spend: fc.integer({ min: 0, max: 60_000 }) }),
      fc.record({ limit: fc.constantFrom(50n, 100n, 200n) }),
      fc.record({ look: fc.constant(true) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { spend, book, watched } = start(aBudget())
        const told = new Set<string>()
        let limit = 100n
        let spent = 0n
        const limits = new Map<bigint, bigint>()
        for (const change of [...steps, { look: true as const }]) {
          let alerts: readonly Alert[] = []
          if ('spend' in change) {
            alerts = spend(change.spend / 1_000)
            spent += BigInt(change.spend) * 1_000_000n
          } else if ('limit' in change) {
            limit = change.limit
            book.configure([aBudget({ limitNanoUsd: limit * USD })])
          } else alerts = watched().filter(({ kind }) => kind === 'budget_threshold')
          if (!('limit' in change)) limits.set(limit, spent)
          for (const alert of alerts) told.add(alert.threshold)
        }
        const expected = [...limits].flatMap(([of, most]) =>
          [50n, 80n, 100n]
            .filter((percent) => most * 100n >= of * USD * percent)
            .map((percent) => `b ${Number(percent) / 100} of ${of}`),
        )
        expect([...told].toSorted()).toEqual(expected.toSorted())
      }),
    )
  })
})

describe('a forecast', () => {
  const month = { type: 'calendar', unit: 'month', timeZone: 'UTC' } as const
  const FIRST = Date.UTC(2026, 10, 1)

  test.each([
    ['twice as fast as the month: told, once', 10, 66, 1],
    ['just in time: not told', 10, 34, 0],
    ['too early in the month to say', 2, 40, 0],
    ['next to nothing is spent', 10, 5, 0],
    ['used up already: a threshold says so', 10, 100, 0],
  ])('%s', (_, day, usd, told) => {
    const { spend, watched, time } = start(aBudget({ window: month }))
    time.now = FIRST + day * DAY
    spend(usd)
    const forecasts = [...watched(), ...watched()].filter(({ kind }) => kind === 'budget_forecast')
    expect(forecasts).toHaveLength(told)
  })

  test('says when, and is made anew for a raised limit', () => {
    const { spend, watched, time, book } = start(aBudget({ window: month, alertAt: [1] }))
    time.now = FIRST + 10 * DAY
    spend(50)
    expect(watched()).toMatchObject([
      { facts: { exhaustedAt: '2026-11-21T00:00:00.000Z', resetsAt: '2026-12-01T00:00:00.000Z' } },
    ])
    book.configure([aBudget({ window: month, alertAt: [1], limitNanoUsd: 125n * USD })])
    expect(watched()).toMatchObject([{ threshold: 'b of 125', facts: { exhaustedAt: '2026-11-26T00:00:00.000Z' } }])
  })
})
