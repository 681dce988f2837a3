// Whole answer of Cohere's chat → normal form.
import { rawOf } from '../../core/chat.ts'
import type { Citation, Part, ReasoningPart, ToolCallPart } from '../../core/chat.ts'
import { finishWith, ProblemError } from '../../core/chat-answer.ts'
import type { ChatAnswer, Finish, FinishReason } from '../../core/chat-answer.ts'
import { wholeArguments } from '../../core/formats/openai-message.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { namesOf, numberOf, objectOf, objectsOf, parseObject, restOf, stringOf } from '../../core/json-read.ts'
import { PLAIN_READING } from '../chat-codec.ts'
import type { Reading } from '../chat-codec.ts'
import { usageOfCohere } from './usage.ts'

const FAMILY = 'cohere-chat'

const FINISH: { readonly [word in string]?: FinishReason } = {
  COMPLETE: 'stop',
  STOP_SEQUENCE: 'stop',
  MAX_TOKENS: 'length',
  TOOL_CALL: 'tool_calls',
  ERROR_TOXIC: 'content_filter',
  ERROR: 'error',
  TIMEOUT: 'error',
}

const ANSWER_FIELDS = namesOf('id message finish_reason usage')

export function finishOfWord(word: string | null): Finish {
  return { unified: word === null ? 'other' : (FINISH[word] ?? 'other'), raw: word }
}

/** Throws ProblemError when there is no answer in it. */
export function readCohereAnswer(body: unknown, reading: Reading = PLAIN_READING): ChatAnswer {
  if (!isObject(body)) throw new ProblemError('the answer is not an object')
  const message = objectOf(body, 'message')
  if (message === null) {
    const said = stringOf(body, 'message')
    throw new ProblemError(said === null ? 'the answer holds no message' : `an error inside a 200: ${said}`)
  }
  const parts = partsOf(message, reading)
  const finish = finishOfWord(stringOf(body, 'finish_reason'))
  if (finish.unified === 'error' && parts.length === 0)
    throw new ProblemError(`the answer is empty and ended with ${finish.raw}`)
  const usage = objectOf(body, 'usage')
  return {
    id: stringOf(body, 'id') || null,
    model: null,
    created: null,
    choices: [{ index: 0, parts, finish: finishWith(finish, parts), logprobs: null }],
    usage: usage === null ? null : usageOfCohere(usage),
    rawUsage: usage,
    serviceTier: null,
    warnings: [],
    ...rawOf(FAMILY, restOf(body, ANSWER_FIELDS)),
  }
}

function partsOf(message: JsonObject, reading: Reading): readonly Part[] {
  const parts: Part[] = []
  const plan = stringOf(message, 'tool_plan') ?? ''
  if (plan !== '') parts.push({ ...EMPTY_PLAN, text: plan })
  const citations = objectsOf(message, 'citations')
  const content = message['content']
  if (typeof content === 'string') parts.push(...textPart(content, citations))
  else
    for (const [index, block] of objectsOf(message, 'content').entries()) {
      const kind = stringOf(block, 'type')
      if (kind === 'text')
        parts.push(
          ...textPart(
            stringOf(block, 'text') ?? '',
            citations.filter((one) => isOf(one, index)),
          ),
        )
      else if (kind === 'thinking') parts.push({ ...EMPTY_THOUGHT, text: stringOf(block, 'thinking') ?? '' })
      else parts.push({ type: 'opaque', family: FAMILY, value: block })
    }
  for (const call of objectsOf(message, 'tool_calls')) parts.push(toolCallOf(call, reading))
  return parts
}

/** Without an index, as older answers have them, citations are of the first block. */
function isOf(citation: JsonObject, index: number): boolean {
  return (
    (stringOf(citation, 'type') ?? 'TEXT_CONTENT') === 'TEXT_CONTENT' &&
    (numberOf(citation, 'content_index') ?? 0) === index
  )
}

function textPart(text: string, citations: readonly JsonObject[]): readonly Part[] {
  if (text === '') return []
  return [{ type: 'text', text, ...(citations.length > 0 ? { citations: citations.map(citationOf) } : {}) }]
}

export const EMPTY_THOUGHT: ReasoningPart = {
  type: 'reasoning',
  text: '',
  signature: null,
  encrypted: null,
  family: FAMILY,
}

/** What the model means to do with tools: a thought that has a place of its own in the message. */
export const EMPTY_PLAN: ReasoningPart = { ...EMPTY_THOUGHT, raw: { [FAMILY]: { tool_plan: true } } }

/** A call, or the start of one. A tool that was sent in another guise comes back as what it was. */
export function toolCallOf(call: JsonObject, { customTools }: Reading): ToolCallPart {
  const called = objectOf(call, 'function') ?? {}
  const name = stringOf(called, 'name') ?? ''
  const json = wholeArguments(stringOf(called, 'arguments') ?? '')
  const base = { type: 'tool_call', id: stringOf(call, 'id') ?? '', name } as const
  if (!customTools.has(name)) return { ...base, kind: 'function', arguments: json }
  return { ...base, kind: 'custom', arguments: customInput(json) }
}

export function customInput(json: string): string {
  return stringOf(parseObject(json) ?? {}, 'input') ?? json
}

export function citationOf(citation: JsonObject): Citation {
  const source = objectsOf(citation, 'sources')[0] ?? {}
  const document = objectOf(source, 'document') ?? objectOf(source, 'tool_output') ?? {}
  return {
    url: stringOf(document, 'url'),
    title: stringOf(document, 'title') ?? stringOf(source, 'id'),
    citedText: null,
    start: numberOf(citation, 'start'),
    end: numberOf(citation, 'end'),
    ...rawOf(FAMILY, citation),
  }
}
