import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import type { Entry, Intent, LedgerBatch, RequestRecord } from '../core/ledger.ts'
import { NO_USAGE } from '../core/usage.ts'
import { createJournal } from './journal.ts'

const DIMENSIONS = {
  keyId: 'key_1',
  teamId: null,
  endUser: null,
  tags: [],
  requestedModel: 'chat',
  route: 'chat',
  operation: 'chat',
  dialect: 'openai-chat',
}

function anIntent(id: string): Intent {
  return {
    id,
    createdAt: 1,
    deadlineAt: 2,
    dimensions: DIMENSIONS,
    provider: 'openai',
    model: 'gpt-5',
    estimateNanoUsd: 1n,
    estimateUsage: NO_USAGE,
    priceVersion: 'v1',
  }
}

function anEntry(id: string): Entry {
  return {
    id,
    at: 1,
    dimensions: DIMENSIONS,
    provider: 'openai',
    model: 'gpt-5',
    status: 'complete',
    usage: NO_USAGE,
    usageSource: 'reported',
    costNanoUsd: 1n,
    unpriced: false,
    priceVersion: 'v1',
  }
}

function aRecord(id: string): RequestRecord {
  return {
    id,
    clientRequestId: null,
    at: 1,
    dimensions: DIMENSIONS,
    status: 200,
    errorCode: null,
    target: null,
    stream: false,
    durationMs: 1,
    ttftMs: null,
    overheadMs: 1,
    attempts: [],
    finishReason: null,
    rawUsage: null,
    usage: null,
    usageSource: null,
    costNanoUsd: null,
  }
}

/** A store and an event loop that do what the test says, when it says so. */
function createBench(maxPending?: number) {
  const turns: (() => void)[] = []
  const timers: { readonly at: number; readonly callback: () => void }[] = []
  const errors: unknown[] = []
  const batches: LedgerBatch[] = []
  /** How the next commits end: an error, or a promise that the test settles. Without one they succeed. */
  const endings: (Error | Promise<void>)[] = []
  let now = 0
  const clock: Clock = {
    now: () => now,
    monotonicMs: () => now,
    after(delayMs, callback) {
      timers.push({ at: now + delayMs, callback })
      return () => {}
    },
  }
  const refused = new Set<string>()
  const journal = createJournal({
    async commit(batch) {
      batches.push(batch)
      const ending = endings.shift()
      if (ending instanceof Promise) await ending
      else if (ending !== undefined) throw ending
      if (batch.records.some(({ id }) => refused.has(id))) throw new GatewayError('internal', { message: 'absurd' })
    },
    schedule: (flush) => turns.push(flush),
    clock,
    onError: (error) => errors.push(error),
    ...(maxPending === undefined ? {} : { maxPending }),
  })
  return {
    journal,
    batches,
    endings,
    errors,
    refused,
    turn: async () => {
      for (const flush of turns.splice(0)) flush()
      await settledMicrotasks()
    },
    pass: async (ms: number) => {
      now += ms
      const due = timers.filter(({ at }) => at <= now)
      for (const timer of due) {
        timers.splice(timers.indexOf(timer), 1)
        timer.callback()
      }
      await settledMicrotasks()
    },
  }
}

async function settledMicrotasks(): Promise<void> {
  for (let index = 0; index < 50; index++) await Promise.resolve()
}

async function stateOf(promise: Promise<void>): Promise<string> {
  let state = 'pending'
  promise.then(
    () => (state = 'durable'),
    (error: unknown) => (state = error instanceof GatewayError ? error.code : 'failed'),
  )
  await settledMicrotasks()
  return state
}

const away = () => new GatewayError('store_unavailable')
const ids = (batch: LedgerBatch | undefined) => ({
  intents: batch?.intents.map(({ id }) => id) ?? [],
  entries: batch?.entries.map(({ id }) => id) ?? [],
  records: batch?.records.map(({ id }) => id) ?? [],
})

test('everything of one turn shares one commit', async () => {
  const { journal, batches, turn } = createBench()
  const promises = [
    journal.intend(anIntent('a')),
    journal.settle(anEntry('b'), aRecord('b')),
    journal.intend(anIntent('c')),
    journal.settle(null, aRecord('d')),
  ]
  expect(batches).toHaveLength(0)
  await turn()
  expect(batches.map(ids)).toEqual([{ intents: ['a', 'c'], entries: ['b'], records: ['b', 'd'] }])
  for (const promise of promises) expect(await stateOf(promise)).toBe('durable')
  expect(journal.pending()).toEqual({ count: 0, oldestMs: 0 })
})

test('one commit is in flight at a time, and what comes meanwhile gathers for the next', async () => {
  const { journal, batches, endings, turn, pass } = createBench()
  const first = Promise.withResolvers<void>()
  endings.push(first.promise)
  const a = journal.intend(anIntent('a'))
  await turn()
  const b = journal.intend(anIntent('b'))
  await pass(5)
  const c = journal.settle(anEntry('c'), aRecord('c'))
  await turn()
  expect(batches).toHaveLength(1)
  expect(journal.pending()).toEqual({ count: 3, oldestMs: 5 })
  expect(await stateOf(a)).toBe('pending')
  first.resolve()
  expect(await stateOf(a)).toBe('durable')
  expect(await stateOf(b)).toBe('pending')
  await turn()
  expect(ids(batches[1])).toEqual({ intents: ['b'], entries: ['c'], records: ['c'] })
  expect(await stateOf(c)).toBe('durable')
})

test('a failed commit refuses intents and keeps settles until the store is back', async () => {
  const { journal, batches, endings, errors, turn, pass } = createBench()
  endings.push(away(), away())
  const intent = journal.intend(anIntent('a'))
  const settle = journal.settle(anEntry('b'), aRecord('b'))
  await turn()
  expect(await stateOf(intent)).toBe('store_unavailable')
  expect(await stateOf(settle)).toBe('pending')
  const later = journal.settle(anEntry('c'), aRecord('c'))
  expect(journal.pending().count).toBe(2)
  await turn()
  expect(batches).toHaveLength(1)
  await pass(20)
  expect(ids(batches[1])).toEqual({ intents: [], entries: ['b', 'c'], records: ['b', 'c'] })
  expect(await stateOf(settle)).toBe('pending')
  await pass(39)
  expect(batches).toHaveLength(2)
  await pass(1)
  expect(ids(batches[2]).entries).toEqual(['b', 'c'])
  expect(await stateOf(settle)).toBe('durable')
  expect(await stateOf(later)).toBe('durable')
  expect(errors).toHaveLength(2)
  expect(journal.pending()).toEqual({ count: 0, oldestMs: 0 })
})

test('the pause between tries is bounded', async () => {
  const { journal, batches, endings, turn, pass } = createBench()
  for (let index = 0; index < 20; index++) endings.push(away())
  void journal.settle(anEntry('a'), aRecord('a'))
  await turn()
  for (let index = 0; index < 12; index++) await pass(1_000)
  expect(batches.length).toBe(13)
})

test('while too much waits for the store, new intents are refused at once', async () => {
  const { journal, batches, endings, turn, pass } = createBench(2)
  endings.push(away())
  const settles = ['a', 'b'].map((id) => journal.settle(anEntry(id), aRecord(id)))
  await turn()
  expect(await stateOf(journal.intend(anIntent('c')))).toBe('store_unavailable')
  const third = journal.settle(anEntry('d'), aRecord('d'))
  await pass(20)
  expect(ids(batches[1]).entries).toEqual(['a', 'b', 'd'])
  for (const promise of [...settles, third]) expect(await stateOf(promise)).toBe('durable')
  const next = journal.intend(anIntent('e'))
  await turn()
  expect(await stateOf(next)).toBe('durable')
})

test('a row that the store refuses does not hold up the others', async () => {
  const { journal, batches, refused, errors, turn } = createBench()
  refused.add('bad')
  const intent = journal.intend(anIntent('a'))
  const good = journal.settle(anEntry('good'), aRecord('good'))
  const bad = journal.settle(anEntry('bad'), aRecord('bad'))
  await turn()
  expect(await stateOf(intent)).toBe('durable')
  // They share a batch and with it its promise: an error for both is better than a false promise for one.
  expect(await stateOf(good)).toBe('internal')
  expect(await stateOf(bad)).toBe('internal')
  expect(batches.map(ids).slice(1)).toEqual([
    { intents: ['a'], entries: [], records: [] },
    { intents: [], entries: ['good'], records: ['good'] },
    { intents: [], entries: ['bad'], records: ['bad'] },
  ])
  expect(errors).toHaveLength(2)
  const next = journal.settle(anEntry('c'), aRecord('c'))
  await turn()
  expect(await stateOf(next)).toBe('durable')
})

test('settles are kept when the store goes away while they are tried one by one', async () => {
  const { journal, batches, endings, turn, pass } = createBench()
  endings.push(new Error('constraint'), away(), away())
  const intent = journal.intend(anIntent('a'))
  const settle = journal.settle(anEntry('b'), aRecord('b'))
  await turn()
  expect(await stateOf(intent)).toBe('store_unavailable')
  expect(await stateOf(settle)).toBe('pending')
  await pass(20)
  expect(ids(batches.at(-1))).toEqual({ intents: [], entries: ['b'], records: ['b'] })
  expect(await stateOf(settle)).toBe('durable')
})

test('a flush waits for what was handed in, through failures', async () => {
  const { journal, endings, turn, pass } = createBench()
  expect(await stateOf(journal.flush())).toBe('durable')
  endings.push(away())
  void journal.settle(anEntry('a'), aRecord('a'))
  const flushed = journal.flush()
  await turn()
  expect(await stateOf(flushed)).toBe('pending')
  await pass(20)
  expect(await stateOf(flushed)).toBe('durable')
})

test('it works at the pace of the real event loop', async () => {
  const batches: LedgerBatch[] = []
  const journal = createJournal({
    commit: async (batch) => {
      batches.push(batch)
    },
    onError: () => {},
  })
  await Promise.all([journal.intend(anIntent('a')), journal.settle(anEntry('b'), aRecord('b'))])
  expect(batches.map(ids)).toEqual([{ intents: ['a'], entries: ['b'], records: ['b'] }])
})

test('whatever fails when: each settle is durable exactly once in the end, each intent is durable or refused', async () => {
  const step = fc.oneof(
    fc.constant('intend' as const),
    fc.constant('settle' as const),
    fc.constant('turn' as const),
    fc.constant('pass' as const),
    fc.constant('fail' as const),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const bench = createBench()
      const written = { intents: new Set<string>(), entries: new Set<string>() }
      const intents = new Map<string, Promise<void>>()
      const settles = new Map<string, Promise<void>>()
      let seen = 0
      for (const [index, name] of [...steps, ...Array<'pass'>(12).fill('pass')].entries()) {
        if (name === 'intend') intents.set(`i${index}`, bench.journal.intend(anIntent(`i${index}`)))
        if (name === 'settle')
          settles.set(`s${index}`, bench.journal.settle(anEntry(`s${index}`), aRecord(`s${index}`)))
        if (name === 'fail') bench.endings.push(away())
        const failing = bench.endings.length
        if (name === 'turn') await bench.turn()
        if (name === 'pass') await bench.pass(1_000)
        if (name === 'pass') await bench.turn()
        // Failures are used up first: only the batches after them were written.
        const failed = failing - bench.endings.length
        for (const batch of bench.batches.slice(seen + failed)) {
          for (const { id } of batch.intents) written.intents.add(id)
          for (const { id } of batch.entries) {
            if (written.entries.has(id)) throw new Error(`${id} was written twice`)
            written.entries.add(id)
          }
        }
        seen = bench.batches.length
      }
      while (bench.endings.length > 0 || bench.journal.pending().count > 0) {
        bench.endings.length = 0
        await bench.pass(1_000)
        await bench.turn()
        for (const batch of bench.batches.slice(seen)) for (const { id } of batch.entries) written.entries.add(id)
        seen = bench.batches.length
      }
      for (const [id, promise] of settles) {
        expect(await stateOf(promise)).toBe('durable')
        expect(written.entries.has(id)).toBe(true)
      }
      for (const [id, promise] of intents) {
        expect(await stateOf(promise)).toBe(written.intents.has(id) ? 'durable' : 'store_unavailable')
      }
    }),
    { numRuns: 200 },
  )
})
