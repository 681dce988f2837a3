// The normal form of a chat request: what every dialect is read into and every provider's wire is written from.
//
// Absent means: the caller did not say. Which model is asked, and whether it streams, is the call's business and not here.
// What a format can say and this form cannot is kept in `raw` under the format's name: the same format puts it back,
// every other one leaves it out with a warning.
import type { JsonObject } from './json.ts'

/** Formats that may own fields and signatures nobody else understands. */
export type Family =
  | 'openai-chat'
  | 'openai-responses'
  | 'anthropic-messages'
  | 'gemini'
  | 'gemini-interactions'
  | 'bedrock-converse'
  | 'cohere-chat'
  | 'mistral-chat'
  | 'ollama-chat'
  | 'custom'

/** Fields without a place in the normal form, by the format they came in. */
export type Raw = { readonly [family in Family]?: JsonObject }

/** "What comes up to here may be cached": for how long, null when the caller left it to the provider. */
export type CacheMarker = { readonly ttl: '5m' | '1h' | null }

export type MediaSource =
  /** `data` is base64. */
  | { readonly type: 'inline'; readonly data: string; readonly mediaType: string }
  | { readonly type: 'url'; readonly url: string; readonly mediaType: string | null }
  /** A file that the provider keeps. */
  | { readonly type: 'file'; readonly fileId: string; readonly mediaType: string | null }
  /** A document given as plain text. */
  | { readonly type: 'text'; readonly text: string; readonly mediaType: string }

type PartBase = { readonly cache?: CacheMarker; readonly raw?: Raw }

/** Where a piece of text comes from. `raw` is the citation as its own format writes it. */
export type Citation = {
  readonly url: string | null
  readonly title: string | null
  readonly citedText: string | null
  /** Characters of the text that it backs; null when the provider does not say. */
  readonly start: number | null
  readonly end: number | null
  readonly raw?: Raw
}

export type TextPart = PartBase & {
  readonly type: 'text'
  readonly text: string
  readonly citations?: readonly Citation[]
}
export type ImagePart = PartBase & { readonly type: 'image'; readonly source: MediaSource; readonly detail?: string }
/** Sound that goes in, or that a model made: then it may have an id and a transcript. */
type AudioPart = PartBase & {
  readonly type: 'audio'
  readonly source: MediaSource
  readonly id?: string
  readonly transcript?: string
  readonly expiresAt?: number
}
type VideoPart = PartBase & { readonly type: 'video'; readonly source: MediaSource }
export type FilePart = PartBase & {
  readonly type: 'file'
  readonly source: MediaSource
  readonly name?: string
  /** What the file is about, told to the model beside it. */
  readonly context?: string
  /** The answer shall cite it. */
  readonly cite?: boolean
}
/** A call of one of the caller's tools. `arguments` is JSON text; for a custom tool it is whatever the tool takes. */
export type ToolCallPart = PartBase & {
  readonly type: 'tool_call'
  readonly kind: 'function' | 'custom'
  readonly id: string
  readonly name: string
  readonly arguments: string
  /** A thought signature that must come back with the call (Gemini), and whose it is. */
  readonly signature?: string
  readonly family?: Family
}
export type ToolResultPart = PartBase & {
  readonly type: 'tool_result'
  readonly toolCallId: string
  /** Name of the tool where the format says it, or an earlier message tells; null otherwise. */
  readonly toolName: string | null
  readonly parts: readonly Part[]
  readonly isError: boolean
}
/**
 * What a model thought. `signature` proves the text, `encrypted` replaces it; both are valid only for the family that made
 * them, so a wire of another family leaves them out.
 */
export type ReasoningPart = PartBase & {
  readonly type: 'reasoning'
  readonly text: string
  readonly signature: string | null
  readonly encrypted: string | null
  readonly family: Family | null
  /** Id of the reasoning item, where the format has such. */
  readonly id?: string
  /** `text` is a summary and not the thought itself. */
  readonly isSummary?: boolean
}
export type RefusalPart = PartBase & { readonly type: 'refusal'; readonly text: string }
/** A call of a tool that the provider runs itself; `value` is its block without the arguments. */
type HostedCallPart = PartBase & {
  readonly type: 'hosted_call'
  readonly id: string
  readonly name: string
  readonly arguments: string
  readonly family: Family
  readonly value: JsonObject
}
/** Something that only its own family understands, e.g. the result of a hosted tool. */
type OpaquePart = PartBase & { readonly type: 'opaque'; readonly family: Family; readonly value: JsonObject }

export type Part =
  | TextPart
  | ImagePart
  | AudioPart
  | VideoPart
  | FilePart
  | ToolCallPart
  | ToolResultPart
  | ReasoningPart
  | RefusalPart
  | HostedCallPart
  | OpaquePart

type Role = 'system' | 'developer' | 'user' | 'assistant' | 'tool'

/** Tool results stand in messages of the role `tool`, one or several in each. */
export type ChatMessage = {
  readonly role: Role
  readonly parts: readonly Part[]
  readonly name?: string
  readonly raw?: Raw
}

/** What a search is to heed; absent: the caller did not say. */
export type WebSearch = {
  readonly allowedDomains?: readonly string[]
  readonly blockedDomains?: readonly string[]
  readonly maxUses?: number
  /** How much of what is found is read: `low`, `medium`, `high`. */
  readonly contextSize?: string
  /** Where the user is, roughly. */
  readonly location?: JsonObject
}

export type ChatTool =
  | {
      readonly type: 'function'
      readonly name: string
      readonly description?: string
      /** JSON Schema of the arguments; null when the tool takes none. */
      readonly schema: JsonObject | null
      readonly strict?: boolean
      readonly cache?: CacheMarker
      readonly raw?: Raw
    }
  | {
      readonly type: 'custom'
      readonly name: string
      readonly description?: string
      /** What the input must match; null: any text. */
      readonly grammar: { readonly syntax: string; readonly definition: string } | null
      readonly cache?: CacheMarker
      readonly raw?: Raw
    }
  /** Run by the provider: kept as it came, for its own family. */
  | {
      readonly type: 'hosted'
      readonly name: string
      readonly family: Family
      readonly value: JsonObject
      /** It searches the web, which other vendors can do as well. */
      readonly search?: WebSearch
    }

export type ToolChoice =
  | { readonly type: 'auto' }
  | { readonly type: 'none' }
  | { readonly type: 'required' }
  | { readonly type: 'named'; readonly name: string }

export type ResponseFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json' }
  | {
      readonly type: 'json_schema'
      readonly name: string
      readonly schema: JsonObject
      readonly description?: string
      readonly strict?: boolean
    }

export type Sampling = {
  readonly temperature?: number
  readonly topP?: number
  readonly topK?: number
  readonly frequencyPenalty?: number
  readonly presencePenalty?: number
  readonly seed?: number
  readonly stop?: readonly string[]
  /** How many choices. */
  readonly n?: number
  readonly logprobs?: boolean
  readonly topLogprobs?: number
  /** Token id → bias. */
  readonly logitBias?: JsonObject
}

const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const
export type Effort = (typeof EFFORTS)[number]

export function isEffort(value: unknown): value is Effort {
  return (EFFORTS as readonly unknown[]).includes(value)
}

export type ReasoningSettings = {
  /** Thinking on or off; absent: as the model does by itself. */
  readonly enabled?: boolean
  readonly effort?: Effort
  readonly budgetTokens?: number
  /** A summary of the thoughts is wanted: `auto`, `concise`, `detailed`. */
  readonly summary?: string
  /** The encrypted thoughts are wanted, to be sent back in the next turn. */
  readonly includeEncrypted?: boolean
}

export type ChatRequest = {
  readonly messages: readonly ChatMessage[]
  readonly tools: readonly ChatTool[]
  readonly toolChoice?: ToolChoice
  readonly parallelTools?: boolean
  readonly responseFormat?: ResponseFormat
  /** Bound on the output of one choice, reasoning included. */
  readonly maxOutputTokens?: number
  readonly sampling: Sampling
  readonly reasoning?: ReasoningSettings
  /** `low`, `medium`, `high`: how long the answer shall be. */
  readonly verbosity?: string
  readonly serviceTier?: string
  /** The end user's id. */
  readonly user?: string
  readonly metadata?: JsonObject
  /** What shall come out: `text`, `audio`, `image`. */
  readonly modalities?: readonly string[]
  readonly audioOutput?: { readonly voice: string; readonly format: string }
  readonly raw?: Raw
}

/** A raw object of one family, absent when there is nothing in it: to be spread into a part, a tool, a message. */
export function rawOf(family: Family, fields: JsonObject | null): { readonly raw?: Raw } {
  return fields === null ? {} : { raw: { [family]: fields } }
}

/** Names of the request's own fields that `family` cannot take, for the warnings of its wire. */
export function foreignFields(raw: Raw | undefined, family: Family): readonly string[] {
  if (raw === undefined) return []
  return Object.entries(raw).flatMap(([owner, fields]) => (owner === family ? [] : Object.keys(fields ?? {})))
}

/** All text of some parts, in order. */
export function textOf(parts: readonly Part[]): string {
  let text = ''
  for (const part of parts) if (part.type === 'text') text += part.text
  return text
}
