// Whole answer of Anthropic's messages → normal form.
import { rawOf } from '../../core/chat.ts'
import type { Part } from '../../core/chat.ts'
import { finishWith, ProblemError } from '../../core/chat-answer.ts'
import type { ChatAnswer, Finish, FinishReason } from '../../core/chat-answer.ts'
import { partOfBlock } from '../../core/formats/anthropic-blocks.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { objectOf, objectsOf, parseObject, restOf, stringOf, namesOf } from '../../core/json-read.ts'
import { PLAIN_READING } from '../chat-codec.ts'
import type { Reading } from '../chat-codec.ts'
import { usageOfAnthropic } from './usage.ts'

const FAMILY = 'anthropic-messages'

const FINISH: { readonly [word in string]?: FinishReason } = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
  pause_turn: 'pause',
  compaction: 'pause',
}

const ANSWER_FIELDS = namesOf(`
  id type role model content usage stop_reason stop_sequence stop_details
`)

/** The end as a message, or the delta of one, tells it. */
export function finishOf(message: JsonObject): Finish {
  const word = stringOf(message, 'stop_reason')
  const sequence = stringOf(message, 'stop_sequence')
  const details = objectOf(message, 'stop_details')
  return {
    unified: word === null ? 'other' : (FINISH[word] ?? 'other'),
    raw: word,
    ...(sequence === null ? {} : { stopSequence: sequence }),
    ...(details === null ? {} : { details: { [FAMILY]: details } }),
  }
}

/** Fields of a message that have no place in the normal form (`container`, `context_management`, …). */
export function ownFields(message: JsonObject): JsonObject | null {
  return restOf(message, ANSWER_FIELDS)
}

/** Throws ProblemError when there is no answer in it. */
export function readAnthropicAnswer(body: unknown, reading: Reading = PLAIN_READING): ChatAnswer {
  if (!isObject(body)) throw new ProblemError('the answer is not an object')
  if (body['type'] === 'error' || isObject(body['error']))
    throw new ProblemError(`an error inside a 200: ${stringOf(objectOf(body, 'error') ?? {}, 'message') ?? 'unknown'}`)
  if (!Array.isArray(body['content'])) throw new ProblemError('the answer holds no content')
  const parts = objectsOf(body, 'content').map((block) => readAs(partOfBlock(block), reading))
  const usage = objectOf(body, 'usage')
  const finish = finishOf(body)
  return {
    id: stringOf(body, 'id'),
    model: stringOf(body, 'model'),
    created: null,
    choices: [{ index: 0, parts, finish: finishForReading(finishWith(finish, parts), reading), logprobs: null }],
    usage: usage === null ? null : usageOfAnthropic(usage),
    rawUsage: usage,
    serviceTier: usage === null ? null : stringOf(usage, 'service_tier'),
    warnings: [],
    ...rawOf(FAMILY, ownFields(body)),
  }
}

/** Tools that were sent in another guise come back as what they were. */
function readAs(part: Part, { customTools, jsonTool }: Reading): Part {
  if (part.type !== 'tool_call') return part
  if (part.name === jsonTool) return { type: 'text', text: part.arguments }
  if (!customTools.has(part.name)) return part
  const input = stringOf(parseObject(part.arguments) ?? {}, 'input')
  return { ...part, kind: 'custom', arguments: input ?? part.arguments }
}

/** The call of the tool that stood in for a schema is no call to the caller. */
export function finishForReading(finish: Finish, { jsonTool }: Reading): Finish {
  return jsonTool !== null && finish.unified === 'tool_calls' ? { ...finish, unified: 'stop' } : finish
}
