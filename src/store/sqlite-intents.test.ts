// How intents lie in the file; when they are open is in test/store-contract.test.ts.
import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Entry, Intent } from '../core/ledger.ts'
import { entryOf } from '../core/testing.ts'
import { NO_USAGE } from '../core/usage.ts'
import { INTENT_GROUPS } from './migration-intents.ts'
import { APPLICATION_ID, MIGRATIONS } from './migrations.ts'
import { openSqliteStore } from './sqlite.ts'

const HOUR = 3_600_000
const ALL = { deadlineBefore: Number.MAX_SAFE_INTEGER, limit: 1_000 }

const entry = (id: string): Entry => entryOf({ id, dimensions: { keyId: 'k' }, provider: 'p', costNanoUsd: 1n })

function intent(id: string): Intent {
  const { dimensions, provider, model, priceVersion } = entry(id)
  const estimate = { estimateNanoUsd: 1n, estimateUsage: NO_USAGE }
  return { id, createdAt: 1, deadlineAt: 2, dimensions, provider, model, priceVersion, ...estimate }
}

let folder = ''
let file = ''

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-intents-'))
  file = path.join(folder, 'weir.db')
})

afterEach(() => rmSync(folder, { recursive: true }))

const open = () => openSqliteStore({ path: file, sync: 'process' })

/** Ids of the intents in each row of the file. */
function rows(): string[][] {
  using database = new Database(file)
  const found = database.query<{ intents: string }, []>('SELECT intents FROM intent_groups ORDER BY no').all()
  return found.map(({ intents }) => (JSON.parse(intents) as [string][]).map(([id]) => id))
}

const numbered = (count: number) => Array.from({ length: count }, (_, number) => `r${number}`)

test('intents of one commit share rows of at most 32', async () => {
  const store = open()
  const ids = numbered(70)
  await store.commit({ intents: ids.map(intent), entries: [], records: [] })
  expect(rows()).toEqual([ids.slice(0, 32), ids.slice(32, 64), ids.slice(64)])
  expect((await store.openIntents(ALL)).map(({ id }) => id).toSorted()).toEqual(ids.toSorted())
  await store.close()
})

test('an id with any characters comes back', async () => {
  const store = open()
  const id = 'a "quoted"\\ id\n\u0001 – ü'
  await store.commit({ intents: [intent(id)], entries: [], records: [] })
  expect(await store.openIntents(ALL)).toEqual([intent(id)])
  await store.commit({ intents: [], entries: [entry(id)], records: [] })
  expect(await store.openIntents(ALL)).toEqual([])
  await store.close()
})

test('rows go in bulk once all of their intents are settled, and not before', async () => {
  const store = open()
  const ids = numbered(640)
  await store.commit({ intents: [intent('slow'), ...ids.slice(0, 31).map(intent)], entries: [], records: [] })
  await store.commit({ intents: ids.slice(31).map(intent), entries: [], records: [] })
  for (let from = 0; from < 640; from += 64)
    await store.commit({ intents: [], entries: ids.slice(from, from + 64).map(entry), records: [] })
  // Tidied up in the commit that brought the 512th entry, of what earlier ones had settled.
  expect(rows()[0]).toContain('slow')
  expect(rows().length).toBeLessThan(1 + (640 - 31) / 32 - 12)
  expect((await store.openIntents(ALL)).map(({ id }) => id)).toEqual(['slow'])
  await store.close()
})

test('a failed commit leaves its intents open and counts nothing twice', async () => {
  const store = open()
  await store.commit({ intents: ['a', 'b'].map(intent), entries: [], records: [] })
  const refused = store.commit({
    intents: [intent('c')],
    entries: [entry('a'), { ...entry('b'), costNanoUsd: 2n ** 70n }],
    records: [],
  })
  expect(await refused.catch((error: unknown) => error)).toMatchObject({ code: 'internal' })
  expect((await store.openIntents(ALL)).map(({ id }) => id)).toEqual(['a', 'b'])
  await store.commit({ intents: [], entries: [entry('a')], records: [] })
  const ids = numbered(512)
  for (let turn = 0; turn < 2; turn++)
    await store.commit({ intents: [], entries: ids.map((id) => entry(`${turn}${id}`)), records: [] })
  expect(rows()).toEqual([['a', 'b']])
  expect((await store.openIntents(ALL)).map(({ id }) => id)).toEqual(['b'])
  await store.close()
})

test('settled intents that a crash left behind are gone after the next start', async () => {
  const store = open()
  await store.commit({ intents: ['a', 'b'].map(intent), entries: [entry('a')], records: [] })
  await store.commit({ intents: [intent('c')], entries: [entry('c')], records: [] })
  expect(rows()).toEqual([['a', 'b'], ['c']])
  await store.close()
  await open().close()
  expect(rows()).toEqual([['b']])
})

test('a process does not delete a row that another one wrote under the same number', async () => {
  const store = open()
  await store.commit({ intents: [intent('a')], entries: [entry('a')], records: [] })
  // Its row is settled, and taken out by the other process at its start; then its number is free.
  const other = open()
  await other.commit({ intents: [intent('b')], entries: [], records: [] })
  for (let turn = 0; turn < 2; turn++)
    await store.commit({ intents: [], entries: numbered(512).map((id) => entry(`${turn}${id}`)), records: [] })
  expect(rows()).toEqual([['b']])
  expect((await store.openIntents(ALL)).map(({ id }) => id)).toEqual(['b'])
  await store.close()
  await other.close()
})

test('an archive does not open intents again whose entries it takes away', async () => {
  const store = open()
  await store.commit({ intents: ['a', 'b'].map(intent), entries: [entry('a')], records: [] })
  const keep = (): void => undefined
  expect(await store.archiveEntries({ before: HOUR, limit: 10, file: 'f', now: HOUR, keep })).toBe(1)
  expect((await store.openIntents(ALL)).map(({ id }) => id)).toEqual(['b'])
  await store.close()
})

test('open intents of a store of before come along', async () => {
  const database = new Database(file)
  const before = MIGRATIONS.indexOf(INTENT_GROUPS)
  for (const step of MIGRATIONS.slice(0, before)) database.run(step)
  database.run(`PRAGMA application_id = ${APPLICATION_ID}`)
  database.run(`PRAGMA user_version = ${before}`)
  database.run(`INSERT INTO words VALUES (1, 'v')`)
  database.run(
    `INSERT INTO subjects (no, digest, key_id, tags, requested_model, route, operation, dialect, provider, model)
     VALUES (1, x'01', 'k', '[]', 'm', 'm', 'chat', 'openai-chat', 'p', 'm')`,
  )
  const add = database.prepare('INSERT INTO intents VALUES (?, 5, 6, 1, ?, ?, 1, ?)')
  const holds = '[["key","budget_1","key_1",0,null,"4611686018427387904"]]'
  add.run('a', 2n ** 62n + 1n, '{"input":7,"seconds":0.25}', holds)
  add.run('b', 1n, '{}', null)
  add.run('settled', 1n, '{}', null)
  add.finalize()
  database.run(
    `INSERT INTO entries (id, at, subject, status, estimated, usage, cost_nano_usd, unpriced, price_version)
     VALUES ('settled', 5, 1, 0, 0, '{}', 1, 0, 1)`,
  )
  database.close()
  const store = open()
  const times = { createdAt: 5, deadlineAt: 6 }
  const hold = {
    scope: 'key',
    budgetId: 'budget_1',
    subject: 'key_1',
    from: 0,
    until: null,
    nanoUsd: 2n ** 62n,
  } as const
  expect(await store.openIntents(ALL)).toEqual([
    {
      ...intent('a'),
      ...times,
      estimateNanoUsd: 2n ** 62n + 1n,
      estimateUsage: { ...NO_USAGE, input: 7, seconds: 0.25 },
      holds: [hold],
    },
    { ...intent('b'), ...times },
  ])
  await store.commit({ intents: [], entries: [entry('a'), entry('b')], records: [] })
  expect(await store.openIntents(ALL)).toEqual([])
  await store.close()
})
