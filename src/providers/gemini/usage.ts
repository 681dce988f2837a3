// Gemini's usage object in disjoint buckets.
import type { JsonObject } from '../../core/json.ts'
import { objectsOf, stringOf } from '../../core/json-read.ts'
import { NO_USAGE } from '../../core/usage.ts'
import type { Usage } from '../../core/usage.ts'

function count(object: JsonObject, name: string): number {
  const value = object[name]
  return typeof value === 'number' && value > 0 ? Math.round(value) : 0
}

type Modalities = { readonly audio: number; readonly image: number; readonly video: number }

/** Tokens by kind of content. Documents are counted as text, as they are priced. */
function modalitiesOf(raw: JsonObject, name: string): Modalities {
  let [audio, image, video] = [0, 0, 0]
  for (const detail of objectsOf(raw, name)) {
    const tokens = count(detail, 'tokenCount')
    const modality = stringOf(detail, 'modality')
    if (modality === 'AUDIO') audio += tokens
    if (modality === 'IMAGE') image += tokens
    if (modality === 'VIDEO') video += tokens
  }
  return { audio, image, video }
}

/**
 * Usage of a Gemini answer. `promptTokenCount` includes what was cached, but not what Google's own tools put into the
 * prompt; `candidatesTokenCount` includes no thoughts. `searches`: queries that the model made, which are billed apart.
 * Null when there are no numbers in it: the first chunks of Vertex tell only the kind of traffic.
 * https://ai.google.dev/api/generate-content#UsageMetadata
 */
export function usageOfGemini(raw: JsonObject, searches = 0): Usage | null {
  if (typeof raw['promptTokenCount'] !== 'number' && typeof raw['totalTokenCount'] !== 'number') return null
  const prompt = count(raw, 'promptTokenCount')
  const tools = count(raw, 'toolUsePromptTokenCount')
  const cached = Math.min(prompt, count(raw, 'cachedContentTokenCount'))
  const thoughts = count(raw, 'thoughtsTokenCount')
  // Where the answer is empty, the field is missing; where only the total is told, the rest of it is the answer.
  const answer =
    typeof raw['candidatesTokenCount'] === 'number'
      ? count(raw, 'candidatesTokenCount')
      : Math.max(0, count(raw, 'totalTokenCount') - prompt - tools - thoughts)
  const input = disjoint(
    prompt - cached,
    modalitiesOf(raw, 'promptTokensDetails'),
    modalitiesOf(raw, 'cacheTokensDetails'),
  )
  const used = disjoint(tools, modalitiesOf(raw, 'toolUsePromptTokensDetails'))
  const output = disjoint(answer, modalitiesOf(raw, 'candidatesTokensDetails'))
  return {
    ...NO_USAGE,
    input: input.rest + used.rest,
    cacheRead: cached,
    output: output.rest + output.video,
    reasoning: thoughts,
    audioIn: input.audio + used.audio,
    audioOut: output.audio,
    imageIn: input.image + used.image,
    imageOut: output.image,
    video: input.video + used.video,
    searches,
    requests: 1,
  }
}

/** Splits a total by modality: `without` (the cached part) is taken off each, and no part outgrows what is left. */
function disjoint(total: number, of: Modalities, without?: Modalities): Modalities & { readonly rest: number } {
  let rest = total
  const take = (tokens: number, cached = 0): number => {
    const taken = Math.min(rest, Math.max(0, tokens - cached))
    rest -= taken
    return taken
  }
  const audio = take(of.audio, without?.audio)
  const image = take(of.image, without?.image)
  const video = take(of.video, without?.video)
  return { audio, image, video, rest }
}

/** The tier that served a request, in the words of others; null for the standard one of Vertex, which goes without saying. */
export function tierOfGemini(raw: JsonObject): string | null {
  const tier = stringOf(raw, 'serviceTier')
  if (tier !== null) return tier.replace(/^SERVICE_TIER_/, '').toLowerCase()
  const traffic = stringOf(raw, 'trafficType')
  return traffic?.startsWith('ON_DEMAND_') === true ? traffic.slice('ON_DEMAND_'.length).toLowerCase() : null
}

/** Usage of an embedding, where it is told. */
export function embeddingUsageOfGemini(raw: JsonObject): Usage {
  return { ...NO_USAGE, input: count(raw, 'promptTokenCount') || count(raw, 'totalTokenCount'), requests: 1 }
}
