// A request as the path sees it, whatever dialect it came in.
import type { ChatRequest } from './chat.ts'
import type { GatewayError } from './error.ts'
import type { FormPart } from './form.ts'
import type { JsonObject, Members } from './json.ts'
import type { FetchedMedia, MediaPlace } from './media.ts'
import type { Operation } from './model.ts'
import type { NanoUsd } from './money.ts'
import type { Ability } from './model-facts.ts'
import type { Usage } from './usage.ts'

export type DialectId =
  | 'openai-chat'
  | 'openai-completions'
  | 'openai-embeddings'
  | 'anthropic-messages'
  | 'anthropic-count-tokens'
  | 'openai-responses'
  | 'gemini'
  | 'gemini-array'
  | 'gemini-count-tokens'
  | 'gemini-embeddings'
  | 'openai-moderations'
  | 'openai-image-generations'
  | 'openai-image-edits'
  | 'openai-image-variations'
  | 'openai-speech'
  | 'openai-transcriptions'
  | 'openai-translations'
  | 'rerank-v1'
  | 'rerank-v2'
  | 'pass'
  | 'openai-realtime'
  | 'gemini-live'

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
  /** What is billed beside the tokens of text, as far as the request tells: reserved, and booked where the provider counts nothing. */
  readonly expected?: Partial<Usage> | undefined
}

/** The gateway's own fields of a request (`weir: {…}` in the body, or `x-weir-…` headers, which win). */
export type GatewayOptions = {
  readonly tags: readonly string[]
  readonly timeoutMs: number | null
  /** Most that the request may cost; null: the caller does not say. */
  readonly maxCostNanoUsd: NanoUsd | null
  /** The caller wants to see how its request was routed. */
  readonly isTraced: boolean
  /** What the caller wants of the cache; null: what its route does. */
  readonly cache: CacheOption | null
  /** What the body asks of routing; null: nothing, as most. */
  readonly routing: RoutingOptions | null
}

/** `off`: neither used nor filled. `only`: an answer that is kept, or none. `refresh`: a new answer, which is kept. */
export type CacheOption = 'off' | 'only' | 'refresh'

export type RoutingOptions = {
  /** Further names to try after `model`: OpenRouter's `models`, and `weir.fallbacks`. Null: the route's own. */
  readonly fallbacks: readonly string[] | null
  /** Only the first target may answer. */
  readonly isAlone: boolean
  readonly providers: ProviderWishes | null
  /** Where the answer must be made. */
  readonly region: string | null
  /** What the caller calls the conversation. */
  readonly session: string | null
  readonly task: string | null
  /** The least quality that will do, 0–1. */
  readonly qualityFloor: number | null
  readonly hedgeAfterMs: number | null
}

/** OpenRouter's `provider`: which providers may answer, and in which order. Names are those of providers or presets. */
export type ProviderWishes = {
  readonly order: readonly string[] | null
  readonly only: readonly string[] | null
  readonly ignore: readonly string[]
  readonly allowsFallbacks: boolean
  readonly sort: 'price' | 'throughput' | 'latency' | null
  readonly maxPrice: MaxPrice | null
  /** Only who takes every field of the request. */
  readonly requiresParameters: boolean
  /** Only who keeps nothing of what it is sent. */
  readonly deniesDataCollection: boolean
  readonly quantizations: readonly string[] | null
}

/** Pico-dollars per unit; null: any. */
export type MaxPrice = {
  readonly input: bigint | null
  readonly output: bigint | null
  readonly request: bigint | null
}

/** A request that has been read. */
export type Call = {
  readonly dialect: DialectId
  readonly operation: Operation
  readonly facts: CallFacts
  /** The body as it came (inflated), and its top-level members as they stand in it. */
  readonly text: string
  readonly members: Members
  readonly body: JsonObject
  /** Of a request that came as a form: its parts in order. `body` then holds its fields, and `text` is `body` written as JSON. */
  readonly form?: readonly FormPart[] | undefined
  /** Request headers that are a part of the dialect: they go to targets that speak it, and to no other. */
  readonly headers: Readonly<Record<string, string>>
  /** The request in the normal form: read once, when the first target needs it translated; null until then. */
  chat: ReadChat | null
  /** What its text may ask of a model; absent: nobody has looked. */
  hints?: ReadonlySet<Ability>
  /** What it asks of a model, read when a target is known to lack something; absent until then. */
  needs?: ReadonlySet<Ability>
  /** What was fetched of the addresses that it names; absent: nothing yet. */
  media?: Map<string, FetchedMedia>
  /** Of a request that goes on from kept responses. */
  readonly history?: History
}

/** What a request goes on from. */
export type History = {
  /** The body as the caller sent it. */
  readonly sent: JsonObject
  /** What this request itself says, with the items that it refers to. */
  readonly said: readonly JsonObject[]
  /** The body as if the whole conversation had been sent, for targets that keep none of it; or why there is none. */
  readonly whole: JsonObject | GatewayError
}

/** A chat in the normal form. */
export type ReadChat = {
  readonly request: ChatRequest
  /** What was understood only in part, a sentence each. */
  readonly warnings: readonly string[]
  /** Pictures and files that it names by address; absent: nobody has looked. */
  readonly places?: readonly MediaPlace[]
}
