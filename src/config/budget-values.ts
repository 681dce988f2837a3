// How an operator writes a budget: its window and amounts. Pure text → value; null means: not such a value.
import { CALENDAR_UNITS, isTimeZone, type BudgetWindow } from '../core/budget.ts'
import { parseUsd, type NanoUsd } from '../core/money.ts'
import { writeDuration } from './fields.ts'
import { parseDuration } from './values.ts'

export const WINDOW_WORDS = 'hour, day, week, month, once, or rolling with a duration such as `rolling 24h`'

const SHORTEST_ROLLING_MS = 60_000
const LONGEST_ROLLING_MS = 3_660 * 86_400_000

/** `month`, `rolling 24h`, `once`. Rolling windows and `once` have no time zone. */
export function parseWindow(text: string, timeZone: string): BudgetWindow | null {
  const words = text.trim().toLowerCase()
  const unit = CALENDAR_UNITS.find((known) => known === words)
  if (unit !== undefined) return isTimeZone(timeZone) ? { type: 'calendar', unit, timeZone } : null
  if (words === 'once') return { type: 'once' }
  const length = /^rolling\s+(\S+)$/.exec(words)?.[1]
  const lengthMs = length === undefined ? null : parseDuration(length)
  if (lengthMs === null || lengthMs < SHORTEST_ROLLING_MS || lengthMs > LONGEST_ROLLING_MS) return null
  return { type: 'rolling', lengthMs }
}

/** As `parseWindow` reads it back; the time zone is written apart. */
export function writeWindow(window: BudgetWindow): string {
  switch (window.type) {
    case 'calendar':
      return window.unit
    case 'rolling':
      return `rolling ${writeDuration(window.lengthMs)}`
    case 'once':
      return 'once'
  }
}

/** A billion dollars: beyond it an amount is a slip of the pen, and sums would leave 64 bits. */
const MOST_NANO_USD = 10n ** 18n

/** Decimal dollars of at most nine places, not negative, exact. */
export function parseAmount(value: unknown): NanoUsd | null {
  if (typeof value !== 'number' && typeof value !== 'string') return null
  const text = String(value).trim()
  if (text.length > 40) return null
  const pico = parseUsd(text, 12)
  if (pico === null || pico < 0n || pico % 1_000n !== 0n) return null
  const nano = pico / 1_000n
  return nano > MOST_NANO_USD ? null : nano
}
