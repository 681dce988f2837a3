import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import type { AnsweredRequest } from '../core/evidence.ts'
import { GatewayError } from '../core/error.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import { createEvidenceBook, type Said } from './evidence-book.ts'
import type { EvidenceKind } from './score.ts'
import { createScoreboard } from './scoreboard.ts'
import { createTaskLearning } from './task-learning.ts'
import { declaredTask, TASKS } from './task.ts'

const DAY = 86_400_000
const CHAT = TASKS.indexOf('chat')

function setup(store: Store = openSqliteStore({ path: ':memory:', sync: 'process' })) {
  const time = { now: 1_000 * DAY }
  const timers: (() => void)[] = []
  const scoreboard = createScoreboard(() => null)
  const taskLearning = createTaskLearning()
  const errors: unknown[] = []
  const book = createEvidenceBook({
    store,
    clock: {
      now: () => time.now,
      monotonicMs: () => time.now,
      after: (_delay, run) => {
        timers.push(run)
        return () => {}
      },
    },
    scoreboard,
    learners: [taskLearning],
    onError: (error) => errors.push(error),
  })
  const own = (): number => scoreboard.scores(['gateway'], 'a/x', time.now)[CHAT]!.own
  return { store, time, timers, scoreboard, taskLearning, book, own, errors }
}

function about(id = 'req_1'): AnsweredRequest {
  return { id, at: 0, keyId: 'k', teamId: 't', route: 'chat', deployment: 'a/x', shares: declaredTask('chat').shares }
}

function said(kind: EvidenceKind, quality: number | null, source = 'caller'): Said {
  return { source, evidence: { kind, quality, weight: null }, comment: null }
}

test('evidence counts in every scope, is written in one go after a while, and comes back with the next start', async () => {
  const { book, timers, store, scoreboard, own } = setup()
  book.note(about())
  book.count(about(), said('refusal', null, 'gateway'))
  expect(own()).toBeCloseTo(0.4)
  expect(await store.evidenceOf('req_1')).toEqual([])
  expect(timers).toHaveLength(1)
  await book.flush()
  expect(await store.evidenceOf('req_1')).toMatchObject([{ kind: 'refusal', quality: 0, weight: 0.4, task: 'chat' }])
  const next = setup(store)
  await next.book.load()
  expect(new Set(next.scoreboard.rows())).toEqual(new Set(scoreboard.rows()))
  expect(scoreboard.rows().map(({ scope }) => scope)).toEqual(['gateway', 'team:t', 'key:k'])
  expect(await next.book.find('req_1')).toEqual(about())
})

test('the same source again replaces what it said, days later and at once, and is never counted twice', async () => {
  const { book, time, own, scoreboard, store } = setup()
  expect(await book.say(about(), [said('thumb', 1)])).toBe(0)
  time.now += 7 * DAY
  const both = await Promise.all([book.say(about(), [said('thumb', 0)]), book.say(about(), [said('thumb', 0)])])
  expect(both).toEqual([1, 1])
  expect(own()).toBeCloseTo(0.5)
  const state = scoreboard.rows()[0]!.state
  expect([state.good, state.bad, state.observations]).toEqual([0, 0.5, 1])
  await book.say(about(), [said('thumb', 1, 'another'), said('task_success', 1)])
  expect(own()).toBeCloseTo(2)
  expect((await store.evidenceDays({ from: 0 })).reduce((sum, { pieces }) => sum + pieces, 0)).toBe(3)
})

test('whatever is said in whatever order, only what every source said last is believed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          id: fc.constantFrom('req_1', 'req_2'),
          source: fc.constantFrom('a', 'b'),
          kind: fc.constantFrom('thumb' as const, 'task_success' as const, 'score' as const),
          quality: fc.constantFrom(0, 0.25, 1),
          laterMs: fc.constantFrom(0, DAY, 21 * DAY),
        }),
        { maxLength: 15 },
      ),
      async (history) => {
        const { book, time, scoreboard } = setup()
        const last = new Map<string, { at: number; weight: number; quality: number }>()
        for (const { id, source, kind, quality, laterMs } of history) {
          time.now += laterMs
          await book.say(about(id), [said(kind, quality, source)])
          last.set(`${id} ${source} ${kind}`, { at: time.now, weight: kind === 'task_success' ? 1 : 0.5, quality })
        }
        const left = [...last.values()].map(({ at, weight, quality }) => {
          const kept = weight * 0.5 ** ((time.now - at) / (21 * DAY))
          return { good: kept * quality, bad: kept * (1 - quality) }
        })
        const score = scoreboard.scores(['gateway'], 'a/x', time.now)[CHAT]!
        expect(score.own).toBeCloseTo(
          left.reduce((sum, { good, bad }) => sum + good + bad, 0),
          6,
        )
        const good = left.reduce((sum, each) => sum + each.good, 0)
        expect(score.mean).toBeCloseTo((1 + good) / (2 + score.own), 6)
      },
    ),
    { numRuns: 40 },
  )
})

test('a label moves what was said before to the task that it names, and what is said afterwards counts there', async () => {
  const { book, time, scoreboard, store } = setup()
  const code = declaredTask('code').shares
  await book.say(about(), [said('thumb', 1), said('task_success', 0)])
  time.now += 21 * DAY
  expect(await book.say((await book.find('req_1')) ?? about(), [], code)).toBe(0)
  const scores = scoreboard.scores(['gateway'], 'a/x', time.now)
  expect([scores[CHAT]!.own, scores[TASKS.indexOf('code')]!.own]).toEqual([expect.closeTo(0), expect.closeTo(0.75)])
  const labelled = (await book.find('req_1'))!
  expect(labelled.shares).toEqual(code)
  expect(await book.say(labelled, [said('thumb', 0), said('task_success', 1)])).toBe(2)
  const after = scoreboard.scores(['gateway'], 'a/x', time.now)
  expect(after[CHAT]!.own).toBeCloseTo(0)
  expect(after[TASKS.indexOf('code')]!.own).toBeCloseTo(1.5)
  expect(after[TASKS.indexOf('code')]!.mean).toBeCloseTo(2 / 3.5)
  const days = await store.evidenceDays({ from: 0 })
  expect(days.map(({ task, kind, pieces }) => [task, kind, pieces])).toEqual([
    ['code', 'task_success', 1],
    ['code', 'thumb', 1],
  ])
})

test('while the store is away nothing is lost, and nothing is counted twice afterwards', async () => {
  const real = openSqliteStore({ path: ':memory:', sync: 'process' })
  let isAway = true
  const store: Store = {
    ...real,
    putEvidence: (batch) => (isAway ? Promise.reject(new GatewayError('store_unavailable')) : real.putEvidence(batch)),
  }
  const { book, scoreboard, taskLearning } = setup(store)
  taskLearning.correct({ keyId: 'k', teamId: null }, declaredTask('chat').shares, 'code')
  expect(await book.say(about(), [said('thumb', 1)]).catch((error: unknown) => error)).toBeInstanceOf(GatewayError)
  isAway = false
  expect(await book.say(about(), [said('thumb', 1)])).toBe(1)
  expect(scoreboard.rows()[0]!.state).toMatchObject({ good: 0.5, bad: 0, observations: 1 })
  expect(await real.evidenceOf('req_1')).toHaveLength(1)
  expect(await real.qualityScores()).toHaveLength(3)
  expect(await real.learnedStates('task:')).toHaveLength(1)
})

test('what a tenant corrects, and what its applications ask for, is believed from then on, and after a restart', async () => {
  const { book, store, taskLearning } = setup()
  const asker = { keyId: 'k', teamId: 't' }
  const vague = { task: 'chat' as const, shares: TASKS.map(() => 1 / TASKS.length) }
  expect(taskLearning.refine(vague, asker, 'You extract.')).toBe(vague)
  for (let each = 0; each < 60; each++) {
    taskLearning.remember(declaredTask('extraction'), asker, 'You extract.')
    taskLearning.correct({ keyId: 'other', teamId: null }, vague.shares, 'code')
  }
  await book.flush()
  const next = setup(store)
  await next.book.load()
  for (const learning of [taskLearning, next.taskLearning]) {
    expect(learning.refine(vague, asker, 'You extract.').task).toBe('extraction')
    expect(learning.refine(vague, asker, 'You chat.')).toBe(vague)
    expect(learning.refine(vague, { keyId: 'other', teamId: null }, '').task).toBe('code')
  }
  await next.book.flush()
  expect(await store.learnedStates('task:')).toHaveLength(2)
})
