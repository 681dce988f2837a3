import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { intervalOf } from '../core/quality.ts'
import { expectedQuality } from './quality.ts'
import {
  type Evidence,
  EVIDENCE,
  type EvidenceKind,
  IGNORANCE,
  NO_EVIDENCE,
  observe,
  priorOf,
  readScoreState,
  scoreOf,
  widened,
} from './score.ts'
import { createScoreboard } from './scoreboard.ts'
import { declaredTask, TASKS } from './task.ts'

const DAY_MS = 86_400_000
const good: Evidence = { kind: 'human', quality: 1, weight: null }
const bad: Evidence = { kind: 'human', quality: 0, weight: null }
const times = (evidence: Evidence, count: number, nowMs = 0) =>
  Array.from({ length: count }).reduce<typeof NO_EVIDENCE>((state) => observe(state, evidence, nowMs), NO_EVIDENCE)

test('nothing known is half, and wide', () => {
  const score = scoreOf(IGNORANCE, NO_EVIDENCE, 0)
  expect(score.mean).toBe(0.5)
  expect(score.priorShare).toBe(1)
  expect(intervalOf(score)).toEqual({ low: expect.closeTo(0.0252, 3), high: expect.closeTo(0.9748, 3) })
})

test('evidence halves in 21 days', () => {
  const state = times(good, 40)
  expect(scoreOf(IGNORANCE, state, 0).own).toBe(40)
  expect(scoreOf(IGNORANCE, state, 21 * DAY_MS).own).toBeCloseTo(20)
  expect(scoreOf(IGNORANCE, state, 21 * DAY_MS).observations).toBe(40)
})

test('no more than 500 observations are held, so a bad week shows', () => {
  const state = times(good, 5_000)
  expect(state.good).toBeCloseTo(500)
  const worse = Array.from({ length: 500 }).reduce<typeof state>((sofar) => observe(sofar, bad, 0), state)
  expect(scoreOf(IGNORANCE, worse, 0).mean).toBeLessThan(0.4)
})

test.each([
  ['empty_answer', null, 0, 0.8],
  ['invalid_format', null, 0, 0.9],
  ['asked_again', 1, 0, 0.2],
  ['thumb', 1, 0.5, 0],
  ['task_success', 1, 1, 0],
] as const)('evidence of the kind %s counts as its row says', (kind, quality, goodWeight, badWeight) => {
  const state = observe(NO_EVIDENCE, { kind, quality, weight: null }, 0)
  expect(state.good).toBeCloseTo(goodWeight)
  expect(state.bad).toBeCloseTo(badWeight)
  expect(state.sources).toEqual({ [kind]: goodWeight + badWeight })
})

test('a judge counts by what it is worth, and not at all without', () => {
  expect(observe(NO_EVIDENCE, { kind: 'judge', quality: 1, weight: 0.36 }, 0).good).toBeCloseTo(0.36)
  expect(observe(NO_EVIDENCE, { kind: 'judge', quality: 1, weight: null }, 0)).toBe(NO_EVIDENCE)
  expect(observe(NO_EVIDENCE, { kind: 'human', quality: null, weight: null }, 0)).toBe(NO_EVIDENCE)
})

test('a changed deployment keeps its mean and loses certainty', () => {
  const state = times(good, 100)
  const before = scoreOf(IGNORANCE, state, 0)
  const after = scoreOf(IGNORANCE, widened(state), 0)
  expect(after.own).toBeCloseTo(30)
  expect(after.sd).toBeGreaterThan(before.sd)
})

test('states survive their JSON, and what is none is refused', () => {
  const state = observe(times(good, 3, 5), { kind: 'thumb', quality: 0, weight: null }, 9)
  expect(readScoreState(JSON.parse(JSON.stringify(state)))).toEqual(state)
  for (const value of [null, [], {}, { good: -1, bad: 0, atMs: 0, observations: 0 }, { good: 'x' }])
    expect(readScoreState(value)).toBeNull()
})

test('counts stay within their bounds whatever comes in whatever order', () => {
  const kinds = Object.keys(EVIDENCE) as EvidenceKind[]
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          kind: fc.constantFrom(...kinds),
          quality: fc.double({ min: 0, max: 1, noNaN: true }),
          weight: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
          nowMs: fc.integer({ min: 0, max: 1e12 }),
          share: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
        { maxLength: 60 },
      ),
      (pieces) => {
        let state = NO_EVIDENCE
        for (const { nowMs, share, ...evidence } of pieces) state = observe(state, evidence, nowMs, share)
        expect(state.good).toBeGreaterThanOrEqual(0)
        expect(state.bad).toBeGreaterThanOrEqual(0)
        expect(state.good + state.bad).toBeLessThanOrEqual(500 + 1e-6)
        const sources = Object.values(state.sources).reduce((sum, weight) => sum + weight, 0)
        expect(Math.abs(sources - state.good - state.bad)).toBeLessThan(1e-6)
        const { mean, sd } = scoreOf({ mean: 0.8, strength: 99 }, state, 1e12)
        expect(mean).toBeGreaterThanOrEqual(0)
        expect(mean).toBeLessThanOrEqual(1)
        expect(sd).toBeGreaterThanOrEqual(0)
      },
    ),
  )
})

test('a wider scope is the prior of the narrower one, worth at most twelve observations', () => {
  const board = createScoreboard((_, task) => (task === 'code' ? { mean: 0.9, strength: 8 } : null))
  const { shares } = declaredTask('code')
  for (let each = 0; each < 300; each++) board.observe(['gateway'], 'a/x', shares, bad, 0)
  const code = TASKS.indexOf('code')
  const wide = board.scores(['gateway'], 'a/x', 0)[code]!
  const narrow = board.scores(['gateway', 'key:1'], 'a/x', 0)[code]!
  expect(wide.mean).toBeLessThan(0.05)
  expect(narrow.mean).toBeCloseTo(wide.mean)
  // What stands behind it was seen elsewhere, but it was seen.
  expect(narrow.observations).toBe(300)
  expect(priorOf(wide, { mean: 0.9, strength: 8 }).strength).toBe(12)
  expect(narrow.sd).toBeGreaterThan(wide.sd)
  expect(board.scores(['gateway'], 'a/x', 0)[TASKS.indexOf('chat')]!.mean).toBe(0.5)
})

test('a card is worth as much to a key as to the gateway, as long as nothing was seen', () => {
  const board = createScoreboard(() => ({ mean: 0.9, strength: 12 }))
  expect(board.scores(['gateway', 'team:1', 'key:1'], 'a/x', 0)).toEqual(board.scores(['gateway'], 'a/x', 0))
})

test('scores that were asked for before are forgotten when evidence comes in, and when a deployment has changed', () => {
  const board = createScoreboard(() => null)
  const mean = (): number => board.scores(['gateway'], 'a/x', 1)[TASKS.indexOf('chat')]!.mean
  expect(mean()).toBe(0.5)
  board.observe(['gateway'], 'a/x', declaredTask('chat').shares, good, 1)
  const after = mean()
  expect(after).toBeGreaterThan(0.5)
  board.widen('a/x')
  expect(mean()).toBeLessThan(after)
})

test('a scoreboard is stored as rows and comes back whole', () => {
  const board = createScoreboard(() => null)
  board.observe(['gateway', 'key:1'], 'a/x', declaredTask('chat').shares, good, 7)
  const again = createScoreboard(() => null)
  again.restore(board.rows())
  expect(again.rows()).toEqual(board.rows())
  expect(board.rows().map(({ scope }) => scope)).toEqual(['gateway', 'key:1'])
  board.widen('a/x')
  expect(board.rows()[0]!.state.good).toBeCloseTo(0.3)
})

test('a head counts by its labels beside the scores of the tasks', () => {
  const scores = TASKS.map(() => scoreOf({ mean: 0.6, strength: 10 }, NO_EVIDENCE, 0))
  const { shares } = declaredTask('chat')
  expect(expectedQuality(shares, scores, null).mean).toBeCloseTo(0.6)
  expect(expectedQuality(shares, scores, { quality: 0.8, sd: 0.04, labels: 500 }).mean).toBeCloseTo(0.7)
  expect(expectedQuality(shares, scores, { quality: 0.8, sd: 0.04, labels: 4_500 }).mean).toBeCloseTo(0.78)
})
