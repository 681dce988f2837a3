// Recorded answers of real providers, and what they say by an account that does not use the code under test.
//
// A new wire adds a row to ROWS, and an oracle if its format is new: what a whole answer says, what a stream says.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { EventStreamCodec } from '@smithy/eventstream-codec'
import type { JsonObject } from '../src/core/json.ts'
import type { ChatTranslator } from '../src/dialects/translator.ts'
import { anthropicMessagesTranslator } from '../src/dialects/anthropic-messages-translator.ts'
import { geminiTranslator } from '../src/dialects/gemini-translator.ts'
import { openaiChatTranslator } from '../src/dialects/openai-chat-translator.ts'
import { openaiResponsesTranslator } from '../src/dialects/openai-responses-translator.ts'
import type { ChatCodec } from '../src/providers/chat-codec.ts'
import { anthropicChatCodec } from '../src/providers/anthropic/chat-codec.ts'
import { bedrockChatCodec } from '../src/providers/bedrock/chat-codec.ts'
import { cohereChatCodec } from '../src/providers/cohere/chat-codec.ts'
import type { FramedEvent, FramingKind } from '../src/providers/framing.ts'
import { geminiChatCodec } from '../src/providers/gemini/chat-codec.ts'
import { openaiChatCodec } from '../src/providers/openai/chat-codec.ts'
import { responsesCodec } from '../src/providers/openai/responses-codec.ts'
import { anthropicOracle, bedrockOracle, cohereOracle, openaiOracle, responsesOracle } from './recorded-oracles.ts'
import type { Oracle } from './recorded-oracles.ts'
import { geminiOracle } from './recorded-oracle-gemini.ts'

/** The corpus lies beside the repository and may be absent. */
export const CORPUS = path.resolve(import.meta.dirname, '../../shared/data/recorded')
export const HAS_CORPUS = existsSync(CORPUS)

export type Row = {
  /** Folder below the corpus; its own subfolders are not part of it. */
  readonly folder: string
  readonly codec: ChatCodec
  readonly oracle: Oracle
  /** Files that are no answers of this wire. */
  readonly not?: RegExp
  /** Whole answers whose stream is of another conversation, or was recorded without its usage. */
  readonly unlike?: RegExp
  /** Chunks that begin another answer: some recordings hold several turns in one file. */
  readonly begins?: (chunk: JsonObject) => boolean
  /** Terminator of the wire that the recordings leave out. */
  readonly terminator?: string
  /** Whether events carry their type as `event:` too. */
  readonly named?: boolean
  /** How the provider cuts its stream; absent: `sse`. Recordings of an AWS event stream hold `{<type>: <payload>}`. */
  readonly framing?: FramingKind
}

const openai = { codec: openaiChatCodec, oracle: openaiOracle, terminator: '[DONE]' }
const responses = {
  codec: responsesCodec,
  oracle: responsesOracle,
  named: true,
  begins: (chunk: JsonObject) => chunk['type'] === 'response.created',
}

export const ROWS: readonly Row[] = [
  { folder: 'openai/chat', ...openai, not: /error/ },
  { folder: 'groq', ...openai, not: /transcription/ },
  { folder: 'mistral', ...openai, not: /transcription/ },
  { folder: 'deepseek/chat', ...openai },
  { folder: 'xai', ...openai },
  { folder: 'alibaba', ...openai },
  { folder: 'moonshotai', ...openai },
  { folder: 'perplexity', ...openai },
  { folder: 'openai-compatible/chat', ...openai },
  // One stream among them holds events that are no JSON: a brace is missing in the recording.
  { folder: 'openai/responses', ...responses, not: /error|wrapper\.1\.chunks/, unlike: /reasoning-encrypted/ },
  { folder: 'xai/responses', ...responses },
  { folder: 'open-responses/responses', ...responses, unlike: /lmstudio-tool-call/ },
  { folder: 'azure', ...responses, not: /deepseek/ },
  { folder: 'azure', ...openai, not: /^(?!azure-deepseek)/ },
  {
    folder: 'anthropic',
    codec: anthropicChatCodec,
    oracle: anthropicOracle,
    named: true,
    begins: (chunk) => chunk['type'] === 'message_start',
  },
  { folder: 'google', codec: geminiChatCodec, oracle: geminiOracle, not: /429/ },
  {
    folder: 'amazon-bedrock',
    codec: bedrockChatCodec,
    oracle: bedrockOracle,
    framing: 'aws-event-stream',
    unlike: /json-(?:tool\.2|with-tools?\.1)|tool-call/,
  },
  { folder: 'cohere', codec: cohereChatCodec, oracle: cohereOracle, named: true },
]

export type Dialect = { readonly name: string; readonly translator: ChatTranslator; readonly oracle: Oracle }

/** Dialects that every recording is told in. */
export const DIALECTS: readonly Dialect[] = [
  { name: 'openai-chat', translator: openaiChatTranslator, oracle: openaiOracle },
  { name: 'anthropic-messages', translator: anthropicMessagesTranslator, oracle: anthropicOracle },
  { name: 'gemini', translator: geminiTranslator, oracle: geminiOracle },
  { name: 'openai-responses', translator: openaiResponsesTranslator, oracle: responsesOracle },
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
    .filter((file) => /\.(?:json|chunks\.txt|sse)$/.test(file) && row.not?.test(file) !== true)
    .toSorted()
    .flatMap((file): readonly Recording[] => {
      const text = readFileSync(path.join(folder, file), 'utf8')
      if (file.endsWith('.json')) return [{ name: file, type: 'whole', body: JSON.parse(text) as JsonObject }]
      const lines = text.split('\n').filter((line) => line.trim() !== '')
      if (file.endsWith('.sse')) {
        const data = lines.map((line) => line.replace(/^data: ?/, '')).filter((line) => line !== row.terminator)
        return [{ name: file, type: 'stream', data: ended(data, row) }]
      }
      return turnsOf(lines, row).map((data, index) => ({
        name: index === 0 ? file : `${file} (${index + 1})`,
        type: 'stream',
        data: ended(data, row),
      }))
    })
}

function ended(data: readonly string[], row: Row): readonly string[] {
  return row.terminator === undefined ? data : [...data, row.terminator]
}

function turnsOf(lines: readonly string[], row: Row): readonly (readonly string[])[] {
  const turns: string[][] = []
  for (const line of lines) {
    const isNew = turns.length === 0 || row.begins?.(JSON.parse(line) as JsonObject) === true
    if (isNew) turns.push([line])
    else turns.at(-1)?.push(line)
  }
  return turns
}

/** A recorded line as its reader gets it. */
export function eventOf(row: Row, line: string): FramedEvent {
  if (row.framing === 'aws-event-stream') {
    const [type, payload] = Object.entries(JSON.parse(line) as JsonObject)[0] ?? ['', null]
    return { type, data: JSON.stringify(payload) }
  }
  return { type: row.named === true ? ((JSON.parse(line) as { type?: string }).type ?? '') : '', data: line }
}

/** The bytes of a stream as the provider would send them. */
export function streamBytes(row: Row, data: readonly string[]): Uint8Array {
  const encoder = new TextEncoder()
  const events = data.map((line) => eventOf(row, line))
  if (row.framing === 'aws-event-stream') {
    const codec = new EventStreamCodec(
      (bytes) => (typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes)),
      (text) => encoder.encode(text),
    )
    return Buffer.concat(
      events.map(({ type, data }) =>
        codec.encode({
          headers: {
            ':event-type': { type: 'string', value: type },
            ':content-type': { type: 'string', value: 'application/json' },
            ':message-type': { type: 'string', value: 'event' },
          },
          body: encoder.encode(data),
        }),
      ),
    )
  }
  const named = events.map(({ type, data }) => `${type === '' ? '' : `event: ${type}\n`}data: ${data}\n\n`)
  return encoder.encode(named.join(''))
}

/** The JSON data of an event stream in some dialect's words. */
export function dataOf(sse: string): readonly string[] {
  return sse.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []))
}
