// The ledger in SQLite. `commit` is the hottest write of the gateway: one transaction for a group of requests.
import type { Entry, LedgerBatch, RequestRecord } from '../core/ledger.ts'
import { attemptsText, ENTRY_STATUSES, int64, microseconds, parseUsage, usageText } from './codec.ts'
import { createChargeWriter } from './sqlite-budgets.ts'
import { createSavingWriter } from './sqlite-cache.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import { createIntentReader, createIntentWriter, dropSettledIntents } from './sqlite-intents.ts'
import { createKeyIndex } from './sqlite-requests.ts'
import { createPartWriter, parseParts, PARTS_OF_ENTRY } from './sqlite-parts.ts'
import { createRollup } from './sqlite-rollup.ts'
import { createSaleWriter, parseSale, SALE_COLUMN } from './sqlite-sales.ts'
import {
  createInterner,
  dimensionsOf,
  type Interner,
  SUBJECT_COLUMNS,
  type Subject,
  type SubjectRow,
} from './sqlite-subjects.ts'
import type { LedgerStore } from './store.ts'

export type EntryRow = SubjectRow & {
  readonly id: string
  readonly at: bigint
  readonly status: bigint
  readonly estimated: bigint
  readonly usage: string
  readonly cost_nano_usd: bigint
  readonly unpriced: bigint
  readonly price_version: string
  readonly sale: string | null
  readonly saved_nano_usd: bigint | null
  /** JSON rows, see sqlite-parts.ts. */
  readonly parts: string
}

export const FROM_ENTRIES = 'entries e JOIN subjects s ON s.no = e.subject JOIN words w ON w.no = e.price_version'
export const ENTRY_COLUMNS = `e.id, e.at, e.status, e.estimated, e.usage, e.cost_nano_usd, e.unpriced, e.saved_nano_usd,
  w.word AS price_version, ${PARTS_OF_ENTRY} AS parts, ${SALE_COLUMN}, ${SUBJECT_COLUMNS}`
export const INSERT_ENTRY = `INSERT INTO entries (id, at, subject, status, estimated, usage, cost_nano_usd, unpriced, price_version,
  saved_nano_usd) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** For `INSERT_ENTRY`. */
export function entryValues(entry: Entry, subject: Subject, interner: Interner) {
  return [
    entry.id,
    entry.at,
    subject.no,
    ENTRY_STATUSES.indexOf(entry.status),
    entry.usageSource === 'estimated' ? 1 : 0,
    usageText(entry.usage),
    int64(entry.costNanoUsd),
    entry.unpriced ? 1 : 0,
    interner.word(entry.priceVersion),
    entry.savedNanoUsd === undefined ? null : int64(entry.savedNanoUsd),
  ] as const
}

/** Entries between two rounds of tidying up. */
const TIDY_EVERY = 512

/** What an entry of the batch wrote, so that its record does not write it again. */
type Booked = { readonly entry: Entry; readonly subject: Subject }

export function createLedgerStore(database: Connection): LedgerStore {
  const interner = createInterner(database)
  const rollup = createRollup(database)
  const charges = createChargeWriter(database)
  const sales = createSaleWriter(database, interner)
  const intents = createIntentWriter(database, interner)
  const openIntents = createIntentReader(database)
  const insertEntry = database.hotStatement(`${INSERT_ENTRY} ON CONFLICT DO NOTHING`)
  const writeParts = createPartWriter(database, interner)
  const insertRequest = database.hotStatement(
    `INSERT INTO requests (id, key, at, subject, status, error_code, client_request_id, stream, duration_us, ttft_us,
       overhead_us, attempts, finish_reason, raw_usage, estimated, usage, cost_nano_usd, path, plan, saved_nano_usd)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  )
  const addSaving = createSavingWriter(database)
  const begin = database.hotStatement('BEGIN IMMEDIATE')
  const commit = database.hotStatement('COMMIT')
  const rollback = database.hotStatement('ROLLBACK')
  const selectEntry = database
    .hotStatement<EntryRow, [string]>(`SELECT ${ENTRY_COLUMNS} FROM ${FROM_ENTRIES} WHERE e.id = ?`)
    .safeIntegers(true)
  const indexKeys = createKeyIndex(database)
  database.transaction(() => dropSettledIntents(database)).immediate()
  /** Entries since the last round of tidying up. */
  let untidied = 0
  const count = database.hotStatement<{ count: number }, []>('SELECT count(*) AS count FROM entries')

  function writeEntry(entry: Entry): Booked {
    const subject = interner.subject(entry.dimensions, entry.provider, entry.model)
    const { changes } = insertEntry.run(...entryValues(entry, subject, interner))
    if (changes > 0) {
      rollup.add(entry, subject, entry.parts === undefined ? [] : writeParts(entry, entry.parts))
      if (entry.sale !== undefined) sales.add(entry, entry.sale, subject)
      if (entry.charges !== undefined) charges.add(entry, entry.charges)
    }
    return { entry, subject }
  }

  function writeRecord(record: RequestRecord, booked: Booked | undefined): void {
    const { target, at, usage, usageSource, costNanoUsd } = record
    const same = booked !== undefined && isSameBooking(record, booked.entry)
    const slash = target === null ? -1 : target.indexOf('/')
    const subject =
      same &&
      target === `${booked.entry.provider}/${booked.entry.model}` &&
      record.dimensions === booked.entry.dimensions
        ? booked.subject
        : interner.subject(
            record.dimensions,
            target === null ? null : target.slice(0, Math.max(slash, 0)),
            target === null ? null : target.slice(slash + 1),
          )
    const { changes } = insertRequest.run(
      record.id,
      subject.key,
      at,
      subject.no,
      record.status,
      record.errorCode,
      record.clientRequestId,
      record.stream ? 1 : 0,
      microseconds(record.durationMs),
      record.ttftMs === null ? null : microseconds(record.ttftMs),
      microseconds(record.overheadMs),
      attemptsText(record.attempts, target, at),
      record.finishReason,
      record.rawUsage,
      same || usageSource === null ? null : usageSource === 'estimated' ? 1 : 0,
      same || usage === null ? null : usageText(usage),
      same || costNanoUsd === null ? null : int64(costNanoUsd),
      record.path ?? null,
      record.plan ?? null,
      record.savedNanoUsd === undefined ? null : int64(record.savedNanoUsd),
    )
    if (record.savedNanoUsd !== undefined && changes > 0) addSaving(at, record.dimensions.route, record.savedNanoUsd)
  }

  function write(batch: LedgerBatch): void {
    intents.write(batch.intents)
    const booked = new Map<string, Booked>()
    for (const entry of batch.entries) booked.set(entry.id, writeEntry(entry))
    rollup.write()
    sales.write()
    charges.write()
    for (const record of batch.records) writeRecord(record, booked.get(record.id))
    if (untidied + batch.entries.length < TIDY_EVERY) return
    intents.tidy()
    indexKeys()
  }

  return {
    commit: (batch) =>
      guarded(() => {
        begin.run()
        try {
          write(batch)
          commit.run()
          intents.committed(batch)
          untidied += batch.entries.length
          if (untidied >= TIDY_EVERY) untidied = 0
        } catch (error) {
          intents.forget()
          interner.forget()
          rollup.forget()
          sales.forget()
          charges.forget()
          // SQLite ends the transaction itself after some errors (a full disk); a second ROLLBACK would hide the cause.
          if (database.inTransaction) rollback.run()
          throw error
        }
      }),

    openIntents: (query) => guarded(() => openIntents(query)),

    getEntry: (id) =>
      guarded(() => {
        const row = selectEntry.get(id)
        return row === null ? null : readEntry(row)
      }),

    countEntries: () => guarded(() => count.get()?.count ?? 0),
  }
}

function isSameBooking(record: RequestRecord, entry: Entry): boolean {
  return (
    record.usage === entry.usage && record.usageSource === entry.usageSource && record.costNanoUsd === entry.costNanoUsd
  )
}

export function readEntry(row: EntryRow): Entry {
  return {
    id: row.id,
    at: Number(row.at),
    dimensions: dimensionsOf(row),
    provider: row.provider ?? '',
    model: row.model ?? '',
    status: ENTRY_STATUSES[Number(row.status)] ?? 'complete',
    usage: parseUsage(row.usage),
    usageSource: row.estimated === 1n ? 'estimated' : 'reported',
    costNanoUsd: row.cost_nano_usd,
    unpriced: row.unpriced === 1n,
    priceVersion: row.price_version,
    ...(row.sale === null ? {} : { sale: parseSale(row.sale) }),
    ...(row.saved_nano_usd === null ? {} : { savedNanoUsd: row.saved_nano_usd }),
    ...(row.parts === '[]' ? {} : { parts: parseParts(row.parts) }),
  }
}
