// Spend reports in SQLite, from the roll-ups that sqlite-rollup.ts keeps.
import { costPercentiles } from '../core/cost-sketch.ts'
import { NO_USAGE, USAGE_UNITS, type Usage } from '../core/usage.ts'
import { ENTRY_STATUSES } from './codec.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import { UNIT_COLUMNS } from './sqlite-rollup.ts'
import { createFoldedReader, type Folded, HOUR_MS, isHalfDone, KINDS, monthStart, SPANS } from './sqlite-spans.ts'
import type { ReportStore, SpendBucket, SpendDimension, SpendQuery, SpendRow } from './store.ts'

/** A stretch of one span's rows, in hours since the epoch. */
export type Piece = {
  readonly span: keyof typeof SPANS
  readonly from: number
  readonly to: number
  /** Of the hour that is half folded: the rest. */
  readonly after?: Folded
}

/** What each dimension is in the query below; `tag` comes from a join with the subject's list. */
const DIMENSIONS = {
  key: 's.key_id',
  team: 's.team_id',
  organisation: 's.organisation',
  end_user: 's.end_user',
  tag: 't.value',
  route: 's.route',
  task: 's.task',
  model: 's.model',
  provider: 's.provider',
  operation: 's.operation',
  purpose: 's.purpose',
  status: 'p.status',
} as const satisfies Record<SpendDimension, string>

/** Dimensions that only detailed rows have, and those that coarse rows do not have either. */
const DETAILS: ReadonlySet<string> = new Set<SpendDimension>(['end_user', 'tag'])
const FINE: ReadonlySet<string> = new Set<SpendDimension>(['key', 'operation', 'task'])

type Row = Readonly<Record<string, string | number | null>>

export function createReportStore(database: Connection): ReportStore {
  const readFolded = createFoldedReader(database)

  return {
    spend: (query) =>
      guarded(() => {
        if (query.percentiles === true && query.by.includes('status'))
          throw new RangeError('percentiles are not kept by status')
        const from = Math.floor(query.from / HOUR_MS)
        const to = Math.floor(query.to / HOUR_MS)
        // One read transaction: the fold and the sums must be of the same moment.
        return database.transaction(() => {
          const pieces = piecesOf(from, to, readFolded() ?? { until: from, kind: 0, subject: 0 }, query.bucket)
          if (pieces.length === 0) return []
          const ask = (sql: string): readonly Row[] => {
            const wanted = Object.values(query.where ?? {})
            using statement = database.prepare<Row, (number | string)[]>(sql)
            return statement.all(...pieces.flatMap(valuesOf), ...wanted)
          }
          const rows = ask(spendSql(query, pieces)).map((row) => readRow(row, query))
          return query.percentiles === true ? withPercentiles(rows, ask(costsSql(query, pieces)), query) : rows
        })()
      }),
  }
}

const floorDay = (hour: number) => hour - (hour % 24)
const ceilDay = (hour: number) => floorDay(hour + 23)
const nextMonth = (hour: number) => monthStart(monthStart(hour) + 32 * 24)
const ceilMonth = (hour: number) => (monthStart(hour) === hour ? hour : nextMonth(hour))

/** In the order of the places in `piecesSql`. */
function valuesOf({ span, from, to, after }: Piece): readonly number[] {
  const bounds = [SPANS[span], from, to]
  return after === undefined ? bounds : [...bounds, after.kind, after.subject]
}

/**
 * The fewest rows that cover [from, to): months and days where they lie inside and are not finer than the bucket, hours
 * elsewhere. Rows of days and months know what is folded only, so what is not is always read as hours.
 */
export function piecesOf(from: number, to: number, folded: Folded, bucket: SpendBucket | null): readonly Piece[] {
  const pieces: Piece[] = []
  const add = (span: Piece['span'], start: number, end: number) => {
    if (start < end) pieces.push({ span, from: start, to: end })
  }
  if (from >= to) return []
  if (bucket === 'hour' || folded.until <= from) {
    add('hour', from, to)
    return pieces
  }
  const isHalf = isHalfDone(folded)
  // The day and the month of an hour that is half folded have that half.
  const reached = isHalf ? folded.until + 1 : folded.until
  // When the range reaches beyond the fold, the day and the month it lies in are complete as far as they go.
  const open = to >= reached
  const until = open ? reached : to
  const days = [ceilDay(from), open ? ceilDay(reached) : floorDay(to)] as const
  if (days[0] >= days[1]) add('hour', from, until)
  else {
    add('hour', from, days[0])
    const months = [ceilMonth(days[0]), open ? ceilMonth(reached) : monthStart(to)] as const
    if (bucket === 'day' || months[0] >= months[1]) add('day', days[0], days[1])
    else {
      add('day', days[0], months[0])
      add('month', months[0], months[1])
      add('day', months[1], days[1])
    }
    add('hour', days[1], until)
    if (open && isHalf) pieces.push({ span: 'hour', from: folded.until, to: reached, after: folded })
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

/** The rows of a piece: a list and not a range of kinds, so that each is one seek followed by a range of hours. */
function kindsOf({ span }: Piece, { by, where = {} }: SpendQuery): string {
  const asked = [...by, ...Object.keys(where)]
  if (asked.some((dimension) => DETAILS.has(dimension))) return `${KINDS.plain}, ${KINDS.detailed}`
  if (span === 'hour' || asked.some((dimension) => FINE.has(dimension))) return `${KINDS.plain}, ${KINDS.undetailed}`
  return `${KINDS.coarse}`
}

/**
 * `p`: what the pieces hold, summed by the subjects' numbers first: a year has many rows of each, and comparing numbers costs
 * a fraction of comparing names.
 */
function piecesSql(
  table: string,
  query: SpendQuery,
  pieces: readonly Piece[],
  columns: { readonly kept: readonly string[]; readonly sums: readonly string[] },
): string {
  const kept = [
    'p.subject',
    ...columns.kept,
    ...(query.bucket === null ? [] : [`${bucketSql(query.bucket)} AS bucket`]),
  ]
  const parts = pieces.map(
    (piece) => `SELECT ${[...kept, ...columns.sums].join(', ')} FROM ${table} p
    WHERE p.span = ? AND p.kind IN (${kindsOf(piece, query)}) AND p.at >= ? AND p.at < ?
      ${piece.after === undefined ? '' : 'AND (p.kind, p.subject) > (?, ?)'}
    GROUP BY ${kept.map((_, place) => place + 1).join(', ')}`,
  )
  return `WITH p AS MATERIALIZED (${parts.join(' UNION ALL ')})`
}

/** Columns that rows are grouped by. */
function groupsOf({ by, bucket }: SpendQuery): readonly string[] {
  return [
    ...(bucket === null ? [] : ['p.bucket AS bucket']),
    ...by.map((dimension) => `${DIMENSIONS[dimension]} AS by_${dimension}`),
  ]
}

function joinsSql({ by, where = {} }: SpendQuery): string {
  const tags = by.includes('tag') || where.tag !== undefined ? 'LEFT JOIN json_each(s.tags) t' : ''
  const wanted = Object.keys(where).map((dimension) => `${DIMENSIONS[dimension as keyof typeof where]} = ?`)
  return `JOIN subjects s ON s.no = p.subject ${tags} ${wanted.length === 0 ? '' : `WHERE ${wanted.join(' AND ')}`}`
}

const COMPLETE = ENTRY_STATUSES.indexOf('complete')
const CACHED = ENTRY_STATUSES.indexOf('cached')

function spendSql(query: SpendQuery, pieces: readonly Piece[]): string {
  const { by, bucket } = query
  const plain = ['requests', 'cost_nano_usd', 'unpriced', ...Object.values(UNIT_COLUMNS)]
  const p = piecesSql('spend', query, pieces, {
    kept: by.includes('status') ? ['p.status'] : [],
    sums: [
      ...plain.map((column) => `sum(p.${column}) AS ${column}`),
      `sum(p.requests) FILTER (WHERE p.status IN (${COMPLETE}, ${CACHED})) AS answered`,
      `sum(p.saved_nano_usd) FILTER (WHERE p.status <> ${CACHED}) AS saved`,
      `sum(p.saved_nano_usd) FILTER (WHERE p.status = ${CACHED}) AS cache_saved`,
    ],
  })
  const groups = groupsOf(query)
  const places = groups.map((_, index) => index + 1).join(', ')
  const sums = [
    'sum(p.requests) AS requests',
    'coalesce(sum(p.answered), 0) AS answered',
    'CAST(sum(p.cost_nano_usd) AS TEXT) AS cost',
    'CAST(coalesce(sum(p.saved), 0) AS TEXT) AS saved',
    'CAST(coalesce(sum(p.cache_saved), 0) AS TEXT) AS cache_saved',
    'sum(p.unpriced) AS unpriced',
    ...Object.values(UNIT_COLUMNS).map((column) => `sum(p.${column}) AS ${column}`),
  ]
  return `${p} SELECT ${[...groups, ...sums].join(', ')} FROM p ${joinsSql(query)}
    ${places === '' ? 'HAVING count(*) > 0' : `GROUP BY ${places}`}
    ORDER BY ${bucket === null ? '' : 'bucket, '}sum(p.cost_nano_usd) DESC, sum(p.requests) DESC${places === '' ? '' : `, ${places}`}`
}

function costsSql(query: SpendQuery, pieces: readonly Piece[]): string {
  const p = piecesSql('spend_costs', query, pieces, {
    kept: ['p.bucket AS cost_bucket'],
    sums: ['sum(p.requests) AS requests'],
  })
  const groups = [...groupsOf(query), 'p.cost_bucket AS cost_bucket']
  return `${p} SELECT ${groups.join(', ')}, sum(p.requests) AS requests FROM p ${joinsSql(query)}
    GROUP BY ${groups.map((_, index) => index + 1).join(', ')}`
}

function withPercentiles(rows: readonly SpendRow[], counts: readonly Row[], query: SpendQuery): readonly SpendRow[] {
  const found = new Map<string, Map<number, number>>()
  for (const row of counts) {
    const name = nameOf(query, readGroup(row, query), readAt(row, query))
    const buckets = found.get(name) ?? new Map<number, number>()
    found.set(name, buckets.set(Number(row['cost_bucket']), Number(row['requests'])))
  }
  return rows.map((row) => ({
    ...row,
    costPercentiles: costPercentiles(found.get(nameOf(query, row.group, row.at)) ?? new Map()),
  }))
}

function nameOf({ by }: SpendQuery, group: SpendRow['group'], at: number | null): string {
  return JSON.stringify([at, ...by.map((dimension) => group[dimension] ?? null)])
}

function readGroup(row: Row, { by }: SpendQuery): SpendRow['group'] {
  const group: Partial<Record<SpendDimension, string | null>> = {}
  for (const dimension of by) {
    const value = row[`by_${dimension}`] ?? null
    if (dimension === 'status') group[dimension] = ENTRY_STATUSES[Number(value)] ?? null
    else group[dimension] = value === null ? null : String(value)
  }
  return group
}

function readAt(row: Row, { bucket }: SpendQuery): number | null {
  return bucket === null ? null : Number(row['bucket']) * HOUR_MS
}

function readRow(row: Row, query: SpendQuery): SpendRow {
  const usage: { -readonly [unit in keyof Usage]: number } = { ...NO_USAGE }
  for (const unit of USAGE_UNITS) usage[unit] = Number(row[UNIT_COLUMNS[unit]])
  usage.seconds /= 1_000
  return {
    group: readGroup(row, query),
    at: readAt(row, query),
    requests: Number(row['requests']),
    answeredRequests: Number(row['answered']),
    costNanoUsd: BigInt(row['cost'] ?? 0),
    savedNanoUsd: BigInt(row['saved'] ?? 0),
    cacheSavedNanoUsd: BigInt(row['cache_saved'] ?? 0),
    unpricedRequests: Number(row['unpriced']),
    usage,
  }
}
