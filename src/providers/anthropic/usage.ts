// Anthropic's usage object in disjoint buckets.
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { NO_USAGE } from '../../core/usage.ts'
import type { Usage } from '../../core/usage.ts'

function count(object: JsonObject, name: string): number {
  const value = object[name]
  return typeof value === 'number' && value > 0 ? Math.round(value) : 0
}

/**
 * Usage of an Anthropic answer: `input_tokens` has neither what was read from the cache nor what was written to it, and
 * thoughts are part of `output_tokens` without a number of their own.
 * Compaction is billed, and stands in no number but its own entry of `iterations`, so it is added.
 * https://platform.claude.com/docs/en/build-with-claude/compaction
 */
export function usageOfAnthropic(raw: JsonObject): Usage {
  const iterations = raw['iterations']
  const own = single(raw)
  if (!Array.isArray(iterations)) return own
  return iterations
    .filter((one) => isObject(one) && one['type'] === 'compaction')
    .map(single)
    .reduce(add, own)
}

function single(raw: JsonObject): Usage {
  const creation = isObject(raw['cache_creation']) ? raw['cache_creation'] : null
  const written = count(raw, 'cache_creation_input_tokens')
  const hour = creation === null ? 0 : Math.min(written, count(creation, 'ephemeral_1h_input_tokens'))
  const serverTools = isObject(raw['server_tool_use']) ? raw['server_tool_use'] : null
  return {
    ...NO_USAGE,
    input: count(raw, 'input_tokens'),
    cacheRead: count(raw, 'cache_read_input_tokens'),
    // What is not said to live an hour lives five minutes, the default.
    cacheWrite5m: written - hour,
    cacheWrite1h: hour,
    output: count(raw, 'output_tokens'),
    searches: serverTools === null ? 0 : count(serverTools, 'web_search_requests'),
    requests: 1,
  }
}

function add(first: Usage, second: Usage): Usage {
  return {
    ...first,
    input: first.input + second.input,
    cacheRead: first.cacheRead + second.cacheRead,
    cacheWrite5m: first.cacheWrite5m + second.cacheWrite5m,
    cacheWrite1h: first.cacheWrite1h + second.cacheWrite1h,
    output: first.output + second.output,
  }
}

/** The usage of a stream's start with what its end says over it: the end leaves out the lifetimes of the cache. */
export function mergeUsage(start: JsonObject | null, end: JsonObject): JsonObject {
  if (start === null) return end
  const merged: Record<string, JsonObject[string]> = { ...start }
  for (const [name, value] of Object.entries(end)) if (value !== null) merged[name] = value
  return merged
}
