// What is particular to the SQLite store; what every store promises is in test/store-contract.test.ts.
import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Entry, RequestRecord } from '../core/ledger.ts'
import { NO_USAGE } from '../core/usage.ts'
import { bucketCost, costBucket } from '../core/cost-sketch.ts'
import { REPORTS } from './migration-reports.ts'
import { APPLICATION_ID, MIGRATIONS } from './migrations.ts'
import { type Piece, piecesOf } from './sqlite-reports.ts'
import { openSqliteStore } from './sqlite.ts'

const COMMON = {
  dimensions: {
    keyId: 'k',
    teamId: null,
    endUser: null,
    tags: [],
    requestedModel: 'm',
    route: 'm',
    operation: 'chat',
    dialect: 'openai-chat',
  },
  provider: 'p',
  model: 'm',
  priceVersion: 'v',
}

const ENTRY: Entry = {
  ...COMMON,
  id: 'a',
  at: 1,
  status: 'complete',
  usage: NO_USAGE,
  usageSource: 'reported',
  costNanoUsd: 1n,
  unpriced: false,
}

const RECORD: RequestRecord = {
  id: 'a',
  clientRequestId: null,
  at: 1,
  dimensions: COMMON.dimensions,
  status: 200,
  errorCode: null,
  target: 'p/m',
  stream: false,
  durationMs: 1,
  ttftMs: null,
  overheadMs: 1,
  attempts: [],
  finishReason: null,
  rawUsage: null,
  usage: ENTRY.usage,
  usageSource: 'reported',
  costNanoUsd: 1n,
}

let folder = ''
let file = ''

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-sqlite-'))
  file = path.join(folder, 'weir.db')
})

afterEach(() => rmSync(folder, { recursive: true }))

function opening(where = file) {
  return () => openSqliteStore({ path: where, sync: 'process' })
}

function change(...statements: readonly string[]): void {
  const database = new Database(file)
  for (const statement of statements) database.run(statement)
  database.close()
}

test('a new file is readable by its owner only', async () => {
  const store = opening()()
  await store.initSetting('a', 'b')
  for (const name of [file, `${file}-wal`]) expect(statSync(name).mode & 0o077).toBe(0)
  await store.close()
})

test('closing leaves one file behind', async () => {
  const store = opening()()
  await store.initSetting('a', 'b')
  await store.spend({ by: ['key'], bucket: null, from: 0, to: 3_600_000 })
  await store.close()
  expect(() => statSync(`${file}-wal`)).toThrow('ENOENT')
})

test('a store in memory works and leaves nothing', async () => {
  const store = openSqliteStore({ path: ':memory:', sync: 'power' })
  expect(await store.initSetting('a', 'b')).toBe('b')
  await store.close()
})

test.each([
  [
    'a file that is no database',
    () => writeFileSync(file, 'this is a plain text file, long enough to be read as a header'),
  ],
  ['a folder', () => mkdirSync(file)],
])('%s is refused with its path', (_, prepare) => {
  prepare()
  expect(opening()).toThrow(file)
  expect(opening()).toThrow(expect.objectContaining({ code: 'store_unavailable' }))
})

test('a folder that is not there is named', () => {
  const missing = path.join(folder, 'missing', 'weir.db')
  expect(opening(missing)).toThrow(missing)
})

test('a store of a newer release is refused and not touched', async () => {
  await opening()().close()
  change('PRAGMA user_version = 99')
  expect(opening()).toThrow(/schema 99, this program knows \d+/)
})

test('the database of another program is refused and gets no tables of ours', () => {
  change('CREATE TABLE theirs (a)')
  expect(opening()).toThrow('another program')
  const database = new Database(file)
  expect(database.query('SELECT name FROM sqlite_schema').all()).toEqual([{ name: 'theirs' }])
  database.close()
})

test('an older schema is brought up to date by the steps that it lacks', async () => {
  await opening()().close()
  const database = new Database(file)
  expect(database.query('PRAGMA user_version').get()).toEqual({ user_version: MIGRATIONS.length })
  database.close()
  const again = opening()()
  await again.ping()
  await again.close()
})

test('a torn page is an error and not a wrong answer', async () => {
  const store = opening()()
  await store.initSetting('a', 'b')
  await store.close()
  const bytes = readFileSync(file)
  bytes.fill(0xff, 4_096)
  writeFileSync(file, bytes)
  // Either the opening or the first use notices; both say what it is.
  const used = async () => {
    const again = opening()()
    try {
      await again.getSetting('a')
    } finally {
      await again.close()
    }
  }
  const error = await used().then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ code: 'store_unavailable' })
})

test('what another process has locked is waited for, and then refused', async () => {
  const store = opening()()
  const other = new Database(file)
  other.run('BEGIN IMMEDIATE')
  const error = await store.initSetting('a', 'b').then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ code: 'store_unavailable' })
  other.run('COMMIT')
  expect(await store.initSetting('a', 'c')).toBe('c')
  other.close()
  await store.close()
})

test('the index by key follows the log in bulk, and pruning takes its rows along', async () => {
  const store = opening()()
  const record = (number: number) => ({ ...RECORD, id: `r${number}`, at: number })
  const entry = (number: number) => ({ ...ENTRY, id: `r${number}`, at: number })
  for (let number = 0; number < 600; number++) {
    await store.commit({ intents: [], entries: [entry(number)], records: [record(number)] })
  }
  const indexed = () => {
    const database = new Database(file)
    const rows = database.query<{ seq: number }, []>('SELECT seq FROM request_keys ORDER BY seq').all()
    database.close()
    return rows.map(({ seq }) => seq)
  }
  expect(indexed()).toEqual(Array.from({ length: 512 }, (_, index) => index + 1))
  expect(await store.pruneRequests({ before: 510, limit: 1_000 })).toBe(510)
  expect(indexed()).toEqual([511, 512])
  await store.close()
})

const hourOf = (text: string) => Date.parse(`${text}:00Z`) / 3_600_000

test.each([
  ['nothing', '2026-01-01T00', '2026-01-01T00', '2026-06-01T00', null, []],
  ['hours before the fold', '2026-01-01T01', '2026-01-01T05', '2026-06-01T00', null, ['hour 01-01T01 01-01T05']],
  ['hours after the fold', '2026-01-01T01', '2026-03-01T05', '2026-01-01T00', null, ['hour 01-01T01 03-01T05']],
  [
    'a year to now',
    '2026-01-10T07',
    '2026-05-04T13',
    '2026-05-04T12',
    null,
    ['hour 01-10T07 01-11T00', 'day 01-11T00 02-01T00', 'month 02-01T00 06-01T00', 'hour 05-04T12 05-04T13'],
  ],
  [
    'a range that ends before the fold',
    '2026-01-01T00',
    '2026-03-03T02',
    '2026-05-04T12',
    null,
    ['month 01-01T00 03-01T00', 'day 03-01T00 03-03T00', 'hour 03-03T00 03-03T02'],
  ],
  ['days', '2026-01-31T00', '2026-03-01T00', '2026-05-01T00', 'day', ['day 01-31T00 03-01T00']],
  ['by the hour', '2026-01-01T00', '2026-03-01T00', '2026-05-01T00', 'hour', ['hour 01-01T00 03-01T00']],
] as const)('a report of %s reads the fewest rows', (_, from, to, folded, bucket, expected) => {
  const pieces = piecesOf(hourOf(from), hourOf(to), { until: hourOf(folded), kind: 0, subject: 0 }, bucket)
  expect(pieces.map(pieceText)).toEqual([...expected])
})

test.each([
  [
    'to the half',
    '2026-01-02T00',
    '2026-01-03T05',
    '2026-01-03T05',
    ['day 01-02T00 01-03T00', 'hour 01-03T00 01-03T05'],
  ],
  [
    'over it',
    '2026-01-02T00',
    '2026-01-03T07',
    '2026-01-03T05',
    ['day 01-02T00 01-04T00', 'hour 01-03T05 01-03T06 rest', 'hour 01-03T06 01-03T07'],
  ],
  [
    'over the first hour of a month',
    '2026-01-01T00',
    '2026-02-01T01',
    '2026-02-01T00',
    ['month 01-01T00 03-01T00', 'hour 02-01T00 02-01T01 rest'],
  ],
  [
    'of that day',
    '2026-01-03T02',
    '2026-01-03T07',
    '2026-01-03T05',
    ['hour 01-03T02 01-03T06', 'hour 01-03T06 01-03T07'],
  ],
  ['from the half on', '2026-01-03T05', '2026-01-03T07', '2026-01-03T05', ['hour 01-03T05 01-03T07']],
] as const)('an hour that is half folded is counted once in a report %s', (_, from, to, until, expected) => {
  const pieces = piecesOf(hourOf(from), hourOf(to), { until: hourOf(until), kind: 1, subject: 7 }, null)
  expect(pieces.map(pieceText)).toEqual([...expected])
})

function pieceText({ span, from, to, after }: Piece): string {
  const short = (hour: number) => new Date(hour * 3_600_000).toISOString().slice(5, 13)
  return `${span} ${short(from)} ${short(to)}${after === undefined ? '' : ' rest'}`
}

test('a store of before coarse rows and counts by cost gets them for all that it holds', async () => {
  // The schema as it was, filled as it was filled then.
  const database = new Database(file)
  const before = MIGRATIONS.indexOf(REPORTS)
  for (const step of MIGRATIONS.slice(0, before)) database.run(step)
  database.run(`PRAGMA application_id = ${APPLICATION_ID}`)
  database.run(`PRAGMA user_version = ${before}`)
  const columns =
    'no, digest, key_id, team_id, end_user, tags, requested_model, route, operation, dialect, provider, model'
  const add = database.prepare(`INSERT INTO subjects (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  for (const [no, endUser, tags, model, dialect] of [
    [1, null, '[]', 'gpt', 'openai-chat'],
    [2, null, '[]', '', ''],
    [3, 'ada', '["y","x","y"]', 'gpt', 'openai-chat'],
    [4, 'ada', '["x","y"]', '', ''],
  ] as const)
    add.run(no, new Uint8Array([no]), 'k', 't', endUser, tags, model, 'gpt', 'chat', dialect, 'p', 'gpt')
  const hour = Date.UTC(2026, 0, 31, 23) / 3_600_000
  const entry = database.prepare('INSERT INTO entries VALUES (?, ?, ?, ?, 0, ?, ?, 0, 1)')
  const spend = database.prepare(
    `INSERT INTO spend (span, kind, at, subject, status, requests, cost_nano_usd, unpriced, input, cache_read, cache_write_5m,
       cache_write_1h, output, reasoning, audio_in, audio_out, image_in, image_out, video, characters, milliseconds,
       request_units, searches) VALUES (?, ?, ?, ?, 0, 1, ?, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)`,
  )
  for (const [id, at, subject, slim, kind, cost] of [
    ['a', hour, 1, 2, 0, 700],
    ['b', hour, 3, 2, 1, 900],
    ['c', hour + 1, 1, 2, 0, 0],
  ] as const) {
    entry.run(id, at * 3_600_000, subject, 0, '{"input":1}', cost)
    spend.run(0, kind, at, slim, cost)
    if (kind === 1) spend.run(0, 2, at, 4, cost)
    if (at > hour) continue
    for (const [span, start] of [
      [1, hour - 23],
      [2, Date.UTC(2026, 0, 1) / 3_600_000],
    ] as const) {
      spend.run(span, kind, start, slim, cost)
      if (kind === 1) spend.run(span, 2, start, 4, cost)
    }
  }
  database.run(`INSERT INTO words VALUES (1, 'v')`)
  database.run(`INSERT INTO spend_folded VALUES (1, ${hour + 1})`)
  add.finalize()
  entry.finalize()
  spend.finalize()
  database.close()

  const store = opening()()
  expect(await store.verifyBooks()).toMatchObject({ entries: 3, differences: 0, examples: [] })
  const query = { bucket: null, from: 0, to: Date.UTC(2100, 0, 1), percentiles: true } as const
  const [row] = await store.spend({ ...query, by: ['team', 'model'] })
  expect(row).toMatchObject({
    requests: 3,
    costNanoUsd: 1_600n,
    costPercentiles: { p90: bucketCost(costBucket(900n)) },
  })
  await store.commit({
    intents: [],
    records: [],
    entries: [{ ...ENTRY, id: 'd', at: (hour + 900) * 3_600_000, costNanoUsd: 5n }],
  })
  expect(await store.verifyBooks()).toMatchObject({ entries: 4, differences: 0, examples: [] })
  await store.close()
})
