// Hours that cost far more than usual: of the gateway and of each team, once the hour is over.
//
// An hour is compared with the same hour of the week, and the hour before and after it, of the last six weeks. There must be
// three weeks of history of the team: whatever a new one spends is new, and says nothing.
import type { AlertsConfig } from '../config/schema-alerts.ts'
import type { Alert } from '../core/alert.ts'
import { formatUsd, parseUsd } from '../core/money.ts'
import type { ReportStore, SpendRow } from '../store/store.ts'
import { seasonOf } from './season.ts'
import type { Watcher } from './watch.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const WEEK_MS = 7 * DAY_MS
const WEEKS = 6
const FEWEST_WEEKS = 3
const EVERY_MS = 5 * 60_000
/** Requests that end late are booked late. */
const GRACE_MS = 5 * 60_000

/** Teams by id; the gateway as a whole is `''`. */
type HourSpend = ReadonlyMap<string, number>

export function spendWatcher(store: ReportStore, config: () => AlertsConfig): Watcher {
  /** The hour that was looked at last. */
  let lookedAt = Number.NEGATIVE_INFINITY

  /** Full weeks since the first spend of each, as far as is looked. */
  async function weeksOfHistory(hour: number): Promise<ReadonlyMap<string, number>> {
    const from = hour - WEEKS * WEEK_MS - DAY_MS
    const days = await store.spend({ by: ['team'], bucket: 'day', from, to: hour })
    const first = new Map<string, number>()
    for (const { at, group } of days)
      for (const name of new Set(['', group.team ?? '']))
        first.set(name, Math.min(first.get(name) ?? Number.POSITIVE_INFINITY, at ?? hour))
    return new Map([...first].map(([name, at]) => [name, Math.min(WEEKS, Math.floor((hour - at) / WEEK_MS))]))
  }

  /** What each hour around that one cost. */
  async function around(hour: number): Promise<readonly HourSpend[]> {
    const rows = await store.spend({ by: ['team'], bucket: 'hour', from: hour - HOUR_MS, to: hour + 2 * HOUR_MS })
    return [hour - HOUR_MS, hour, hour + HOUR_MS].map((at) => spendOf(rows.filter((row) => row.at === at)))
  }

  return {
    everyMs: EVERY_MS,
    async look(now) {
      const hour = Math.floor((now - GRACE_MS) / HOUR_MS) * HOUR_MS - HOUR_MS
      if (hour === lookedAt) return []
      const spent = spendOf(await store.spend({ by: ['team'], bucket: 'hour', from: hour, to: hour + HOUR_MS }))
      const weeks = await weeksOfHistory(hour)
      const known = [...spent].filter(([name]) => (weeks.get(name) ?? 0) >= FEWEST_WEEKS)
      const before: (readonly HourSpend[])[] = []
      for (let week = 1; known.length > 0 && week <= WEEKS; week++) before.push(await around(hour - week * WEEK_MS))
      const { deviations: limit, minUsd } = config().spendAnomaly
      const least = Number(parseUsd(minUsd, 9) ?? 0n)
      const found = known.flatMap(([name, cost]) => {
        const samples = before.slice(0, weeks.get(name)).flatMap((hours) => hours.map((one) => one.get(name) ?? 0))
        const season = seasonOf(cost, samples, Math.max(1, least / limit))
        if (season === null || season.deviations < limit || cost - season.median < least) return []
        return [anomaly(name, { hour, cost, ...season, samples: samples.length }, now)]
      })
      lookedAt = hour
      return found
    },
  }
}

function spendOf(rows: readonly SpendRow[]): HourSpend {
  const spent = new Map<string, number>()
  const add = (name: string, nanoUsd: bigint): void => void spent.set(name, (spent.get(name) ?? 0) + Number(nanoUsd))
  for (const { group, costNanoUsd } of rows) {
    add('', costNanoUsd)
    if (typeof group.team === 'string') add(group.team, costNanoUsd)
  }
  return spent
}

function anomaly(
  team: string,
  seen: {
    readonly hour: number
    readonly cost: number
    readonly median: number
    readonly deviations: number
    readonly samples: number
  },
  now: number,
): Alert {
  const day = seen.hour - (seen.hour % DAY_MS)
  return {
    kind: 'spend_anomaly',
    subject: team === '' ? { scope: 'gateway', id: '' } : { scope: 'team', id: team },
    threshold: '',
    // What goes on for hours is told once a day.
    window: { from: day, until: day + DAY_MS },
    at: now,
    facts: {
      hour: new Date(seen.hour).toISOString(),
      spentUsd: formatUsd(BigInt(Math.round(seen.cost))),
      usualUsd: formatUsd(BigInt(Math.round(seen.median))),
      deviations: Math.round(seen.deviations * 10) / 10,
      hours: seen.samples,
    },
  }
}
