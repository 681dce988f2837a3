// Kept responses and their items in SQLite.
import type { StoredResponse } from '../core/formats/responses-history.ts'
import type { JsonObject } from '../core/json.ts'
import { objectsOf, stringOf } from '../core/json-read.ts'
import { notOurCursor, pageOf } from './page.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import type { ResponseStore } from './store.ts'

type ResponseRow = {
  readonly id: string
  readonly key_id: string
  readonly created_at: number
  readonly expires_at: number
  readonly previous_id: string | null
  readonly body: string
}
type ItemRow = { readonly position: number; readonly item_id: string | null; readonly body: string }

const INPUT = 0
const OUTPUT = 1

export function createResponseStore(database: Connection): ResponseStore {
  const insert = database.statement('INSERT INTO responses VALUES (?, ?, ?, ?, ?, ?)')
  const insertItem = database.statement('INSERT INTO response_items VALUES (?, ?, ?, ?, ?)')
  const select = database.statement<ResponseRow, [string, string, number]>(
    'SELECT * FROM responses WHERE id = ? AND key_id = ? AND expires_at > ?',
  )
  const itemsOf = database.statement<ItemRow, [string, number]>(
    'SELECT position, item_id, body FROM response_items WHERE response_id = ? AND side = ? ORDER BY position',
  )
  const findItem = database.statement<ItemRow, [string, string, number]>(
    `SELECT i.position, i.item_id, i.body FROM response_items i JOIN responses r ON r.id = i.response_id
     WHERE i.item_id = ? AND r.key_id = ? AND r.expires_at > ? ORDER BY r.created_at DESC LIMIT 1`,
  )
  const place = database.statement<{ position: number }, [string, string]>(
    `SELECT position FROM response_items WHERE response_id = ? AND side = ${INPUT} AND item_id = ?`,
  )
  const listUp = database.statement<ItemRow, [string, number, number]>(
    `SELECT position, item_id, body FROM response_items
     WHERE response_id = ? AND side = ${INPUT} AND position > ? ORDER BY position LIMIT ?`,
  )
  const listDown = database.statement<ItemRow, [string, number, number]>(
    `SELECT position, item_id, body FROM response_items
     WHERE response_id = ? AND side = ${INPUT} AND position < ? ORDER BY position DESC LIMIT ?`,
  )
  const drop = database.statement<{ id: string }, [string, string, number]>(
    'DELETE FROM responses WHERE id = ? AND key_id = ? AND expires_at > ? RETURNING id',
  )
  const prune = database.statement<{ id: string }, [number, number]>(
    `DELETE FROM responses WHERE id IN (SELECT id FROM responses WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)
     RETURNING id`,
  )

  function stored(row: ResponseRow): StoredResponse {
    const input = itemsOf.all(row.id, INPUT).map(readItem)
    const output = itemsOf.all(row.id, OUTPUT).map(readItem)
    return {
      id: row.id,
      keyId: row.key_id,
      createdAt: row.created_at,
      expiresAt: row.expires_at,
      previousId: row.previous_id,
      input,
      // The member stands in the body already, empty: the order of the members stays.
      response: { ...readBody(row.body), output },
    }
  }

  function insertItems(id: string, side: number, items: readonly JsonObject[]): void {
    for (const [position, item] of items.entries())
      insertItem.run(id, side, position, stringOf(item, 'id'), JSON.stringify(item))
  }

  return {
    putResponse: (response) =>
      guarded(() =>
        database
          .transaction(() => {
            const { id, keyId, createdAt, expiresAt, previousId } = response
            const body = JSON.stringify({ ...response.response, output: [] })
            insert.run(id, keyId, createdAt, expiresAt, previousId, body)
            insertItems(id, INPUT, response.input)
            insertItems(id, OUTPUT, objectsOf(response.response, 'output'))
          })
          .immediate(),
      ),

    getResponse: (id, { keyId, now }) =>
      guarded(() => {
        const row = select.get(id, keyId, now)
        return row === null ? null : stored(row)
      }),

    getResponseChain: (id, { keyId, now, limit }) =>
      guarded(() => {
        const chain: StoredResponse[] = []
        for (let next: string | null = id; next !== null;) {
          const row: ResponseRow | null = chain.length === limit ? null : select.get(next, keyId, now)
          if (row === null) return []
          chain.push(stored(row))
          next = row.previous_id
        }
        return chain.toReversed()
      }),

    findResponseItems: (ids, { keyId, now }) =>
      guarded(() => {
        const found = new Map<string, JsonObject>()
        for (const id of ids) {
          const row = findItem.get(id, keyId, now)
          if (row !== null) found.set(id, readItem(row))
        }
        return found
      }),

    listResponseItems: (id, { keyId, now, cursor, limit, order }) =>
      guarded(() => {
        if (select.get(id, keyId, now) === null) return null
        const after = cursor === null ? null : place.get(id, cursor)
        if (cursor !== null && after === null) throw notOurCursor()
        const isUp = order === 'asc'
        const start = after?.position ?? (isUp ? -1 : Number.MAX_SAFE_INTEGER)
        const rows = (isUp ? listUp : listDown).all(id, start, limit + 1)
        const page = pageOf(rows, limit, (row) => row.item_id ?? '')
        return { data: page.data.map(readItem), next: page.next }
      }),

    deleteResponse: (id, { keyId, now }) => guarded(() => drop.get(id, keyId, now) !== null),

    pruneResponses: ({ now, limit }) => guarded(() => prune.all(now, limit).length),
  }
}

function readBody(text: string): JsonObject {
  return JSON.parse(text) as JsonObject
}

function readItem(row: ItemRow): JsonObject {
  return readBody(row.body)
}
