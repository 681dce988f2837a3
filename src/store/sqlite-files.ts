// Files of clients in SQLite: a row for each, its content in pieces.
import type { FilePurpose, StoredFile } from '../core/file.ts'
import { notOurCursor, pageOf } from './page.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import type { FileStore } from './store.ts'

type FileRow = {
  readonly id: string
  readonly owner: string
  readonly filename: string
  readonly purpose: string
  readonly bytes: number
  readonly created_at: number
  readonly expires_at: number
}

const VISIBLE = 'owner = ? AND expires_at > ? AND finished = 1'

export function createFileStore(database: Connection): FileStore {
  const insert = database.statement('INSERT INTO files VALUES (?, ?, ?, ?, 0, ?, ?, 0)')
  const append = database.statement('INSERT INTO file_pieces VALUES (?, ?, ?)')
  const finish = database.statement('UPDATE files SET finished = 1, bytes = ?, expires_at = ? WHERE id = ?')
  const select = database.statement<FileRow, [string, string, number]>(
    `SELECT * FROM files WHERE id = ? AND ${VISIBLE}`,
  )
  const listUp = database.statement<FileRow, [string, number, string, string | null, number]>(
    `SELECT * FROM files WHERE ${VISIBLE} AND id > ? AND purpose = coalesce(?, purpose) ORDER BY id LIMIT ?`,
  )
  const listDown = database.statement<FileRow, [string, number, string, string | null, number]>(
    `SELECT * FROM files WHERE ${VISIBLE} AND id < ? AND purpose = coalesce(?, purpose) ORDER BY id DESC LIMIT ?`,
  )
  const selectPiece = database.statement<{ bytes: Uint8Array }, [string, number]>(
    'SELECT bytes FROM file_pieces WHERE file_id = ? AND piece = ?',
  )
  const drop = database.statement<{ id: string }, [string, string, number]>(
    `DELETE FROM files WHERE id = ? AND ${VISIBLE} RETURNING id`,
  )
  const sum = database.statement<{ bytes: number }, [string, number]>(
    `SELECT coalesce(sum(bytes), 0) AS bytes FROM files WHERE ${VISIBLE}`,
  )
  const prune = database.statement<{ id: string }, [number, number]>(
    'DELETE FROM files WHERE id IN (SELECT id FROM files WHERE expires_at <= ? ORDER BY expires_at LIMIT ?) RETURNING id',
  )

  return {
    beginFile: ({ id, owner, filename, purpose, createdAt, expiresAt }) =>
      guarded(() => void insert.run(id, owner, filename, purpose, createdAt, expiresAt)),

    appendFile: (id, piece, bytes) => guarded(() => void append.run(id, piece, bytes)),

    finishFile: (id, { bytes, expiresAt }) => guarded(() => finish.run(bytes, expiresAt, id).changes > 0),

    getFile: (id, { owner, now }) =>
      guarded(() => {
        const row = select.get(id, owner, now)
        return row === null ? null : readFile(row)
      }),

    listFiles: ({ owner, now, cursor, limit, order, purpose }) =>
      guarded(() => {
        if (cursor !== null && select.get(cursor, owner, now) === null) throw notOurCursor()
        // Ids sort by time; every one of them sorts before this.
        const start = cursor ?? (order === 'asc' ? '' : '\u{10ffff}')
        const rows = (order === 'asc' ? listUp : listDown).all(owner, now, start, purpose, limit + 1)
        const page = pageOf(rows, limit, ({ id }) => id)
        return { data: page.data.map(readFile), next: page.next }
      }),

    readFile: (id, piece) => guarded(() => selectPiece.get(id, piece)?.bytes ?? null),

    deleteFile: (id, { owner, now }) => guarded(() => drop.get(id, owner, now) !== null),

    ownedBytes: ({ owner, now }) => guarded(() => sum.get(owner, now)?.bytes ?? 0),

    pruneFiles: ({ now, limit }) => guarded(() => prune.all(now, limit).length),
  }
}

function readFile(row: FileRow): StoredFile {
  return {
    id: row.id,
    owner: row.owner,
    filename: row.filename,
    purpose: row.purpose as FilePurpose,
    bytes: row.bytes,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  }
}
