// Keeping the books: they are looked through, priced again, exported, archived, copied and restored, and always add up.
import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { Entry } from '../src/core/ledger.ts'
import { NO_USAGE } from '../src/core/usage.ts'
import { openData } from '../src/data.ts'
import { recordOf } from '../src/core/testing.ts'
import { anEntry, book, type Books, DAY, NOW, openBooks } from './open-books.ts'

async function spentOf(books: Books): Promise<bigint> {
  const [sum] = await books.use((store) => store.spend({ by: [], bucket: null, from: 0, to: NOW + DAY }))
  return sum?.costNanoUsd ?? 0n
}

describe('weir ledger verify', () => {
  test('finds nothing in books of many hours, subjects, statuses and units', async () => {
    await using books = await openBooks()
    const entries = Array.from({ length: 300 }, (_, place) => {
      const entry = anEntry()
      return {
        ...entry,
        at: NOW - 70 * DAY + place * 5 * 3_600_000,
        dimensions: {
          ...entry.dimensions,
          tags: place % 3 === 0 ? ['b', 'a'] : [],
          endUser: place % 5 === 0 ? 'ada' : null,
        },
        status: (['complete', 'aborted', 'failed', 'recovered'] as const)[place % 4] ?? 'complete',
        usage: { ...NO_USAGE, input: place, seconds: place / 8, images: place % 2 },
        unpriced: place % 7 === 0,
      } satisfies Entry
    })
    for (let start = 0; start < entries.length; start += 50) await book(books, entries.slice(start, start + 50))
    expect(await books.verify()).toMatchObject({ ok: true, entries: 300, differences: 0 })
  })

  const damages: [what: string, sql: string, says: string][] = [
    [
      'an entry that was changed',
      'UPDATE entries SET cost_nano_usd = cost_nano_usd + 1 WHERE id = (SELECT min(id) FROM entries)',
      'cost_nano_usd is',
    ],
    [
      'an entry that was removed',
      'DELETE FROM entries WHERE id = (SELECT min(id) FROM entries)',
      'requests is 2, and its parts say 1',
    ],
    ['an hour that was changed', 'UPDATE spend SET input = input + 1 WHERE span = 0', 'input is'],
    ['a day that was changed', 'UPDATE spend SET requests = requests + 1 WHERE span = 1', 'day '],
    ['a month that is gone', 'DELETE FROM spend WHERE span = 2', 'there is no roll-up'],
    ['a budget that was changed', 'UPDATE budget_periods SET spent_nano_usd = 5', 'budget budget_1 of team_1'],
  ]
  test.each(damages)('names %s', async (_, sql, says) => {
    await using books = await openBooks()
    await book(books, [anEntry(), anEntry()])
    await book(books, [anEntry({ at: NOW })])
    expect((await books.verify()).ok).toBe(true)
    const database = new Database(path.join(books.data, 'weir.db'))
    database.run(sql)
    database.close()
    const check = await books.verify()
    expect(check.differences).toBeGreaterThan(0)
    expect(check.examples.join('\n')).toContain(says)
    expect((await books.weir('ledger', 'verify')).code).toBe(1)
  })
})

describe('weir ledger rerate', () => {
  test('writes a correction for each entry that costs something else now, once, and edits none', async () => {
    await using books = await openBooks()
    const wrong = anEntry({ costNanoUsd: 5n })
    const right = anEntry()
    const part = { provider: 'mine', model: 'm', costNanoUsd: 777n, unpriced: false, priceVersion: 'v' }
    const retried = anEntry({
      costNanoUsd: 1_200_000n + 777n,
      parts: [{ ...part, usage: { ...NO_USAGE, input: 1 } }],
    })
    const unknown = anEntry({ provider: 'other' })
    await book(books, [wrong, right, unknown])
    await books.use((store) => store.commit({ intents: [], entries: [retried], records: [recordOf(retried)] }))
    const before = await spentOf(books)
    const words = ['ledger', 'rerate', '--from', '7d', '--json']
    const dry = JSON.parse((await books.weir(...words, '--dry-run')).out)
    expect(dry).toEqual({
      dry_run: true,
      entries: 4,
      changed: 1,
      before_nano_usd: '5',
      after_nano_usd: '1200000',
      skipped: { no_price: 1, no_log_line: 0, no_usage: 0 },
    })
    expect(await spentOf(books)).toBe(before)
    expect(JSON.parse((await books.weir(...words)).out)).toMatchObject({ dry_run: false, changed: 1 })
    expect(JSON.parse((await books.weir(...words)).out)).toMatchObject({ changed: 0 })
    expect(await spentOf(books)).toBe(before + 1_199_995n)
    const rows = await books.use((store) => store.spend({ by: ['status'], bucket: null, from: 0, to: NOW }))
    expect(rows.map(({ group, requests, costNanoUsd }) => [group.status, requests, costNanoUsd])).toContainEqual([
      'adjusted',
      0,
      1_199_995n,
    ])
    expect((await books.use((store) => store.getEntry(wrong.id)))?.costNanoUsd).toBe(5n)
    const [account] = await books.use((store) => store.budgetAccounts({ endsAfter: NOW }))
    expect(account?.spentNanoUsd).toBe(before + 1_199_995n)
    expect(await books.verify()).toMatchObject({ ok: true })
  })

  test('needs no log line, but of entries of before their parts were kept, and leaves those outside of the range', async () => {
    await using books = await openBooks()
    await book(books, [anEntry({ costNanoUsd: 5n, at: NOW - 20 * DAY })])
    await books.use((store) => store.commit({ intents: [], entries: [anEntry({ costNanoUsd: 5n })], records: [] }))
    const dry = JSON.parse((await books.weir('ledger', 'rerate', '--from', '7d', '--dry-run', '--json')).out)
    expect(dry).toMatchObject({ entries: 1, changed: 1, skipped: { no_log_line: 0 } })
    const database = new Database(path.join(books.data, 'weir.db'))
    database.run(`UPDATE parts_since SET at = ${NOW}`)
    database.close()
    const result = JSON.parse((await books.weir('ledger', 'rerate', '--from', '7d', '--json')).out)
    expect(result).toMatchObject({ entries: 1, changed: 0, skipped: { no_log_line: 1 } })
  })
})

test('an export has a line for each entry, in three formats', async () => {
  await using books = await openBooks()
  const entry = anEntry({ dimensions: { ...anEntry().dimensions, tags: ['night'], endUser: '=cmd()' } })
  await book(books, [entry])
  const range = ['ledger', 'export', '--from', '7d']
  const [header, line] = (await books.weir(...range)).out.split('\r\n')
  const cells = Object.fromEntries((header ?? '').split(',').map((name, place) => [name, line?.split(',')[place]]))
  expect(cells).toMatchObject({
    id: entry.id,
    team: 'team_1',
    cost_usd: '0.0012',
    cost_nano_usd: '1200000',
    input: '1000',
    end_user: "'=cmd()",
  })
  expect(JSON.parse((await books.weir(...range, '--format', 'jsonl')).out)).toMatchObject({
    id: entry.id,
    tags: ['night'],
    usage: { input: 1_000, output: 100, requests: 1 },
    cost_nano_usd: '1200000',
  })
  const [names, values] = (await books.weir(...range, '--format', 'focus')).out.split('\r\n')
  const focus = Object.fromEntries((names ?? '').split(',').map((name, place) => [name, place]))
  const fields = values?.match(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)?.map((cell) => cell.replace(/,$/, '')) ?? []
  const of = (name: string): string | undefined => fields[focus[name] ?? -1]
  expect(
    ['BilledCost', 'BillingCurrency', 'ChargeCategory', 'ServiceCategory', 'SubAccountId', 'BillingPeriodStart'].map(
      of,
    ),
  ).toEqual(['0.0012', 'USD', 'Usage', 'AI and Machine Learning', 'team_1', '2026-11-01T00:00:00.000Z'])
})

test('an archive takes old entries out of the store; reports, budgets and the check keep their sums', async () => {
  await using books = await openBooks()
  const old = Array.from({ length: 2_500 }, (_, place) => anEntry({ at: NOW - 500 * DAY + place * 60_000 }))
  await books.use((store) => store.commit({ intents: [], entries: old, records: [] }))
  await book(books, [anEntry()])
  const before = await spentOf(books)
  const file = path.join(books.folder, 'old.jsonl.gz')
  const words = ['ledger', 'archive', '--before', '400d', '--to', file]
  expect((await books.weir(...words, '--compact', '--json')).out).toContain('"entries": 2500')
  const lines = gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n')
  expect(lines.length).toBe(2_500)
  expect(JSON.parse(lines[7] ?? '')).toMatchObject({ id: old[7]?.id, cost_nano_usd: '1200000' })
  expect(await spentOf(books)).toBe(before)
  expect(await books.verify()).toMatchObject({ ok: true, entries: 1, archived_entries: 2_500 })
  const again = await books.weir(...words)
  expect([again.code, again.err]).toEqual([1, expect.stringContaining('is there already')])
  const early = await books.weir('ledger', 'archive', '--before', '0d', '--to', `${file}2`)
  expect([early.code, early.err]).toEqual([1, expect.stringContaining('request_log.retention')])
  expect(existsSync(`${file}2`)).toBe(false)
})

test('a copy that is made while requests are booked is whole, and can be put back', async () => {
  await using books = await openBooks()
  await book(books, [anEntry()])
  const copy = path.join(books.folder, 'copy.db')
  let booked = 1
  await books.use(async (store) => {
    const stop = { now: false }
    const many = Promise.withResolvers<void>()
    const writing = (async () => {
      while (!stop.now) {
        await store.commit({ intents: [], entries: [anEntry()], records: [] })
        if (++booked === 20) many.resolve()
        await new Promise((resolve) => void setImmediate(resolve))
      }
    })()
    await many.promise
    expect((await books.weir('backup', '--to', copy)).code).toBe(0)
    stop.now = true
    await writing
  })
  expect((await books.weir('backup', '--to', copy)).err).toContain('is there already')
  const later = await books.verify()
  expect((await books.weir('restore', '--from', copy)).code).toBe(0)
  const restored = await books.verify()
  expect(restored).toMatchObject({ ok: true })
  expect(restored.entries).toBeGreaterThanOrEqual(20)
  expect(restored.entries).toBeLessThanOrEqual(later.entries)
  writeFileSync(copy, readFileSync(copy).subarray(0, 9_000))
  const damaged = await books.weir('restore', '--from', copy)
  expect(damaged.code).toBe(1)
  expect((await books.verify()).entries).toBe(restored.entries)
  const running = await openData(books.data, {}, { alone: true })
  expect((await books.weir('restore', '--from', copy)).err).toContain('Stop it first')
  await running.close()
})
