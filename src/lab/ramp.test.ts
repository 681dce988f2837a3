import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { randomOf } from '../providers/simulator/random.ts'
import { GUARDRAILS, type Ramp, STAGES, type Transition } from '../core/experiment.ts'
import { candidateShareOf, DEFAULT_PLAN, newRamp, type Observation, step } from './ramp.ts'
import {
  addOutcome,
  addPair,
  evidenceOf,
  isFuseBlown,
  NEW_PAIR_TEST,
  NEW_RATE_TEST,
  sampleRatioEvidence,
} from './sequential.ts'

const DAY_MS = 86_400_000
const MARGIN = DEFAULT_PLAN.margin

/** One pair of right and wrong answers: they disagree with that chance, and the candidate is better by `effect` on average. */
function drawPair(random: () => number, disagreement: number, effect: number): number {
  const draw = random()
  const better = (disagreement + effect) / 2
  return draw < better ? 1 : draw < disagreement ? -1 : 0
}

type End = { readonly ramp: Ramp; readonly pairs: number; readonly rolledBackIn: string | null }

/** Runs a ramp to full, to a rollback, or until the pairs run out. */
function simulate(random: () => number, effect: number, maxPairs: number): End {
  let { ramp } = step(newRamp(0), { type: 'start' }, DEFAULT_PLAN, 0)
  let pairs = 0
  while (pairs < maxPairs && ramp.status === 'running' && ramp.stage !== 'full') {
    pairs++
    ramp = step(ramp, { type: 'pair', difference: drawPair(random, 0.2, effect) }, DEFAULT_PLAN, pairs).ramp
  }
  return { ramp, pairs, rolledBackIn: ramp.status === 'rolled_back' ? ramp.stage : null }
}

const RUNS = 600
/** Another seed each day would make a failure hard to repeat: several fixed ones vary it enough. */
const SEEDS = [1, 20_261_128, 77]

test.each(SEEDS)('of 600 ramps on the margin, at most 5 %% are promoted (seed %i)', (seed) => {
  const random = randomOf(seed)
  const ends = Array.from({ length: RUNS }, () => simulate(random, -MARGIN, 4_000))
  expect(ends.filter(({ ramp }) => ramp.stage === 'full').length / RUNS).toBeLessThanOrEqual(0.05)
})

test.each(SEEDS)('an equal candidate is promoted after at most 600 pairs in the median (seed %i)', (seed) => {
  const random = randomOf(seed)
  const ends = Array.from({ length: 200 }, () => simulate(random, 0, 5_000))
  const promoted = ends.filter(({ ramp }) => ramp.stage === 'full').map(({ pairs }) => pairs)
  expect(promoted.length / ends.length).toBeGreaterThanOrEqual(0.95)
  expect(promoted.sort((a, b) => a - b)[Math.floor(promoted.length / 2)]).toBeLessThanOrEqual(600)
})

test.each(SEEDS)('a harmful candidate is rolled back before a quarter of the traffic is its own (seed %i)', (seed) => {
  const random = randomOf(seed)
  const ends = Array.from({ length: RUNS }, () => simulate(random, -2 * MARGIN, 4_000))
  const early = ends.filter(({ rolledBackIn }) => rolledBackIn !== null && rolledBackIn !== 'canary_25')
  expect(early.length / RUNS).toBeGreaterThanOrEqual(0.99)
  expect(ends.filter(({ ramp }) => ramp.stage === 'full')).toHaveLength(0)
})

test('evidence against a true null is rarely large, at whatever time one looks', () => {
  const random = randomOf(5)
  let crossed = 0
  for (let run = 0; run < RUNS; run++) {
    let rate = NEW_RATE_TEST
    for (let pair = 0; pair < 1_000; pair++) {
      rate = addOutcome(rate, random() < 0.05, random() < 0.05, 0)
      if (evidenceOf(rate.wealth) < 20) continue
      crossed++
      break
    }
  }
  expect(crossed / RUNS).toBeLessThanOrEqual(0.05)
})

test('a candidate that fails more often than the control trips its guardrail', () => {
  const random = randomOf(9)
  const { transition } = run(
    started('shadow'),
    Array.from({ length: 2_000 }, () => ({
      type: 'outcome' as const,
      measured: GUARDRAILS,
      candidate: random() < 0.2 ? (['invalid_format'] as const) : [],
      control: random() < 0.02 ? (['invalid_format'] as const) : [],
      isHard: false,
    })),
  )
  expect(transition?.to).toBe('rolled_back')
  expect(transition?.why).toStartWith('guardrail invalid_format')
})

test('five hard errors among the first answers blow the fuse', () => {
  const answers = Array.from({ length: 5 }, () => [
    { type: 'assigned' as const, toCandidate: true },
    { type: 'assigned' as const, toCandidate: false },
    { type: 'outcome' as const, measured: GUARDRAILS, candidate: ['error'] as const, control: [], isHard: true },
  ]).flat()
  const { ramp, transition } = run(started('canary_25'), answers)
  expect(ramp.status).toBe('rolled_back')
  expect(transition?.why).toStartWith('fuse: 5 hard errors')
  expect(isFuseBlown(5, 21)).toBe(false)
})

test('an assignment that does not keep its share rolls back: nothing compared can be trusted', () => {
  const { transition } = run(
    started('canary_5'),
    Array.from({ length: 400 }, (_, each) => ({ type: 'assigned' as const, toCandidate: each % 5 === 0 })),
  )
  expect(transition?.why).toStartWith('assignment is broken')
  expect(sampleRatioEvidence(50, 950, 0.05)).toBeLessThan(1)
})

test('a full ramp is done after the held-out week, and its transitions tell their numbers', () => {
  const full = started('full')
  expect(step(full, { type: 'tick' }, DEFAULT_PLAN, 6 * DAY_MS).transition).toBeNull()
  const { ramp, transition } = step(full, { type: 'tick' }, DEFAULT_PLAN, 7 * DAY_MS)
  expect(ramp.stage).toBe('done')
  expect(transition).toEqual({
    from: 'full',
    to: 'done',
    why: 'the held-out week passed',
    numbers: {
      pairs: 0,
      meanDifference: 0,
      promote: 1,
      rollback: 1,
      assigned: { candidate: 0, control: 0 },
      hardErrors: 0,
      guardrails: {},
    },
  })
})

test('stages that are left out are passed over, and what it takes to enter the next one stays', () => {
  const plan = { ...DEFAULT_PLAN, stages: ['canary_25'] as const }
  let { ramp } = step(newRamp(0), { type: 'start' }, plan, 0)
  expect(ramp.stage).toBe('canary_25')
  for (let pair = 0; pair < DEFAULT_PLAN.pairsPerStage; pair++)
    ramp = step(ramp, { type: 'pair', difference: 0 }, plan, 1).ramp
  expect(ramp.stage).toBe('canary_25')
  ramp = step(ramp, { type: 'promote', why: 'by hand' }, plan, 1).ramp
  expect(ramp.stage).toBe('full')
})

test('a person may pause, resume, promote and roll back; after a rollback a day must pass', () => {
  const shadow = started('shadow')
  const paused = step(shadow, { type: 'pause' }, DEFAULT_PLAN, 1).ramp
  expect(paused.status).toBe('paused')
  expect(step(paused, { type: 'pair', difference: 1 }, DEFAULT_PLAN, 1).ramp).toBe(paused)
  expect(step(paused, { type: 'start' }, DEFAULT_PLAN, 2).transition?.to).toBe('resumed')
  expect(step(shadow, { type: 'promote', why: 'by hand' }, DEFAULT_PLAN, 2).ramp.stage).toBe('canary_1')
  const back = step(shadow, { type: 'roll_back', why: 'a complaint' }, DEFAULT_PLAN, 10).ramp
  expect(back.status).toBe('rolled_back')
  expect(step(back, { type: 'start' }, DEFAULT_PLAN, 10 + DAY_MS - 1).transition).toBeNull()
  expect(step(back, { type: 'start' }, DEFAULT_PLAN, 10 + DAY_MS).ramp.stage).toBe('offline')
})

test('whoever is in the candidate’s share stays in it while the ramp goes up', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (place) => {
      const inside = STAGES.map((stage) => place < candidateShareOf(stage))
      expect(inside.indexOf(true) < 0 || inside.slice(inside.indexOf(true)).every(Boolean)).toBe(true)
    }),
  )
})

test('factors of a pair stay positive whatever the difference and the margin', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { maxLength: 60 }),
      fc.double({ min: 0.001, max: 0.5, noNaN: true }),
      (differences, margin) => {
        const { promote, rollback } = differences.reduce((sofar, each) => addPair(sofar, each, margin), NEW_PAIR_TEST)
        for (const log of [...promote, ...rollback]) expect(Number.isFinite(log)).toBe(true)
      },
    ),
  )
  expect(() => addPair(NEW_PAIR_TEST, 1.5, 0.05)).toThrow(RangeError)
  expect(() => addPair(NEW_PAIR_TEST, 0, 0)).toThrow(RangeError)
})

/** A ramp that was led by hand to a stage. */
function started(stage: Ramp['stage']): Ramp {
  let { ramp } = step(newRamp(0), { type: 'start' }, DEFAULT_PLAN, 0)
  while (ramp.stage !== stage) ramp = step(ramp, { type: 'promote', why: 'by hand' }, DEFAULT_PLAN, 0).ramp
  return ramp
}

/** Feeds observations until the first transition. */
function run(from: Ramp, observations: readonly Observation[]): { ramp: Ramp; transition: Transition | null } {
  let ramp = from
  for (const observation of observations) {
    const next = step(ramp, observation, DEFAULT_PLAN, 1)
    ramp = next.ramp
    if (next.transition !== null) return next
  }
  return { ramp, transition: null }
}
