// Keeping the books in SQLite: corrections, archives, copies; looking through them is in sqlite-verify.ts.
import { existsSync } from 'node:fs'
import { GatewayError } from '../core/error.ts'
import type { BudgetCharge } from '../core/budget.ts'
import type { Entry } from '../core/ledger.ts'
import type { NanoUsd } from '../core/money.ts'
import { int64, parseAttempts } from './codec.ts'
import { pageOf } from './page.ts'
import { createChargeWriter } from './sqlite-budgets.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import { dropSettledIntents } from './sqlite-intents.ts'
import { ENTRY_COLUMNS, type EntryRow, entryValues, FROM_ENTRIES, INSERT_ENTRY, readEntry } from './sqlite-ledger.ts'
import { createRollup } from './sqlite-rollup.ts'
import { createSaleWriter } from './sqlite-sales.ts'
import { HOUR_MS } from './sqlite-spans.ts'
import { createInterner } from './sqlite-subjects.ts'
import { verifyBooks } from './sqlite-verify.ts'
import type { BookedEntry, BookStore, EntryFilter } from './store.ts'

type ScanRow = EntryRow & {
  readonly adjusted: bigint | null
  readonly attempts: string | null
  /** Entries from then on tell their parts. */
  readonly since: bigint
}
type ChargeRow = {
  readonly no: bigint
  readonly nano: bigint
  readonly sold: bigint | null
  readonly budget: string | null
  readonly subject: string | null
  readonly from_at: bigint | null
  readonly until_at: bigint | null
}

export function createBookStore(database: Connection): BookStore {
  const insertEntry = database.statement(INSERT_ENTRY)
  const insertAdjustment = database.statement('INSERT INTO adjustments VALUES (NULL, ?, ?, ?)')
  const chargesOf = database.statement<
    { budget: string; subject: string; from_at: number; until_at: number | null; sold: number },
    [string]
  >(
    `SELECT p.budget, p.subject, p.from_at, p.until_at, p.sold FROM budget_charges c JOIN budget_periods p ON p.no = c.period
     WHERE c.entry = ? AND c.beside = 0`,
  )
  const since = database
    .statement<ChargeRow, [number]>(
      `SELECT a.no, iif(p.sold = 1, x.charged_nano_usd, e.cost_nano_usd) AS nano, p.sold,
         p.budget, p.subject, p.from_at, p.until_at
       FROM adjustments a JOIN entries e ON e.id = a.entry LEFT JOIN sales x ON x.entry = a.entry
       LEFT JOIN budget_charges c ON c.entry = a.entry LEFT JOIN budget_periods p ON p.no = c.period
       WHERE a.no > ? ORDER BY a.no`,
    )
    .safeIntegers(true)
  const interner = createInterner(database)
  const rollup = createRollup(database)
  const charges = createChargeWriter(database)
  const sales = createSaleWriter(database, interner)

  function writeAdjustment(entry: Entry, original: string, madeAt: number): void {
    const subject = interner.subject(entry.dimensions, entry.provider, entry.model)
    insertEntry.run(...entryValues(entry, subject, interner))
    insertAdjustment.run(entry.id, original, madeAt)
    rollup.add(entry, subject, [])
    if (entry.sale !== undefined) sales.add(entry, entry.sale, subject)
    const periods = chargesOf.all(original).map((row): BudgetCharge => {
      const period = { budgetId: row.budget, subject: row.subject, from: row.from_at, until: row.until_at }
      return row.sold === 1 ? { ...period, sold: true } : period
    })
    charges.add(entry, periods)
  }

  return {
    scanEntries: (filter) =>
      guarded(() => {
        const { sql, values } = scanOf(filter)
        const rows = database
          .query<ScanRow, (string | number)[]>(sql)
          .safeIntegers(true)
          .all(...values)
        const { data, next } = pageOf(rows, filter.limit, ({ id }) => id)
        return { data: data.map(readBooked), next }
      }),

    adjust: (adjustments) =>
      guarded(() => {
        try {
          database
            .transaction(() => {
              for (const { entry, original, madeAt } of adjustments) writeAdjustment(entry, original, madeAt)
              rollup.write()
              sales.write()
              charges.write()
            })
            .immediate()
        } catch (error) {
          interner.forget()
          rollup.forget()
          sales.forget()
          charges.forget()
          throw error
        }
      }),

    adjustmentsSince: (no) =>
      guarded(() => {
        const found = new Map<bigint, { no: number; charges: (BudgetCharge & { nanoUsd: NanoUsd })[] }>()
        for (const row of since.all(no)) {
          const known = found.get(row.no) ?? { no: Number(row.no), charges: [] }
          found.set(row.no, known)
          if (row.budget !== null && row.subject !== null)
            known.charges.push({
              budgetId: row.budget,
              subject: row.subject,
              from: Number(row.from_at),
              until: row.until_at === null ? null : Number(row.until_at),
              nanoUsd: row.nano,
              ...(row.sold === 1n ? { sold: true as const } : {}),
            })
        }
        return [...found.values()]
      }),

    verifyBooks: () => guarded(() => database.transaction(() => verifyBooks(database))()),

    archiveEntries: (query) => guarded(() => archive(database, query)),

    backup: (file) =>
      guarded(() => {
        if (existsSync(file)) throw new GatewayError('conflict', { message: `The file ${file} is there already.` })
        database.run('VACUUM INTO ?', [file])
      }),

    compact: () =>
      guarded(() => {
        database.run('VACUUM')
      }),
  }
}

function scanOf({
  from,
  to,
  provider,
  model,
  keyId,
  teamId,
  cursor,
  limit,
}: EntryFilter & { cursor: string | null; limit: number }) {
  const conditions = ['e.at >= ?', 'e.at < ?']
  const values: (string | number)[] = [from, to]
  for (const [column, value] of [
    ['s.provider = ?', provider],
    ['s.model = ?', model],
    ['s.key_id = ?', keyId],
    ['s.team_id = ?', teamId],
    ['e.id > ?', cursor ?? undefined],
  ] as const)
    if (value !== undefined) {
      conditions.push(column)
      values.push(value)
    }
  return {
    sql: `SELECT ${ENTRY_COLUMNS}, r.attempts, (SELECT at FROM parts_since) AS since,
        (SELECT sum(x.cost_nano_usd) FROM adjustments a JOIN entries x ON x.id = a.entry WHERE a.original = e.id) AS adjusted
      FROM ${FROM_ENTRIES} LEFT JOIN requests r ON r.id = e.id
      WHERE ${conditions.join(' AND ')} ORDER BY e.id LIMIT ?`,
    values: [...values, limit + 1],
  }
}

function readBooked(row: ScanRow): BookedEntry {
  const entry = readEntry(row)
  return { entry, adjustedNanoUsd: row.adjusted ?? 0n, besideNanoUsd: besideOf(row, entry) }
}

function besideOf({ at, since, attempts }: ScanRow, entry: Entry): NanoUsd | null {
  if (entry.parts !== undefined) return entry.parts.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n)
  if (at >= since) return 0n
  if (attempts === null) return null
  const known = parseAttempts(attempts, `${entry.provider}/${entry.model}`, entry.at)
  // Where nobody answered, what was consumed is the entry's own.
  if (!known.some(({ outcome }) => outcome.type === 'answered')) return 0n
  return known.reduce((sum, { consumed }) => sum + (consumed?.costNanoUsd ?? 0n), 0n)
}

type ArchiveQuery = Parameters<BookStore['archiveEntries']>[0]

function archive(database: Connection, { before, limit, file, now, keep }: ArchiveQuery): number {
  if (before % HOUR_MS !== 0) throw new RangeError('an archive ends at the start of an hour')
  return database
    .transaction(() => {
      dropSettledIntents(database)
      // What a correction is of goes with it or after it, never before: ids of corrections sort before those of requests.
      const rows = database
        .query<EntryRow, [number, number]>(
          `SELECT ${ENTRY_COLUMNS} FROM ${FROM_ENTRIES} WHERE e.at < ? ORDER BY e.id LIMIT ?`,
        )
        .safeIntegers(true)
        .all(before, limit)
      if (rows.length === 0) return 0
      const entries = rows.map(readEntry)
      keep(entries)
      const chargesOf = database
        .query<{ period: bigint; cost: bigint | null; sold: bigint }, [string]>(
          `SELECT c.period, c.cost_nano_usd AS cost, p.sold
           FROM budget_charges c JOIN budget_periods p ON p.no = c.period WHERE c.entry = ?`,
        )
        .safeIntegers(true)
      const bookArchived = database.statement(
        'UPDATE budget_periods SET archived_nano_usd = archived_nano_usd + ? WHERE no = ?',
      )
      const dropCharge = database.statement('DELETE FROM budget_charges WHERE period = ? AND entry = ?')
      const dropAdjustment = database.statement('DELETE FROM adjustments WHERE entry = ?')
      const dropSale = database.statement('DELETE FROM sales WHERE entry = ?')
      const dropParts = database.statement('DELETE FROM entry_parts WHERE entry = ?')
      const dropEntry = database.statement('DELETE FROM entries WHERE id = ?')
      let cost = 0n
      let charged = 0n
      let requests = 0
      for (const entry of entries) {
        cost += entry.costNanoUsd
        if (entry.status !== 'adjusted') requests++
        charged += entry.sale?.chargedNanoUsd ?? 0n
        for (const { period, sold, cost: share } of chargesOf.all(entry.id)) {
          const whole = sold === 1n ? (entry.sale?.chargedNanoUsd ?? 0n) : entry.costNanoUsd
          bookArchived.run(int64(share ?? whole), period)
          dropCharge.run(period, entry.id)
        }
        dropAdjustment.run(entry.id)
        if (entry.sale !== undefined) dropSale.run(entry.id)
        dropParts.run(entry.id)
        dropEntry.run(entry.id)
      }
      database
        .query('INSERT INTO archives VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)')
        .run(before, file, now, entries.length, requests, int64(cost), int64(charged))
      return entries.length
    })
    .immediate()
}
