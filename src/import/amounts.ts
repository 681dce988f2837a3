// Prices, amounts and times as other gateways write them → as this one does. Exact.
import { parsePrice } from '../config/values.ts'
import { parseUsd } from '../core/money.ts'
import { rowOf } from './table.ts'

/** Decimal places that are looked at: what is finer than 1e-12 among them is refused. */
const FINEST_DIGITS = 24

/** Dollars for one unit → dollars for a million: `2.5e-06` → `2.5`. Null: no price that can be counted in. */
export function perMillion(value: unknown): string | null {
  if (typeof value !== 'number' && typeof value !== 'string') return null
  const text = String(value).trim()
  // Six digits more than those of a price for a million, and the smallest part of one must come out whole.
  const millionths = text.length > 40 ? null : parseUsd(text, FINEST_DIGITS + 6)
  if (millionths === null || millionths < 0n) return null
  const digits = String(millionths).padStart(FINEST_DIGITS + 1, '0')
  return parsePrice(`${digits.slice(0, -FINEST_DIGITS)}.${digits.slice(-FINEST_DIGITS).replace(/0+$/, '')}`)
}

const UNITS: Readonly<Record<string, { readonly word: string; readonly factor: number }>> = {
  s: { word: 's', factor: 1 },
  m: { word: 'm', factor: 1 },
  h: { word: 'h', factor: 1 },
  d: { word: 'd', factor: 1 },
  w: { word: 'd', factor: 7 },
  mo: { word: 'd', factor: 30 },
}

const CALENDAR: Readonly<Record<string, string>> = {
  '1h': 'hour',
  '1d': 'day',
  '24h': 'day',
  '7d': 'week',
  '1w': 'week',
  '1mo': 'month',
}

/** `30d`, `1mo` → the window of a budget, and whether it begins anew when the other's does. Null: no such time. */
export function budgetWindow(written: unknown): { readonly window: string; readonly isCalendar: boolean } | null {
  if (written === undefined || written === null) return { window: 'once', isCalendar: true }
  const text = typeof written === 'string' ? written.trim() : ''
  const calendar = rowOf(CALENDAR, text)
  if (calendar !== undefined) return { window: calendar, isCalendar: true }
  const [, count = '', unit = ''] = /^(\d{1,6})(s|mo|m|h|d|w)$/.exec(text) ?? []
  const known = rowOf(UNITS, unit)
  if (known === undefined || Number(count) === 0) return null
  return { window: `rolling ${Number(count) * known.factor}${known.word}`, isCalendar: false }
}

/** Seconds, as a duration of the file; null: no such time. */
export function durationOfSeconds(value: unknown): string | null {
  const seconds = typeof value === 'number' ? value : typeof value === 'string' ? Number(value) : Number.NaN
  if (!(seconds >= 0.01 && seconds <= 86_400)) return null
  return Number.isInteger(seconds) ? `${seconds}s` : `${Math.round(seconds * 1000)}ms`
}
