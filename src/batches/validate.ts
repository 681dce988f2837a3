// validating → in_progress or failed: the file of a batch becomes its lines.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Batch, BatchLine, BatchProblem } from '../core/batch.ts'
import type { JsonBounds } from '../core/json.ts'
import { readBatchLine } from '../dialects/openai-batches.ts'
import type { BatchStore, FileStore } from '../store/store.ts'
import { forgetLines } from './finish.ts'
import { contentOf, linesOf } from './file-content.ts'

export type ValidateTools = {
  readonly store: FileStore & BatchStore
  readonly now: () => number
  readonly maxLines: number
  readonly json: JsonBounds
}

/** Problems that are told; whoever has more has the wrong file. */
const MOST_PROBLEMS = 50
/** Lines that are read and written in one go, before others get their turn. */
const GROUP = 100

/** What was read before a crash is read anew. */
export async function validateBatch(batch: Batch, tools: ValidateTools): Promise<void> {
  const { store, now } = tools
  await forgetLines(batch.id, store)
  const { total, problems } = await readLines(batch, tools)
  if (problems.length === 0)
    await store.moveBatch(batch.id, ['validating'], { status: 'in_progress', at: now(), patch: { total } })
  else {
    // Where the batch was cancelled meanwhile, its lines are still looked at.
    const failed = await store.moveBatch(batch.id, ['validating'], { status: 'failed', at: now(), patch: { problems } })
    if (failed !== null) await forgetLines(batch.id, store)
  }
}

type Read = { readonly total: number; readonly problems: readonly BatchProblem[] }

async function readLines(batch: Batch, tools: ValidateTools): Promise<Read> {
  const { store, now, maxLines, json } = tools
  const problems: BatchProblem[] = []
  const file = await store.getFile(batch.inputFileId, { owner: batch.owner, now: now() })
  if (file === null)
    return { total: 0, problems: [general('file_not_found', `There is no file \`${batch.inputFileId}\` any more.`)] }
  const names = new Set<string>()
  let gathered: BatchLine[] = []
  let total = 0
  try {
    for await (const { number, text } of linesOf(contentOf(store, file))) {
      if (++total > maxLines) {
        problems.push(general('too_many_lines', `A batch has at most ${maxLines} lines.`))
        break
      }
      const line = readBatchLine(text, batch.endpoint, json)
      if (line.type === 'problem') problems.push({ ...line.problem, line: number })
      else if (names.has(line.customId)) problems.push(duplicate(line.customId, number))
      else {
        names.add(line.customId)
        gathered.push({ position: number, customId: line.customId, tries: 0, body: line.body })
      }
      if (problems.length >= MOST_PROBLEMS) break
      if (gathered.length < GROUP) continue
      await store.addLines(batch.id, gathered)
      gathered = []
      await nextTurn()
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    problems.push(general('invalid_file', 'The file is not valid UTF-8.'))
  }
  if (total === 0 && problems.length === 0) problems.push(general('empty_file', 'The file has no lines.'))
  if (problems.length === 0) await store.addLines(batch.id, gathered)
  return { total, problems }
}

function general(code: string, message: string): BatchProblem {
  return { code, message, line: null, param: null }
}

function duplicate(customId: string, line: number): BatchProblem {
  const message = `Another line has the \`custom_id\` ${JSON.stringify(customId.slice(0, 128))} already.`
  return { code: 'duplicate_custom_id', message, line, param: 'custom_id' }
}
