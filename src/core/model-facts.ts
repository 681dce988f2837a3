// What is known of a model beside its price: limits, abilities, dates. What is unknown is null or absent, and never held
// against the model.
import type { Operation } from './model.ts'

/** What a model is for. */
export const MODEL_KINDS = [
  'chat',
  'completion',
  'embedding',
  'rerank',
  'image',
  'transcription',
  'speech',
  'moderation',
  'video',
  'realtime',
] as const
export type ModelKind = (typeof MODEL_KINDS)[number]

/** What a model of chat may be able to do, in the words of the configuration. */
export const ABILITIES = [
  'tools',
  'parallel_tools',
  'vision',
  'pdf',
  'audio_in',
  'video_in',
  'audio_out',
  'image_out',
  'json_schema',
  'reasoning',
  'caching',
  'prefill',
  'web_search',
  'computer_use',
] as const
export type Ability = (typeof ABILITIES)[number]

export type Abilities = { readonly [ability in Ability]?: boolean }

export type ModelFacts = {
  /** Whose model it is, whoever serves it, in the words of the price catalogue: `openai`, `x-ai`. */
  readonly maker: string | null
  readonly kind: ModelKind | null
  /** Served by OpenAI's Responses and by no other API of its vendor; null where that is not known. */
  readonly responsesOnly: boolean | null
  /** As its vendor calls it. */
  readonly title: string | null
  /** Tokens in and out together. */
  readonly contextTokens: number | null
  readonly maxInputTokens: number | null
  readonly maxOutputTokens: number | null
  readonly abilities: Abilities
  /** `2025-08-07`: the day it came. */
  readonly releasedOn: string | null
  /** The day from which its vendor serves it no more. */
  readonly retiredOn: string | null
  /** What its vendor puts in its place. */
  readonly successor: string | null
  /** How its weights are stored, such as `fp8`. */
  readonly quantization: string | null
}

export const NO_FACTS: ModelFacts = {
  maker: null,
  kind: null,
  responsesOnly: null,
  title: null,
  contextTokens: null,
  maxInputTokens: null,
  maxOutputTokens: null,
  abilities: {},
  releasedOn: null,
  retiredOn: null,
  successor: null,
  quantization: null,
}

/** The first facts with what is missing there taken from the second. */
export function factsOver(first: ModelFacts, second: ModelFacts): ModelFacts {
  return {
    maker: first.maker ?? second.maker,
    kind: first.kind ?? second.kind,
    responsesOnly: first.responsesOnly ?? second.responsesOnly,
    title: first.title ?? second.title,
    contextTokens: first.contextTokens ?? second.contextTokens,
    maxInputTokens: first.maxInputTokens ?? second.maxInputTokens,
    maxOutputTokens: first.maxOutputTokens ?? second.maxOutputTokens,
    abilities: { ...second.abilities, ...first.abilities },
    releasedOn: first.releasedOn ?? second.releasedOn,
    retiredOn: first.retiredOn ?? second.retiredOn,
    successor: first.successor ?? second.successor,
    quantization: first.quantization ?? second.quantization,
  }
}

/** What several models can do together, where whichever is able is chosen: what one can, they can. */
export function factsOfAny(all: readonly ModelFacts[]): ModelFacts {
  const [first, ...others] = all
  if (first === undefined || others.length === 0) return first ?? NO_FACTS
  const abilities: { [ability in Ability]?: boolean } = {}
  for (const ability of ABILITIES) {
    if (all.some((facts) => facts.abilities[ability] === true)) abilities[ability] = true
    else if (all.every((facts) => facts.abilities[ability] === false)) abilities[ability] = false
  }
  return {
    ...NO_FACTS,
    maker: others.every(({ maker }) => maker === first.maker) ? first.maker : null,
    kind: others.every(({ kind }) => kind === first.kind) ? first.kind : null,
    contextTokens: largest(all.map(({ contextTokens }) => contextTokens)),
    maxInputTokens: largest(all.map(({ maxInputTokens }) => maxInputTokens)),
    maxOutputTokens: largest(all.map(({ maxOutputTokens }) => maxOutputTokens)),
    abilities,
  }
}

/** Null where one of them is unknown: it may be larger than all others. */
function largest(values: readonly (number | null)[]): number | null {
  return values.reduce((most, value) => (most === null || value === null ? null : Math.max(most, value)))
}

/** The kinds of models that certainly do not do an operation; absent: nothing is certain. */
export const UNFIT_KINDS: { readonly [operation in Operation]?: ReadonlySet<ModelKind> } = {
  chat: new Set(['embedding', 'rerank', 'transcription', 'speech', 'moderation', 'video']),
  responses: new Set(['embedding', 'rerank', 'transcription', 'speech', 'moderation', 'video']),
  completions: new Set(['embedding', 'rerank', 'transcription', 'speech', 'moderation', 'video']),
  embeddings: new Set(['chat', 'completion', 'rerank', 'image', 'transcription', 'speech', 'moderation', 'video']),
  rerank: new Set(['chat', 'completion', 'image', 'transcription', 'speech', 'moderation', 'video']),
  images: new Set(['embedding', 'rerank', 'transcription', 'speech', 'moderation']),
}
