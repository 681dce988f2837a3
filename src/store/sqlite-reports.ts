// Spend reports in SQLite, from the roll-ups that sqlite-rollup.ts keeps.
import { NO_USAGE, USAGE_UNITS, type Usage } from '../core/usage.ts'
import { ENTRY_STATUSES } from './codec.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import { HOUR_MS, monthStart, SPANS, UNIT_COLUMNS } from './sqlite-rollup.ts'
import type { ReportStore, SpendBucket, SpendDimension, SpendQuery, SpendRow } from './store.ts'

/** A stretch of one span's rows, in hours since the epoch. */
export type Piece = { readonly span: keyof typeof SPANS; readonly from: number; readonly to: number }

/** What each dimension is in the query below; `tag` comes from a join with the subject's list. */
const DIMENSIONS = {
  key: 's.key_id',
  team: 's.team_id',
  end_user: 's.end_user',
  tag: 't.value',
  route: 's.route',
  model: 's.model',
  provider: 's.provider',
  operation: 's.operation',
  status: 'p.status',
} as const satisfies Record<SpendDimension, string>

type Row = Readonly<Record<string, string | number | null>>

export function createReportStore(database: Connection): ReportStore {
  const folded = database.statement<{ until: number }, []>('SELECT until FROM spend_folded')

  return {
    spend: (query) =>
      guarded(() => {
        const from = Math.floor(query.from / HOUR_MS)
        const to = Math.floor(query.to / HOUR_MS)
        // One read transaction: the fold and the sums must be of the same moment.
        return database.transaction(() => {
          const pieces = piecesOf(from, to, folded.get()?.until ?? from, query.bucket)
          if (pieces.length === 0) return []
          const values = pieces.flatMap(({ span, from, to }) => [SPANS[span], from, to])
          using statement = database.prepare<Row, number[]>(spendSql(query, pieces.length))
          return statement.all(...values).map((row) => readRow(row, query))
        })()
      }),
  }
}

const floorDay = (hour: number) => hour - (hour % 24)
const ceilDay = (hour: number) => floorDay(hour + 23)
const nextMonth = (hour: number) => monthStart(monthStart(hour) + 32 * 24)
const ceilMonth = (hour: number) => (monthStart(hour) === hour ? hour : nextMonth(hour))

/**
 * The fewest rows that cover [from, to): months and days where they lie inside and are not finer than the bucket, hours
 * elsewhere. Rows of days and months know the hours before `folded` only, so the hours from there on are always read as hours.
 */
export function piecesOf(from: number, to: number, folded: number, bucket: SpendBucket | null): readonly Piece[] {
  const pieces: Piece[] = []
  const add = (span: Piece['span'], start: number, end: number) => {
    if (start < end) pieces.push({ span, from: start, to: end })
  }
  if (from >= to) return []
  if (bucket === 'hour' || folded <= from) {
    add('hour', from, to)
    return pieces
  }
  // When the range reaches beyond the fold, the day and the month it lies in are complete as far as they go.
  const open = to >= folded
  const until = open ? folded : to
  const days = [ceilDay(from), open ? ceilDay(folded) : floorDay(to)] as const
  if (days[0] >= days[1]) add('hour', from, until)
  else {
    add('hour', from, days[0])
    const months = [ceilMonth(days[0]), open ? ceilMonth(folded) : monthStart(to)] as const
    if (bucket === 'day' || months[0] >= months[1]) add('day', days[0], days[1])
    else {
      add('day', days[0], months[0])
      add('month', months[0], months[1])
      add('day', months[1], days[1])
    }
    add('hour', days[1], until)
  }
  add('hour', Math.max(until, from), open ? to : until)
  return pieces
}

function bucketSql(bucket: SpendBucket): string {
  switch (bucket) {
    case 'hour':
      return 'p.at'
    case 'day':
      return 'p.at - p.at % 24'
    case 'month':
      return `unixepoch(p.at * 3600, 'unixepoch', 'start of month') / 3600`
  }
}

function spendSql({ by, bucket }: SpendQuery, pieces: number): string {
  const detailed = by.includes('end_user') || by.includes('tag')
  const sums = [
    'sum(p.requests) AS requests',
    'CAST(sum(p.cost_nano_usd) AS TEXT) AS cost',
    'sum(p.unpriced) AS unpriced',
    ...Object.values(UNIT_COLUMNS).map((column) => `sum(p.${column}) AS ${column}`),
  ]
  const groups = [
    ...(bucket === null ? [] : ['p.bucket AS bucket']),
    ...by.map((dimension) => `${DIMENSIONS[dimension]} AS by_${dimension}`),
  ]
  const places = groups.map((_, index) => index + 1).join(', ')
  // Kinds as a list and not as a range, so that each is one seek followed by a range of hours. Each piece is summed by the subjects' numbers first: a year has many rows of each, and comparing numbers costs a fraction
  // of comparing names.
  const kept = [
    'p.subject',
    ...(by.includes('status') ? ['p.status'] : []),
    ...(bucket === null ? [] : [`${bucketSql(bucket)} AS bucket`]),
  ]
  const columns = ['requests', 'cost_nano_usd', 'unpriced', ...Object.values(UNIT_COLUMNS)]
  const part = `SELECT ${[...kept, ...columns.map((column) => `sum(p.${column}) AS ${column}`)].join(', ')} FROM spend p
    WHERE p.span = ? AND p.kind IN (0, ${detailed ? 2 : 1}) AND p.at >= ? AND p.at < ?
    GROUP BY ${kept.map((_, place) => place + 1).join(', ')}`
  const parts = Array.from({ length: pieces }, () => part)
  return `WITH p AS MATERIALIZED (${parts.join(' UNION ALL ')})
    SELECT ${[...groups, ...sums].join(', ')} FROM p
    JOIN subjects s ON s.no = p.subject ${by.includes('tag') ? 'LEFT JOIN json_each(s.tags) t' : ''}
    ${places === '' ? 'HAVING count(*) > 0' : `GROUP BY ${places}`}
    ORDER BY ${bucket === null ? '' : 'bucket, '}sum(p.cost_nano_usd) DESC, sum(p.requests) DESC${places === '' ? '' : `, ${places}`}`
}

function readRow(row: Row, { by, bucket }: SpendQuery): SpendRow {
  const group: Partial<Record<SpendDimension, string | null>> = {}
  for (const dimension of by) {
    const value = row[`by_${dimension}`] ?? null
    if (dimension === 'status') group[dimension] = ENTRY_STATUSES[Number(value)] ?? null
    else group[dimension] = value === null ? null : String(value)
  }
  const usage: { -readonly [unit in keyof Usage]: number } = { ...NO_USAGE }
  for (const unit of USAGE_UNITS) usage[unit] = Number(row[UNIT_COLUMNS[unit]])
  usage.seconds /= 1_000
  return {
    group,
    at: bucket === null ? null : Number(row['bucket']) * HOUR_MS,
    requests: Number(row['requests']),
    costNanoUsd: BigInt(row['cost'] ?? 0),
    unpricedRequests: Number(row['unpriced']),
    usage,
  }
}
