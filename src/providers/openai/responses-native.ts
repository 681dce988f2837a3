// Answers and stream events of OpenAI's Responses as the native lane reads them: usage, end, soundness.
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import { type AnswerFacts, type EventFacts, SILENT } from '../wire.ts'
import { messageOf } from './answer.ts'
import { finishOfResponse, isSearch, usageOfResponses } from './responses-answer.ts'

const NOTHING: Omit<AnswerFacts, 'problem'> = { usage: null, rawUsage: null, finishReason: null, outputCharacters: 0 }

/** Reads usage, finish reason and soundness of a whole response. */
export function readResponsesFacts(text: string): AnswerFacts {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return { ...NOTHING, problem: text.trim() === '' ? 'the answer is empty' : 'the answer is not JSON' }
  }
  if (!isObject(body)) return { ...NOTHING, problem: 'the answer is not an object' }
  const { error } = body
  if (stringOf(body, 'status') === 'failed' || (error !== undefined && error !== null && body['output'] === undefined))
    return { ...NOTHING, ...usageFacts(body), problem: `an error inside a 200: ${messageOf(error)}` }
  if (!Array.isArray(body['output'])) return { ...NOTHING, problem: 'the answer holds no output' }
  const facts = usageFacts(body)
  // With usage reported nobody needs the characters.
  const outputCharacters =
    facts.usage === null ? objectsOf(body, 'output').reduce((sum, item) => sum + itemCharacters(item), 0) : 0
  return { ...facts, finishReason: finishOfResponse(body).raw, outputCharacters, problem: null }
}

function usageFacts(response: JsonObject): Pick<AnswerFacts, 'usage' | 'rawUsage'> {
  const usage = objectOf(response, 'usage')
  if (usage === null) return { usage: null, rawUsage: null }
  const searches = objectsOf(response, 'output').filter(isSearch).length
  return { usage: usageOfResponses(usage, searches), rawUsage: JSON.stringify(usage) }
}

/** Characters of everything in an item that a model has produced. */
function itemCharacters(item: JsonObject): number {
  let sum = 0
  for (const name of ['name', 'arguments', 'input', 'code'] as const) sum += stringOf(item, name)?.length ?? 0
  for (const list of ['content', 'summary'] as const)
    for (const piece of objectsOf(item, list))
      sum += (stringOf(piece, 'text') ?? stringOf(piece, 'refusal') ?? '').length
  return sum
}

/** Items that say nothing by being begun: their text follows. */
const QUIET_ITEMS: ReadonlySet<string | null> = new Set(['message', 'reasoning', null])

/** Reads one event's data; whatever is unknown in it is nobody's trouble, but it must be JSON. */
export function readResponsesEvent(data: string): EventFacts {
  if (data === '[DONE]') return SILENT
  let event: unknown
  try {
    event = JSON.parse(data)
  } catch {
    return { ...SILENT, error: 'an event of the stream is not JSON' }
  }
  if (!isObject(event)) return { ...SILENT, error: 'an event of the stream is not an object' }
  const type = stringOf(event, 'type') ?? ''
  const response = objectOf(event, 'response') ?? {}
  switch (type) {
    case 'response.completed':
    case 'response.incomplete':
      return { ...SILENT, ...usageFacts(response), finishReason: finishOfResponse(response).raw, terminal: true }
    case 'response.failed':
    case 'response.cancelled':
      return {
        ...SILENT,
        ...usageFacts(response),
        error: messageOf(
          response['error'] ?? (type === 'response.failed' ? 'the response has failed' : 'the response was cancelled'),
        ),
      }
    case 'error':
      return { ...SILENT, error: messageOf(event['error'] ?? event) }
    case 'response.output_item.added': {
      const item = objectOf(event, 'item') ?? {}
      if (QUIET_ITEMS.has(stringOf(item, 'type'))) return SILENT
      return { ...SILENT, meaningful: true, outputCharacters: stringOf(item, 'name')?.length ?? 0 }
    }
  }
  const delta = type.endsWith('.delta') ? stringOf(event, 'delta') : null
  return delta === null || delta === '' ? SILENT : { ...SILENT, meaningful: true, outputCharacters: delta.length }
}
