import { expect, test } from 'bun:test'
import { systemClock } from './core/clock.ts'
import { openaiChat } from './dialects/openai-chat.ts'
import { Exchange } from './exchange.ts'
import type { ExchangeTools } from './exchange.ts'
import { createObservedAnswers } from './ledger/observed.ts'

const ENTRANCE = { family: 'chat', dialect: openaiChat }
const ENDING = { status: 500, error: null, entryStatus: 'failed', produced: null } as const

function exchange(tools: Partial<ExchangeTools>): Exchange {
  return new Exchange(
    { id: 'req_1', clientRequestId: null, entrance: ENTRANCE },
    {
      clock: systemClock,
      journal: {
        intend: () => Promise.resolve(),
        settle: () => Promise.resolve(),
        pending: () => ({ count: 0, oldestMs: 0 }),
        flush: () => Promise.resolve(),
      },
      priceOf: () => null,
      observed: createObservedAnswers(),
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
  one.cleanUps.push(() => freed++)
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
  one.cleanUps.push(() => freed++)
  const failures = await Promise.allSettled([one.close(ENDING), one.close(ENDING)])
  expect(failures.map((failure) => failure.status === 'rejected' && String(failure.reason))).toEqual([
    'Error: boom',
    'Error: boom',
  ])
  one.closeLate(ENDING)
  await Promise.resolve()
  expect([one.isClosed, freed, late.length]).toEqual([true, 1, 1])
})
