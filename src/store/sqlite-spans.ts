// Tables of sums over time, which roll-ups are kept in: rows of hours, and the same sums by day and by month.
//
// Rows of days and months hold all that lies before one moment, `spend_folded`: an hour, and in that hour a kind and a subject,
// as rows are ordered. Once an entry of a newer hour has arrived, each transaction that adds something moves the moment on by a
// bounded number of rows (at once, an hour of thousands of keys would hold up the whole gateway); an entry that comes late for
// what is folded is added to its day and month directly. So days and months up to the moment, and hours from there on, are all
// there is, after each commit.
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

/** The moment before which days and months are complete; kind and subject are 0 where no hour is half done. */
export type Folded = {
  /** Hours before it are folded. */
  readonly until: number
  /** Of the hour `until`: rows of lower kinds, and of this kind up to the subject. */
  readonly kind: number
  readonly subject: number
}

/** Rows of one hour and kind whose subjects are in (after, upTo]. */
type Slice = {
  readonly hour: number
  readonly kind: number
  readonly after: number
  readonly upTo: number
}

export type SpanWriter = {
  /** Adds to the rows of a place, in the order of the table's sums. */
  add(place: Place, folded: Folded, amounts: readonly (number | bigint)[]): void
  /** Adds a slice to its day and month; returns how many rows it has. */
  fold(slice: Slice): number
  /** The first hour of [from, to) that has rows; null: none. */
  nextHour(from: number, to: number): number | null
  /** The subject of the row `count` behind one subject, or null: there are fewer. */
  subjectBehind(slice: Omit<Slice, 'upTo'>, count: number): number | null
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
  const upsert = database.hotStatement(`${insert} VALUES (?, ?, ?, ?, ?, ${sums.map(() => '?').join(', ')}) ${add}`)
  const firstOf = database.hotStatement<{ at: number | null }, [number, number, number]>(
    `SELECT min(at) AS at FROM ${name} WHERE span = 0 AND kind = ? AND at >= ? AND at < ?`,
  )
  const behind = database.hotStatement<{ subject: number }, [number, number, number, number]>(
    `SELECT subject FROM ${name} WHERE span = 0 AND kind = ? AND at = ? AND subject > ? ORDER BY subject LIMIT 1 OFFSET ?`,
  )
  // Its rows are one for each place already, and come in the order of the rows that they are added to.
  const slice = 'span = 0 AND kind = ? AND at = ? AND subject > ? AND subject <= ?'
  const fine = database.hotStatement<unknown, number[]>(
    `${insert} SELECT ?, kind, ?, subject, ${part}, ${sums.join(', ')} FROM ${name} WHERE ${slice} ${add}`,
  )
  const coarse = database.hotStatement<unknown, number[]>(
    `${insert} SELECT ?, 3, ?, coarse, ${part}, ${sums.map((sum) => `sum(${sum})`).join(', ')}
     FROM ${name} JOIN coarse_subjects USING (subject) WHERE ${slice} GROUP BY coarse, ${part} ${add}`,
  )

  return {
    add(place, folded, amounts) {
      const { kind, hour, subject, coarse, part: key } = place
      upsert.run(SPANS.hour, kind, hour, subject, key, ...amounts)
      if (!isFolded(place, folded)) return
      for (const [span, at] of spansOf(hour)) {
        upsert.run(span, kind, at, subject, key, ...amounts)
        if (kind !== KINDS.detailed) upsert.run(span, KINDS.coarse, at, coarse, key, ...amounts)
      }
    },
    fold({ hour, kind, after, upTo }) {
      let rows = 0
      for (const [span, at] of spansOf(hour)) {
        rows = fine.run(span, at, kind, hour, after, upTo).changes
        if (kind !== KINDS.detailed && rows > 0) coarse.run(span, at, kind, hour, after, upTo)
      }
      return rows
    },
    nextHour(from, to) {
      const hours = [KINDS.plain, KINDS.undetailed].map((kind) => firstOf.get(kind, from, to)?.at ?? Infinity)
      const hour = Math.min(...hours)
      return hour === Infinity ? null : hour
    },
    subjectBehind: ({ kind, hour, after }, count) => behind.get(kind, hour, after, count)?.subject ?? null,
  }
}

/** Whether a row of an hour is in its day and month. */
export function isFolded({ hour, kind, subject }: Pick<Place, 'hour' | 'kind' | 'subject'>, folded: Folded): boolean {
  if (hour !== folded.until) return hour < folded.until
  return kind < folded.kind || (kind === folded.kind && subject <= folded.subject)
}

/** Reads the moment; null: nothing was ever added. */
export function createFoldedReader(database: Connection): () => Folded | null {
  const read = database.hotStatement<Folded, []>('SELECT until, kind, subject FROM spend_folded')
  return () => read.get()
}

export type Fold = {
  /**
   * Moves the moment on towards `newest`, by `FOLDED_ROWS` or as many as `rows`, and some: a subject is folded whole. Call it
   * inside the transaction, before anything is added. Returns where it is.
   */
  towards(newest: number, rows: number): Folded
}

/** Rows of hours that one commit folds: about a millisecond. */
export const FOLDED_ROWS = 128

export function createFold(database: Connection, writers: readonly SpanWriter[]): Fold {
  // Read each time: another process may have folded since.
  const read = createFoldedReader(database)
  const write = database.hotStatement(
    `INSERT INTO spend_folded VALUES (1, ?, ?, ?)
     ON CONFLICT DO UPDATE SET until = excluded.until, kind = excluded.kind, subject = excluded.subject`,
  )

  /** The last subject of the next slice of about `rows` rows; null: all that is left of the kind. */
  function endOf(slice: Omit<Slice, 'upTo'>, rows: number): number | null {
    const ends = writers.map((writer) => writer.subjectBehind(slice, rows - 1)).filter((end) => end !== null)
    return ends.length === 0 ? null : Math.min(...ends)
  }

  /** Folds the next slice; returns where that leads, and how many rows it was. */
  function step({ until, kind, subject }: Folded, rows: number): { readonly folded: Folded; readonly done: number } {
    const slice = { hour: until, kind, after: subject }
    const end = endOf(slice, rows)
    const upTo = end ?? Number.MAX_SAFE_INTEGER
    const done = writers.reduce((sum, writer) => sum + writer.fold({ ...slice, upTo }), 0)
    if (end !== null) return { folded: { until, kind, subject: end }, done }
    if (kind < KINDS.detailed) return { folded: { until, kind: kind + 1, subject: 0 }, done }
    return { folded: { until: until + 1, kind: 0, subject: 0 }, done }
  }

  return {
    towards(newest, rows) {
      const before = read()
      if (before !== null && newest <= before.until) return before
      let folded = before ?? { until: newest, kind: 0, subject: 0 }
      let left = Math.max(FOLDED_ROWS, rows)
      while (folded.until < newest && left > 0) {
        if (!isHalfDone(folded)) {
          const hours = writers.map((writer) => writer.nextHour(folded.until, newest)).filter((hour) => hour !== null)
          folded = { until: Math.min(newest, ...hours), kind: 0, subject: 0 }
          if (folded.until === newest) break
        }
        const { folded: next, done } = step(folded, left)
        folded = next
        left -= done
      }
      write.run(folded.until, folded.kind, folded.subject)
      return folded
    },
  }
}

/** Whether a part of the hour `until` is folded. */
export function isHalfDone({ kind, subject }: Folded): boolean {
  return kind > 0 || subject > 0
}
