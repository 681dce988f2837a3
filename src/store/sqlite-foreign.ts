// The SQLite file of another program, read and never written: whole tables, as they are.
import { Database } from 'bun:sqlite'
import { GatewayError } from '../core/error.ts'

export type ForeignFile = {
  /** Null: there is no such table. */
  rows(table: string): readonly Readonly<Record<string, unknown>>[] | null
  /** 0 where there is no such table. */
  count(table: string): number
  close(): void
}

/** Above it a table is no longer read into memory at once. */
const MOST_ROWS = 1_000_000

/** Throws `store_unavailable` with the path for what is no SQLite file. */
export function openForeignFile(path: string): ForeignFile {
  let database: Database | null = null
  try {
    const opened = new Database(path, { readonly: true, strict: true })
    database = opened
    // What is no database is noticed by the first look into it.
    const names = new Set(
      opened
        .query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table'")
        .all()
        .map(({ name }) => name),
    )
    const count = (table: string): number =>
      names.has(table)
        ? (opened.query<{ rows: number }, []>(`SELECT count(*) AS rows FROM "${table}"`).get()?.rows ?? 0)
        : 0
    return {
      count,
      rows(table) {
        if (!names.has(table)) return null
        if (count(table) > MOST_ROWS)
          throw new GatewayError('store_unavailable', {
            message: `${path}: \`${table}\` has more than ${MOST_ROWS} rows.`,
          })
        return opened.query<Record<string, unknown>, []>(`SELECT * FROM "${table}" ORDER BY rowid`).all()
      },
      close: () => opened.close(),
    }
  } catch (error) {
    database?.close()
    if (error instanceof GatewayError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new GatewayError(
      'store_unavailable',
      { message: `${path} cannot be read as a SQLite database: ${reason}.` },
      error,
    )
  }
}
