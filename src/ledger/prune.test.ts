import { expect, test } from 'bun:test'
import { startPruning } from './prune.ts'

type Timer = { readonly atMs: number; readonly callback: () => void }

/** A clock that is driven, and a log whose rows are only their times. */
function setup(rows: number[], expired: number[] = [], files: number[] = []) {
  let now = 1_000_000
  let timers: Timer[] = []
  let failing = false
  const errors: unknown[] = []
  let retentionMs = 3_600_000
  const stop = startPruning({
    store: {
      pruneRequests: async ({ before, limit }) => {
        if (failing) throw new Error('away')
        const old = rows.filter((at) => at < before).slice(0, limit)
        for (const at of old) rows.splice(rows.indexOf(at), 1)
        return old.length
      },
      pruneResponses: async ({ limit }) => expired.splice(0, limit).length,
      pruneFiles: async ({ limit }) => files.splice(0, limit).length,
      pruneAnswers: async () => 0,
      pruneBatches: async () => 0,
      pruneEvidence: async () => 0,
      prunePrompts: async () => 0,
    },
    clock: {
      now: () => now,
      monotonicMs: () => now,
      after: (delayMs, callback) => {
        const timer = { atMs: now + delayMs, callback }
        timers.push(timer)
        return () => (timers = timers.filter((one) => one !== timer))
      },
    },
    retentionMs: () => retentionMs,
    evidenceMs: () => retentionMs,
    promptsMs: () => retentionMs,
    onError: (error) => errors.push(error),
  })
  return {
    rows,
    errors,
    stop,
    timers: () => timers.length,
    fail: (value: boolean) => (failing = value),
    retain: (ms: number) => (retentionMs = ms),
    pass: async (ms: number) => {
      const untilMs = now + ms
      for (let due = timers[0]; due !== undefined && due.atMs <= untilMs; due = timers[0]) {
        now = Math.max(now, due.atMs)
        timers = timers.slice(1)
        due.callback()
        for (let turn = 0; turn < 12; turn++) await Promise.resolve()
      }
      now = untilMs
    },
  }
}

test('what is older than the retention goes, and nothing else', async () => {
  const log = setup([1_000_000 - 3_600_001, 1_000_000 - 3_599_000])
  await log.pass(0)
  expect(log.rows).toEqual([1_000_000 - 3_599_000])
  await log.pass(60_000)
  expect(log.rows).toEqual([])
})

test('many old rows go in groups, soon after each other', async () => {
  const log = setup(Array.from({ length: 1_200 }, () => 0))
  log.retain(1)
  await log.pass(0)
  expect(log.rows.length).toBe(700)
  await log.pass(1_000)
  expect(log.rows.length).toBe(0)
})

test('responses that have expired go too', async () => {
  const expired = Array.from({ length: 700 }, () => 0)
  const log = setup([], expired)
  await log.pass(0)
  expect(expired.length).toBe(200)
  await log.pass(1_000)
  expect(expired.length).toBe(0)
})

test('a store that is away is told of and asked again', async () => {
  const log = setup([0])
  log.retain(1)
  log.fail(true)
  await log.pass(0)
  expect(log.errors.length).toBe(1)
  log.fail(false)
  await log.pass(60_000)
  expect(log.rows).toEqual([])
})

test('once ended it does nothing more', async () => {
  const log = setup([0])
  log.retain(1)
  log.stop()
  expect(log.timers()).toBe(0)
  await log.pass(120_000)
  expect(log.rows).toEqual([0])
})

test('files, which are large, go a few at a time, soon after each other', async () => {
  const files = Array.from({ length: 9 }, (_, index) => index)
  const log = setup([], [], files)
  await log.pass(0)
  expect(files).toHaveLength(5)
  await log.pass(300)
  expect(files).toEqual([])
})
