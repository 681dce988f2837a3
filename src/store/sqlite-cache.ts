// Kept answers in SQLite: those of the cache, which make room for each other, and those of requests that their callers
// named, which stay until they expire.
import type { CachedAnswer, IdempotentRequest, KeptAnswer } from '../core/kept-answer.ts'
import { int64 } from './codec.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import type { CacheStore } from './store.ts'

/** Head of an answer as JSON; the body is its pieces, one after the other. */
type Head = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly stream: boolean
  /** Bytes and gap of each piece. */
  readonly pieces: readonly (readonly [bytes: number, gapMs: number])[]
  readonly target: string
  readonly cost: string
}

type AnswerRow = {
  readonly key: string
  readonly route: string
  readonly created_at: number
  readonly expires_at: number
  readonly head: string
  readonly body: Uint8Array
}

type RequestRow = {
  readonly id: string
  readonly fingerprint: string
  readonly request_id: string
  readonly created_at: number
  readonly expires_at: number
  readonly answered_at: number | null
  readonly head: string | null
  readonly body: Uint8Array | null
}

const DAY_MS = 86_400_000
/** Answers that are looked at in one go when room has to be made. */
const EVICTED_AT_ONCE = 32

export function createCacheStore(database: Connection): CacheStore {
  const get = database.statement<AnswerRow, [string, number]>(
    'SELECT key, route, created_at, expires_at, head, body FROM cached_answers WHERE key = ? AND expires_at > ?',
  )
  const use = database.statement('UPDATE cached_answers SET used_at = ?, uses = uses + 1 WHERE key = ?')
  const insert = database.statement(
    `INSERT INTO cached_answers (key, route, created_at, expires_at, used_at, uses, bytes, head, body, space, vector)
     VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?)`,
  )
  const inSpace = database.statement<{ key: string; vector: Uint8Array }, [string, number, number]>(
    `SELECT key, vector FROM cached_answers WHERE space = ? AND expires_at > ? ORDER BY created_at DESC, key LIMIT ?`,
  )
  const remove = database.statement<{ bytes: number }, [string]>(
    'DELETE FROM cached_answers WHERE key = ? RETURNING bytes',
  )
  const oldest = database.statement<{ key: string }, [number]>(
    'SELECT key FROM cached_answers ORDER BY used_at, key LIMIT ?',
  )
  const removeExpired = database.statement<{ bytes: number }, [number, number]>(
    `DELETE FROM cached_answers WHERE key IN (SELECT key FROM cached_answers WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)
     RETURNING bytes`,
  )
  const removeOf = database.statement<{ bytes: number }, [string | null]>(
    'DELETE FROM cached_answers WHERE ?1 IS NULL OR route = ?1 RETURNING bytes',
  )
  const sum = database.statement<{ bytes: number }, []>('SELECT coalesce(sum(bytes), 0) AS bytes FROM cached_answers')
  const shares = database.statement<{ route: string; answers: number; bytes: number; uses: number }, []>(
    `SELECT route, count(*) AS answers, sum(bytes) AS bytes, sum(uses) AS uses FROM cached_answers
     GROUP BY route ORDER BY bytes DESC, route`,
  )
  const savings = database.statement<{ route: string; requests: number; saved: string }, [number]>(
    `SELECT route, sum(requests) AS requests, CAST(sum(saved_nano_usd) AS TEXT) AS saved FROM cache_savings
     WHERE day >= ? GROUP BY route ORDER BY sum(saved_nano_usd) DESC, route`,
  )
  const claim = database.statement(
    `INSERT INTO idempotent_requests (id, fingerprint, request_id, created_at, expires_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (id) DO NOTHING`,
  )
  const dropClaim = database.statement('DELETE FROM idempotent_requests WHERE id = ? AND expires_at <= ?')
  const getClaim = database.statement<RequestRow, [string]>('SELECT * FROM idempotent_requests WHERE id = ?')
  const answer = database.statement(
    'UPDATE idempotent_requests SET answered_at = ?, head = ?, body = ? WHERE id = ? AND request_id = ?',
  )
  const oldestNamed = database.statement<{ id: string; bytes: number }, [number]>(
    `SELECT id, length(body) AS bytes FROM idempotent_requests WHERE body IS NOT NULL ORDER BY answered_at LIMIT ?`,
  )
  const dropAnswer = database.statement(
    'UPDATE idempotent_requests SET answered_at = NULL, head = NULL, body = NULL WHERE id = ?',
  )
  const sumNamed = database.statement<{ bytes: number }, []>(
    'SELECT coalesce(sum(length(body)), 0) AS bytes FROM idempotent_requests WHERE body IS NOT NULL',
  )
  const release = database.statement('DELETE FROM idempotent_requests WHERE id = ? AND request_id = ?')
  const pruneClaims = database.statement(
    `DELETE FROM idempotent_requests WHERE id IN
       (SELECT id FROM idempotent_requests WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
  )
  /** Bytes of all answers, of the cache and of named requests; only this process writes them. */
  let heldBytes = sum.get()?.bytes ?? 0
  let namedBytes = sumNamed.get()?.bytes ?? 0

  function removed(rows: readonly { readonly bytes: number }[]): number {
    for (const { bytes } of rows) heldBytes -= bytes
    return rows.length
  }

  function makeRoom(maxBytes: number): void {
    while (heldBytes > maxBytes) {
      const keys = oldest.all(EVICTED_AT_ONCE)
      if (keys.length === 0) return
      for (const { key } of keys) {
        if (heldBytes <= maxBytes) return
        removed(remove.all(key))
      }
    }
  }

  const put = database.transaction((kept: CachedAnswer, maxBytes: number): void => {
    const head = headText(kept)
    const body = bodyOf(kept)
    const vector = kept.meant === undefined ? null : new Uint8Array(kept.meant.vector.slice().buffer)
    const bytes = head.length + body.length + (vector?.length ?? 0)
    removed(remove.all(kept.key))
    if (bytes > maxBytes) return
    makeRoom(maxBytes - bytes)
    const space = kept.meant?.space ?? null
    const { key, route, createdAt, expiresAt } = kept
    insert.run(key, route, createdAt, expiresAt, createdAt, bytes, head, body, space, vector)
    heldBytes += bytes
  })

  const keepNamed = database.transaction((id: string, requestId: string, kept: KeptAnswer, maxBytes: number): void => {
    const body = bodyOf(kept)
    const { changes } = answer.run(kept.createdAt, headText(kept), body, id, requestId)
    if (changes === 0) return
    namedBytes += body.length
    while (namedBytes > maxBytes) {
      const rows = oldestNamed.all(EVICTED_AT_ONCE)
      if (rows.length === 0) return
      for (const { id: old, bytes } of rows) {
        if (namedBytes <= maxBytes) return
        dropAnswer.run(old)
        namedBytes -= bytes
      }
    }
  })

  /** Runs what changes the sum; after a failure it is counted anew. */
  function counted<T>(action: () => T): Promise<T> {
    return guarded(() => {
      try {
        return action()
      } catch (error) {
        heldBytes = sum.get()?.bytes ?? 0
        namedBytes = sumNamed.get()?.bytes ?? 0
        throw error
      }
    })
  }

  return {
    getAnswer: (key, now) =>
      guarded(() => {
        const row = get.get(key, now)
        if (row === null) return null
        use.run(now, key)
        return { ...readAnswer(row.head, row.body, row.created_at), key, route: row.route, expiresAt: row.expires_at }
      }),
    putAnswer: (kept, { maxBytes }) => counted(() => put(kept, maxBytes)),
    cachedVectors: (space, { now, limit }) =>
      guarded(() =>
        // A copy: floats want an address that is a multiple of four.
        inSpace
          .all(space, now, limit)
          .map(({ key, vector }) => ({ key, vector: new Float32Array(vector.slice().buffer) })),
      ),
    purgeAnswers: ({ route }) => counted(() => removed(removeOf.all(route))),
    cacheShares: () => guarded(() => shares.all()),
    cacheSavings: ({ from }) =>
      guarded(() =>
        savings
          .all(Math.floor(from / DAY_MS))
          .map(({ route, requests, saved }) => ({ route, requests, savedNanoUsd: BigInt(saved) })),
      ),

    claimRequest: (request, now) =>
      guarded(() => {
        dropClaim.run(request.id, now)
        const { changes } = claim.run(
          request.id,
          request.fingerprint,
          request.requestId,
          request.createdAt,
          request.expiresAt,
        )
        if (changes > 0) return null
        const row = getClaim.get(request.id)
        return row === null ? null : readRequest(row)
      }),
    answerRequest: (id, requestId, kept, { maxBytes }) => counted(() => keepNamed(id, requestId, kept, maxBytes)),
    releaseRequest: (id, requestId) =>
      guarded(() => {
        release.run(id, requestId)
      }),
    pruneAnswers: ({ now, limit }) =>
      counted(() => {
        const { changes } = pruneClaims.run(now, limit)
        if (changes > 0) namedBytes = sumNamed.get()?.bytes ?? 0
        return removed(removeExpired.all(now, limit)) + changes
      }),
  }
}

/** Adds what requests saved to the day of their route. Called inside the transaction that writes their records. */
export function createSavingWriter(database: Connection): (at: number, route: string, saved: bigint) => void {
  const add = database.statement(
    `INSERT INTO cache_savings VALUES (?, ?, 1, ?) ON CONFLICT DO UPDATE SET
       requests = requests + 1, saved_nano_usd = saved_nano_usd + excluded.saved_nano_usd`,
  )
  return (at, route, saved) => void add.run(Math.floor(at / DAY_MS), route, int64(saved))
}

function headText(kept: KeptAnswer): string {
  const head: Head = {
    status: kept.status,
    headers: kept.headers,
    stream: kept.isStream,
    pieces: kept.pieces.map(({ bytes, gapMs }) => [bytes.length, Math.round(gapMs)]),
    target: kept.target,
    cost: kept.costNanoUsd.toString(),
  }
  return JSON.stringify(head)
}

function bodyOf({ pieces }: KeptAnswer): Uint8Array {
  return Buffer.concat(pieces.map(({ bytes }) => bytes))
}

function readAnswer(text: string, body: Uint8Array, createdAt: number): KeptAnswer {
  const head = JSON.parse(text) as Head
  let from = 0
  const pieces = head.pieces.map(([length, gapMs]) => {
    const bytes = body.subarray(from, from + length)
    from += length
    return { bytes, gapMs }
  })
  return {
    status: head.status,
    headers: head.headers,
    isStream: head.stream,
    pieces,
    target: head.target,
    costNanoUsd: BigInt(head.cost),
    createdAt,
  }
}

function readRequest(row: RequestRow): IdempotentRequest {
  const isKept = row.head !== null && row.body !== null && row.answered_at !== null
  return {
    id: row.id,
    fingerprint: row.fingerprint,
    requestId: row.request_id,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    answer: isKept ? readAnswer(row.head, row.body, row.answered_at) : null,
  }
}
