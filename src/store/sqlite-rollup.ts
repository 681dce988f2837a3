// Sums of entries for reports, kept in the same transaction as the entries themselves, so that they always agree.
//
// Every entry adds to the row of its hour. Rows of days and months hold the same sums for all hours before one moment,
// `spend_folded.until`: when the first entry of a newer hour arrives, the hours that lie behind are folded into their day
// and month, in that same transaction; an entry that comes late for a folded hour is added to its day and month directly.
// A report takes months and days where it can and hours for the rest (see sqlite-reports.ts).
//
// End users and tags may be countless, and most reports do not ask for them. So a request that has some adds twice: once
// without them (kind 1) and once with them (kind 2); a plain request adds once (kind 0). Kinds 0 and 1 together are all
// requests, and so are kinds 0 and 2.
//
// Invariant: for each span, over the hours it covers, Σ rows of kinds 0 and 1 = Σ entries, exactly.
import type { Entry } from '../core/ledger.ts'
import type { UsageUnit } from '../core/usage.ts'
import { ENTRY_STATUSES, int64 } from './codec.ts'
import type { Connection } from './sqlite-connection.ts'
import type { Subject } from './sqlite-subjects.ts'

export const SPANS = { hour: 0, day: 1, month: 2 } as const
export const HOUR_MS = 3_600_000

/** Column of each unit. Seconds are kept as whole milliseconds, because sums of floats depend on their order. */
export const UNIT_COLUMNS = {
  input: 'input',
  cacheRead: 'cache_read',
  cacheWrite5m: 'cache_write_5m',
  cacheWrite1h: 'cache_write_1h',
  output: 'output',
  reasoning: 'reasoning',
  audioIn: 'audio_in',
  audioOut: 'audio_out',
  imageIn: 'image_in',
  imageOut: 'image_out',
  video: 'video',
  characters: 'characters',
  seconds: 'milliseconds',
  requests: 'request_units',
  searches: 'searches',
  images: 'images',
} as const satisfies Record<UsageUnit, string>

const UNITS = Object.keys(UNIT_COLUMNS) as readonly UsageUnit[]
const SUMS = ['requests', 'cost_nano_usd', 'unpriced', ...Object.values(UNIT_COLUMNS)]
const INSERT = `INSERT INTO spend (span, kind, at, subject, status, ${SUMS.join(', ')})`
const ADD = `ON CONFLICT DO UPDATE SET ${SUMS.map((sum) => `${sum} = ${sum} + excluded.${sum}`).join(', ')}`
/** First hour of the day or month that an hour belongs to. */
const DAY_OF = 'at - at % 24'
const MONTH_OF = `unixepoch(at * 3600, 'unixepoch', 'start of month') / 3600`

export function monthStart(hour: number): number {
  const date = new Date(hour * HOUR_MS)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) / HOUR_MS
}

type Sum = {
  readonly kind: number
  readonly hour: number
  readonly subject: number
  readonly status: number
  requests: number
  cost: bigint
  unpriced: number
  readonly units: number[]
}

export type Rollup = {
  /** Call it inside the transaction that inserted the entry. */
  add(entry: Entry, subject: Subject): void
  /** Writes what was added since: one statement for each distinct row. */
  write(): void
  /** Drops what was added since, after a rollback. */
  forget(): void
}

export function createRollup(database: Connection): Rollup {
  const places = Array.from({ length: 5 + SUMS.length }, () => '?').join(', ')
  const upsert = database.statement(`${INSERT} VALUES (${places}) ${ADD}`)
  const readFolded = database.statement<{ until: number }, []>('SELECT until FROM spend_folded')
  const writeFolded = database.statement(
    'INSERT INTO spend_folded VALUES (1, ?) ON CONFLICT DO UPDATE SET until = excluded.until',
  )
  const fold = [DAY_OF, MONTH_OF].map((start, index) =>
    database.statement(
      // The CTE gives the start a name of its own: a bare `at` in GROUP BY would mean the column, not the start.
      `WITH hours AS (SELECT *, ${start} AS start FROM spend WHERE span = 0 AND kind IN (0, 1, 2) AND at >= ? AND at < ?)
       ${INSERT} SELECT ${index + 1}, kind, start, subject, status, ${SUMS.map((sum) => `sum(${sum})`).join(', ')}
       FROM hours GROUP BY kind, start, subject, status ${ADD}`,
    ),
  )
  let sums = new Map<string | number, Sum>()
  let firstHour = -1
  let newest = -1

  function addTo(kind: number, hour: number, subject: number, entry: Entry, status: number): void {
    // Nearly every batch lies within one hour: then a number tells its rows apart.
    const place = (subject * ENTRY_STATUSES.length + status) * 3 + kind
    const name = hour === firstHour ? place : `${hour} ${place}`
    let sum = sums.get(name)
    if (sum === undefined) {
      sum = { kind, hour, subject, status, requests: 0, cost: 0n, unpriced: 0, units: UNITS.map(() => 0) }
      sums.set(name, sum)
    }
    // A correction is no request.
    if (entry.status !== 'adjusted') sum.requests++
    sum.cost += entry.costNanoUsd
    if (entry.unpriced) sum.unpriced++
    const { usage } = entry
    for (let index = 0; index < UNITS.length; index++) {
      const unit = UNITS[index] as UsageUnit
      const amount = usage[unit]
      if (amount !== 0)
        sum.units[index] = (sum.units[index] ?? 0) + Math.round(unit === 'seconds' ? amount * 1_000 : amount)
    }
  }

  function put(span: number, at: number, sum: Sum): void {
    upsert.run(span, sum.kind, at, sum.subject, sum.status, sum.requests, int64(sum.cost), sum.unpriced, ...sum.units)
  }

  function forget(): void {
    sums = new Map()
    firstHour = -1
    newest = -1
  }

  return {
    add(entry, subject) {
      const hour = Math.floor(entry.at / HOUR_MS)
      if (firstHour === -1) firstHour = hour
      if (hour > newest) newest = hour
      const status = ENTRY_STATUSES.indexOf(entry.status)
      addTo(subject.detail === null ? 0 : 1, hour, subject.slim, entry, status)
      if (subject.detail !== null) addTo(2, hour, subject.detail, entry, status)
    },
    write() {
      if (sums.size === 0) return
      // Read each time: another process may have folded since.
      let folded = readFolded.get()?.until ?? null
      if (folded === null || newest > folded) {
        if (folded !== null) for (const statement of fold) statement.run(folded, newest)
        folded = newest
        writeFolded.run(folded)
      }
      for (const sum of sums.values()) {
        put(SPANS.hour, sum.hour, sum)
        if (sum.hour >= folded) continue
        put(SPANS.day, sum.hour - (sum.hour % 24), sum)
        put(SPANS.month, monthStart(sum.hour), sum)
      }
      forget()
    },
    forget,
  }
}
