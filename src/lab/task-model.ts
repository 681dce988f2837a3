// The task model: a linear classifier over hashed words and characters, int8, that sees wording where the rules see form.
import { gunzipSync } from 'node:zlib'
import { BUCKETS, type Ngrams, ngramsOf } from './ngrams.ts'
import type { Prompt } from './prompt.ts'
import type { SparseRow } from './ridge.ts'
import file from './task-model.json' with { type: 'json' }

/** Where instructions stand: that much of the beginning and of the end of the text, and of the system message, is read. */
const HEAD = 512
const TAIL = 256
const SYSTEM = 256

const TASK_COUNT = file.tasks.length
const WEIGHTS = new Int8Array(gunzipSync(Buffer.from(file.weights, 'base64')))
if (WEIGHTS.length !== TASK_COUNT * BUCKETS)
  throw new RangeError('task-model.json was trained with another number of buckets')

/** The words that the model reads of a prompt. */
export function modelText({ text, system }: Prompt): string {
  const ends = text.length <= HEAD + TAIL ? text : `${text.slice(0, HEAD)}\n${text.slice(-TAIL)}`
  return system === '' ? ends : `${ends}\n${system.slice(0, SYSTEM)}`
}

/** Scaled to length 1. */
export function modelRow({ buckets, weights }: Ngrams): SparseRow {
  const squares = weights.reduce((sum, weight) => sum + weight * weight, 0)
  const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0
  return { index: buckets, value: weights.map((weight) => weight * scale) }
}

/** For each task, in the order of `TASKS`: about 1 where the wording is that of the task, about 0 elsewhere. Null: no words. */
export function modelScores(prompt: Prompt): readonly number[] | null {
  const { index, value } = modelRow(ngramsOf(modelText(prompt), { characters: true }))
  if (index.length === 0) return null
  const sums = new Float64Array(TASK_COUNT)
  for (let entry = 0; entry < index.length; entry++) {
    const base = index[entry]! * TASK_COUNT
    const weight = value[entry]!
    for (let task = 0; task < TASK_COUNT; task++) sums[task]! += WEIGHTS[base + task]! * weight
  }
  return Array.from(sums, (sum) => sum * file.scale)
}
