// A chat API of somebody's own, described as data: how requests are written, and where in the answers things stand.
import type { FinishReason } from './chat-answer.ts'
import type { JsonObject } from './json.ts'

/** What a template of a request may name; each is left out where the request does not say it. */
export const CUSTOM_PLACEHOLDERS = [
  'model',
  'messages',
  'system',
  'last_user_text',
  'prompt',
  'max_tokens',
  'temperature',
  'top_p',
  'top_k',
  'stop',
  'seed',
  'frequency_penalty',
  'presence_penalty',
  'reasoning_effort',
  'response_schema',
  'user',
  'stream',
] as const
export type CustomPlaceholder = (typeof CUSTOM_PLACEHOLDERS)[number]

/** What may stand in the path. */
export const CUSTOM_PATH_PLACEHOLDERS = ['model'] as const satisfies readonly CustomPlaceholder[]
/** What may stand in a header. */
export const CUSTOM_HEADER_PLACEHOLDERS = ['model', 'user'] as const satisfies readonly CustomPlaceholder[]

/** Places in an answer, or in an event of its stream, as JSON Pointers; absent: it has no such thing. */
export type CustomPlaces = {
  readonly text: string
  readonly reasoning?: string
  /** The word for why it ended. */
  readonly finish?: string
  /** Where something stands there, the answer is none, and this is why. */
  readonly error?: string
  readonly usage?: {
    /** All tokens that went in, cached ones too. */
    readonly input?: string
    readonly cached?: string
    /** All tokens that came out, thoughts too. */
    readonly output?: string
    readonly reasoning?: string
  }
}

export type CustomStream = CustomPlaces & {
  readonly framing: 'sse' | 'json_lines'
  /** Where streams are asked for; absent: where whole answers are. */
  readonly path?: string
  /** Each event has what is new (`delta`), or all that there is so far (`whole`). */
  readonly textIs: 'delta' | 'whole'
  /** Data of the event that ends a stream, e.g. `[DONE]`. */
  readonly done?: string
  /** Place of what is true in the last event. */
  readonly end?: string
}

export type CustomFormat = {
  readonly method: 'POST' | 'PUT'
  /** Below the base URL; may name the model. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: JsonObject
  readonly messages: {
    readonly roleField: string
    readonly contentField: string
    readonly roles: { readonly system: string; readonly user: string; readonly assistant: string }
  }
  readonly answer: CustomPlaces
  /** The API's words for why an answer ended, in those of the gateway. */
  readonly finishWords: Readonly<Record<string, FinishReason>>
  /** Null: it gives whole answers only, and a caller's stream is made of one. */
  readonly stream: CustomStream | null
}
