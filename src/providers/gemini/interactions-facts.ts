// What an interaction of Gemini's says of itself: how it ended, and what it used.
import type { Finish, FinishReason } from '../../core/chat-answer.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { objectsOf, stringOf } from '../../core/json-read.ts'
import type { Usage } from '../../core/usage.ts'
import { usageOfGemini } from './usage.ts'

const FINISH: { readonly [status in string]?: FinishReason } = {
  completed: 'stop',
  requires_action: 'tool_calls',
  incomplete: 'length',
  failed: 'error',
  cancelled: 'error',
}

export function finishOfInteraction(status: string | null): Finish {
  return { unified: status === null ? 'other' : (FINISH[status] ?? 'other'), raw: status }
}

/** The same numbers as generateContent's, under other names. Null when there are none. */
export function usageOfInteraction(raw: JsonObject, searches: number): Usage | null {
  const told: Record<string, JsonValue> = {}
  for (const [name, as] of NAMES) if (raw[name] !== undefined) told[as] = raw[name]
  for (const [name, as] of MODALITIES)
    told[as] = objectsOf(raw, name).map((one) => ({
      modality: (stringOf(one, 'modality') ?? '').toUpperCase(),
      tokenCount: one['tokens'] ?? 0,
    }))
  return usageOfGemini(told, searches)
}

const NAMES = [
  ['total_input_tokens', 'promptTokenCount'],
  ['total_cached_tokens', 'cachedContentTokenCount'],
  ['total_output_tokens', 'candidatesTokenCount'],
  ['total_thought_tokens', 'thoughtsTokenCount'],
  ['total_tool_use_tokens', 'toolUsePromptTokenCount'],
  ['total_tokens', 'totalTokenCount'],
] as const

const MODALITIES = [
  ['input_tokens_by_modality', 'promptTokensDetails'],
  ['cached_tokens_by_modality', 'cacheTokensDetails'],
  ['output_tokens_by_modality', 'candidatesTokensDetails'],
  ['tool_use_tokens_by_modality', 'toolUsePromptTokensDetails'],
] as const
