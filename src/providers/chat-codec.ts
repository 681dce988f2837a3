// What a wire of chat must be able to do in the translated lane: requests out, answers and events in. Pure.
import type { ChatRequest, Family } from '../core/chat.ts'
import type { ChatAnswer } from '../core/chat-answer.ts'
import type { ChatEvent } from '../core/chat-events.ts'
import type { CustomFormat } from '../core/custom-format.ts'
import type { JsonObject } from '../core/json.ts'
import type { Quirks } from '../core/model.ts'

export type WriteContext = {
  /** The vendor's model id. */
  readonly model: string
  readonly stream: boolean
  readonly quirks: Quirks
  /** The catalogue's bound on the model's output; null where it is not known. */
  readonly maxOutputTokens: number | null
}

/** What the writer of a request tells the reader of its answer. */
export type Reading = {
  /** Custom tools that were sent as functions: their calls come back as custom calls. */
  readonly customTools: ReadonlySet<string>
  /** Tool that was forced to get JSON of a schema: its arguments are the text of the answer. Null: there is none. */
  readonly jsonTool: string | null
  /** Thoughts come as `<think>…</think>` in the text. */
  readonly thinkTags?: boolean
  /** Where things stand in the answers of an API of somebody's own. */
  readonly custom?: CustomFormat
  /** Whose signatures the thoughts carry, where one wire serves the models of several makers. */
  readonly thoughts?: Family
}

export const PLAIN_READING: Reading = { customTools: new Set(), jsonTool: null }

export type WrittenRequest = {
  readonly body: JsonObject
  readonly headers?: Readonly<Record<string, string>>
  /** What was left out or bent, a sentence each; the answer is still one to the same question. */
  readonly warnings: readonly string[]
  /** What cannot be left out without changing what was asked for, a sentence each. */
  readonly refusals: readonly string[]
  readonly reading: Reading
}

/** Prefix of the type of an event that is an error in its framing already; the provider's name of the error follows. */
export const EXCEPTION = 'exception:'

export interface StreamReader {
  /**
   * Reads one event of the wire: its type (empty where the wire has none) and its data as decoded text. Never throws;
   * what it does not know gives no events.
   */
  read(type: string, data: string): readonly ChatEvent[]
  /** The bytes ended. Gives nothing after the wire's own end. */
  end(): readonly ChatEvent[]
}

export interface ChatCodec {
  readonly id: string
  writeRequest(request: ChatRequest, context: WriteContext): WrittenRequest
  /** Throws ProblemError when the body is no answer. */
  readAnswer(body: unknown, reading?: Reading): ChatAnswer
  streamReader(reading?: Reading): StreamReader
}

/** Data of an event as the splitter cuts it (a character for each byte) as text. */
export function decodeEventData(latin1: string): string {
  // oxlint-disable-next-line no-control-regex -- plain ASCII is the common case, and needs no copy
  return /^[\0-\x7f]*$/.test(latin1) ? latin1 : Buffer.from(latin1, 'latin1').toString('utf8')
}
