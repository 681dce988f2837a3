// Kept prompts and answers in SQLite, compressed.
import { gunzipSync, gzipSync } from 'node:zlib'
import type { KeptPrompt } from '../core/kept-prompt.ts'
import { parseTimeCursor, pageOf, timeCursor } from './page.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import type { PromptStore } from './store.ts'

type PromptRow = {
  readonly request: string
  readonly at: number
  readonly key_id: string
  readonly team_id: string | null
  readonly end_user: string | null
  readonly route: string
  readonly deployment: string | null
  readonly mode: string
  readonly prompt_hash: string
  readonly system_hash: string
  readonly characters: number
  readonly content: Uint8Array | null
}

const NAMED = `(?1 IS NULL OR key_id = ?1) AND (?2 IS NULL OR team_id = ?2)
  AND (?3 IS NULL OR end_user = ?3) AND (?4 IS NULL OR at < ?4)`

export function createPromptStore(database: Connection): PromptStore {
  const put = database.statement(
    'INSERT INTO prompts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  )
  const get = database.statement<PromptRow, [string]>('SELECT * FROM prompts WHERE request = ?')
  const scan = database.statement<PromptRow, (string | number | null)[]>(
    `SELECT * FROM prompts WHERE at >= ?1 AND at < ?2 AND (at, request) > (?3, ?4) AND (?5 IS NULL OR route = ?5)
     ORDER BY at, request LIMIT ?6`,
  )
  const remove = database.statement(`DELETE FROM prompts WHERE ${NAMED}`)
  // A copy that another model answered has the same words under an id of its own.
  const forget = database.statement(
    `UPDATE answered_requests SET input = NULL WHERE input IN (
       SELECT input FROM answered_requests WHERE input IS NOT NULL AND id IN (SELECT request FROM prompts WHERE ${NAMED}))`,
  )
  const forgetOld = database.statement(
    `UPDATE answered_requests SET input = NULL WHERE id IN (
       SELECT id FROM answered_requests WHERE input IS NOT NULL AND at < ? ORDER BY at LIMIT ?)`,
  )
  const prune = database.statement(
    'DELETE FROM prompts WHERE request IN (SELECT request FROM prompts WHERE at < ? ORDER BY at LIMIT ?)',
  )
  return {
    putPrompts: (prompts) =>
      guarded(() => {
        database
          .transaction(() => {
            for (const {
              requestId,
              at,
              keyId,
              teamId,
              endUser,
              route,
              deployment,
              mode,
              hashes,
              characters,
              content,
            } of prompts)
              put.run(
                requestId,
                at,
                keyId,
                teamId,
                endUser,
                route,
                deployment,
                mode,
                hashes.prompt,
                hashes.system,
                characters,
                content === null ? null : gzipSync(JSON.stringify(content), { level: 3 }),
              )
          })
          .immediate()
      }),
    getPrompt: (requestId) =>
      guarded(() => {
        const row = get.get(requestId)
        return row === null ? null : readPrompt(row)
      }),
    scanPrompts: ({ from, to, route, cursor, limit }) =>
      guarded(() => {
        const after = parseTimeCursor(cursor)
        const rows = scan.all(from, to, after.at, after.id, route ?? null, limit + 1)
        const { data, next } = pageOf(rows, limit, ({ at, request }) => timeCursor({ createdAt: at, id: request }))
        return { data: data.map(readPrompt), next }
      }),
    deletePrompts: ({ keyId, teamId, endUser, before }) =>
      guarded(() => {
        const named = [keyId ?? null, teamId ?? null, endUser ?? null, before ?? null] as const
        return database
          .transaction(() => {
            forget.run(...named)
            return remove.run(...named).changes
          })
          .immediate()
      }),
    prunePrompts: ({ before, limit }) =>
      guarded(() => Math.max(forgetOld.run(before, limit).changes, prune.run(before, limit).changes)),
  }
}

function readPrompt(row: PromptRow): KeptPrompt {
  return {
    requestId: row.request,
    at: row.at,
    keyId: row.key_id,
    teamId: row.team_id,
    endUser: row.end_user,
    route: row.route,
    deployment: row.deployment,
    mode: row.mode as KeptPrompt['mode'],
    hashes: { prompt: row.prompt_hash, system: row.system_hash },
    characters: row.characters,
    content:
      row.content === null ? null : (JSON.parse(gunzipSync(row.content).toString('utf8')) as KeptPrompt['content']),
  }
}
