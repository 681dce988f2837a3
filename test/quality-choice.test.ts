// What leads the choice by quality beside the scores: what may be spent on trying, and budgets that are spent ahead of their pace.
import { describe, expect, test } from 'bun:test'
import { DEFAULT_CONFIG } from '../src/config/schema.ts'
import type { Budget } from '../src/core/budget.ts'
import type { QualityCandidate } from '../src/core/quality.ts'
import { createBudgets } from '../src/limits/budgets.ts'
import { drivenClock } from '../src/providers/simulator/driven-clock.ts'
import type { QualityTerms } from '../src/routing/route.ts'
import { testFacts } from '../src/routing/testing.ts'
import { createSnapshot } from '../src/snapshot.ts'
import { createExploration } from '../src/stages/exploration.ts'
import { createPressure } from '../src/stages/pressure.ts'
import { qualityIn } from '../src/stages/quality.ts'

const TERMS: QualityTerms = {
  floor: 0.8,
  baselineShare: null,
  z: 1.28,
  minOwnObservations: 0,
  degrade: true,
  explorationShare: 0.1,
  baseline: 'big',
  exploration: { spendShare: 0.05, maxNanoUsd: null },
}
const candidate = (deployment: string, mean: number, sd: number, cost: number): QualityCandidate => ({
  deployment,
  quality: { mean, sd, observations: 100 },
  expectedCostNanoUsd: cost,
  latencyMs: 500,
  headroomShare: 1,
})
const CANDIDATES = [candidate('big', 0.95, 0.01, 1_000_000), candidate('fresh', 0.75, 0.1, 100_000)]

describe('trying out', () => {
  function start() {
    const clock = drivenClock()
    const draws = { next: 0.5 }
    const exploration = createExploration(clock)
    const snapshot = createSnapshot(DEFAULT_CONFIG, {}, { clock, seed: 1 })
    const engine = { random: () => draws.next, exploration }
    const real = qualityIn(engine, snapshot, { isDry: false })
    const dry = qualityIn(engine, snapshot, { isDry: true })
    const choose = (draw: number, { decide }: typeof real = real, terms: Partial<QualityTerms> = {}, isFree = true) => {
      draws.next = draw
      const choosing = { route: 'chat', terms: { ...TERMS, ...terms }, baseline: 'big', isFree }
      return decide(CANDIDATES, choosing, testFacts({ tasks: () => ({ code: 1 }) }))
    }
    return { clock, choose, dry }
  }

  test('a share of the requests tries somebody, within its share of what the day has cost', () => {
    const { choose } = start()
    // Nothing was spent yet, so nothing may be.
    expect(choose(0)).toMatchObject({ reason: 'cheapest_good_enough', propensity: 1, tasks: { code: 1 } })
    for (let request = 0; request < 4; request++) choose(0.5)
    // 5 % of 5 000 000 are 250 000: two answers at 100 000, and not a third.
    expect(choose(0.05)).toMatchObject({ order: ['fresh', 'big'], reason: 'exploration', propensity: 0.1 })
    expect(choose(0.05)).toMatchObject({ reason: 'exploration' })
    expect(choose(0.05)).toMatchObject({ reason: 'cheapest_good_enough', propensity: 1 })
    for (let request = 0; request < 2; request++) choose(0.5)
    expect(choose(0.5)).toMatchObject({ order: ['big', 'fresh'], reason: 'cheapest_good_enough', propensity: 0.9 })
  })

  test('whatever is spent, no more than the amount of a day; the next day begins anew', () => {
    const { clock, choose } = start()
    const capped = { exploration: { spendShare: 1, maxNanoUsd: 150_000n } }
    for (let request = 0; request < 10; request++) choose(0.5)
    expect(choose(0, undefined, capped).reason).toBe('exploration')
    expect(choose(0, undefined, capped).reason).toBe('cheapest_good_enough')
    clock.advance(86_400_000)
    expect(choose(0, undefined, capped).reason).toBe('cheapest_good_enough')
    choose(0.5)
    expect(choose(0, undefined, capped).reason).toBe('exploration')
  })

  test('nobody is tried by an explanation, in a conversation that is under way, or where it is not wanted', () => {
    const { choose, dry } = start()
    for (let request = 0; request < 10; request++) choose(0.5)
    for (let request = 0; request < 10; request++) expect(choose(0, dry).reason).toBe('exploration')
    expect(choose(0, undefined, {}, false)).toMatchObject({ reason: 'cheapest_good_enough', propensity: 1 })
    expect(choose(0, undefined, { explorationShare: 0 }).reason).toBe('cheapest_good_enough')
    // The explanations have spent nothing of it.
    expect(choose(0).reason).toBe('exploration')
  })

  test('the pressure of a budget is measured by what the baseline costs, and only where quality may be given up', () => {
    const clock = drivenClock()
    const snapshot = createSnapshot(DEFAULT_CONFIG, {}, { clock, seed: 1 })
    const { decide } = qualityIn({ random: () => 1, exploration: createExploration(clock) }, snapshot, { isDry: false })
    const under = (pressure: number, terms: Partial<QualityTerms> = {}) =>
      decide(
        CANDIDATES,
        { route: 'chat', terms: { ...TERMS, ...terms }, baseline: 'big', isFree: true },
        testFacts({ pressure: () => pressure }),
      )
    // A million nano-dollars are a thousandth of a dollar.
    expect(under(0.1)).toMatchObject({ pressurePerUsd: 100, reason: 'cheapest_good_enough' })
    expect(under(1)).toMatchObject({ order: ['fresh', 'big'], reason: 'best_for_the_money' })
    expect(under(1, { degrade: false })).toMatchObject({ pressurePerUsd: 0, order: ['big'] })
  })
})

describe('pressure', () => {
  const USD = 1_000_000_000n
  const DAY: Budget = {
    id: 'budget_1',
    scope: 'key',
    subject: null,
    window: { type: 'calendar', unit: 'day', timeZone: 'UTC' },
    limitNanoUsd: 100n * USD,
    onExhausted: { type: 'reject' },
    borrowNanoUsd: null,
    alertAt: [],
    raises: [],
    source: 'store',
    createdAt: 0,
  }
  const PAYER = {
    key: { id: 'key_1', name: 'app' },
    team: null,
    organisation: null,
    endUser: null,
    tags: [],
    route: 'chat',
  }
  const HOUR_MS = 3_600_000

  function start(budget: Budget) {
    const clock = drivenClock()
    const budgets = createBudgets({ clock })
    budgets.configure([budget])
    const pressure = createPressure({ clock, budgets })
    const spend = (usd: number): void => {
      const reservation = budgets.reserve({
        payer: PAYER,
        candidates: [{ provider: 'p', model: 'm', estimateNanoUsd: 0n }],
      })
      if (reservation === null || reservation instanceof Promise) throw new Error('not granted')
      reservation.settle(BigInt(usd) * USD, 'p', 'm')
    }
    /** A request every minute. */
    const pass = (hours: number): number => {
      let last = 0
      for (let minute = 0; minute < hours * 60; minute++) {
        clock.advance(HOUR_MS / 60)
        last = pressure.on(PAYER)
      }
      return last
    }
    return { clock, pressure, spend, pass }
  }

  test('it rises while a budget is spent ahead of its pace, and falls once it lags', () => {
    const { clock, pressure, spend, pass } = start(DAY)
    clock.advance(86_400_000 - (clock.now() % 86_400_000))
    expect(pressure.on(PAYER)).toBe(0)
    spend(50)
    const early = pass(2)
    expect(early).toBeGreaterThan(1)
    // At noon half of the day and half of the money are gone; by the evening the pace is kept.
    const noon = pass(10)
    expect(noon).toBeGreaterThan(early)
    expect(pass(11)).toBeLessThan(noon)
  })

  test('a budget that lags, that nobody is refused for, or that is not there weighs nothing', () => {
    const lagging = start(DAY)
    lagging.clock.advance(86_400_000 - (lagging.clock.now() % 86_400_000) + 12 * HOUR_MS)
    lagging.spend(10)
    expect(lagging.pass(3)).toBe(0)
    const watched = start({ ...DAY, onExhausted: { type: 'alert' } })
    watched.spend(99)
    expect(watched.pass(2)).toBe(0)
    const clock = drivenClock()
    expect(createPressure({ clock, budgets: createBudgets({ clock }) }).on(PAYER)).toBe(0)
  })

  test('where the window has no pace, what is beyond four fifths of the limit counts', () => {
    for (const window of [{ type: 'once' }, { type: 'rolling', lengthMs: 86_400_000 }] as const) {
      const { spend, pass } = start({ ...DAY, window })
      spend(79)
      expect(pass(2)).toBe(0)
      spend(11)
      expect(pass(2)).toBeGreaterThan(0)
    }
  })
})
