// Paging by what the last row of a page was sorted by: rows that come or go meanwhile shift nothing.
import { GatewayError } from '../core/error.ts'
import type { Page } from './store.ts'

/** Rows to ask for: one more than fits tells whether a next page exists. */
export function pageOf<T>(rows: readonly T[], limit: number, cursorOf: (row: T) => string): Page<T> {
  const data = rows.slice(0, limit)
  const last = data.at(-1)
  return { data, next: rows.length > limit && last !== undefined ? cursorOf(last) : null }
}

export type TimeCursor = { readonly at: number; readonly id: string }

export function timeCursor(row: { readonly createdAt: number; readonly id: string }): string {
  return `${row.createdAt}.${row.id}`
}

/** Throws `request_malformed` for what is no cursor of ours. */
export function parseTimeCursor(cursor: string | null): TimeCursor {
  if (cursor === null) return { at: -1, id: '' }
  const match = /^(\d{1,16})\.(.{1,200})$/s.exec(cursor)
  if (match === null) throw notOurCursor()
  return { at: Number(match[1]), id: match[2] ?? '' }
}

export function notOurCursor(): GatewayError {
  return new GatewayError('request_malformed', { message: 'This cursor was not given out here.', param: 'cursor' })
}
