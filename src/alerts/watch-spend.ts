// Hours that cost far more than usual: of the gateway and of each team, once the hour is over.
//
// An hour is compared with the same hour of the week, and the hour before and after it, of the last six weeks; there must be
// three weeks of history. A team that spent nothing then is new, or began to do something: it is compared with 0.
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

  async function weeksOfHistory(hour: number): Promise<number> {
    const days = await store.spend({ by: [], bucket: 'day', from: hour - WEEKS * WEEK_MS - DAY_MS, to: hour })
    const first = Math.min(...days.map(({ at }) => at ?? hour))
    return Math.floor((hour - first) / WEEK_MS)
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
      const weeks = Math.min(WEEKS, await weeksOfHistory(hour))
      const spent = spendOf(await store.spend({ by: ['team'], bucket: 'hour', from: hour, to: hour + HOUR_MS }))
      const found: Alert[] = []
      if (weeks >= FEWEST_WEEKS && spent.size > 0) {
        const before: HourSpend[] = []
        for (let week = 1; week <= weeks; week++) before.push(...(await around(hour - week * WEEK_MS)))
        const { deviations: limit, minUsd } = config().spendAnomaly
        const least = Number(parseUsd(minUsd, 9) ?? 0n)
        for (const [team, cost] of spent) {
          const samples = before.map((hours) => hours.get(team) ?? 0)
          const season = seasonOf(cost, samples, Math.max(1, least / limit))
          if (season === null || season.deviations < limit || cost - season.median < least) continue
          found.push(anomaly(team, { hour, cost, ...season, samples: samples.length }, now))
        }
      }
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
