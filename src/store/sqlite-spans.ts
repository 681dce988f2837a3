// Tables of sums over time, which roll-ups are kept in: rows of hours, and the same sums by day and by month.
//
// Rows of days and months hold all hours before one moment, `spend_folded.until`: when the first entry of a newer hour
// arrives, the hours that lie behind are folded into their day and month, in that same transaction; an entry that comes late
// for a folded hour is added to its day and month directly.
//
// Folding also makes the coarse rows: kind 3, of days and months only, sums kinds 0 and 1 without key, operation and task. A
// year of a hundred keys has a hundred times fewer of them, and most reports over long times ask for no more.
import type { Connection } from './sqlite-connection.ts'

export const SPANS = { hour: 0, day: 1, month: 2 } as const
/** Which rows are whose: see sqlite-rollup.ts. */
export const KINDS = { plain: 0, undetailed: 1, detailed: 2, coarse: 3 } as const
export const HOUR_MS = 3_600_000

/** A table with the columns span, kind, at, subject, `part` and sums. */
export type SpanTable = { readonly name: string; readonly part: string; readonly sums: readonly string[] }

/** Where a sum belongs; hours are counted since the epoch. */
export type Place = {
  readonly kind: number
  readonly hour: number
  readonly subject: number
  /** The subject's coarse one. */
  readonly coarse: number
  readonly part: number
}

export type SpanWriter = {
  /** Adds to the rows of a place, in the order of the table's sums; `folded` as `createFold` says. */
  add(place: Place, folded: number, amounts: readonly (number | bigint)[]): void
  /** Folds the hours [from, to). */
  fold(from: number, to: number): void
}

/** First hour of the day or month that an hour belongs to. */
const DAY_OF = 'at - at % 24'
const MONTH_OF = `unixepoch(at * 3600, 'unixepoch', 'start of month') / 3600`

export function monthStart(hour: number): number {
  const date = new Date(hour * HOUR_MS)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) / HOUR_MS
}

export function createSpanWriter(database: Connection, { name, part, sums }: SpanTable): SpanWriter {
  const insert = `INSERT INTO ${name} (span, kind, at, subject, ${part}, ${sums.join(', ')})`
  const add = `ON CONFLICT DO UPDATE SET ${sums.map((sum) => `${sum} = ${sum} + excluded.${sum}`).join(', ')}`
  const upsert = database.statement(`${insert} VALUES (?, ?, ?, ?, ?, ${sums.map(() => '?').join(', ')}) ${add}`)
  const totals = sums.map((sum) => `sum(${sum})`).join(', ')
  const folds = [DAY_OF, MONTH_OF].flatMap((start, index) => {
    // The CTE gives the start a name of its own: a bare `at` in GROUP BY would mean the column, not the start.
    const hours = `WITH hours AS (SELECT *, ${start} AS start FROM ${name}
      WHERE span = 0 AND kind IN (0, 1, 2) AND at >= ? AND at < ?)`
    return [
      `${hours} ${insert} SELECT ${index + 1}, kind, start, subject, ${part}, ${totals}
       FROM hours GROUP BY kind, start, subject, ${part} ${add}`,
      `${hours} ${insert} SELECT ${index + 1}, 3, start, coarse, ${part}, ${totals}
       FROM hours JOIN coarse_subjects USING (subject) WHERE kind < 2 GROUP BY start, coarse, ${part} ${add}`,
    ].map((sql) => database.statement<unknown, [number, number]>(sql))
  })

  return {
    add({ kind, hour, subject, coarse, part: key }, folded, amounts) {
      upsert.run(SPANS.hour, kind, hour, subject, key, ...amounts)
      if (hour >= folded) return
      for (const [span, at] of [
        [SPANS.day, hour - (hour % 24)],
        [SPANS.month, monthStart(hour)],
      ] as const) {
        upsert.run(span, kind, at, subject, key, ...amounts)
        if (kind !== KINDS.detailed) upsert.run(span, KINDS.coarse, at, coarse, key, ...amounts)
      }
    },
    fold(from, to) {
      for (const statement of folds) statement.run(from, to)
    },
  }
}

export type Fold = {
  /**
   * The hour up to which days and months are complete, after they were brought up to `newest`. Call it inside the
   * transaction, before anything is added.
   */
  upTo(newest: number): number
}

export function createFold(database: Connection, writers: readonly SpanWriter[]): Fold {
  const read = database.statement<{ until: number }, []>('SELECT until FROM spend_folded')
  const write = database.statement(
    'INSERT INTO spend_folded VALUES (1, ?) ON CONFLICT DO UPDATE SET until = excluded.until',
  )
  return {
    upTo(newest) {
      // Read each time: another process may have folded since.
      const folded = read.get()?.until ?? null
      if (folded !== null && newest <= folded) return folded
      if (folded !== null) for (const writer of writers) writer.fold(folded, newest)
      write.run(newest)
      return newest
    },
  }
}
