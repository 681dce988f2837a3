// A request as the path sees it, whatever dialect it came in.
import type { JsonObject, Member } from './json.ts'
import type { Operation } from './model.ts'

export type DialectId = 'openai-chat' | 'openai-completions' | 'openai-embeddings' | 'anthropic-messages'

/** What routing, limits and accounting need to know of a request; read once by its dialect. */
export type CallFacts = {
  /** Model name as the caller wrote it. */
  readonly model: string
  readonly stream: boolean
  /** The caller asked for the usage chunk of its stream. */
  readonly wantsStreamUsage: boolean
  /** Bound on output tokens, for all choices together; null when the caller set none. */
  readonly maxOutputTokens: number | null
  readonly endUser: string | null
  readonly options: GatewayOptions
}

/** The gateway's own fields of a request (`weir: {…}` in the body, or `x-weir-…` headers, which win). */
export type GatewayOptions = {
  readonly tags: readonly string[]
  readonly timeoutMs: number | null
}

/** A request that has been read. */
export type Call = {
  readonly dialect: DialectId
  readonly operation: Operation
  readonly facts: CallFacts
  /** The body as it came (inflated), and where its top-level members stand in it. */
  readonly text: string
  readonly members: ReadonlyMap<string, Member>
  readonly body: JsonObject
}
