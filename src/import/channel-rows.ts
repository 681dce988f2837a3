// Rows of the databases of one-api and new-api, as both have them; columns that an older version has not are absent.
import { isObject, type JsonObject } from '../core/json.ts'

/** One row of a foreign table, by the names of its columns. */
export type ForeignRow = Readonly<Record<string, unknown>>

/** The tables that are read. `counts`: rows of tables that are only counted. */
export type ForeignTables = {
  readonly channels: readonly ForeignRow[]
  readonly tokens: readonly ForeignRow[]
  readonly users: readonly ForeignRow[]
  readonly options: ReadonlyMap<string, string>
  readonly counts: Readonly<Record<string, number>>
}

export function textIn(row: ForeignRow, column: string): string {
  const value = row[column]
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : ''
}

/** 0 for what is no whole number. */
export function integerIn(row: ForeignRow, column: string): number {
  const value = Number(row[column] ?? 0)
  return Number.isSafeInteger(value) ? value : 0
}

/** The JSON object that a column holds as text; empty for anything else. */
export function jsonIn(row: ForeignRow, column: string): JsonObject {
  const value = parsed(textIn(row, column))
  return isObject(value) ? value : {}
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null
  }
}

/** `a,b` → its parts without blanks and doubles. */
export function partsOf(text: string, separator: RegExp = /,/): readonly string[] {
  return [...new Set(text.split(separator).map((part) => part.trim()))].filter((part) => part !== '')
}

/** Soft-deleted rows stay in the tables. */
export function isDeleted(row: ForeignRow): boolean {
  return row['deleted_at'] !== undefined && row['deleted_at'] !== null && row['deleted_at'] !== ''
}
