import { expect, test } from 'bun:test'
import { systemClock } from './core/clock.ts'
import { UNRESTRICTED_KEY } from './core/key.ts'
import type { Entry } from './core/ledger.ts'
import { NO_USAGE } from './core/usage.ts'
import { openaiChat } from './dialects/openai-chat.ts'
import { Exchange } from './exchange.ts'
import type { ExchangeTools } from './exchange.ts'
import { createObservedAnswers } from './ledger/observed.ts'

const ENTRANCE = { family: 'chat', dialect: openaiChat }
const ENDING = { status: 500, error: null, entryStatus: 'failed', produced: null } as const

const JOURNAL: ExchangeTools['journal'] = {
  intend: () => Promise.resolve(),
  settle: () => Promise.resolve(),
  pending: () => ({ count: 0, oldestMs: 0 }),
  flush: () => Promise.resolve(),
}

function exchange(tools: Partial<ExchangeTools>): Exchange {
  return new Exchange(
    { id: 'req_1', clientRequestId: null, entrance: ENTRANCE },
    {
      clock: systemClock,
      journal: JOURNAL,
      priceOf: () => null,
      baselines: new Map(),
      tasks: new Set(),
      observed: createObservedAnswers(),
      onClosing: () => {},
      onClosed: () => {},
      onLateError: () => {},
      ...tools,
    },
  )
}

test('an exchange is closed once, whoever closes it first, and frees what it holds once', async () => {
  let freed = 0
  const told: number[] = []
  const one = exchange({ onClosed: ({ status }) => told.push(status) })
  one.whenClosing(() => freed++)
  await Promise.all([one.close({ ...ENDING, status: 499 }), one.close(ENDING), one.close(ENDING)])
  expect([one.isClosed, freed, told]).toEqual([true, 1, [499]])
})

test('a close that fails is a close all the same: nothing is freed twice, and everybody hears of the failure', async () => {
  let freed = 0
  const late: unknown[] = []
  const one = exchange({
    onClosed: () => {
      throw new Error('boom')
    },
    onLateError: (error) => late.push(error),
  })
  one.whenClosing(() => freed++)
  const failures = await Promise.allSettled([one.close(ENDING), one.close(ENDING)])
  expect(failures.map((failure) => failure.status === 'rejected' && String(failure.reason))).toEqual([
    'Error: boom',
    'Error: boom',
  ])
  one.closeLate(ENDING)
  await Promise.resolve()
  expect([one.isClosed, freed, late.length]).toEqual([true, 1, 1])
})

test('a request that nobody answered is booked where it consumed something last, and the rest where it was', async () => {
  const entries: (Entry | null)[] = []
  const one = exchange({
    priceOf: (id) => ({ rates: { output: id === 'a/m' ? 1_000n : 5_000n }, version: 'v1' }),
    baselines: new Map([['chat', 'a/m']]),
    journal: {
      ...JOURNAL,
      settle: (entry) => {
        entries.push(entry)
        return Promise.resolve()
      },
    },
  })
  one.caller = { key: { ...UNRESTRICTED_KEY, id: 'key_1' }, team: null }
  one.route = 'chat'
  one.intent = {
    id: 'req_1',
    createdAt: 0,
    deadlineAt: 1,
    dimensions: one.dimensions,
    provider: 'a',
    model: 'm',
    estimateNanoUsd: 0n,
    estimateUsage: NO_USAGE,
    priceVersion: 'v1',
  }
  for (const [target, output] of [
    ['a/m', 3],
    ['b/m', 2],
    ['b/m', 10 ** 12],
  ] as const)
    one.attempts.push({
      target,
      credentialId: null,
      outcome: { type: 'broken', reason: 'cut' },
      status: 200,
      startedAt: 0,
      durationMs: 1,
      ttftMs: null,
      message: null,
      consumed: { usage: { ...NO_USAGE, output }, costNanoUsd: null },
    })
  await one.close(ENDING)
  expect(entries).toMatchObject([
    {
      provider: 'b',
      usage: { output: 2 },
      costNanoUsd: 13n,
      savedNanoUsd: undefined,
      parts: [{ provider: 'a', usage: { output: 3 }, costNanoUsd: 3n, unpriced: false }],
    },
  ])
  expect([one.costNanoUsd, one.target?.id]).toEqual([13n, 'b/m'])
})
