// What a dialect of chat must be able to do in the translated lane: requests in, answers and events out. Pure.
import type { ReadChat } from '../core/call.ts'
import type { ChatAnswer } from '../core/chat-answer.ts'
import type { ChatEvent } from '../core/chat-events.ts'
import type { JsonObject } from '../core/json.ts'

export type ReadRequest = ReadChat

/** What an answer must say that the provider's answer does not know. */
export type AnswerContext = {
  /** The model as the caller asked for it. */
  readonly model: string
  /** Id of the answer where the provider gave none. */
  readonly id: string
  /** Seconds since the epoch, where the provider gave none. */
  readonly created: number
  /** The caller asked for the usage of its stream; only dialects that leave it out unasked look at it. */
  readonly includeUsage: boolean
  /** The body of the request, for dialects whose answers repeat parts of it. */
  readonly body?: JsonObject
}

export interface StreamWriter {
  /** SSE text of one event; empty when there is nothing to say (yet). */
  write(event: ChatEvent): string
  /** What is still owed after the last event: nothing if it was `end` or `error`. */
  end(): string
}

export interface ChatTranslator {
  /** Throws `request_malformed` with the JSON path that is wrong; never throws on what it does not know. */
  readRequest(body: JsonObject): ReadRequest
  writeAnswer(answer: ChatAnswer, context: AnswerContext): JsonObject
  streamWriter(context: AnswerContext): StreamWriter
  /** Content type of its streams; absent: server-sent events. */
  readonly streamType?: string
}
