// Stream events of Anthropic's API, as far as the path needs to know them.
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import { type EventFacts, type EventReader, SILENT } from '../wire.ts'
import { charactersOf, errorWords } from './answer.ts'
import { finishOf } from './chat-answer.ts'
import { mergeUsage, usageOfAnthropic } from './usage.ts'

const END: EventFacts = { ...SILENT, terminal: true }

/** A turn that goes on inside a hosted tool begins with its blocks, and even with its end: nothing else may follow. */
function readStart(message: JsonObject): EventFacts {
  const blocks = objectsOf(message, 'content')
  const finish = stringOf(message, 'stop_reason') === null ? null : finishOf(message).unified
  if (blocks.length === 0 && finish === null) return SILENT
  const outputCharacters = blocks.reduce((sum, block) => sum + charactersOf(block), 0)
  return { ...SILENT, meaningful: blocks.length > 0, outputCharacters, finishReason: finish }
}

/** A reader of one stream. The start tells what went in, the end what came out: usage is the one with the other over it. */
export function anthropicEventReader(): EventReader {
  let usage: JsonObject | null = null

  function withUsage(said: JsonObject | null, facts: EventFacts): EventFacts {
    if (said === null) return facts
    usage = mergeUsage(usage, said)
    return { ...facts, usage: usageOfAnthropic(usage), rawUsage: JSON.stringify(usage) }
  }

  return (data) => {
    let event: unknown
    try {
      event = JSON.parse(data)
    } catch {
      return { ...SILENT, error: 'an event of the stream is not JSON' }
    }
    if (!isObject(event)) return { ...SILENT, error: 'an event of the stream is not an object' }
    switch (event['type']) {
      case 'content_block_delta': {
        const delta = objectOf(event, 'delta')
        return delta === null ? SILENT : { ...SILENT, meaningful: true, outputCharacters: charactersOf(delta) }
      }
      case 'content_block_start': {
        const block = objectOf(event, 'content_block') ?? {}
        const type = stringOf(block, 'type')
        // A text or a thought begins empty; anything else is something to show already.
        return type === 'text' || type === 'thinking'
          ? SILENT
          : { ...SILENT, meaningful: true, outputCharacters: stringOf(block, 'name')?.length ?? 0 }
      }
      case 'message_start': {
        const message = objectOf(event, 'message') ?? {}
        return withUsage(objectOf(message, 'usage'), readStart(message))
      }
      case 'message_delta': {
        const delta = objectOf(event, 'delta') ?? {}
        const finish = stringOf(delta, 'stop_reason') === null ? null : finishOf(delta).unified
        return withUsage(objectOf(event, 'usage'), { ...SILENT, finishReason: finish })
      }
      case 'message_stop':
        return END
      case 'error':
        return { ...SILENT, error: errorWords(event) }
      default:
        // Pings, ends of blocks, and types that are added at any time.
        return SILENT
    }
  }
}
