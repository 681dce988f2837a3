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

type Model = {
  /** A row of tasks for each bucket. */
  readonly weights: Int8Array
  /** Whether any task has a weight in the bucket: most have none. */
  readonly used: Uint8Array
}

/** Unpacked when the first task is guessed, which most gateways never do: it takes a megabyte. */
let unpacked: Model | null = null

function model(): Model {
  return (unpacked ??= unpack())
}

function unpack(): Model {
  const weights = new Int8Array(gunzipSync(Buffer.from(file.weights, 'base64')))
  if (weights.length !== TASK_COUNT * BUCKETS)
    throw new RangeError('task-model.json was trained with another number of buckets')
  const used = new Uint8Array(BUCKETS)
  for (let at = 0; at < weights.length; at++) if (weights[at] !== 0) used[Math.floor(at / TASK_COUNT)] = 1
  return { weights, used }
}

/** The words that the model reads of a prompt. */
export function modelText({ text, system }: Prompt): string {
  const ends = text.length <= HEAD + TAIL ? text : `${text.slice(0, HEAD)}\n${text.slice(-TAIL)}`
  return system === '' ? ends : `${ends}\n${system.slice(0, SYSTEM)}`
}

/** Scaled to length 1. */
export function modelRow({ buckets, weights }: Ngrams): SparseRow {
  const scale = unitScale(weights)
  return { index: buckets, value: weights.map((weight) => weight * scale) }
}

function unitScale(weights: Float32Array): number {
  let squares = 0
  for (let entry = 0; entry < weights.length; entry++) squares += weights[entry]! ** 2
  return squares > 0 ? 1 / Math.sqrt(squares) : 0
}

/** For each task, in the order of `TASKS`: about 1 where the wording is that of the task, about 0 elsewhere. Null: no words. */
export function modelScores(prompt: Prompt): readonly number[] | null {
  const { buckets, weights } = ngramsOf(modelText(prompt), { characters: true })
  if (buckets.length === 0) return null
  const scale = unitScale(weights)
  const { weights: learned, used } = model()
  const sums = new Float64Array(TASK_COUNT)
  for (let entry = 0; entry < buckets.length; entry++) {
    const bucket = buckets[entry]!
    if (used[bucket] === 0) continue
    const base = bucket * TASK_COUNT
    const value = Math.fround(weights[entry]! * scale)
    for (let task = 0; task < TASK_COUNT; task++) sums[task]! += learned[base + task]! * value
  }
  return Array.from(sums, (sum) => sum * file.scale)
}
