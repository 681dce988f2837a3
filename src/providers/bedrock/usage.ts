// Bedrock Converse's usage object in disjoint buckets.
import type { JsonObject } from '../../core/json.ts'
import { objectsOf } from '../../core/json-read.ts'
import { NO_USAGE } from '../../core/usage.ts'
import type { Usage } from '../../core/usage.ts'

function count(object: JsonObject, name: string): number {
  const value = object[name]
  return typeof value === 'number' && value > 0 ? Math.round(value) : 0
}

/**
 * Usage of a Converse answer: `inputTokens` has neither what was read from the cache nor what was written to it
 * (`totalTokens` has both), and thoughts are part of `outputTokens` without a number of their own.
 * `cacheDetails` tells the lifetimes of what was written; without it all of it lives five minutes, the default.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
 */
export function usageOfBedrock(raw: JsonObject): Usage {
  const written = count(raw, 'cacheWriteInputTokens') || count(raw, 'cacheWriteInputTokenCount')
  const hour = objectsOf(raw, 'cacheDetails')
    .filter((detail) => detail['ttl'] === '1h')
    .reduce((sum, detail) => sum + count(detail, 'inputTokens'), 0)
  const cacheWrite1h = Math.min(written, hour)
  return {
    ...NO_USAGE,
    input: count(raw, 'inputTokens'),
    cacheRead: count(raw, 'cacheReadInputTokens') || count(raw, 'cacheReadInputTokenCount'),
    cacheWrite5m: written - cacheWrite1h,
    cacheWrite1h,
    output: count(raw, 'outputTokens'),
    requests: 1,
  }
}
