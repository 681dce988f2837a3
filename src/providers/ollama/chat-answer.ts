// Whole answer of Ollama's chat → normal form.
import { rawOf } from '../../core/chat.ts'
import type { Part, ToolCallPart } from '../../core/chat.ts'
import { finishWith, ProblemError } from '../../core/chat-answer.ts'
import type { ChatAnswer, Finish, FinishReason, TokenLogprob } from '../../core/chat-answer.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { namesOf, numberOf, objectOf, objectsOf, parseObject, restOf, stringOf } from '../../core/json-read.ts'
import { PLAIN_READING } from '../chat-codec.ts'
import type { Reading } from '../chat-codec.ts'
import { usageOfOllama } from './usage.ts'

const FAMILY = 'ollama-chat'

const FINISH: { readonly [word in string]?: FinishReason } = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool_calls',
}

const LINE_FIELDS = namesOf(`
  model created_at message done done_reason logprobs prompt_eval_count eval_count
  total_duration load_duration prompt_eval_duration eval_duration
`)

/** How an answer ended. Old versions say only that it did. */
export function finishOf(line: JsonObject): Finish {
  const word = stringOf(line, 'done_reason')
  return { unified: word === null ? 'stop' : (FINISH[word] ?? 'other'), raw: word }
}

/** Fields of a line that have no place in the normal form. */
export function ownFields(line: JsonObject): JsonObject | null {
  return restOf(line, LINE_FIELDS)
}

/** Seconds since the epoch; null when the time cannot be read. */
export function createdOf(line: JsonObject): number | null {
  const time = Date.parse(stringOf(line, 'created_at') ?? '')
  return Number.isNaN(time) ? null : Math.floor(time / 1_000)
}

/**
 * Makes ids for calls that have none. They must not be those of another answer in the same conversation, and the same
 * for the same answer: the time, in nanoseconds, at which it began serves for both.
 */
export function callIds(line: JsonObject): (call: JsonObject) => string {
  const stamp = (stringOf(line, 'created_at') ?? '').replaceAll(/\D/g, '')
  let count = 0
  return (call) => {
    const made = `call_${stamp}_${count++}`
    return stringOf(call, 'id') || made
  }
}

/** Throws ProblemError when there is no answer in it. */
export function readOllamaAnswer(body: unknown, reading: Reading = PLAIN_READING): ChatAnswer {
  if (!isObject(body)) throw new ProblemError('the answer is not an object')
  const error = stringOf(body, 'error')
  if (error !== null) throw new ProblemError(`an error inside a 200: ${error}`)
  const message = objectOf(body, 'message')
  if (message === null) throw new ProblemError('the answer holds no message')
  const parts: Part[] = []
  const thinking = stringOf(message, 'thinking') ?? ''
  if (thinking !== '')
    parts.push({ type: 'reasoning', text: thinking, signature: null, encrypted: null, family: FAMILY })
  const content = stringOf(message, 'content') ?? ''
  if (content !== '') parts.push({ type: 'text', text: content })
  const idOf = callIds(body)
  for (const call of objectsOf(message, 'tool_calls')) parts.push(toolCallOf(call, idOf(call), reading))
  const used = usageOfOllama(body)
  const logprobs = logprobsOf(body)
  return {
    id: null,
    model: stringOf(body, 'model'),
    created: createdOf(body),
    choices: [
      { index: 0, parts, finish: finishWith(finishOf(body), parts), logprobs: logprobs.length > 0 ? logprobs : null },
    ],
    usage: used?.usage ?? null,
    rawUsage: used?.raw ?? null,
    serviceTier: null,
    warnings: [],
    ...rawOf(FAMILY, ownFields(body)),
  }
}

/** Calls come whole, with their arguments as an object. */
export function toolCallOf(call: JsonObject, id: string, { customTools }: Reading): ToolCallPart {
  const called = objectOf(call, 'function') ?? {}
  const name = stringOf(called, 'name') ?? ''
  const given = called['arguments']
  const input = isObject(given) ? given : typeof given === 'string' ? parseObject(given) : null
  const json = typeof given === 'string' ? given : JSON.stringify(input ?? {})
  if (!customTools.has(name)) return { type: 'tool_call', kind: 'function', id, name, arguments: json }
  return { type: 'tool_call', kind: 'custom', id, name, arguments: stringOf(input ?? {}, 'input') ?? json }
}

export function logprobsOf(line: JsonObject): readonly TokenLogprob[] {
  const tokenOf = (token: JsonObject): { token: string; logprob: number; bytes: readonly number[] | null } => {
    const bytes = token['bytes']
    return {
      token: stringOf(token, 'token') ?? '',
      logprob: numberOf(token, 'logprob') ?? 0,
      bytes: Array.isArray(bytes) ? bytes.filter((byte): byte is number => typeof byte === 'number') : null,
    }
  }
  return objectsOf(line, 'logprobs').map((token) => ({
    ...tokenOf(token),
    top: objectsOf(token, 'top_logprobs').map(tokenOf),
  }))
}
