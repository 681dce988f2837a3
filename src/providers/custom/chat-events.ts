// Stream of an API of somebody's own → events. Where it has none, its whole answer is told as one.
import { eventsOf } from '../../core/chat-assembler.ts'
import { ChatEventBuilder } from '../../core/chat-builder.ts'
import { ProblemError } from '../../core/chat-answer.ts'
import type { ChatEvent } from '../../core/chat-events.ts'
import type { CustomFormat, CustomStream } from '../../core/custom-format.ts'
import type { JsonValue } from '../../core/json.ts'
import { readPointer } from '../../core/json-pointer.ts'
import { PLAIN_READING } from '../chat-codec.ts'
import type { Reading, StreamReader } from '../chat-codec.ts'
import { readCustomAnswer } from './chat-answer.ts'
import { errorAt, finishAt, textAt, usageAt } from './places.ts'

export function customStreamReader(reading: Reading = PLAIN_READING): StreamReader {
  const { custom } = reading
  if (custom === undefined) throw new Error('a stream of a custom provider without its description')
  return custom.stream === null ? wholeReader(reading) : eventReader(custom, custom.stream)
}

function eventReader(custom: CustomFormat, stream: CustomStream): StreamReader {
  const builder = new ChatEventBuilder('custom')
  /** What was told of each kind, where events hold all that there is so far. */
  const told = { text: '', reasoning: '' }

  function append(kind: 'text' | 'reasoning', found: string): void {
    if (stream.textIs === 'delta') return builder.append(0, kind, found)
    // What does not go on from what was told cannot be taken back.
    if (!found.startsWith(told[kind])) return undefined
    builder.append(0, kind, found.slice(told[kind].length))
    told[kind] = found
    return undefined
  }

  function read(data: string): void {
    if (stream.done !== undefined && data.trim() === stream.done) return end()
    const value = parsed(data)
    if (value === undefined) return builder.fail('an event of the stream is not JSON', null)
    const error = errorAt(value, stream)
    if (error !== null) return builder.fail(error, null)
    builder.start({ id: null, model: null, created: null })
    append('reasoning', textAt(value, stream.reasoning))
    append('text', textAt(value, stream.text))
    const used = usageAt(value, stream)
    if (used !== null) builder.usage(used.usage, used.raw)
    const finish = finishAt(value, stream, custom)
    if (finish !== null) builder.finish(0, finish)
    const last = stream.end === undefined ? undefined : readPointer(value, stream.end)
    if (last !== undefined && last !== null && last !== false && last !== '') end()
    return undefined
  }

  function end(): void {
    builder.finish(0, { unified: 'stop', raw: null })
    builder.end()
  }

  return builder.reader((_type, data) => read(data))
}

function parsed(data: string): JsonValue | undefined {
  try {
    return JSON.parse(data) as JsonValue
  } catch {
    return undefined
  }
}

/** The one event is the whole body. */
function wholeReader(reading: Reading): StreamReader {
  let isRead = false
  const failed = (message: string): readonly ChatEvent[] => [{ type: 'error', message, code: null }]
  return {
    read(_type, data) {
      if (isRead) return []
      isRead = true
      const value = parsed(data)
      if (value === undefined) return failed('the answer is not JSON')
      try {
        return eventsOf(readCustomAnswer(value, reading))
      } catch (error) {
        if (error instanceof ProblemError) return failed(error.message)
        throw error
      }
    },
    end: () => (isRead ? [] : failed('the answer is empty')),
  }
}
