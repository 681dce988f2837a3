// Whole answer of Bedrock's Converse → normal form.
import { rawOf } from '../../core/chat.ts'
import type { Part } from '../../core/chat.ts'
import { finishWith, ProblemError } from '../../core/chat-answer.ts'
import type { ChatAnswer, Finish, FinishReason } from '../../core/chat-answer.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { namesOf, objectOf, objectsOf, parseObject, restOf, stringOf } from '../../core/json-read.ts'
import { PLAIN_READING } from '../chat-codec.ts'
import type { Reading } from '../chat-codec.ts'
import { partOfBlock } from './chat-blocks.ts'
import { usageOfBedrock } from './usage.ts'

const FAMILY = 'bedrock-converse'

const FINISH: { readonly [word in string]?: FinishReason } = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  guardrail_intervened: 'content_filter',
  content_filtered: 'content_filter',
  refusal: 'content_filter',
  malformed_model_output: 'error',
  malformed_tool_use: 'error',
}

const ANSWER_FIELDS = namesOf(`output stopReason usage serviceTier`)

/** The end as an answer, or the last but one event of a stream, tells it. */
export function finishOf(answer: JsonObject, { jsonTool }: Reading): Finish {
  const word = stringOf(answer, 'stopReason')
  const unified = word === null ? 'other' : (FINISH[word] ?? 'other')
  // Asked for by `additionalModelResponseFieldPaths`; in streams it stands in the model's own delta.
  const fields = objectOf(answer, 'additionalModelResponseFields') ?? {}
  const sequence = stringOf(objectOf(fields, 'delta') ?? fields, 'stop_sequence')
  return {
    // The call of the tool that stood in for a schema is no call to the caller.
    unified: jsonTool !== null && unified === 'tool_calls' ? 'stop' : unified,
    raw: word,
    ...(sequence === null ? {} : { stopSequence: sequence }),
  }
}

export function tierOf(answer: JsonObject): string | null {
  return stringOf(objectOf(answer, 'serviceTier') ?? {}, 'type')
}

/** Throws ProblemError when there is no answer in it. */
export function readBedrockAnswer(body: unknown, reading: Reading = PLAIN_READING): ChatAnswer {
  if (!isObject(body)) throw new ProblemError('the answer is not an object')
  const message = objectOf(objectOf(body, 'output') ?? {}, 'message')
  if (message === null) {
    const said = stringOf(body, 'message')
    throw new ProblemError(said === null ? 'the answer holds no message' : `an error inside a 200: ${said}`)
  }
  const parts = objectsOf(message, 'content').map((block) =>
    readAs(partOfBlock(block, reading.thoughts ?? FAMILY), reading),
  )
  const usage = objectOf(body, 'usage')
  return {
    id: null,
    model: null,
    created: null,
    choices: [{ index: 0, parts, finish: finishWith(finishOf(body, reading), parts), logprobs: null }],
    usage: usage === null ? null : usageOfBedrock(usage),
    rawUsage: usage,
    serviceTier: tierOf(body),
    warnings: [],
    ...rawOf(FAMILY, restOf(body, ANSWER_FIELDS)),
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
