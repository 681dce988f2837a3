// OpenAI's usage object, and its relatives', in disjoint buckets.
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { NO_USAGE } from '../../core/usage.ts'
import type { Usage } from '../../core/usage.ts'

function count(object: JsonObject | null, name: string): number {
  const value = object?.[name]
  return typeof value === 'number' && value > 0 ? Math.round(value) : 0
}

function part(object: JsonObject, name: string): JsonObject | null {
  const value = object[name]
  return isObject(value) ? value : null
}

/**
 * Usage of an OpenAI-compatible answer.
 * - `prompt_tokens` includes cached and audio tokens; `completion_tokens` includes reasoning and audio tokens.
 * - DeepSeek counts cached tokens as `prompt_cache_hit_tokens`, Moonshot as `cached_tokens`.
 * - xAI, and Gemini's compatible endpoint, leave reasoning out of `completion_tokens`: then `total_tokens` is larger
 *   than the sum of the two, by exactly the reasoning tokens.
 */
export function usageOfOpenai(raw: JsonObject): Usage {
  const prompt = count(raw, 'prompt_tokens')
  const completion = count(raw, 'completion_tokens')
  const promptDetails = part(raw, 'prompt_tokens_details')
  const completionDetails = part(raw, 'completion_tokens_details')
  const audioIn = Math.min(prompt, count(promptDetails, 'audio_tokens'))
  const cached =
    count(promptDetails, 'cached_tokens') || count(raw, 'prompt_cache_hit_tokens') || count(raw, 'cached_tokens')
  const cacheRead = Math.min(prompt - audioIn, cached)
  const cacheWrite = Math.min(prompt - audioIn - cacheRead, count(promptDetails, 'cache_write_tokens'))
  const audioOut = Math.min(completion, count(completionDetails, 'audio_tokens'))
  const beyond = Math.max(0, count(raw, 'total_tokens') - prompt - completion)
  const reported = count(completionDetails, 'reasoning_tokens') || count(raw, 'reasoning_tokens')
  const reasoningOutside = beyond > 0 && (reported === 0 || reported === beyond) ? beyond : 0
  const reasoningInside = reasoningOutside > 0 ? 0 : Math.min(completion - audioOut, reported)
  return {
    ...NO_USAGE,
    input: prompt - audioIn - cacheRead - cacheWrite,
    cacheRead,
    cacheWrite5m: cacheWrite,
    output: completion - audioOut - reasoningInside,
    reasoning: reasoningInside + reasoningOutside,
    audioIn,
    audioOut,
    // Perplexity counts its searches, xAI the sources that it used.
    searches: count(raw, 'num_search_queries') || count(raw, 'num_sources_used'),
    requests: 1,
  }
}
