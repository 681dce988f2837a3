// Cohere's usage object in disjoint buckets.
import type { JsonObject } from '../../core/json.ts'
import { objectOf } from '../../core/json-read.ts'
import { NO_USAGE } from '../../core/usage.ts'
import type { Usage } from '../../core/usage.ts'

function count(object: JsonObject | null, name: string): number {
  const value = object?.[name]
  return typeof value === 'number' && value > 0 ? Math.round(value) : 0
}

/**
 * Usage of a Cohere answer (`usage` of chat, `meta` of embeddings and reranking).
 * `tokens` has what Cohere itself puts around a conversation, some hundred tokens that nobody pays; `billed_units` is
 * what the invoice is made from. `cached_tokens` is a part of `tokens`, has no price of its own, and may be more than
 * what is billed, so it is in no bucket. Where nothing is said to be billed, `tokens` counts.
 * https://docs.cohere.com/v2/docs/how-does-cohere-pricing-work
 */
export function usageOfCohere(raw: JsonObject): Usage {
  const billed = objectOf(raw, 'billed_units')
  const counted = billed !== null && Object.keys(billed).length > 0 ? billed : objectOf(raw, 'tokens')
  return {
    ...NO_USAGE,
    input: count(counted, 'input_tokens'),
    output: count(counted, 'output_tokens'),
    imageIn: count(counted, 'image_tokens'),
    searches: count(counted, 'search_units'),
    requests: 1,
  }
}
