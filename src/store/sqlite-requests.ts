// The request log in SQLite: records are written by the ledger's commit, read and pruned here.
//
// "The newest requests of a key" needs an index by key, and an index would dirty one page for each key of each commit. So
// the index is a table that is filled in bulk: `request_keys` holds the rows up to `request_keys_until`, and the few hundred
// newer ones are looked through. The boundary moves in the same transaction as the rows, so a crash changes nothing.
import { GatewayError } from '../core/error.ts'
import type { RequestRecord } from '../core/ledger.ts'
import type { UsageSource } from '../core/usage.ts'
import { parseAttempts, parseUsage } from './codec.ts'
import { notOurCursor, pageOf } from './page.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import { dimensionsOf, SUBJECT_COLUMNS, type SubjectRow } from './sqlite-subjects.ts'
import type { RequestFilter, RequestStore } from './store.ts'

type RequestRow = SubjectRow & {
  readonly seq: number
  readonly id: string
  readonly at: number
  readonly status: number
  readonly error_code: string | null
  readonly client_request_id: string | null
  readonly stream: number
  readonly duration_us: number
  readonly ttft_us: number | null
  readonly overhead_us: number
  readonly attempts: string
  readonly path: string | null
  readonly finish_reason: string | null
  readonly raw_usage: string | null
  readonly plan: string | null
  readonly estimated: number | null
  readonly usage: string | null
  /** As text: a number would lose what is beyond 53 bits. */
  readonly cost: string | null
  readonly saved: string | null
}

const COLUMNS = `r.seq, r.id, r.at, r.status, r.error_code, r.client_request_id, r.stream, r.duration_us, r.ttft_us,
    r.overhead_us, r.attempts, r.path, r.finish_reason, r.raw_usage, r.plan, coalesce(r.estimated, e.estimated) AS estimated,
    coalesce(r.usage, e.usage) AS usage, CAST(coalesce(r.cost_nano_usd, e.cost_nano_usd) AS TEXT) AS cost,
    CAST(r.saved_nano_usd AS TEXT) AS saved, ${SUBJECT_COLUMNS}`
const JOINS = 'CROSS JOIN subjects s ON s.no = r.subject LEFT JOIN entries e ON e.id = r.id'

/** Where rows are looked for, newest first; CROSS JOIN keeps SQLite to this order, so that a limit ends the search. */
type Source = { readonly from: string; readonly order: string; readonly key: string | null }

const KEY_NUMBER = '(SELECT no FROM words WHERE word = ?)'
const EVERY_REQUEST: Source = { from: 'requests r', order: 'r.seq', key: null }
const TAIL_OF_KEY: Source = {
  from: 'requests r',
  order: 'r.seq',
  key: `r.seq > (SELECT seq FROM request_keys_until) AND r.key = ${KEY_NUMBER}`,
}
const INDEX_OF_KEY: Source = {
  from: 'request_keys k CROSS JOIN requests r ON r.seq = k.seq',
  order: 'k.seq',
  key: `k.key = ${KEY_NUMBER}`,
}

type Condition = { readonly sql: string; readonly values: readonly (string | number)[] }

export function createRequestStore(database: Connection): RequestStore {
  const byId = database.statement<RequestRow, [string]>(`SELECT ${COLUMNS} FROM requests r ${JOINS} WHERE r.id = ?`)
  // The newest row stays whatever its age: SQLite would give its number out again, and the index by key relies on it.
  const oldest = `SELECT seq FROM (SELECT seq, at FROM requests ORDER BY seq LIMIT ?1) WHERE at < ?2
    AND seq < (SELECT max(seq) FROM requests)`
  const pruneKeys = database.statement(
    `DELETE FROM request_keys WHERE (key, seq) IN (SELECT key, seq FROM requests WHERE seq IN (${oldest}))`,
  )
  const prune = database.statement(`DELETE FROM requests WHERE seq IN (${oldest})`)

  return {
    getRequest: (id) =>
      guarded(() => {
        const row = byId.get(id)
        return row === null ? null : readRecord(row)
      }),

    listRequests: (filter) =>
      guarded(() =>
        // One read transaction: the boundary and the rows on both sides must be of the same moment.
        database.transaction(() => {
          const rows: RequestRow[] = []
          for (const source of filter.keyId === undefined ? [EVERY_REQUEST] : [TAIL_OF_KEY, INDEX_OF_KEY]) {
            const { sql, values } = selection(source, filter)
            rows.push(
              ...database.query<RequestRow, (string | number)[]>(sql).all(...values, filter.limit + 1 - rows.length),
            )
            if (rows.length > filter.limit) break
          }
          const { data, next } = pageOf(rows, filter.limit, ({ seq }) => String(seq))
          return { data: data.map(readRecord), next }
        })(),
      ),

    pruneRequests: ({ before, limit }) =>
      guarded(() =>
        database
          .transaction(() => {
            pruneKeys.run(limit, before)
            return prune.run(limit, before).changes
          })
          .immediate(),
      ),
  }
}

function selection(source: Source, filter: RequestFilter): Condition {
  const { cursor, keyId, teamId, model, provider, status, from, to } = filter
  const conditions: Condition[] = []
  const where = (sql: string, ...values: (string | number)[]) => conditions.push({ sql, values })
  if (source.key !== null && keyId !== undefined) where(source.key, keyId)
  if (cursor !== null) where(`${source.order} < ?`, seqOf(cursor))
  if (teamId !== undefined) where('s.team_id = ?', teamId)
  if (model !== undefined) where('(s.model = ? OR s.requested_model = ?)', model, model)
  if (provider !== undefined) where('s.provider = ?', provider)
  if (status !== undefined) where('r.status BETWEEN ? AND ?', ...statusRange(status))
  if (from !== undefined) where('r.at >= ?', from)
  if (to !== undefined) where('r.at < ?', to)
  const all = conditions.length === 0 ? '' : `WHERE ${conditions.map(({ sql }) => sql).join(' AND ')}`
  return {
    sql: `SELECT ${COLUMNS} FROM ${source.from} ${JOINS} ${all} ORDER BY ${source.order} DESC LIMIT ?`,
    values: conditions.flatMap(({ values }) => values),
  }
}

function seqOf(cursor: string): number {
  if (!/^\d{1,15}$/.test(cursor)) throw notOurCursor()
  return Number(cursor)
}

/** Brings the index by key up to date; call it inside a write transaction. */
export function createKeyIndex(database: Connection): () => void {
  const index = database.statement(
    `INSERT INTO request_keys SELECT key, seq FROM requests
     WHERE seq > (SELECT seq FROM request_keys_until) ORDER BY key, seq`,
  )
  const move = database.statement('UPDATE request_keys_until SET seq = (SELECT coalesce(max(seq), 0) FROM requests)')
  return () => {
    index.run()
    move.run()
  }
}

function statusRange(status: string): readonly [number, number] {
  if (/^\d{3}$/.test(status)) return [Number(status), Number(status)]
  if (/^[1-5]xx$/.test(status)) return [Number(status[0]) * 100, Number(status[0]) * 100 + 99]
  throw new GatewayError('request_malformed', {
    message: 'A status is three digits (`429`) or a class (`4xx`).',
    param: 'status',
  })
}

function readRecord(row: RequestRow): RequestRecord {
  const target = row.provider === null ? null : row.provider === '' ? row.model : `${row.provider}/${row.model}`
  const source: UsageSource | null = row.estimated === null ? null : row.estimated === 1 ? 'estimated' : 'reported'
  return {
    id: row.id,
    clientRequestId: row.client_request_id,
    at: row.at,
    dimensions: dimensionsOf(row),
    status: row.status,
    errorCode: row.error_code,
    target,
    ...(row.path === null ? {} : { path: row.path }),
    stream: row.stream === 1,
    durationMs: row.duration_us / 1_000,
    ttftMs: row.ttft_us === null ? null : row.ttft_us / 1_000,
    overheadMs: row.overhead_us / 1_000,
    attempts: parseAttempts(row.attempts, target, row.at),
    finishReason: row.finish_reason,
    rawUsage: row.raw_usage,
    ...(row.plan === null ? {} : { plan: row.plan }),
    usage: row.usage === null ? null : parseUsage(row.usage),
    usageSource: source,
    costNanoUsd: row.cost === null ? null : BigInt(row.cost),
    ...(row.saved === null ? {} : { savedNanoUsd: BigInt(row.saved) }),
  }
}
