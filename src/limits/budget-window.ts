// From a window and a moment to the period that the moment lies in. Pure.
import type { BudgetWindow, CalendarUnit } from '../core/budget.ts'

/** `from` inclusive, `until` exclusive, ms since the epoch; null: never. */
export type Period = { readonly from: number; readonly until: number | null }

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** A rolling window is counted in this many steps: what was spent leaves it up to one step late, never early. */
const ROLLING_STEPS = 48
const SHORTEST_STEP_MS = 60_000

/** The period that spend at this moment counts in. */
export function periodAt(window: BudgetWindow, at: number): Period {
  switch (window.type) {
    case 'calendar':
      return calendarPeriod(window.unit, window.timeZone, at)
    case 'rolling': {
      const step = Math.max(SHORTEST_STEP_MS, Math.ceil(window.lengthMs / ROLLING_STEPS))
      const from = at - (((at % step) + step) % step)
      return { from, until: from + step + window.lengthMs }
    }
    case 'once':
      return { from: 0, until: null }
  }
}

function calendarPeriod(unit: CalendarUnit, timeZone: string, at: number): Period {
  // Hours are those of UTC everywhere: where clocks shift by half an hour, a local hour has no one length.
  if (unit === 'hour') {
    const from = at - (((at % HOUR_MS) + HOUR_MS) % HOUR_MS)
    return { from, until: from + HOUR_MS }
  }
  const offsetOf = timeZone === 'UTC' ? () => 0 : zoneOffset(timeZone)
  const [start, end] = localBounds(unit, at + offsetOf(at))
  return { from: instantOf(start, offsetOf), until: instantOf(end, offsetOf) }
}

/** First moment of the day, week or month and of the next one, in local time written as if it were UTC. */
function localBounds(unit: 'day' | 'week' | 'month', local: number): readonly [number, number] {
  const date = new Date(local)
  const year = date.getUTCFullYear()
  const month = date.getUTCMonth()
  const day = Date.UTC(year, month, date.getUTCDate())
  switch (unit) {
    case 'day':
      return [day, day + DAY_MS]
    case 'week': {
      const monday = day - ((date.getUTCDay() + 6) % 7) * DAY_MS
      return [monday, monday + 7 * DAY_MS]
    }
    case 'month':
      return [Date.UTC(year, month), Date.UTC(year, month + 1)]
  }
}

/** The first instant at which the clocks of the zone show this; where they skip it, the instant of the skip. */
function instantOf(local: number, offsetOf: (at: number) => number): number {
  const before = offsetOf(local - DAY_MS)
  const after = offsetOf(local + DAY_MS)
  const candidates = [local - before, local - after].sort((one, other) => one - other)
  return candidates.find((instant) => instant + offsetOf(instant) === local) ?? local - before
}

/** Ms that the clocks of a zone are ahead of UTC at an instant. */
function zoneOffset(timeZone: string): (at: number) => number {
  const format = formatOf(timeZone)
  return (at) => {
    const fields: Record<string, number> = {}
    for (const { type, value } of format.formatToParts(at)) fields[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = fields
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1_000) * 1_000
  }
}

/** Made once for each zone that budgets name: making one costs more than all that is asked of it for a period. */
const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formats.set(timeZone, format)
  }
  return format
}
