// finalizing or cancelling → completed, expired or cancelled: what is not done is told why, and the results become files.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Batch, LineResult } from '../core/batch.ts'
import { lineRequestId } from '../core/batch.ts'
import type { LineAnswer } from '../dialects/openai-batches.ts'
import { resultLine } from '../dialects/openai-batches.ts'
import type { BatchStore, FileStore } from '../store/store.ts'
import { keepFile, piecesOf } from './file-content.ts'

export type FinishTools = {
  readonly store: FileStore & BatchStore
  readonly now: () => number
  readonly newFileId: () => string
}

const GROUP = 200

/** Why a line was not executed, by how its batch ends; a completed one has none. */
const NOT_EXECUTED: Readonly<Record<Batch['endsAs'], Extract<LineAnswer, { type: 'not_executed' }>>> = {
  completed: {
    type: 'not_executed',
    code: 'batch_ended',
    message: 'The batch ended before this request was executed.',
  },
  expired: {
    type: 'not_executed',
    code: 'batch_expired',
    message: 'This request could not be executed before the completion window expired.',
  },
  cancelled: {
    type: 'not_executed',
    code: 'batch_cancelled',
    message: 'The batch was cancelled before this request was executed.',
  },
}

/** A crash in between leaves files that nobody finds, and the lines: everything is written anew. */
export async function finishBatch(batch: Batch, tools: FinishTools): Promise<void> {
  const { store, now } = tools
  await refuseWaiting(batch, store)
  const outputFileId = await writeResults(batch, true, tools)
  const errorFileId = await writeResults(batch, false, tools)
  await store.moveBatch(batch.id, ['finalizing', 'cancelling'], {
    status: batch.endsAs,
    at: now(),
    patch: { outputFileId, errorFileId },
  })
  await forgetLines(batch.id, store)
}

/** A few at a time, so that nobody waits for it. */
export async function forgetLines(batchId: string, store: BatchStore): Promise<void> {
  while ((await store.dropLines(batchId, GROUP)) === GROUP) await nextTurn()
}

async function refuseWaiting(batch: Batch, store: BatchStore): Promise<void> {
  for (;;) {
    const lines = await store.waitingLines(batch.id, { after: 0, limit: GROUP })
    if (lines.length === 0) return
    const results = lines.map((line): LineResult => {
      const text = resultLine(lineRequestId(batch.id, line), line.customId, NOT_EXECUTED[batch.endsAs])
      return { position: line.position, ok: false, text }
    })
    await store.finishLines(batch.id, results)
    await nextTurn()
  }
}

/** Null where there are none: then there is no file, as at OpenAI. */
async function writeResults(batch: Batch, ok: boolean, { store, now, newFileId }: FinishTools): Promise<string | null> {
  const some = await store.lineResults(batch.id, { ok, after: 0, limit: 1 })
  if (some.length === 0) return null
  const createdAt = now()
  const { id } = await keepFile(
    store,
    {
      id: newFileId(),
      owner: batch.owner,
      filename: `${batch.id}_${ok ? 'output' : 'error'}.jsonl`,
      purpose: 'batch_output',
      createdAt,
      expiresAt: createdAt + batch.filesKeptMs,
    },
    piecesOf(textsOf(batch.id, ok, store)),
  )
  return id
}

async function* textsOf(batchId: string, ok: boolean, store: BatchStore): AsyncGenerator<string> {
  for (let after = 0; ;) {
    const results = await store.lineResults(batchId, { ok, after, limit: GROUP })
    for (const { text } of results) yield `${text}\n`
    const last = results.at(-1)
    if (last === undefined) return
    after = last.position
    await nextTurn()
  }
}
