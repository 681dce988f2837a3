// Price files in SQLite: the last good one of each form, what came of the last look, and every price that changed.
import { notOurCursor, pageOf } from './page.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import type { FeedState, PriceChange, PriceStore } from './store.ts'

type FeedRow = {
  readonly form: string
  readonly place: string
  readonly etag: string | null
  readonly version: string | null
  readonly taken_at: number | null
  readonly body: string | null
  readonly checked_at: number
  readonly outcome: string
  readonly reason: string | null
}
type ChangeRow = {
  readonly no: number
  readonly at: number
  readonly version: string
  readonly vendor: string
  readonly model: string
  readonly unit: string
  readonly before: string | null
  readonly after: string | null
}

export function createPriceStore(database: Connection): PriceStore {
  const list = database.statement<FeedRow, []>('SELECT * FROM price_feeds ORDER BY form')
  const versions = database.statement<{ text: string | null }, []>(
    "SELECT group_concat(coalesce(version, ''), ' ') AS text FROM (SELECT version FROM price_feeds ORDER BY form)",
  )
  const note = database.statement(
    `INSERT INTO price_feeds VALUES (?, ?, NULL, NULL, NULL, NULL, ?, ?, ?)
     ON CONFLICT DO UPDATE SET checked_at = excluded.checked_at, outcome = excluded.outcome, reason = excluded.reason`,
  )
  const take = database.statement(
    `INSERT INTO price_feeds VALUES (?, ?, ?, ?, ?, ?, ?, 'taken', NULL)
     ON CONFLICT DO UPDATE SET place = excluded.place, etag = excluded.etag, version = excluded.version,
       taken_at = excluded.taken_at, body = excluded.body, checked_at = excluded.checked_at, outcome = 'taken', reason = NULL`,
  )
  const insertChange = database.statement('INSERT INTO price_changes VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)')
  const listChanges = database.statement<ChangeRow, (string | number | null)[]>(
    `SELECT no, at, version, vendor, model, unit, CAST(before_rate AS TEXT) AS before, CAST(after_rate AS TEXT) AS after
     FROM price_changes WHERE no < ?1 AND (?2 IS NULL OR vendor = ?2) AND (?3 IS NULL OR model = ?3)
     ORDER BY no DESC LIMIT ?4`,
  )

  return {
    priceFeeds: () =>
      guarded(() =>
        list.all().map((row): FeedState => ({
          form: row.form,
          place: row.place,
          taken:
            row.version === null || row.body === null || row.taken_at === null
              ? null
              : { version: row.version, etag: row.etag, text: row.body, at: row.taken_at },
          checkedAt: row.checked_at,
          outcome: row.outcome as FeedState['outcome'],
          reason: row.reason,
        })),
      ),
    priceVersions: () => guarded(() => versions.get()?.text ?? ''),
    notePriceCheck: ({ form, place, at, outcome, reason }) =>
      guarded(() => {
        note.run(form, place, at, outcome, reason)
      }),
    takePriceFeed: ({ form, place, version, etag, text, at, changes }) =>
      guarded(() => {
        database
          .transaction(() => {
            take.run(form, place, etag, version, at, text, at)
            for (const { vendor, model, unit, before, after } of changes)
              insertChange.run(at, version, vendor, model, unit, before, after)
          })
          .immediate()
      }),
    priceChanges: ({ cursor, limit, vendor, model }) =>
      guarded(() => {
        const below = cursor === null ? Number.MAX_SAFE_INTEGER : noOf(cursor)
        const rows = listChanges.all(below, vendor ?? null, model ?? null, limit + 1)
        const { data, next } = pageOf(rows, limit, ({ no }) => String(no))
        return { data: data.map(readChange), next }
      }),
  }
}

function noOf(cursor: string): number {
  if (!/^\d{1,15}$/.test(cursor)) throw notOurCursor()
  return Number(cursor)
}

function readChange(row: ChangeRow): PriceChange {
  return {
    at: row.at,
    version: row.version,
    vendor: row.vendor,
    model: row.model,
    unit: row.unit,
    before: row.before === null ? null : BigInt(row.before),
    after: row.after === null ? null : BigInt(row.after),
  }
}
