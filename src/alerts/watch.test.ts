import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { configOf } from '../config/testing.ts'
import type { Alert } from '../core/alert.ts'
import type { Budget } from '../core/budget.ts'
import type { Entry } from '../core/ledger.ts'
import { entryOf } from '../core/testing.ts'
import { createMetrics } from '../metrics/metrics.ts'
import { drivenClock } from '../providers/simulator/driven-clock.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import { seasonOf } from './season.ts'
import { HOUR, thresholdAlert } from './testing.ts'
import { createWatch, type Watcher } from './watch.ts'
import { resetWatcher } from './watch-budgets.ts'
import { priceChangeWatcher, unpricedWatcher } from './watch-prices.ts'
import { providerWatcher } from './watch-providers.ts'
import { spendWatcher } from './watch-spend.ts'

const MINUTE = 60_000
const DAY = 24 * HOUR
const NOON = Date.UTC(2026, 10, 25, 12)
const config =
  (alerts: object = {}) =>
  () =>
    configOf({ alerts }).alerts

function openStore(): Store & AsyncDisposable {
  const store = openSqliteStore({ path: ':memory:', sync: 'process' })
  return { ...store, [Symbol.asyncDispose]: () => store.close() }
}

let number = 0
function anEntry(at: number, usd: number, change: Partial<Entry> & { readonly teamId?: string | null } = {}): Entry {
  const { teamId = 'team_1', ...others } = change
  return entryOf({
    id: `req_${String(number++).padStart(8, '0')}`,
    at,
    costNanoUsd: BigInt(Math.round(usd * 1e9)),
    ...others,
    dimensions: { ...others.dimensions, teamId, route: 'r' },
  })
}

const book = (store: Store, ...entries: Entry[]): Promise<void> => store.commit({ intents: [], entries, records: [] })

describe('looking', () => {
  test('is done when it is time, and what is found is raised once', async () => {
    const clock = drivenClock()
    const raised: Alert[] = []
    const looks: number[] = []
    const watcher: Watcher = {
      everyMs: MINUTE,
      look: async (now) => {
        looks.push(clock.monotonicMs())
        return [thresholdAlert(now, { window: { from: 0, until: null } })]
      },
    }
    const watch = createWatch({
      clock,
      watchers: [watcher],
      raise: async (alert) => raised.push(alert) > 0,
      onError: () => {},
    })
    watch.start()
    await clock.run(until(() => looks.length === 4))
    await watch.stop()
    expect(looks).toEqual([0, MINUTE, 2 * MINUTE, 3 * MINUTE])
    expect(raised).toHaveLength(1)
  })

  test('goes on when a watcher fails, and what cannot be kept is kept later, in order', async () => {
    const clock = drivenClock()
    const raised: string[] = []
    const errors: unknown[] = []
    let isAway = true
    const once: Watcher = {
      everyMs: 100 * DAY,
      look: async (now) => ['a', 'b'].map((threshold) => thresholdAlert(now, { threshold })),
    }
    const broken: Watcher = { everyMs: 100 * DAY, look: () => Promise.reject(new Error('it fell over')) }
    const watch = createWatch({
      clock,
      watchers: [broken, once],
      raise: async ({ threshold }) => {
        if (isAway) throw new Error('the store is away')
        return raised.push(threshold) > 0
      },
      onError: (error) => errors.push(error),
    })
    watch.start()
    await clock.run(until(() => errors.length === 3))
    isAway = false
    await clock.run(until(() => raised.length === 2))
    await watch.stop()
    expect(raised).toEqual(['a', 'b'])
  })
})

describe('a provider', () => {
  /** Traffic through the real counters: `play(minute)` is what happens in each of them. */
  function traffic(alerts: object, play: (minute: number, metrics: ReturnType<typeof createMetrics>) => void) {
    const metrics = createMetrics({ now: () => 0, maxModels: 10, version: '1' })
    const watcher = providerWatcher(metrics.recent, config(alerts))
    return async (minutes: number): Promise<readonly Alert[]> => {
      const found: Alert[] = []
      for (let minute = 0; minute < minutes; minute++) {
        play(minute, metrics)
        found.push(...(await watcher.look(NOON + minute * MINUTE)))
      }
      return found
    }
  }

  function request(metrics: ReturnType<typeof createMetrics>, isGood: boolean, ttftMs = 100): void {
    metrics.requestStarted()
    metrics.requestFinished({
      operation: 'chat',
      route: 'r',
      provider: 'up',
      model: 'm',
      status: isGood ? 200 : 502,
      errorCode: null,
      stream: true,
      durationMs: ttftMs,
      ttftMs: isGood ? ttftMs : null,
      overheadMs: 1,
      costNanoUsd: null,
      usage: null,
      attempts: [
        {
          target: 'up/m',
          credentialId: null,
          outcome: isGood ? { type: 'answered' } : { type: 'unreachable', reason: 'down' },
          status: null,
          startedAt: 0,
          durationMs: ttftMs,
          ttftMs,
          message: null,
        },
      ],
    })
  }

  test('that fails is told when it begins and when it is over, and again the next time', async () => {
    const isDown = (minute: number) => (minute >= 10 && minute < 20) || (minute >= 100 && minute < 110)
    const look = traffic({}, (minute, metrics) => {
      for (let index = 0; index < 10; index++) request(metrics, !isDown(minute))
    })
    const found = await look(150)
    expect(found.map(({ at, isOver }) => [isOver === true ? 'over' : 'begun', (at - NOON) / MINUTE])).toEqual([
      ['begun', 12],
      ['over', 23],
      ['begun', 102],
      ['over', 113],
    ])
    // The end belongs to the beginning, also in another hour.
    expect(found.map(({ window }) => (window.from - NOON) / HOUR)).toEqual([0, 0, 1, 1])
    expect(found[0]).toMatchObject({
      subject: { scope: 'provider', id: 'up' },
      facts: { failed: 30, attempts: 50, share: 0.6 },
    })
  })

  test('that is asked rarely because it cools down is told all the same, once', async () => {
    const look = traffic({}, (minute, metrics) => {
      for (let index = 0; index < (minute === 0 ? 3 : 1); index++) request(metrics, false)
    })
    expect((await look(30)).map(({ kind }) => kind)).toEqual(['provider_errors'])
  })

  test('with a single failure among few is not told', async () => {
    const look = traffic({}, (minute, metrics) => request(metrics, minute % 3 !== 0))
    expect(await look(60)).toEqual([])
  })

  test('whose answers take long to begin is told, by the last minutes and not by the past', async () => {
    const look = traffic({ provider_latency: { first_token: '5s', over: '2m' } }, (minute, metrics) => {
      for (let index = 0; index < 100; index++) request(metrics, true, minute >= 50 && index < 20 ? 9_000 : 300)
    })
    const found = await look(60)
    expect(found.map(({ kind, subject, at }) => [kind, subject.id, (at - NOON) / MINUTE])).toEqual([
      ['provider_latency', 'up/m', 50],
    ])
  })
})

describe('an hour of spend', () => {
  test.each([
    ['that is as every week', 10, 10, []],
    ['that is half as much again', 10, 15, []],
    ['that is ten times as dear', 10, 100, ['', 'team_1']],
    ['that is ten times of next to nothing', 0.01, 0.1, []],
    ['that was never there before', 0, 50, ['', 'team_1']],
  ])('%s', async (_, usual, now, told) => {
    await using store = openStore()
    const hour = NOON - HOUR
    for (let week = 1; week <= 6; week++) {
      await book(store, anEntry(hour - week * 7 * DAY - 10 * HOUR, 0.001))
      for (const near of [-HOUR, 0, HOUR])
        if (usual > 0) await book(store, anEntry(hour - week * 7 * DAY + near + MINUTE, usual * (1 + (week % 3) / 20)))
    }
    await book(store, anEntry(hour + MINUTE, now))
    const watcher = spendWatcher(store, config())
    const found = await watcher.look(NOON + 6 * MINUTE)
    expect(found.map(({ subject }) => subject.id)).toEqual([...told])
    expect(await watcher.look(NOON + 11 * MINUTE)).toEqual([])
  })

  test('is not judged before there are three weeks to compare with', async () => {
    await using store = openStore()
    for (let day = 1; day <= 20; day++) await book(store, anEntry(NOON - HOUR - day * DAY, 1))
    await book(store, anEntry(NOON - HOUR, 100))
    expect(await spendWatcher(store, config()).look(NOON + 6 * MINUTE)).toEqual([])
  })

  test('of a team that is new is not judged, whatever the others have done for weeks', async () => {
    await using store = openStore()
    const hour = NOON - HOUR
    for (let week = 0; week <= 6; week++)
      for (const near of [-HOUR, 0, HOUR]) await book(store, anEntry(hour - week * 7 * DAY + near, 100))
    for (let day = 0; day <= 14; day++) await book(store, anEntry(hour - day * DAY - HOUR, 5, { teamId: 'new' }))
    await book(store, anEntry(hour, 20, { teamId: 'new' }))
    expect(await spendWatcher(store, config()).look(NOON + 6 * MINUTE)).toEqual([])
  })

  test('of another team makes nobody else unusual', async () => {
    await using store = openStore()
    const hour = NOON - HOUR
    for (let week = 0; week <= 6; week++)
      for (const near of [-HOUR, 0, HOUR]) {
        await book(store, anEntry(hour - week * 7 * DAY + near, 10))
        await book(store, anEntry(hour - week * 7 * DAY + near, 2, { teamId: 'team_2' }))
      }
    await book(store, anEntry(hour, 200, { teamId: 'team_2' }))
    const found = await spendWatcher(store, config()).look(NOON + 6 * MINUTE)
    expect(found.map(({ subject }) => subject.id)).toEqual(['', 'team_2'])
  })
})

describe('a season', () => {
  test('is moved by no single sample, however wild', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 90, max: 110 }), { minLength: 9, maxLength: 18 }),
        fc.integer({ min: 0, max: 1_000_000 }),
        (samples, wild) => {
          const season = seasonOf(100, [...samples, wild], 1)
          expect(Math.abs(season?.deviations ?? 99)).toBeLessThanOrEqual(2)
        },
      ),
    )
  })

  test('without samples is none', () => expect(seasonOf(1, [], 1)).toBeNull())
  test('of equal samples has some spread all the same', () =>
    expect(seasonOf(105, [100, 100, 100], 1)?.deviations).toBe(0.5))
})

describe('prices', () => {
  const change = (model: string, after: bigint) => ({ vendor: 'openai', model, unit: 'input', before: 250_000n, after })
  const file = (version: string, at: number, changes: ReturnType<typeof change>[]) => ({
    form: 'litellm',
    place: 'x',
    version,
    etag: null,
    text: '{}',
    at,
    changes,
  })

  test('that a file changed are told with the first of them, whoever took the file', async () => {
    await using store = openStore()
    const watcher = priceChangeWatcher(store)
    expect(await watcher.look(NOON)).toEqual([])
    const changes = Array.from({ length: 7 }, (_, index) => change(`gpt-${index}`, 300_000n))
    await store.takePriceFeed(file('litellm-1', NOON, changes))
    const found = await watcher.look(NOON + MINUTE)
    expect(found).toMatchObject([
      { kind: 'price_change', threshold: 'litellm-1', facts: { version: 'litellm-1', changes: 7 } },
    ])
    expect(found[0]?.kind === 'price_change' && found[0].facts.examples[0]).toBe('openai/gpt-6 input $0.25 → $0.3')
    expect(await watcher.look(NOON + 2 * MINUTE)).toEqual([])
    // After a crash before it was told, the next process finds it.
    expect(await priceChangeWatcher(store).look(NOON + 3 * MINUTE)).toHaveLength(1)
    expect(await priceChangeWatcher(store).look(NOON + 8 * DAY)).toEqual([])
  })

  test('that are missing are told for each model and day', async () => {
    await using store = openStore()
    await book(
      store,
      anEntry(NOON, 0, { unpriced: true }),
      anEntry(NOON + 1, 0, { unpriced: true }),
      anEntry(NOON, 1, { model: 'priced' }),
    )
    expect(await unpricedWatcher(store).look(NOON + HOUR)).toMatchObject([
      { kind: 'unpriced_usage', subject: { id: 'up/m' }, facts: { day: '2026-11-25', requests: 2 } },
    ])
    expect(await unpricedWatcher(store).look(NOON + DAY)).toEqual([])
  })
})

describe('a budget that begins anew', () => {
  const budget: Budget = {
    id: 'b',
    scope: 'team',
    subject: null,
    window: { type: 'calendar', unit: 'day', timeZone: 'UTC' },
    limitNanoUsd: 10_000_000_000n,
    onExhausted: { type: 'reject' },
    borrowNanoUsd: null,
    alertAt: [0.8],
    raises: [],
    source: 'store',
    createdAt: 0,
  }
  const day = NOON - (NOON % DAY)
  const state = { budget, limitNanoUsd: budget.limitNanoUsd, resetAt: day + 2 * DAY }

  test('is told once if it was told of, with what was spent', async () => {
    await using store = openStore()
    const window = { from: day, until: day + DAY }
    const charge = { budgetId: 'b', subject: 'team_1', ...window }
    await book(store, anEntry(NOON, 9, { charges: [{ ...charge, alerts: [thresholdAlert(NOON, { window })] }] }))
    const watcher = resetWatcher({ alerts: () => [], find: () => state }, store)
    expect(await watcher.look(day + DAY - 1)).toEqual([])
    expect(await watcher.look(day + DAY)).toMatchObject([
      {
        kind: 'budget_reset',
        subject: { scope: 'team', id: 'team_1' },
        window: { from: day + DAY, until: day + 2 * DAY },
        facts: { spentUsd: '9', limitUsd: '10' },
      },
    ])
    expect(await watcher.look(day + DAY + 2 * HOUR)).toEqual([])
  })

  test('is not told of one that is gone, or has no window of the calendar', async () => {
    await using store = openStore()
    await store.raiseAlert(thresholdAlert(NOON, { window: { from: day, until: day + DAY } }))
    const rolling = { ...state, budget: { ...budget, window: { type: 'rolling', lengthMs: DAY } as const } }
    for (const found of [null, rolling])
      expect(await resetWatcher({ alerts: () => [], find: () => found }, store).look(day + DAY)).toEqual([])
  })
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
