// One model as OpenAI's, Anthropic's and Gemini's lists tell it. Names of fields beyond OpenAI's own are those that
// OpenRouter uses, which clients know; what is not known is left out.
import type { Abilities, ModelFacts } from '../core/model-facts.ts'
import type { JsonObject } from '../core/json.ts'
import { defined } from '../core/json-read.ts'

export type ModelEntry = {
  readonly id: string
  readonly ownedBy: string
  readonly facts: ModelFacts
  /** Dollars per unit, decimal, by unit. */
  readonly pricing: Readonly<Record<string, string>> | null
}

/** OpenRouter's names of the units that it prices. */
const PRICE_NAMES: Readonly<Record<string, string>> = {
  input: 'prompt',
  output: 'completion',
  cacheRead: 'input_cache_read',
  cacheWrite5m: 'input_cache_write',
  reasoning: 'internal_reasoning',
  requests: 'request',
  searches: 'web_search',
}

/** @param createdS what stands for the day of release where that is not known, s since the epoch */
export function openaiModelJson({ id, ownedBy, facts, pricing }: ModelEntry, createdS: number): JsonObject {
  const { title, maker, contextTokens, maxInputTokens, maxOutputTokens, abilities, retiredOn, successor, kind } = facts
  return defined<JsonObject>({
    id,
    object: 'model',
    created: releasedS(facts) ?? createdS,
    owned_by: ownedBy,
    name: title ?? undefined,
    maker: maker ?? undefined,
    kind: kind ?? undefined,
    context_length: contextTokens ?? maxInputTokens ?? undefined,
    max_input_tokens: maxInputTokens ?? undefined,
    max_output_tokens: maxOutputTokens ?? undefined,
    architecture:
      kind === 'chat' ? { input_modalities: inputsOf(abilities), output_modalities: outputsOf(abilities) } : undefined,
    abilities: Object.keys(abilities).length === 0 ? undefined : { ...abilities },
    pricing:
      pricing === null
        ? undefined
        : Object.fromEntries(
            Object.entries(PRICE_NAMES).flatMap(([unit, name]) =>
              pricing[unit] === undefined ? [] : [[name, pricing[unit]]],
            ),
          ),
    retired_on: retiredOn ?? undefined,
    successor: successor ?? undefined,
  })
}

function inputsOf({ vision, audio_in: audio, video_in: video, pdf }: Abilities): readonly string[] {
  return [
    'text',
    ...(vision === true ? ['image'] : []),
    ...(audio === true ? ['audio'] : []),
    ...(video === true ? ['video'] : []),
    ...(pdf === true ? ['file'] : []),
  ]
}

function outputsOf({ audio_out: audio, image_out: image }: Abilities): readonly string[] {
  return ['text', ...(audio === true ? ['audio'] : []), ...(image === true ? ['image'] : [])]
}

function releasedS({ releasedOn }: ModelFacts): number | null {
  return releasedOn === null ? null : Date.parse(releasedOn) / 1_000
}

/** As `GET /v1/models` of Anthropic's API. */
export function anthropicModelJson({ id, facts }: ModelEntry, createdS: number): JsonObject {
  return defined<JsonObject>({
    type: 'model',
    id,
    display_name: facts.title ?? id,
    created_at: new Date((releasedS(facts) ?? createdS) * 1_000).toISOString(),
    max_input_tokens: facts.maxInputTokens ?? facts.contextTokens ?? undefined,
    max_tokens: facts.maxOutputTokens ?? undefined,
  })
}
