// Folding hours into days and months a slice at a time: few rows a commit, and reports that are exact after each.
import { expect, test } from 'bun:test'
import type { Entry } from '../core/ledger.ts'
import { entryOf } from '../core/testing.ts'
import { createBookStore } from './sqlite-books.ts'
import { openConnection } from './sqlite-connection.ts'
import { createLedgerStore } from './sqlite-ledger.ts'
import { createReportStore } from './sqlite-reports.ts'
import { createFoldedReader, FOLDED_ROWS, HOUR_MS, isHalfDone } from './sqlite-spans.ts'
import type { SpendBucket, SpendDimension } from './store.ts'

/** The last hour of a month. */
const HOUR = Date.UTC(2026, 0, 31, 23) / HOUR_MS
const KEYS = 900

/** Keys in the order of their first entry have ascending subjects; every third one has end users, every fifth pays more. */
function entry(hour: number, key: number, number = 0): Entry {
  const endUser = key % 3 === 0 ? `user_${key % 7}` : null
  return entryOf({
    id: `e${hour}_${key}_${number}`,
    at: hour * HOUR_MS + key,
    dimensions: { keyId: `key_${key}`, teamId: `team_${key % 4}`, endUser },
    costNanoUsd: BigInt(key % 5 === 0 ? 1_000 + key : 10),
    status: key % 11 === 0 ? 'failed' : 'complete',
  })
}

function books() {
  const database = openConnection({ path: ':memory:', sync: 'process' })
  const store = { ...createLedgerStore(database), ...createReportStore(database), ...createBookStore(database) }
  const changes = () => database.query<{ n: number }, []>('SELECT total_changes() AS n').get()?.n ?? 0
  const booked: Entry[] = []
  return {
    store,
    booked,
    folded: createFoldedReader(database),
    /** Returns how many rows were written. */
    async book(...entries: readonly Entry[]): Promise<number> {
      const before = changes()
      await store.commit({ intents: [], entries, records: [] })
      booked.push(...entries)
      return changes() - before
    },
    close: () => database.close(),
  }
}

type Question = {
  readonly by: SpendDimension
  readonly bucket: SpendBucket | null
  readonly from: number
  readonly to: number
}

const GROUPS = {
  key: ({ dimensions }) => dimensions.keyId,
  team: ({ dimensions }) => dimensions.teamId,
  end_user: ({ dimensions }) => dimensions.endUser,
} as const satisfies Partial<Record<SpendDimension, (entry: Entry) => string | null>>

const QUESTIONS: readonly Question[] = (['key', 'team', 'end_user'] as const).flatMap((by) =>
  ([null, 'hour', 'day', 'month'] as const).flatMap((bucket) =>
    [
      [HOUR - 23, HOUR],
      [HOUR - 23, HOUR + 1],
      [HOUR - 23, HOUR + 9],
      [HOUR, HOUR + 2],
      [HOUR - 24 * 40, HOUR + 24 * 40],
    ].map(([from = 0, to = 0]) => ({ by, bucket, from, to })),
  ),
)

function startOf(bucket: SpendBucket | null, hour: number): number | null {
  const date = new Date(hour * HOUR_MS)
  switch (bucket) {
    case null:
      return null
    case 'hour':
      return hour * HOUR_MS
    case 'day':
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate())
    case 'month':
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth())
  }
}

/** Group, bucket, requests and cost of each row, by the entries themselves. */
function expectedOf({ by, bucket, from, to }: Question, entries: readonly Entry[]): string[] {
  const rows = new Map<string, { requests: number; cost: bigint }>()
  for (const one of entries) {
    const hour = Math.floor(one.at / HOUR_MS)
    if (hour < from || hour >= to) continue
    const name = `${GROUPS[by as keyof typeof GROUPS](one)} ${startOf(bucket, hour)}`
    const row = rows.get(name) ?? { requests: 0, cost: 0n }
    rows.set(name, { requests: row.requests + 1, cost: row.cost + one.costNanoUsd })
  }
  return [...rows].map(([name, { requests, cost }]) => `${name} ${requests} ${cost}`).toSorted()
}

async function expectExact({ store, booked }: ReturnType<typeof books>): Promise<void> {
  for (const question of QUESTIONS) {
    const { by, bucket, from, to } = question
    const rows = await store.spend({ by: [by], bucket, from: from * HOUR_MS, to: to * HOUR_MS })
    const found = rows.map((row) => `${row.group[by]} ${row.at} ${row.requests} ${row.costNanoUsd}`)
    expect({ question, rows: found.toSorted() }).toEqual({ question, rows: expectedOf(question, booked) })
  }
  const [all] = await store.spend({ by: [], bucket: null, from: 0, to: HOUR_MS * HOUR * 2, percentiles: true })
  expect(all?.requests).toBe(booked.length)
  expect(await store.verifyBooks()).toMatchObject({ differences: 0, examples: [] })
}

test('an hour of many keys is folded over many commits, each of few rows, and reports are exact in between', async () => {
  const all = books()
  const keys = Array.from({ length: KEYS }, (_, key) => key)
  await all.book(...keys.map((key) => entry(HOUR, key)))
  let halves = 0
  for (let number = 0; number < 30; number++) {
    // A late entry lands before or behind what is folded, or is of a key that the hour did not have.
    const late = number % 3 === 0 ? [entry(HOUR, (number * 97) % (KEYS + 50), number + 1)] : []
    const rows = await all.book(entry(HOUR + 1 + (number > 20 ? 3 : 0), number, number), ...late)
    // Each folded row goes to its day and month, and at most as often to those of coarse rows; the rest are the entries' own.
    expect(rows).toBeLessThan(FOLDED_ROWS * 2 * 4 + 100)
    const folded = all.folded()
    if (folded !== null && isHalfDone(folded)) {
      halves++
      await expectExact(all)
    }
  }
  expect(halves).toBeGreaterThanOrEqual(4)
  expect(all.folded()).toEqual({ until: HOUR + 4, kind: 0, subject: 0 })
  await expectExact(all)
  all.close()
})

test('a large commit folds twice what it adds, so that the fold does not fall behind', async () => {
  const all = books()
  for (let hour = 0; hour < 6; hour++)
    await all.book(...Array.from({ length: 1_000 }, (_, key) => entry(HOUR + hour, key)))
  expect(all.folded()).toEqual({ until: HOUR + 5, kind: 0, subject: 0 })
  all.close()
})

test('a commit that fails leaves the fold where it was', async () => {
  const all = books()
  await all.book(...Array.from({ length: KEYS }, (_, key) => entry(HOUR, key)))
  await all.book(entry(HOUR + 1, 1))
  const before = all.folded()
  const refused = all.book({ ...entry(HOUR + 1, 2), costNanoUsd: 2n ** 70n })
  expect(await refused.catch((error: unknown) => error)).toMatchObject({ code: 'internal' })
  expect(all.folded()).toEqual(before)
  await expectExact(all)
  all.close()
})
