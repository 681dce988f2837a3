// What a provider's wire format must be able to do in the native lane: pure functions over text, the same set for each wire.
import type { Call, DialectId } from '../core/call.ts'
import type { Deployment } from '../core/model.ts'
import type { Usage } from '../core/usage.ts'

/** What a whole answer says about itself. */
export type AnswerFacts = {
  readonly usage: Usage | null
  /** The provider's own usage object as JSON text, null when it gave none. */
  readonly rawUsage: string | null
  readonly finishReason: string | null
  /** Characters of output: what an estimate is made from when usage is missing. */
  readonly outputCharacters: number
  /** Why this is no answer at all, though its status said so; null when it is one. */
  readonly problem: string | null
}

/** What one stream event says. */
export type EventFacts = {
  /** Text, reasoning or a tool call: something a user could see. Before the first of these, nothing is committed. */
  readonly meaningful: boolean
  readonly outputCharacters: number
  readonly finishReason: string | null
  readonly usage: Usage | null
  readonly rawUsage: string | null
  /** Nothing in it but usage: hidden from callers that did not ask for it. */
  readonly usageOnly: boolean
  /** The wire's own end of the stream. */
  readonly terminal: boolean
  /** An error inside the stream: the provider's message. */
  readonly error: string | null
}

export interface Wire {
  readonly id: string
  /** Whether requests of this dialect go through untranslated. */
  speaks(dialect: DialectId): boolean
  /** Absolute URL of the call; null when the provider has no such endpoint. */
  url(call: Call, deployment: Deployment): string | null
  /** The caller's body with only those fields changed that must be. */
  nativeBody(call: Call, deployment: Deployment, ownFields: readonly string[]): string
  readAnswer(text: string, call: Call): AnswerFacts
  /** Reads the data of one server-sent event (as Latin-1 text: only lengths and ASCII words are looked at). */
  readEvent(data: string): EventFacts
}
