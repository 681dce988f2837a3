// Recorded answers of real providers: the rows of the corpus, and how a file of recordings is read.
//
// A new wire adds a row to WIRES (wires.ts) and an oracle if its format is new, then rows here.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { isObject } from '../../src/core/json.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { wireOf, WIRES } from './wires.ts'
import type { RecordedWire } from './wires.ts'

/** The corpus lies beside the repository and may be absent. */
export const CORPUS = path.resolve(import.meta.dirname, '../../../shared/data/recorded')
export const HAS_CORPUS = existsSync(CORPUS)

/** Cases of our own, in the same form: what recordings elsewhere have shown, cut down to what matters. */
export const CASES = path.join(import.meta.dirname, '../cases')

export type Row = {
  /** Folder below the corpus; its own subfolders are not part of it. */
  readonly folder: string
  readonly wire: RecordedWire
  /** Files that are no answers of this wire. */
  readonly not?: RegExp
  /** Whole answers whose stream is of another conversation, or was recorded without its usage. */
  readonly unlike?: RegExp
}

const chat = { wire: WIRES['openai-chat'] }
const responses = { wire: WIRES['openai-responses'] }

export const ROWS: readonly Row[] = [
  { folder: 'openai/chat', ...chat, not: /error/ },
  { folder: 'groq', ...chat, not: /transcription/ },
  { folder: 'mistral', ...chat, not: /transcription/ },
  { folder: 'deepseek/chat', ...chat },
  { folder: 'xai', ...chat },
  { folder: 'alibaba', ...chat },
  { folder: 'moonshotai', ...chat },
  { folder: 'perplexity', ...chat },
  { folder: 'openai-compatible/chat', ...chat },
  // One stream among them holds events that are no JSON: a brace is missing in the recording.
  { folder: 'openai/responses', ...responses, not: /error|wrapper\.1\.chunks/, unlike: /reasoning-encrypted/ },
  { folder: 'xai/responses', ...responses },
  { folder: 'open-responses/responses', ...responses, unlike: /lmstudio-tool-call/ },
  { folder: 'azure', ...responses, not: /deepseek/ },
  { folder: 'azure', ...chat, not: /^(?!azure-deepseek)/ },
  { folder: 'anthropic', wire: WIRES.anthropic },
  { folder: 'google', wire: WIRES.gemini, not: /429/ },
  { folder: 'google/interactions', wire: WIRES['gemini-interactions'] },
  { folder: 'amazon-bedrock', wire: WIRES.bedrock, unlike: /json-(?:tool\.2|with-tools?\.1)|tool-call/ },
  { folder: 'cohere', wire: WIRES.cohere },
]

/** One recorded answer: whole, or the data of its events in order. */
export type Recording = { readonly name: string } & (
  | { readonly type: 'whole'; readonly body: JsonObject }
  | { readonly type: 'stream'; readonly data: readonly string[] }
)

export function recordingsOf(row: Row): readonly Recording[] {
  if (!HAS_CORPUS) return []
  const folder = path.join(CORPUS, row.folder)
  return readdirSync(folder)
    .filter((file) => isRecording(file) && row.not?.test(file) !== true)
    .toSorted()
    .flatMap((file) => recordingsIn(readFileSync(path.join(folder, file), 'utf8'), file, row.wire))
}

export function isRecording(file: string): boolean {
  return /\.(?:json|chunks\.txt|sse)$/.test(file)
}

/** The answers in the text of a file: one, or one for each turn that its chunks hold. */
export function recordingsIn(text: string, file: string, wire: RecordedWire): readonly Recording[] {
  if (file.endsWith('.json')) return [{ name: file, type: 'whole', body: JSON.parse(text) as JsonObject }]
  return turnsOf(linesOf(text, file, wire), wire).map((data, index) => ({
    name: index === 0 ? file : `${file} (${index + 1})`,
    type: 'stream',
    data: wire.terminator === undefined ? data : [...data, wire.terminator],
  }))
}

function linesOf(text: string, file: string, wire: RecordedWire): readonly string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  if (!file.endsWith('.sse')) return lines
  return lines.map((line) => line.replace(/^data: ?/, '')).filter((line) => line !== wire.terminator)
}

function turnsOf(lines: readonly string[], wire: RecordedWire): readonly (readonly string[])[] {
  const turns: string[][] = []
  for (const line of lines) {
    const turn = turns.at(-1)
    const chunk = JSON.parse(line) as JsonObject
    if (turn === undefined || (wire.begins?.(chunk) === true && !turn.every((one) => begins(wire, one))))
      turns.push([line])
    else turn.push(line)
  }
  return turns
}

/** A proxy that is retried may send the beginning twice: that is no turn. */
function begins(wire: RecordedWire, line: string): boolean {
  return wire.begins?.(JSON.parse(line) as JsonObject) === true
}

/** What a file holds: answers of a wire; what a host says of a request that it refuses; or nothing of the kind. */
export type FileContent =
  | { readonly type: 'answers'; readonly wire: RecordedWire; readonly recordings: readonly Recording[] }
  | { readonly type: 'refusal'; readonly refusal: Refusal }
  | { readonly type: 'other'; readonly why: string }

/** The body of an error, the provider's words in it, and the status that they come with. */
export type Refusal = {
  readonly wire: RecordedWire
  readonly status: number
  readonly body: JsonObject
  readonly message: string
}

function refusalIn(body: JsonObject): Refusal | null {
  const error = body['error']
  if (!isObject(error) || typeof error['message'] !== 'string') return null
  const wire = body['type'] === 'error' ? WIRES.anthropic : 'status' in error ? WIRES.gemini : WIRES['openai-chat']
  return { wire, status: typeof error['code'] === 'number' ? error['code'] : 400, body, message: error['message'] }
}

/** Tells the wire of a file by what is in it. */
export function contentOf(text: string, file: string): FileContent {
  const lines = file.endsWith('.json') ? [text] : text.split('\n').map((line) => line.replace(/^data: ?/, ''))
  const values: JsonObject[] = []
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '' || line === '[DONE]') continue
    const value = parsed(line)
    if (value === null) return { type: 'other', why: `line ${index + 1} is not a JSON object` }
    values.push(value)
  }
  const wire = values.map(wireOf).find((found) => found !== null) ?? null
  const [first] = values
  const refusal = wire === null && first !== undefined ? refusalIn(first) : null
  if (refusal !== null) return { type: 'refusal', refusal }
  if (wire === null) return { type: 'other', why: 'not an answer of a chat' }
  return { type: 'answers', wire, recordings: recordingsIn(text, file, wire) }
}

function parsed(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}
