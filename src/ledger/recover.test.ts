import { expect, test } from 'bun:test'
import type { Entry, Intent } from '../core/ledger.ts'
import { NO_USAGE } from '../core/usage.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import { recover } from './recover.ts'

const NOW = Date.UTC(2026, 10, 20)

function anIntent(id: string, deadlineAt: number): Intent {
  return {
    id,
    createdAt: NOW - 1_000,
    deadlineAt,
    dimensions: {
      keyId: 'key_1',
      teamId: null,
      endUser: null,
      tags: ['x'],
      requestedModel: 'chat',
      route: 'chat',
      operation: 'chat',
      dialect: 'openai-chat',
    },
    provider: 'openai',
    model: 'gpt-5',
    estimateNanoUsd: 77n,
    estimateUsage: { ...NO_USAGE, input: 5, output: 9 },
    priceVersion: id === 'unpriced' ? '' : 'v1',
  }
}

test('at the start of a lone process every open intent becomes an entry at its estimate, once', async () => {
  const store = openSqliteStore({ path: ':memory:', sync: 'process' })
  const intents = Array.from({ length: 1_203 }, (_, index) => anIntent(`i${index}`, NOW + index))
  await store.commit({ intents, entries: [], records: [] })
  const recovered: Entry[] = []
  const count = await recover({ store, now: NOW, which: 'all', onRecovered: (entry) => recovered.push(entry) })
  expect(count).toBe(1_203)
  expect(recovered).toHaveLength(1_203)
  expect(await store.getEntry('i7')).toEqual({
    id: 'i7',
    at: NOW - 1_000,
    dimensions: anIntent('i7', 0).dimensions,
    provider: 'openai',
    model: 'gpt-5',
    status: 'recovered',
    usage: { ...NO_USAGE, input: 5, output: 9 },
    usageSource: 'estimated',
    costNanoUsd: 77n,
    unpriced: false,
    priceVersion: 'v1',
  })
  expect(await recover({ store, now: NOW, which: 'all' })).toBe(0)
  expect(await store.countEntries()).toBe(1_203)
  await store.close()
})

test('beside other processes only those past their deadline are settled', async () => {
  const store = openSqliteStore({ path: ':memory:', sync: 'process' })
  await store.commit({ intents: [anIntent('past', NOW - 1), anIntent('future', NOW)], entries: [], records: [] })
  expect(await recover({ store, now: NOW, which: 'expired' })).toBe(1)
  expect(await store.getEntry('future')).toBeNull()
  await store.close()
})

test('an intent without a price becomes an unpriced entry', async () => {
  const store = openSqliteStore({ path: ':memory:', sync: 'process' })
  await store.commit({ intents: [anIntent('unpriced', NOW)], entries: [], records: [] })
  await recover({ store, now: NOW, which: 'all' })
  expect((await store.getEntry('unpriced'))?.unpriced).toBe(true)
  await store.close()
})
