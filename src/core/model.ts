// What can be called.
import type { ChatSearch } from './formats/web-search.ts'
import type { CustomFormat } from './custom-format.ts'
import type { ModelFacts } from './model-facts.ts'
import type { OutcomeRule } from './outcome.ts'
import type { UsageUnit } from './usage.ts'

/** What a request asks a model to do. It names the endpoint family in keys, metrics and the request log. */
export type Operation =
  | 'chat'
  | 'completions'
  | 'count_tokens'
  | 'embeddings'
  | 'moderations'
  | 'images'
  | 'audio'
  | 'rerank'
  | 'responses'
  | 'realtime'
  | 'files'
  | 'batches'
  | 'pass'

/** Deadlines of one attempt and of the whole request, in ms. They are separate: a long healthy stream must not die of a short one. */
export type Timeouts = {
  /** Until the connection to the provider stands. */
  readonly connectMs: number
  /** Until the first meaningful byte: the head of a whole answer, the first token of a stream. */
  readonly firstTokenMs: number
  /** Between two chunks of an answer. */
  readonly idleMs: number
  /** The whole request, all attempts together. */
  readonly totalMs: number
}

/** A provider's secret. `id` is safe to show: it never contains the secret. */
export type Credential = { readonly id: string; readonly secret: string }

/** A vendor's API as configured: where it is, how it is spoken to, and the secrets that open it. */
export type Provider = {
  readonly name: string
  /** Key of the preset table. */
  readonly preset: string
  /** Wire format: the folder under providers/ that speaks it. */
  readonly wire: string
  /** Without a trailing slash. */
  readonly baseUrl: string
  readonly credentials: readonly Credential[]
  /** How a credential is presented. */
  readonly auth: Auth
  readonly headers: Readonly<Record<string, string>>
  readonly quirks: Quirks
  /** How its statuses differ from what others mean by them; asked before the common table. Absent: not at all. */
  readonly outcomes?: readonly OutcomeRule[]
  readonly timeouts: Timeouts
  /** HTTP proxy URL for this provider, or null. */
  readonly proxy: string | null
  /** PEM of a private certificate authority, or null. */
  readonly ca: string | null
  /** Whether private addresses may be called: true for what the config file names, false for what came through the API. */
  readonly allowPrivate: boolean
  /** Values of `{name}` placeholders in the base URL (region, account, resource …). */
  readonly settings: Readonly<Record<string, string>>
  /** Whether it keeps what it is sent for purposes of its own; absent: not known. */
  readonly collectsData?: boolean
  /** Requests and tokens per minute that the provider grants, null where unknown. */
  readonly limits: { readonly rpm: number | null; readonly tpm: number | null }
}

export type Auth =
  | { readonly type: 'bearer' }
  | { readonly type: 'header'; readonly header: string; readonly prefix: string }
  | { readonly type: 'query'; readonly parameter: string }
  /** For AWS's API of that name: a credential is an API key that is sent, or keys that sign each request. */
  | { readonly type: 'aws'; readonly service: string }
  /** A credential is an access token of Google's clouds, or the key file of a service account, for which tokens are fetched. */
  | { readonly type: 'google' }
  | { readonly type: 'none' }

/** How an OpenAI-compatible host differs from OpenAI, as data. Absent means: like OpenAI. */
export type Quirks = {
  /** Path of each operation below the base URL, where it is not OpenAI's; null where the host has no such endpoint. */
  readonly paths?: Partial<Record<Operation, string | null>>
  /** Whether the host serves OpenAI's Responses. `only`: chats of every format go there. Absent: where `paths` names it. */
  readonly responses?: 'none' | 'served' | 'only'
  /** Whether `stream_options: {include_usage: true}` may be sent. `false`: the host refuses unknown fields or ignores it. */
  readonly streamUsage?: boolean
  /** Name of the output bound that the host takes. */
  readonly maxTokensField?: 'max_tokens' | 'max_completion_tokens'
  /** Path of the list of models below the base URL, where it is not `/models`. */
  readonly modelsPath?: string
  /** Query string appended to each call, e.g. `api-version=…`. */
  readonly query?: string
  /** The host sends no `[DONE]`: a finish reason ends its streams. */
  readonly noDone?: boolean
  /** The model id is part of the path as `{model}`, and the body names none. */
  readonly modelInPath?: boolean
  /** Field in which thoughts of earlier turns go back. Absent: nowhere, as OpenAI refuses fields that it does not know. */
  readonly reasoningField?: 'reasoning_content' | 'reasoning' | 'reasoning_details'
  /** `false`: the host does not know the role `developer`, and gets it as `system`. */
  readonly developerRole?: boolean
  /** What the host takes for structured output: JSON of a schema (absent), any JSON, or nothing of the kind. */
  readonly responseFormat?: 'json_schema' | 'json_object' | 'none'
  /** The host writes thoughts as `<think>…</think>` at the start of the text. */
  readonly thinkTags?: boolean
  /** The host takes only tool call ids of this form: nine letters and digits (Mistral). */
  readonly toolIds?: 'nine'
  /** The host reads `cache_control` on content parts and tools. */
  readonly cacheControl?: boolean
  /** The host takes `top_k`. */
  readonly topK?: boolean
  /**
   * Path of requests that end with a turn of the assistant to be gone on with, which the host wants marked `prefix: true`.
   * Absent: it knows no such mark.
   */
  readonly prefillPath?: string
  /** `false`: pictures and files must come as their content, because the host fetches no addresses. */
  readonly mediaUrls?: boolean
  /** How the host is told to search the web: see `ChatSearch`. Absent: it cannot be told, unless its model's name says so. */
  readonly webSearch?: ChatSearch
  /** The host's moderations tell categories of its own and no verdict. */
  readonly bareModerations?: boolean
  /** The host takes batches of requests, in the way of its wire, and bills them at its batch price. */
  readonly batches?: boolean
  /** The host calls its batches jobs, each for one model. */
  readonly batchJobs?: boolean
  /** The format of an API of somebody's own. */
  readonly custom?: CustomFormat
  /** Request fields that the host refuses, left out with a warning, e.g. `seed`. */
  readonly refusedFields?: readonly string[]
}

/** Prices of one model in pico-dollars per unit; a missing unit has no price of its own. */
export type Rates = { readonly [unit in UsageUnit]?: bigint } & {
  /** Where the price depends on the length of the input: what replaces these rates, smallest threshold first. */
  readonly contextTiers?: readonly ContextTier[]
  /** What replaces all of these rates in a service tier. */
  readonly serviceTiers?: { readonly [tier in Exclude<ServiceTier, 'standard'>]?: Rates }
}
/** How fast the provider was asked to answer, where it bills by that. */
export type ServiceTier = 'standard' | 'batch' | 'flex' | 'priority'

/** Rates of answers with more than `above` input tokens, cached ones included; the last tier that fits counts. */
export type ContextTier = { readonly above: number; readonly rates: Rates }

/** One callable (provider, model). Health, cooldown and learned limits belong to it. */
export type Deployment = {
  /** `provider/model`. */
  readonly id: string
  readonly provider: Provider
  /** The vendor's model id. */
  readonly model: string
  /** What is known of the model there. */
  readonly facts: ModelFacts
}
