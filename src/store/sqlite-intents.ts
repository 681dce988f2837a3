// Intents in SQLite. Those of one commit share a row: each page that a commit dirties costs it as much as the rows of five
// requests, and rows of their own, which all go again within seconds, dirty three to four.
//
// An intent is open while there is no entry of its id; nothing is written to close it. A row goes once all of its intents are
// closed, in bulk with others. This process counts how many of each row that it wrote are still open; what a crash leaves
// behind is looked through at the next start, and so it is before entries go to an archive: without its entry an
// intent would be open again.
import type { Intent, LedgerBatch } from '../core/ledger.ts'
import { int64, parseUsage, quoted, usageText } from './codec.ts'
import { holdsText, parseHolds } from './sqlite-budgets.ts'
import type { Connection } from './sqlite-connection.ts'
import { dimensionsOf, type Interner, SUBJECT_COLUMNS, type SubjectRow } from './sqlite-subjects.ts'
import type { LedgerStore } from './store.ts'

/** A row of intents; `open`: how many of them wait for their entries. */
type Group = { readonly no: number; readonly mark: string; open: number }

type IntentRow = SubjectRow & {
  readonly id: string
  readonly created_at: bigint
  readonly deadline_at: bigint
  readonly estimate_nano_usd: bigint
  readonly estimate_usage: string
  readonly price_version: string
  readonly holds: string | null
}

/** As many as fit into one page of the database: what is longer would go on in pages of its own. */
const GROUP_SIZE = 32

const IS_SETTLED = 'EXISTS (SELECT 1 FROM entries e WHERE e.id = i.value ->> 0)'

/** Call it inside a write transaction: takes out the intents whose entries are there. */
export function dropSettledIntents(database: Connection): void {
  database.run(
    `DELETE FROM intent_groups WHERE NOT EXISTS (SELECT 1 FROM json_each(intents) i WHERE NOT ${IS_SETTLED})`,
  )
  database.run(
    `UPDATE intent_groups SET intents = (SELECT json_group_array(json(i.value)) FROM json_each(intents) i WHERE NOT ${IS_SETTLED})
     WHERE EXISTS (SELECT 1 FROM json_each(intents) i WHERE ${IS_SETTLED})`,
  )
}

export type IntentWriter = {
  /** Call it inside the transaction. */
  write(intents: readonly Intent[]): void
  /** Call it inside the transaction, now and then: deletes the rows that are settled. */
  tidy(): void
  /** Call it after the commit of what was written, with the entries of the same transaction. */
  committed(batch: LedgerBatch): void
  /** Drops what was written since, after a rollback. */
  forget(): void
}

export function createIntentWriter(database: Connection, interner: Interner): IntentWriter {
  const insert = database.hotStatement('INSERT INTO intent_groups (mark, intents) VALUES (?, ?)')
  // The mark tells this row from one that another process wrote since under the same number.
  const remove = database.hotStatement('DELETE FROM intent_groups WHERE no = ? AND mark = ?')
  /** Rows of committed transactions, by the ids of those that are open. */
  const groups = new Map<string, Group>()
  let written: Group[] = []
  let settled: Group[] = []
  let removed = 0

  function rowText(intent: Intent): string {
    const { no } = interner.subject(intent.dimensions, intent.provider, intent.model)
    const estimate = `${int64(intent.estimateNanoUsd)},${usageText(intent.estimateUsage)}`
    const holds = intent.holds === undefined ? '' : `,${holdsText(intent.holds)}`
    return `[${quoted(intent.id)},${intent.createdAt},${intent.deadlineAt},${no},${estimate},${interner.word(intent.priceVersion)}${holds}]`
  }

  function writeGroup(intents: readonly Intent[], from: number, to: number): void {
    const mark = intents[from]?.id ?? ''
    let text = ''
    for (let place = from; place < to; place++) {
      const intent = intents[place]
      if (intent !== undefined) text += `${text === '' ? '[' : ','}${rowText(intent)}`
    }
    const { lastInsertRowid } = insert.run(mark, `${text}]`)
    written.push({ no: Number(lastInsertRowid), mark, open: to - from })
  }

  return {
    write(intents) {
      for (let from = 0; from < intents.length; from += GROUP_SIZE)
        writeGroup(intents, from, Math.min(from + GROUP_SIZE, intents.length))
    },
    tidy() {
      for (const { no, mark } of settled) remove.run(no, mark)
      removed = settled.length
    },
    committed({ intents, entries }) {
      if (removed > 0) settled = settled.slice(removed)
      for (const [place, { id }] of intents.entries()) {
        const group = written[Math.floor(place / GROUP_SIZE)]
        if (group !== undefined) groups.set(id, group)
      }
      for (const { id } of entries) {
        const group = groups.get(id)
        if (group === undefined) continue
        groups.delete(id)
        if (--group.open === 0) settled.push(group)
      }
      written = []
      removed = 0
    },
    forget() {
      written = []
      removed = 0
    },
  }
}

/** Those without an entry, as `openIntents` of the store says. */
export function createIntentReader(
  database: Connection,
): (query: Parameters<LedgerStore['openIntents']>[0]) => readonly Intent[] {
  const select = database
    .hotStatement<IntentRow, [number, number]>(
      `SELECT i.value ->> 0 AS id, i.value ->> 1 AS created_at, i.value ->> 2 AS deadline_at, i.value ->> 4 AS estimate_nano_usd,
         i.value ->> 5 AS estimate_usage, w.word AS price_version, i.value ->> 7 AS holds, ${SUBJECT_COLUMNS}
       FROM intent_groups g, json_each(g.intents) i
         JOIN subjects s ON s.no = i.value ->> 3 JOIN words w ON w.no = i.value ->> 6
       WHERE i.value ->> 2 < ? AND NOT ${IS_SETTLED}
       ORDER BY created_at, i.value ->> 0 LIMIT ?`,
    )
    .safeIntegers(true)
  return ({ deadlineBefore, limit }) => select.all(deadlineBefore, limit).map(readIntent)
}

function readIntent(row: IntentRow): Intent {
  return {
    id: row.id,
    createdAt: Number(row.created_at),
    deadlineAt: Number(row.deadline_at),
    dimensions: dimensionsOf(row),
    provider: row.provider ?? '',
    model: row.model ?? '',
    estimateNanoUsd: row.estimate_nano_usd,
    estimateUsage: parseUsage(row.estimate_usage),
    priceVersion: row.price_version,
    ...(row.holds === null ? {} : { holds: parseHolds(row.holds) }),
  }
}
