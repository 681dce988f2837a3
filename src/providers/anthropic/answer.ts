// A whole answer of Anthropic's API, as far as the path needs to know it.
import type { Call } from '../../core/call.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { numberOf, objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import { NO_USAGE } from '../../core/usage.ts'
import type { AnswerFacts } from '../wire.ts'
import { finishOf } from './chat-answer.ts'
import { usageOfAnthropic } from './usage.ts'

const NOTHING: Omit<AnswerFacts, 'problem'> = { usage: null, rawUsage: null, finishReason: null, outputCharacters: 0 }

/** Reads usage, finish reason and soundness of a whole answer. */
export function readAnthropicFacts(text: string, call: Call): AnswerFacts {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return { ...NOTHING, problem: text.trim() === '' ? 'the answer is empty' : 'the answer is not JSON' }
  }
  if (!isObject(body)) return { ...NOTHING, problem: 'the answer is not an object' }
  if (body['type'] === 'error' || isObject(body['error']))
    return { ...NOTHING, problem: `an error inside a 200: ${errorWords(body)}` }
  if (call.operation === 'count_tokens')
    // Counting is free, and says nothing of its own use.
    return {
      ...NOTHING,
      usage: NO_USAGE,
      problem: numberOf(body, 'input_tokens') === null ? 'the answer holds no count' : null,
    }
  if (!Array.isArray(body['content'])) return { ...NOTHING, problem: 'the answer holds no content' }
  const rawUsage = objectOf(body, 'usage')
  return {
    usage: rawUsage === null ? null : usageOfAnthropic(rawUsage),
    rawUsage: rawUsage === null ? null : JSON.stringify(rawUsage),
    finishReason: finishOf(body).unified,
    // With usage reported nobody needs the characters.
    outputCharacters:
      rawUsage === null ? objectsOf(body, 'content').reduce((sum, block) => sum + charactersOf(block), 0) : 0,
    problem: null,
  }
}

/** Characters of everything in a block or a delta that a model has produced. */
export function charactersOf(block: JsonObject): number {
  let sum = 0
  for (const name of ['text', 'thinking', 'partial_json', 'name'] as const) {
    const value = block[name]
    if (typeof value === 'string') sum += value.length
  }
  const input = objectOf(block, 'input')
  return input === null ? sum : sum + JSON.stringify(input).length
}

/** The provider's own words of an error body or event. */
export function errorWords(body: JsonObject): string {
  return stringOf(objectOf(body, 'error') ?? {}, 'message') ?? 'unknown'
}
