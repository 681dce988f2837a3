// Ollama's counters in disjoint buckets.
import type { JsonObject } from '../../core/json.ts'
import { NO_USAGE } from '../../core/usage.ts'
import type { Usage } from '../../core/usage.ts'

const COUNTERS = ['prompt_eval_count', 'eval_count'] as const
/** Everything that the last line counts, kept beside the usage. Durations are in nanoseconds. */
const RAW = [...COUNTERS, 'total_duration', 'load_duration', 'prompt_eval_duration', 'eval_duration'] as const

/** Usage of a line of an answer, with the object that it was read from; null when the line counts nothing. */
export function usageOfOllama(line: JsonObject): { readonly usage: Usage; readonly raw: JsonObject } | null {
  // A prompt that is wholly in the model's cache is not counted at all.
  if (COUNTERS.every((name) => typeof line[name] !== 'number')) return null
  const count = (name: string): number => {
    const value = line[name]
    return typeof value === 'number' && value > 0 ? Math.round(value) : 0
  }
  const raw = Object.fromEntries(RAW.flatMap((name) => (line[name] === undefined ? [] : [[name, line[name]]])))
  // Thoughts are part of `eval_count`, without a number of their own.
  return { usage: { ...NO_USAGE, input: count('prompt_eval_count'), output: count('eval_count'), requests: 1 }, raw }
}
