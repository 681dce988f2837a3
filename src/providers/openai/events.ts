// Stream events of an OpenAI-compatible host.
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { parseObject, stringOf } from '../../core/json-read.ts'
import { OpenChoices } from '../open-choices.ts'
import { type EventFacts, type EventReader, SILENT } from '../wire.ts'
import { deltaCharacters, messageOf } from './answer.ts'
import { usageOfOpenai } from './usage.ts'

/** Reads one event of an endpoint beside chat: `facts` by its type, unless it is an error or the end. */
export function readMediaEvent(data: string, facts: (event: JsonObject, type: string) => EventFacts): EventFacts {
  if (data === '[DONE]') return DONE
  const event = parseObject(data)
  if (event === null) return { ...SILENT, error: 'an event of the stream is no JSON object' }
  if (event['error'] !== undefined && event['error'] !== null) return { ...SILENT, error: messageOf(event['error']) }
  return facts(event, stringOf(event, 'type') ?? '')
}

const DONE: EventFacts = { ...SILENT, terminal: true }

/** A reader of one stream's events: whatever is unknown in them is nobody's trouble, but they must be JSON. */
export function openaiEventReader(): EventReader {
  const open = new OpenChoices()
  return (data) => readEvent(data, open)
}

function readEvent(data: string, open: OpenChoices): EventFacts {
  if (data === '[DONE]') return DONE
  let chunk: unknown
  try {
    chunk = JSON.parse(data)
  } catch {
    return { ...SILENT, error: 'an event of the stream is not JSON' }
  }
  if (!isObject(chunk)) return { ...SILENT, error: 'an event of the stream is not an object' }
  if (chunk['error'] !== undefined && chunk['error'] !== null) return { ...SILENT, error: messageOf(chunk['error']) }
  let meaningful = false
  let outputCharacters = 0
  let finishReason: string | null = null
  let rawUsage = chunk['usage']
  const choices = chunk['choices']
  if (Array.isArray(choices))
    for (let place = 0; place < choices.length; place++) {
      const choice: unknown = choices[place]
      if (!isObject(choice)) continue
      let says = false
      const delta = choice['delta']
      const text = choice['text']
      let characters = typeof text === 'string' ? text.length : 0
      if (isObject(delta)) {
        characters += deltaCharacters(delta)
        if (isObject(delta['audio']) || isObject(delta['function_call']) || Array.isArray(delta['images'])) says = true
      }
      if (characters > 0) says = true
      const index = typeof choice['index'] === 'number' ? choice['index'] : place
      if (says) {
        meaningful = true
        open.begin(index)
      }
      outputCharacters += characters
      if (typeof choice['finish_reason'] === 'string') {
        finishReason = choice['finish_reason']
        open.finish(index)
      }
      // Moonshot puts the usage of a stream into the last choice.
      if (!isObject(rawUsage) && isObject(choice['usage'])) rawUsage = choice['usage']
    }
  if (!isObject(rawUsage) && finishReason === null)
    return meaningful ? { ...SILENT, meaningful, outputCharacters, leavesOpen: open.areSome } : SILENT
  return {
    meaningful,
    outputCharacters,
    finishReason,
    leavesOpen: open.areSome,
    usage: isObject(rawUsage) ? usageOfOpenai(rawUsage) : null,
    rawUsage: isObject(rawUsage) ? JSON.stringify(rawUsage) : null,
    usageOnly: isObject(rawUsage) && Array.isArray(choices) && choices.length === 0,
    terminal: false,
    error: null,
  }
}
