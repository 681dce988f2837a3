// What stands where in an answer, or an event, of an API of somebody's own.
import type { Finish, FinishReason } from '../../core/chat-answer.ts'
import type { CustomFormat, CustomPlaces } from '../../core/custom-format.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { isObject } from '../../core/json.ts'
import { readPointer } from '../../core/json-pointer.ts'
import { NO_USAGE } from '../../core/usage.ts'
import type { Usage } from '../../core/usage.ts'

/** The text at a place; numbers and other values are none. A list of texts is their sum. */
export function textAt(value: JsonValue, pointer: string | undefined): string {
  const found = pointer === undefined ? undefined : readPointer(value, pointer)
  if (Array.isArray(found)) return found.filter((one) => typeof one === 'string').join('')
  return typeof found === 'string' ? found : ''
}

/** Why an answer is none; null when it is one. */
export function errorAt(value: JsonValue, { error }: CustomPlaces): string | null {
  const found = error === undefined ? undefined : readPointer(value, error)
  if (found === undefined || found === null || found === false || found === '') return null
  if (typeof found === 'string') return found
  return isObject(found) && typeof found['message'] === 'string' ? found['message'] : JSON.stringify(found)
}

/** Words that mean the same wherever they are used. */
const USUAL_WORDS: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  eos: 'stop',
  eos_token: 'stop',
  end: 'stop',
  end_turn: 'stop',
  complete: 'stop',
  completed: 'stop',
  finished: 'stop',
  length: 'length',
  max_tokens: 'length',
  max_length: 'length',
  content_filter: 'content_filter',
  safety: 'content_filter',
}

/** How an answer ended; null where it does not say (yet). */
export function finishAt(value: JsonValue, { finish }: CustomPlaces, { finishWords }: CustomFormat): Finish | null {
  const found = finish === undefined ? undefined : readPointer(value, finish)
  if (found === undefined || found === null || found === '' || found === false) return null
  const word = typeof found === 'string' ? found : JSON.stringify(found)
  const known = Object.hasOwn(finishWords, word) ? finishWords[word] : USUAL_WORDS[word.toLowerCase()]
  return { unified: known ?? 'other', raw: word }
}

/** Usage in disjoint buckets, with what was read as the raw object; null where there is none. */
export function usageAt(value: JsonValue, { usage }: CustomPlaces): { usage: Usage; raw: JsonObject } | null {
  if (usage === undefined) return null
  const count = (pointer: string | undefined): number | null => {
    const found = pointer === undefined ? undefined : readPointer(value, pointer)
    return typeof found === 'number' && found >= 0 ? Math.round(found) : null
  }
  const raw = {
    input: count(usage.input),
    cached: count(usage.cached),
    output: count(usage.output),
    reasoning: count(usage.reasoning),
  }
  if (raw.input === null && raw.output === null) return null
  const input = raw.input ?? 0
  const output = raw.output ?? 0
  const cacheRead = Math.min(input, raw.cached ?? 0)
  const reasoning = Math.min(output, raw.reasoning ?? 0)
  return {
    usage: { ...NO_USAGE, input: input - cacheRead, cacheRead, output: output - reasoning, reasoning, requests: 1 },
    raw,
  }
}
