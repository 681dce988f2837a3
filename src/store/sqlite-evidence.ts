// Evidence of quality in SQLite: requests that were looked at, what was said of them, sums by day, and beliefs.
import type { AnsweredRequest, EvidenceBatch, EvidenceDay, StoredEvidence, StoredScore } from '../core/evidence.ts'
import { IS_GRADED } from './migration-head-inputs.ts'
import { pageOf, parseTimeCursor, timeCursor } from './page.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import type { EvidenceStore } from './store.ts'

type AnsweredRow = {
  readonly id: string
  readonly at: number
  readonly key_id: string
  readonly team_id: string | null
  readonly route: string
  readonly deployment: string
  readonly shares: string
  readonly input: Uint8Array | null
}
type LabelledRow = {
  readonly at: number
  readonly request: string
  /** Null: the request is not known any more. */
  readonly deployment: string | null
  readonly input: Uint8Array | null
  readonly quality: number
}
type EvidenceRow = Omit<StoredEvidence, 'requestId'> & { readonly request: string }

const DAY_MS = 86_400_000
/** After every moment. */
const LAST = { at: Number.MAX_SAFE_INTEGER, id: '' }
/** Shares are beliefs: more digits would be none. */
const SHARE_DIGITS = 4

export function createEvidenceStore(database: Connection): EvidenceStore {
  const putAnswered = database.statement(
    'INSERT INTO answered_requests VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
  )
  const relabel = database.statement('UPDATE answered_requests SET shares = ? WHERE id = ?')
  const getAnswered = database.statement<AnsweredRow, [string]>('SELECT * FROM answered_requests WHERE id = ?')
  const before = database.statement<EvidenceRow, [string, string, string]>(
    'DELETE FROM evidence WHERE request = ? AND source = ? AND kind = ? RETURNING *',
  )
  const putEvidence = database.statement('INSERT INTO evidence VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
  const ofRequest = database.statement<EvidenceRow, [string]>(
    'SELECT * FROM evidence WHERE request = ? ORDER BY at, source, kind',
  )
  const addDay = database.statement(
    `INSERT INTO evidence_days VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
     ON CONFLICT DO UPDATE SET pieces = pieces + ?5, weight = weight + ?6, good = good + ?7`,
  )
  const clearDay = database.statement(
    'DELETE FROM evidence_days WHERE day = ? AND deployment = ? AND task = ? AND kind = ? AND pieces = 0',
  )
  const days = database.statement<EvidenceDay & { day: number }, [number, string | null]>(
    'SELECT * FROM evidence_days WHERE day >= ?1 AND (?2 IS NULL OR deployment = ?2) ORDER BY day, deployment, task, kind',
  )
  const putScore = database.statement(
    'INSERT INTO quality_scores VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state',
  )
  const scores = database.statement<StoredScore, []>('SELECT * FROM quality_scores ORDER BY deployment, scope, task')
  const putLearned = database.statement(
    'INSERT INTO lab_states VALUES (?, ?) ON CONFLICT DO UPDATE SET state = excluded.state',
  )
  const learned = database.statement<{ name: string; state: string }, [string, string]>(
    'SELECT * FROM lab_states WHERE name >= ? AND name < ? ORDER BY name',
  )
  const labelled = database.statement<LabelledRow, [number, string, number]>(
    `SELECT graded.at, graded.request, deployment, input,
       (SELECT sum(weight * quality) / sum(weight) FROM evidence WHERE request = graded.request AND ${IS_GRADED}) AS quality
     FROM (SELECT DISTINCT at, request FROM evidence AS one WHERE ${IS_GRADED} AND (at, request) < (?1, ?2)
             AND NOT EXISTS (SELECT 1 FROM evidence AS newer WHERE newer.request = one.request AND newer.at > one.at AND newer.${IS_GRADED})
           ORDER BY at DESC, request DESC LIMIT ?3) AS graded
     LEFT JOIN answered_requests ON answered_requests.id = graded.request
     ORDER BY graded.at DESC, graded.request DESC`,
  )
  const pruneAnswered = database.statement(
    'DELETE FROM answered_requests WHERE id IN (SELECT id FROM answered_requests WHERE at < ? ORDER BY at LIMIT ?)',
  )
  const pruneEvidence = database.statement(
    'DELETE FROM evidence WHERE (request, source, kind) IN (SELECT request, source, kind FROM evidence WHERE at < ? ORDER BY at LIMIT ?)',
  )

  /** `times`: 1 to count it, −1 to take it back. */
  function count(piece: Omit<StoredEvidence, 'requestId'>, times: 1 | -1): void {
    const { at, deployment, task, kind, weight, quality } = piece
    const day = Math.floor(at / DAY_MS)
    addDay.run(day, deployment, task, kind, times, times * weight, times * weight * quality)
    if (times === -1) clearDay.run(day, deployment, task, kind)
  }

  function write({ answered, relabelled = [], evidence, scores: beliefs, learned: states }: EvidenceBatch): void {
    for (const { id, at, keyId, teamId, route, deployment, shares, input } of answered)
      putAnswered.run(id, at, keyId, teamId, route, deployment, sharesText(shares), input ?? null)
    for (const { id, shares } of relabelled) relabel.run(sharesText(shares), id)
    for (const piece of evidence) {
      const { requestId, source, kind, at, deployment, task, quality, weight, comment } = piece
      const old = before.get(requestId, source, kind)
      if (old !== null) count(old, -1)
      putEvidence.run(requestId, source, kind, at, deployment, task, quality, weight, comment)
      count(piece, 1)
    }
    for (const { scope, task, deployment, state } of beliefs) putScore.run(deployment, scope, task, state)
    for (const { name, state } of states) putLearned.run(name, state)
  }

  return {
    putEvidence: (batch) =>
      guarded(() => {
        database.transaction(() => write(batch)).immediate()
      }),
    getAnswered: (id) =>
      guarded(() => {
        const row = getAnswered.get(id)
        return row === null ? null : readAnswered(row)
      }),
    evidenceOf: (requestId) => guarded(() => ofRequest.all(requestId).map(readEvidence)),
    evidenceDays: ({ from, deployment }) =>
      guarded(() =>
        days
          .all(Math.floor(from / DAY_MS), deployment ?? null)
          .map(({ day, ...row }) => ({ ...row, at: day * DAY_MS })),
      ),
    labelledAnswers: ({ cursor, limit }) =>
      guarded(() => {
        const { at, id } = cursor === null ? LAST : parseTimeCursor(cursor)
        const rows = labelled.all(at, id, limit + 1)
        const { data, next } = pageOf(rows, limit, (row) => timeCursor({ createdAt: row.at, id: row.request }))
        const known = data.flatMap(({ deployment, input, quality }) =>
          input === null || deployment === null ? [] : [{ deployment, input, quality }],
        )
        return { data: known, next }
      }),
    qualityScores: () => guarded(() => scores.all()),
    learnedStates: (prefix) => guarded(() => learned.all(prefix, `${prefix}\u{10ffff}`)),
    pruneEvidence: ({ before: end, limit }) =>
      guarded(() => pruneAnswered.run(end, limit).changes + pruneEvidence.run(end, limit).changes),
  }
}

function sharesText(shares: readonly number[]): string {
  return JSON.stringify(shares.map((share) => Number(share.toFixed(SHARE_DIGITS))))
}

function readAnswered(row: AnsweredRow): AnsweredRequest {
  const { id, at, key_id, team_id, route, deployment, shares, input } = row
  const request = { id, at, keyId: key_id, teamId: team_id, route, deployment, shares: JSON.parse(shares) as number[] }
  return input === null ? request : { ...request, input }
}

function readEvidence({ request, ...row }: EvidenceRow): StoredEvidence {
  return { requestId: request, ...row }
}
