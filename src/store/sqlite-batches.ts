// Batches and their lines in SQLite. What nothing searches by lies in `body` as JSON; the counts are columns, because they
// change with each line.
import { type Batch, type BatchLine, type BatchStatus, OPEN_STATUSES } from '../core/batch.ts'
import { notOurCursor, pageOf } from './page.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import type { BatchStore } from './store.ts'

type BatchRow = {
  readonly id: string
  readonly owner: string
  readonly status: BatchStatus
  readonly kept_until: number
  readonly completed: number
  readonly failed: number
  readonly body: string
}
type BatchBody = Omit<Batch, 'id' | 'owner' | 'status' | 'keptUntil' | 'completed' | 'failed'>
type LineRow = {
  readonly position: number
  readonly custom_id: string
  readonly tries: number
  readonly body: string
}

const WAITING = 0
const COMPLETED = 1
const FAILED = 2

export function createBatchStore(database: Connection): BatchStore {
  const insert = database.statement('INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
  const select = database.statement<BatchRow, [string, string | null]>(
    'SELECT * FROM batches WHERE id = ? AND owner = coalesce(?, owner)',
  )
  const list = database.statement<BatchRow, [string, string, number]>(
    'SELECT * FROM batches WHERE owner = ? AND id < ? ORDER BY id DESC LIMIT ?',
  )
  const selectOpen = database.statement<{ id: string }, [string | null]>(
    'SELECT id FROM batches WHERE open = 1 AND owner = coalesce(?, owner) ORDER BY id',
  )
  const update = database.statement('UPDATE batches SET status = ?, open = ?, kept_until = ?, body = ? WHERE id = ?')
  const count = database.statement('UPDATE batches SET completed = completed + ?, failed = failed + ? WHERE id = ?')
  const prune = database.statement<{ id: string }, [number, number]>(
    `DELETE FROM batches WHERE id IN (SELECT id FROM batches WHERE open = 0 AND kept_until <= ? LIMIT ?) RETURNING id`,
  )
  const insertLine = database.statement(`INSERT INTO batch_lines VALUES (?, ?, ${WAITING}, ?, ?, ?)`)
  const dropLines = database.statement(
    'DELETE FROM batch_lines WHERE rowid IN (SELECT rowid FROM batch_lines WHERE batch_id = ? LIMIT ?)',
  )
  const selectLines = database.statement<LineRow, [string, number, number, number]>(
    `SELECT position, custom_id, tries, body FROM batch_lines
     WHERE batch_id = ? AND state = ? AND position > ? ORDER BY position LIMIT ?`,
  )
  const retry = database.statement('UPDATE batch_lines SET tries = ? WHERE batch_id = ? AND position = ?')
  const finish = database.statement(
    `UPDATE batch_lines SET state = ?, body = ? WHERE batch_id = ? AND position = ? AND state = ${WAITING}`,
  )

  const write = (batch: Batch): void => {
    const { id, owner, status, keptUntil, completed, failed, ...body } = batch
    insert.run(
      id,
      owner,
      status,
      openOf(status),
      keptUntil,
      completed,
      failed,
      JSON.stringify(body satisfies BatchBody),
    )
  }

  return {
    insertBatch: (batch) => guarded(() => write(batch)),

    getBatch: (id, owner) =>
      guarded(() => {
        const row = select.get(id, owner)
        return row === null ? null : readBatch(row)
      }),

    listBatches: ({ owner, cursor, limit }) =>
      guarded(() => {
        if (cursor !== null && select.get(cursor, owner) === null) throw notOurCursor()
        const rows = list.all(owner, cursor ?? '\u{10ffff}', limit + 1)
        const page = pageOf(rows, limit, ({ id }) => id)
        return { data: page.data.map(readBatch), next: page.next }
      }),

    openBatches: (owner) => guarded(() => selectOpen.all(owner).map(({ id }) => id)),

    moveBatch: (id, from, { status, at, patch }) =>
      guarded(() =>
        database
          .transaction(() => {
            const row = select.get(id, null)
            if (row === null || !from.includes(row.status)) return null
            const batch = readBatch(row)
            const moved: Batch = { ...batch, ...patch, status, enteredAt: { [status]: at, ...batch.enteredAt } }
            const { keptUntil, id: _id, owner: _owner, status: _status, completed: _c, failed: _f, ...body } = moved
            update.run(status, openOf(status), keptUntil, JSON.stringify(body satisfies BatchBody), id)
            return moved
          })
          .immediate(),
      ),

    addLines: (batchId, lines) =>
      guarded(() =>
        database
          .transaction(() => {
            for (const { position, customId, tries, body } of lines)
              insertLine.run(batchId, position, customId, tries, body)
          })
          .immediate(),
      ),

    waitingLines: (batchId, { after, limit }) =>
      guarded(() => selectLines.all(batchId, WAITING, after, limit).map(readLine)),

    retryLine: (batchId, position, tries) => guarded(() => void retry.run(tries, batchId, position)),

    finishLines: (batchId, results) =>
      guarded(() =>
        database
          .transaction(() => {
            let completed = 0
            let failed = 0
            for (const { position, ok, text } of results) {
              if (finish.run(ok ? COMPLETED : FAILED, text, batchId, position).changes === 0) continue
              if (ok) completed++
              else failed++
            }
            count.run(completed, failed, batchId)
          })
          .immediate(),
      ),

    lineResults: (batchId, { ok, after, limit }) =>
      guarded(() =>
        selectLines
          .all(batchId, ok ? COMPLETED : FAILED, after, limit)
          .map(({ position, body }) => ({ position, ok, text: body })),
      ),

    dropLines: (batchId, limit) => guarded(() => dropLines.run(batchId, limit).changes),

    pruneBatches: ({ now, limit }) => guarded(() => prune.all(now, limit).length),
  }
}

function openOf(status: BatchStatus): number {
  return OPEN_STATUSES.includes(status) ? 1 : 0
}

function readBatch(row: BatchRow): Batch {
  return {
    ...(JSON.parse(row.body) as BatchBody),
    id: row.id,
    owner: row.owner,
    status: row.status,
    keptUntil: row.kept_until,
    completed: row.completed,
    failed: row.failed,
  }
}

function readLine(row: LineRow): BatchLine {
  return { position: row.position, customId: row.custom_id, tries: row.tries, body: row.body }
}
