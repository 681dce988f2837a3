// What the entries of users were sold for, in SQLite: beside each entry, and summed by day for reports.
//
// Invariant: Σ rows of `sale_days` = Σ rows of `sales` (with the costs of their entries) and of the archives, exactly. Both
// are written in the transaction that inserts the entry.
import type { Entry } from '../core/ledger.ts'
import { inputTokens, outputTokens } from '../core/usage.ts'
import type { Sale } from '../core/user.ts'
import { ENTRY_STATUSES, int64, parseUsage } from './codec.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import type { Interner, Subject } from './sqlite-subjects.ts'
import type { SalesDimension, SalesQuery, SalesRow, UserStore } from './store.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const SUMS = ['requests', 'cost_nano_usd', 'charged_nano_usd', 'input_tokens', 'output_tokens'] as const

/** The sale of an entry `e` as one column, NULL where there is none. Amounts are text: JSON knows no large integers. */
export const SALE_COLUMN = `(SELECT json_array(u.word, g.word, CAST(x.multiplier_millionths AS TEXT), CAST(x.charged_nano_usd AS TEXT))
  FROM sales x JOIN words u ON u.no = x.user JOIN words g ON g.no = x.user_group WHERE x.entry = e.id) AS sale`

export function parseSale(text: string): Sale {
  const [userId, group, multiplier, charged] = JSON.parse(text) as [string, string, string, string]
  return { userId, group, multiplierMillionths: BigInt(multiplier), chargedNanoUsd: BigInt(charged) }
}

export type SaleWriter = {
  /** Call it inside the transaction that inserted the entry. */
  add(entry: Entry, sale: Sale, subject: Subject): void
  /** Writes the sums of what was added since. */
  write(): void
  /** Drops what was added since, after a rollback. */
  forget(): void
}

type Sum = {
  readonly place: readonly [user: number, day: number, subject: number, group: number]
  requests: number
  cost: bigint
  charged: bigint
  input: number
  output: number
}

export function createSaleWriter(database: Connection, interner: Interner): SaleWriter {
  const insert = database.statement('INSERT INTO sales VALUES (?, ?, ?, ?, ?)')
  const upsert = database.statement(
    `INSERT INTO sale_days VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET ${SUMS.map((sum) => `${sum} = ${sum} + excluded.${sum}`).join(', ')}`,
  )
  let sums = new Map<string, Sum>()

  return {
    add(entry, sale, subject) {
      const user = interner.word(sale.userId)
      const group = interner.word(sale.group)
      insert.run(entry.id, user, group, sale.multiplierMillionths, int64(sale.chargedNanoUsd))
      const place = [user, Math.floor(entry.at / DAY_MS), subject.slim, group] as const
      const name = place.join(' ')
      let sum = sums.get(name)
      if (sum === undefined) sums.set(name, (sum = { place, requests: 0, cost: 0n, charged: 0n, input: 0, output: 0 }))
      // A correction is no request.
      if (entry.status !== 'adjusted') sum.requests++
      sum.cost += entry.costNanoUsd
      sum.charged += sale.chargedNanoUsd
      sum.input += inputTokens(entry.usage)
      sum.output += outputTokens(entry.usage)
    },
    write() {
      if (sums.size === 0) return
      for (const { place, requests, cost, charged, input, output } of sums.values())
        upsert.run(...place, requests, int64(cost), int64(charged), input, output)
      sums = new Map()
    },
    forget() {
      sums = new Map()
    },
  }
}

const DIMENSIONS = {
  user: 'u.word',
  group: 'g.word',
  key: 's.key_id',
  route: 's.route',
  model: 's.model',
  provider: 's.provider',
} as const satisfies Record<SalesDimension, string>
const BUCKETS = {
  day: 'd.day * 86400',
  month: `unixepoch(d.day * 86400, 'unixepoch', 'start of month')`,
} as const

type ReportRow = Readonly<Record<string, string | bigint | null>>

export function createSalesReports(database: Connection): Pick<UserStore, 'sales'> {
  return {
    sales: (query) =>
      guarded(() => {
        const from = Math.floor(query.from / DAY_MS)
        const to = Math.ceil(query.to / DAY_MS)
        using statement = database.prepare<ReportRow, (string | number)[]>(salesSql(query))
        statement.safeIntegers(true)
        const rows = query.userId === undefined ? statement.all(from, to) : statement.all(from, to, query.userId)
        return rows.map((row) => readRow(row, query))
      }),
  }
}

function salesSql({ by, bucket, userId }: SalesQuery): string {
  const groups = by.map((dimension) => `${DIMENSIONS[dimension]} AS by_${dimension}`)
  if (bucket !== null) groups.unshift(`${BUCKETS[bucket]} AS at_s`)
  const names = [...(bucket === null ? [] : ['at_s']), ...by.map((dimension) => `by_${dimension}`)]
  const sums = SUMS.map((sum) => `sum(d.${sum}) AS ${sum}`)
  return `SELECT ${[...groups, ...sums].join(', ')} FROM sale_days d JOIN words u ON u.no = d.user
    JOIN words g ON g.no = d.user_group JOIN subjects s ON s.no = d.subject
    WHERE d.day >= ? AND d.day < ?${userId === undefined ? '' : ' AND d.user = (SELECT no FROM words WHERE word = ?)'}
    ${names.length === 0 ? 'HAVING count(*) > 0' : `GROUP BY ${names.join(', ')}`}
    ORDER BY ${[...(bucket === null ? [] : ['at_s']), 'charged_nano_usd DESC', ...names].join(', ')}`
}

function readRow(row: ReportRow, { by, bucket }: SalesQuery): SalesRow {
  const sum = (name: (typeof SUMS)[number]): bigint => BigInt(row[name] ?? 0n)
  return {
    group: Object.fromEntries(by.map((dimension) => [dimension, row[`by_${dimension}`] ?? null])),
    at: bucket === null ? null : Number(row['at_s']) * 1_000,
    requests: Number(sum('requests')),
    costNanoUsd: sum('cost_nano_usd'),
    chargedNanoUsd: sum('charged_nano_usd'),
    inputTokens: Number(sum('input_tokens')),
    outputTokens: Number(sum('output_tokens')),
  }
}

type SoldEntry = {
  readonly user: bigint
  readonly user_group: bigint
  readonly charged: bigint
  readonly at: bigint | null
  readonly status: bigint
  readonly usage: string
  readonly cost: bigint
  readonly slim: string
  readonly id: string
}
type DayRow = Readonly<Record<(typeof SUMS)[number] | 'user' | 'day' | 'user_group', bigint>> & {
  readonly slim: string
}

const SLIM =
  'json_array(s.key_id, s.team_id, s.organisation, s.route, s.operation, s.task, s.purpose, s.provider, s.model)'
const ADJUSTED = BigInt(ENTRY_STATUSES.indexOf('adjusted'))

/**
 * Compares the sums of days with the entries; returns how many rows there were. Days that the archives reach into are
 * compared in one sum. Call it inside a transaction.
 */
export function verifySales(database: Connection, beforeHour: number, differ: (sentence: string) => void): number {
  const firstWhole = Math.ceil(beforeHour / 24)
  const sums = new Map<string, bigint[]>()
  let charged = database
    .query<{ sum: bigint }, []>('SELECT coalesce(sum(charged_nano_usd), 0) AS sum FROM archives')
    .safeIntegers(true)
    .get()!.sum
  using entries = database.prepare<SoldEntry, []>(
    `SELECT x.user, x.user_group, x.charged_nano_usd AS charged, e.at, e.status, e.usage, e.cost_nano_usd AS cost,
       x.entry AS id, ${SLIM} AS slim
     FROM sales x LEFT JOIN entries e ON e.id = x.entry LEFT JOIN subjects s ON s.no = e.subject`,
  )
  for (const row of entries.safeIntegers(true).iterate()) {
    if (row.at === null) {
      differ(`the sale of ${row.id}: its entry is gone`)
      continue
    }
    charged += row.charged
    const day = Math.floor(Number(row.at) / DAY_MS)
    if (day < firstWhole) continue
    const name = JSON.stringify([`${row.user}`, day, row.slim, `${row.user_group}`])
    const usage = parseUsage(row.usage)
    const known = sums.get(name) ?? SUMS.map(() => 0n)
    const added = [
      row.status === ADJUSTED ? 0n : 1n,
      row.cost,
      row.charged,
      BigInt(inputTokens(usage)),
      BigInt(outputTokens(usage)),
    ]
    sums.set(
      name,
      known.map((sum, place) => sum + (added[place] ?? 0n)),
    )
  }
  let rows = 0
  using days = database.prepare<DayRow, []>(
    `SELECT d.*, ${SLIM} AS slim FROM sale_days d JOIN subjects s ON s.no = d.subject`,
  )
  let booked = 0n
  for (const row of days.safeIntegers(true).iterate()) {
    rows++
    booked += row.charged_nano_usd
    if (Number(row.day) < firstWhole) continue
    const name = JSON.stringify([`${row.user}`, Number(row.day), row.slim, `${row.user_group}`])
    const expected = sums.get(name)
    sums.delete(name)
    for (const [place, sum] of SUMS.entries())
      if (row[sum] !== (expected?.[place] ?? 0n))
        differ(`the sales of ${name}: ${sum} is ${row[sum]}, and the entries say ${expected?.[place] ?? 0n}`)
  }
  for (const [name, [, , missing]] of sums)
    differ(`the sales of ${name}: the entries say ${missing} nano-dollars, and there is no sum`)
  if (booked !== charged)
    differ(`all sales: the sums of days say ${booked} nano-dollars, entries and archives ${charged}`)
  return rows
}
