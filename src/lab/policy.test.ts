import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { type QualityCandidate, type QualityPolicy, Z_NORMAL, Z_STRICT } from '../core/quality.ts'
import { adaptPressure, chancesOf, decide, type Situation } from './policy.ts'

const candidate = (
  deployment: string,
  mean: number,
  sd: number,
  cost: number,
  rest: Partial<QualityCandidate> = {},
): QualityCandidate => ({
  deployment,
  quality: { mean, sd, observations: 100 },
  expectedCostNanoUsd: cost,
  latencyMs: 500,
  headroomShare: 1,
  ...rest,
})
const POLICY: QualityPolicy = {
  floor: 0.8,
  baselineShare: null,
  z: Z_NORMAL,
  minOwnObservations: 0,
  degrade: false,
  explorationShare: 0,
}
const CALM: Situation = { baseline: 'big', pressurePerUsd: 0, explorationLeftNanoUsd: 0, draw: 0.5 }
const BIG = candidate('big', 0.95, 0.01, 1_000_000)

test('the cheapest one whose lower bound reaches the floor answers', () => {
  const decision = decide(
    [BIG, candidate('mid', 0.9, 0.02, 300_000), candidate('small', 0.85, 0.02, 100_000)],
    POLICY,
    CALM,
  )
  expect(decision.order).toEqual(['small', 'mid', 'big'])
  expect(decision.reason).toBe('cheapest_good_enough')
  expect(decision.propensity).toBe(1)
})

test('a high mean that little is known of is not good enough', () => {
  const decision = decide([BIG, candidate('small', 0.85, 0.1, 100_000)], POLICY, CALM)
  expect(decision.order).toEqual(['big'])
  expect(decision.considered[1]).toMatchObject({ deployment: 'small', excluded: 'below_floor' })
})

test('the strict bound asks for more evidence', () => {
  const small = candidate('small', 0.85, 0.035, 100_000)
  expect(decide([BIG, small], POLICY, CALM).order[0]).toBe('small')
  expect(decide([BIG, small], { ...POLICY, z: Z_STRICT }, CALM).order[0]).toBe('big')
})

test('when nobody is good enough the configured baseline answers, not the noisy best', () => {
  const decision = decide(
    [candidate('big', 0.6, 0.01, 1_000_000), candidate('lucky', 0.75, 0.2, 100_000)],
    POLICY,
    CALM,
  )
  expect(decision).toMatchObject({ order: ['big'], reason: 'baseline', baseline: 'big', bar: 0.8 })
})

test('a comparison with the baseline needs own evidence', () => {
  const policy = { ...POLICY, floor: 0.5, baselineShare: 0.95 }
  const known = candidate('known', 0.94, 0.01, 100_000)
  const fresh = { ...known, deployment: 'fresh', quality: { ...known.quality, observations: 29 } }
  expect(decide([BIG, known], policy, CALM).order[0]).toBe('known')
  const decision = decide([BIG, fresh], policy, CALM)
  expect(decision.order[0]).toBe('big')
  expect(decision.considered[1]!.excluded).toBe('too_little_evidence')
  expect(decide([BIG, candidate('weak', 0.9, 0.01, 1)], policy, CALM).order[0]).toBe('big')
})

test('without trust in priors, own evidence is needed for the floor, too', () => {
  const policy = { ...POLICY, minOwnObservations: 30 }
  const fresh = { ...candidate('fresh', 0.95, 0.01, 1), quality: { mean: 0.95, sd: 0.01, observations: 29 } }
  expect(decide([BIG, fresh], POLICY, CALM).order[0]).toBe('fresh')
  expect(decide([BIG, fresh], policy, CALM).order[0]).toBe('big')
})

test('equal costs are decided by latency, then by headroom', () => {
  const slow = candidate('slow', 0.9, 0.01, 100_000, { latencyMs: 900 })
  const full = candidate('full', 0.9, 0.01, 101_000, { headroomShare: 0.1 })
  const free = candidate('free', 0.9, 0.01, 101_500)
  expect(decide([BIG, slow, full, free], POLICY, CALM).order[0]).toBe('free')
})

test('under pressure quality is given up where that saves most, and only where the policy lets it', () => {
  const mid = candidate('mid', 0.9, 0.01, 300_000)
  const small = candidate('small', 0.7, 0.01, 10_000)
  const lenient = { ...POLICY, degrade: true }
  const under = (pressurePerUsd: number): Situation => ({ ...CALM, pressurePerUsd })
  // The bar is 0.8, small's lower bound 0.687: 0.113 less for 290 000 nano-dollars less, which 390 a dollar are worth.
  expect(decide([BIG, mid, small], lenient, under(380))).toMatchObject({
    order: ['mid', 'big', 'small'],
    reason: 'cheapest_good_enough',
  })
  expect(decide([BIG, mid, small], lenient, under(400))).toMatchObject({
    order: ['small', 'mid', 'big'],
    reason: 'best_for_the_money',
  })
  expect(decide([BIG, mid, small], POLICY, under(1e6)).order).toEqual(['mid', 'big'])
})

test('pressure never chooses who costs more than the one that would answer without it', () => {
  const someone = fc.record({
    mean: fc.double({ min: 0, max: 1, noNaN: true }),
    sd: fc.double({ min: 0, max: 0.3, noNaN: true }),
    cost: fc.integer({ min: 0, max: 1_000_000 }),
  })
  fc.assert(
    fc.property(
      fc.array(someone, { minLength: 1, maxLength: 8 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.array(fc.double({ min: 0, max: 1e7, noNaN: true }), { minLength: 2, maxLength: 5 }),
      (drawn, floor, pressures) => {
        const candidates = drawn.map(({ mean, sd, cost }, place) => candidate(`c${place}`, mean, sd, cost))
        const costUnder = (pressurePerUsd: number): number => {
          const { order } = decide(candidates, { ...POLICY, floor, degrade: true }, { ...CALM, pressurePerUsd })
          return candidates.find(({ deployment }) => deployment === order[0])!.expectedCostNanoUsd
        }
        const costs = [0, ...pressures.toSorted((a, b) => a - b)].map(costUnder)
        // Nor does more of it choose who costs more than less of it did.
        for (const [place, cost] of costs.entries()) if (place > 0) expect(cost).toBeLessThanOrEqual(costs[place - 1]!)
      },
    ),
  )
})

test('who is good enough stands behind the baseline, and who is not comes last of all where the policy lets it', () => {
  const candidates = [
    candidate('mid', 0.97, 0.02, 300_000),
    BIG,
    candidate('dear', 0.85, 0.01, 2_000_000),
    candidate('weak', 0.6, 0.01, 10),
    candidate('unknown', 0.7, 0.01, Number.POSITIVE_INFINITY),
  ]
  expect(decide(candidates, POLICY, CALM).order).toEqual(['mid', 'big', 'dear'])
  expect(decide(candidates, { ...POLICY, degrade: true }, CALM).order).toEqual('mid big dear unknown weak'.split(' '))
})

test('nobody is tried who costs more than the one that answers anyway', () => {
  const policy = { ...POLICY, explorationShare: 0.1 }
  const rich = { ...CALM, explorationLeftNanoUsd: 1e9, draw: 0.05 }
  const good = candidate('good', 0.95, 0.01, 100_000)
  expect(decide([BIG, good, candidate('fresh', 0.75, 0.1, 200_000)], policy, rich).order[0]).toBe('good')
  expect(decide([BIG, good, candidate('fresh', 0.75, 0.1, 50_000)], policy, rich).order[0]).toBe('fresh')
})

test('exploration tries plausible ones within its money, with a known chance', () => {
  const policy = { ...POLICY, explorationShare: 0.02 }
  const fresh = candidate('fresh', 0.75, 0.1, 100_000)
  const hopeless = candidate('hopeless', 0.5, 0.05, 1_000)
  const rich = { ...CALM, explorationLeftNanoUsd: 200_000 }
  const tried = decide([BIG, fresh, hopeless], policy, { ...rich, draw: 0.01 })
  expect(tried).toMatchObject({ order: ['fresh', 'big'], reason: 'exploration', propensity: 0.02 })
  expect(decide([BIG, fresh, hopeless], policy, { ...rich, draw: 0.5 })).toMatchObject({
    order: ['big'],
    propensity: 0.98,
  })
  expect(decide([BIG, fresh], policy, { ...CALM, draw: 0.01 })).toMatchObject({ order: ['big'], propensity: 1 })
})

test('there must be somebody to choose', () => {
  expect(() => decide([], POLICY, CALM)).toThrow(RangeError)
})

test('whatever the candidates: the order names each once, and chances of all choices add up to 1', () => {
  const someone = fc.record({
    deployment: fc.constantFrom('a', 'b', 'c', 'd', 'big'),
    mean: fc.double({ min: 0, max: 1, noNaN: true }),
    sd: fc.double({ min: 0, max: 0.3, noNaN: true }),
    cost: fc.integer({ min: 0, max: 1_000_000 }),
  })
  fc.assert(
    fc.property(
      fc.uniqueArray(someone, { selector: ({ deployment }) => deployment, minLength: 1 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom(0, 10, 1e4),
      fc.boolean(),
      (drawn, floor, pressurePerUsd, degrade) => {
        const candidates = drawn.map(({ deployment, mean, sd, cost }) => candidate(deployment, mean, sd, cost))
        const policy = { ...POLICY, floor, degrade, explorationShare: 0.1 }
        const chances = new Map<string, number>()
        for (let step = 0; step < 200; step++) {
          const draw = step / 200
          const decision = decide(candidates, policy, { ...CALM, pressurePerUsd, explorationLeftNanoUsd: 5e5, draw })
          expect(new Set(decision.order).size).toBe(decision.order.length)
          chances.set(decision.order[0]!, decision.propensity)
        }
        expect(chancesOf(candidates, policy, { ...CALM, pressurePerUsd, explorationLeftNanoUsd: 5e5 })).toEqual(chances)
        expect(Array.from(chances.values()).reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(1)
      },
    ),
    { numRuns: 50 },
  )
})

test('pressure rises while spending runs ahead of its budget, and falls to nothing behind it', () => {
  expect(adaptPressure(0, 0.6, 0.5, 100)).toBeCloseTo(10)
  expect(adaptPressure(5, 0.2, 0.5, 100)).toBe(0)
})
