// A whole answer of an OpenAI-compatible host.
import type { Call } from '../../core/call.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import type { AnswerFacts } from '../wire.ts'
import { usageOfOpenai } from './usage.ts'

const NOTHING: Omit<AnswerFacts, 'problem'> = { usage: null, rawUsage: null, finishReason: null, outputCharacters: 0 }

/** What an answer that is no text of a model says about itself: read by `facts`, where it is JSON and no error. */
export function readJsonAnswer(
  text: string,
  facts: (body: JsonObject) => Pick<AnswerFacts, 'usage' | 'rawUsage' | 'problem'>,
): AnswerFacts {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return { ...NOTHING, problem: text.trim() === '' ? 'the answer is empty' : 'the answer is not JSON' }
  }
  if (!isObject(body)) return { ...NOTHING, problem: 'the answer is not an object' }
  const error = body['error']
  if (error !== undefined && error !== null)
    return { ...NOTHING, problem: `an error inside a 200: ${messageOf(error)}` }
  return { ...NOTHING, ...facts(body) }
}

/** Reads usage, finish reason and soundness of a whole answer. */
export function readOpenaiAnswer(text: string, call: Call): AnswerFacts {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return { ...NOTHING, problem: text.trim() === '' ? 'the answer is empty' : 'the answer is not JSON' }
  }
  if (!isObject(body)) return { ...NOTHING, problem: 'the answer is not an object' }
  const error = body['error']
  if (error !== undefined && error !== null && body['choices'] === undefined)
    return { ...NOTHING, problem: `an error inside a 200: ${messageOf(error)}` }
  const rawUsage = isObject(body['usage']) ? body['usage'] : null
  const usage = rawUsage === null ? null : usageOfOpenai(rawUsage)
  const facts = { usage, rawUsage: rawUsage === null ? null : JSON.stringify(rawUsage) }
  if (call.operation === 'embeddings') {
    const empty = !Array.isArray(body['data']) || body['data'].length === 0
    return { ...facts, finishReason: null, outputCharacters: 0, problem: empty ? 'the answer holds no data' : null }
  }
  const choices = body['choices']
  if (!Array.isArray(choices) || choices.length === 0)
    return { ...facts, finishReason: null, outputCharacters: 0, problem: 'the answer holds no choices' }
  let outputCharacters = 0
  // With usage reported nobody needs the characters; without it every choice counts.
  if (usage === null) for (const choice of choices) outputCharacters += charactersOf(choice)
  const first: unknown = choices[0]
  const finish = isObject(first) ? first['finish_reason'] : null
  return { ...facts, finishReason: typeof finish === 'string' ? finish : null, outputCharacters, problem: null }
}

function charactersOf(choice: unknown): number {
  if (!isObject(choice)) return 0
  const message = choice['message']
  return (
    (typeof choice['text'] === 'string' ? choice['text'].length : 0) +
    (isObject(message) ? deltaCharacters(message) : 0)
  )
}

/** Characters of everything in a message or delta that a model has produced. */
export function deltaCharacters(delta: JsonObject): number {
  let sum = 0
  for (const name of ['content', 'reasoning_content', 'reasoning', 'refusal'] as const) {
    const value = delta[name]
    if (typeof value === 'string') sum += value.length
    else if (Array.isArray(value)) sum += JSON.stringify(value).length
  }
  const calls = delta['tool_calls']
  if (Array.isArray(calls))
    for (const call of calls) {
      const fn: unknown = isObject(call) ? call['function'] : null
      if (!isObject(fn)) continue
      if (typeof fn['name'] === 'string') sum += fn['name'].length
      if (typeof fn['arguments'] === 'string') sum += fn['arguments'].length
    }
  return sum
}

/** The provider's own words for an error value of whatever shape. */
export function messageOf(error: unknown): string {
  if (typeof error === 'string') return error
  if (isObject(error)) {
    if (typeof error['message'] === 'string') return error['message']
    if (isObject(error['error'])) return messageOf(error['error'])
  }
  return JSON.stringify(error) ?? 'unknown'
}
