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

export function monthStart(hour: number): number {
  const date = new Date(hour * HOUR_MS)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) / HOUR_MS
}

/** The day and the month that an hour belongs to, by their first hour. */
function spansOf(hour: number): readonly (readonly [span: number, at: number])[] {
  return [
    [SPANS.day, hour - (hour % 24)],
    [SPANS.month, monthStart(hour)],
  ]
}

export function createSpanWriter(database: Connection, { name, part, sums }: SpanTable): SpanWriter {
  const insert = `INSERT INTO ${name} (span, kind, at, subject, ${part}, ${sums.join(', ')})`
  const add = `ON CONFLICT DO UPDATE SET ${sums.map((sum) => `${sum} = ${sum} + excluded.${sum}`).join(', ')}`
  const upsert = database.statement(`${insert} VALUES (?, ?, ?, ?, ?, ${sums.map(() => '?').join(', ')}) ${add}`)
  // One hour at a time: its rows are one for each place already, and come in the order of the rows that they are added to.
  const hoursOf = database.statement<{ at: number }, [number, number]>(
    `SELECT DISTINCT at FROM ${name} WHERE span = 0 AND kind IN (0, 1) AND at >= ? AND at < ? ORDER BY at`,
  )
  const fine = database.statement<unknown, [number, number, number]>(
    `${insert} SELECT ?, kind, ?, subject, ${part}, ${sums.join(', ')} FROM ${name}
     WHERE span = 0 AND kind IN (0, 1, 2) AND at = ? ${add}`,
  )
  const coarse = database.statement<unknown, [number, number, number]>(
    `${insert} SELECT ?, 3, ?, coarse, ${part}, ${sums.map((sum) => `sum(${sum})`).join(', ')}
     FROM ${name} JOIN coarse_subjects USING (subject)
     WHERE span = 0 AND kind IN (0, 1) AND at = ? GROUP BY coarse, ${part} ${add}`,
  )

  return {
    add({ kind, hour, subject, coarse, part: key }, folded, amounts) {
      upsert.run(SPANS.hour, kind, hour, subject, key, ...amounts)
      if (hour >= folded) return
      for (const [span, at] of spansOf(hour)) {
        upsert.run(span, kind, at, subject, key, ...amounts)
        if (kind !== KINDS.detailed) upsert.run(span, KINDS.coarse, at, coarse, key, ...amounts)
      }
    },
    fold(from, to) {
      for (const { at } of hoursOf.all(from, to))
        for (const [span, start] of spansOf(at)) {
          fine.run(span, start, at)
          coarse.run(span, start, at)
        }
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
