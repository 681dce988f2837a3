// What will have been spent when a window ends: what is spent, and for the rest what such days of the week cost lately. Pure.
import type { NanoUsd } from '../core/money.ts'

export type Forecast = {
  /** Spent by the end, if the rest goes on as such days did. */
  readonly expectedNanoUsd: NanoUsd
  /** When the limit is reached, ms; null: not before the end, or there is no limit. */
  readonly exhaustedAt: number | null
  /** Whole days that it is worked out from; with less than a week of them, they count alike. */
  readonly days: number
}

export type ForecastInput = {
  readonly now: number
  /** End of the window, ms. */
  readonly until: number
  readonly spentNanoUsd: NanoUsd
  readonly limitNanoUsd: NanoUsd | null
  /** Start of a UTC day → what it cost. Days on which nothing was spent may be missing. */
  readonly history: ReadonlyMap<number, NanoUsd>
}

const DAY_MS = 86_400_000
/** Whole days before today that are looked at. */
export const FORECAST_DAYS = 28

export function forecast({ now, until, spentNanoUsd, limitNanoUsd, history }: ForecastInput): Forecast {
  const today = now - (now % DAY_MS)
  const first = Math.max(today - FORECAST_DAYS * DAY_MS, Math.min(...history.keys(), today))
  const days = Math.round((today - first) / DAY_MS)
  const usual = usualDays(history, { first, today, now, days })
  let expected = spentNanoUsd
  let exhaustedAt: number | null = null
  for (let from = now; from < until;) {
    const day = from - (from % DAY_MS)
    const to = Math.min(day + DAY_MS, until)
    const rate = usual(day)
    const added = (rate * BigInt(to - from)) / BigInt(DAY_MS)
    if (exhaustedAt === null && limitNanoUsd !== null && expected + added >= limitNanoUsd && rate > 0n) {
      const left = limitNanoUsd - expected
      exhaustedAt = left <= 0n ? from : from + Number((left * BigInt(DAY_MS)) / rate)
    }
    expected += added
    from = to
  }
  return { expectedNanoUsd: expected, exhaustedAt, days }
}

/** What a day costs by its place in the week. */
function usualDays(
  history: ReadonlyMap<number, NanoUsd>,
  span: { readonly first: number; readonly today: number; readonly now: number; readonly days: number },
): (day: number) => NanoUsd {
  const { first, today, now, days } = span
  if (days === 0) {
    // Nothing but today is known: its pace, as if it had always been so.
    const passed = BigInt(Math.max(1, now - today))
    const pace = ((history.get(today) ?? 0n) * BigInt(DAY_MS)) / passed
    return () => pace
  }
  const sums = Array.from({ length: 7 }, () => ({ cost: 0n, days: 0n }))
  for (let day = first; day < today; day += DAY_MS) {
    const sum = sums[weekday(day)]
    if (sum === undefined) continue
    sum.cost += history.get(day) ?? 0n
    sum.days++
  }
  const all = sums.reduce((sum, { cost }) => sum + cost, 0n) / BigInt(days)
  return (day) => {
    const { cost, days: seen } = sums[weekday(day)] ?? { cost: 0n, days: 0n }
    return days < 7 || seen === 0n ? all : cost / seen
  }
}

function weekday(day: number): number {
  return new Date(day).getUTCDay()
}
