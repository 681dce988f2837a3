// Stream of Cohere's chat → events.
// https://docs.cohere.com/v2/docs/streaming
//
// Citations of a text may come after its end, so a text stays open until something else begins.
import type { Part } from '../../core/chat.ts'
import { ChatEventBuilder } from '../../core/chat-builder.ts'
import type { JsonObject } from '../../core/json.ts'
import { namesOf, numberOf, objectOf, parseObject, restOf, stringOf } from '../../core/json-read.ts'
import { PLAIN_READING } from '../chat-codec.ts'
import type { Reading, StreamReader } from '../chat-codec.ts'
import { citationOf, customInput, EMPTY_PLAN, EMPTY_THOUGHT, finishOfWord, toolCallOf } from './chat-answer.ts'
import { usageOfCohere } from './usage.ts'

const FAMILY = 'cohere-chat'
const END_FIELDS = namesOf('finish_reason usage error')

export function cohereStreamReader(reading: Reading = PLAIN_READING): StreamReader {
  const builder = new ChatEventBuilder(FAMILY)
  /** Inputs of custom tools: JSON that can be read only when it is whole. */
  const customInputs = new Map<string, string>()
  let current: string | null = null

  function read(data: string): void {
    // Older streams end as OpenAI's do.
    if (data === '[DONE]') return builder.cut()
    const event = parseObject(data)
    if (event === null) return builder.fail('an event of the stream is not a JSON object', null)
    const index = numberOf(event, 'index') ?? 0
    const delta = objectOf(event, 'delta') ?? {}
    const message = objectOf(delta, 'message') ?? {}
    switch (stringOf(event, 'type')) {
      case 'message-start':
        return builder.start({ id: stringOf(event, 'id') || null, model: null, created: null })
      case 'tool-plan-delta':
        return append('plan', EMPTY_PLAN, stringOf(message, 'tool_plan'))
      case 'content-start':
        return openContent(index, objectOf(message, 'content') ?? {})
      case 'content-delta':
        return readContent(index, objectOf(message, 'content') ?? {})
      case 'content-end':
        return builder.partOf(0, `content ${index}`)?.type === 'text' ? undefined : close(`content ${index}`)
      case 'tool-call-start':
        return openCall(index, objectOf(message, 'tool_calls') ?? {})
      case 'tool-call-delta':
        return readArguments(index, objectOf(objectOf(message, 'tool_calls') ?? {}, 'function') ?? {})
      case 'tool-call-end':
        return close(`call ${index}`)
      case 'citation-start':
        return readCitation(objectOf(message, 'citations') ?? {})
      case 'message-end':
        return readEnd(delta)
      default:
        // New types of events may come at any time.
        return undefined
    }
  }

  function open(key: string, part: Part): void {
    if (current !== null && current !== key) close(current)
    current = key
    builder.open(0, key, part)
  }

  function append(key: string, part: Part, text: string | null): void {
    if (text === null || text === '') return
    if (!builder.isOpen(0, key)) open(key, part)
    const type = builder.partOf(0, key)?.type
    if (type === 'text' || type === 'reasoning') builder.delta(0, key, { type: 'text', text })
  }

  function openContent(index: number, content: JsonObject): void {
    const kind = stringOf(content, 'type')
    if (kind !== null && kind !== 'text' && kind !== 'thinking')
      return open(`content ${index}`, { type: 'opaque', family: FAMILY, value: content })
    // Opened by its first piece: an empty text is none.
    readContent(index, content)
  }

  function readContent(index: number, content: JsonObject): void {
    const key = `content ${index}`
    append(key, EMPTY_THOUGHT, stringOf(content, 'thinking'))
    append(key, { type: 'text', text: '' }, stringOf(content, 'text'))
    if (builder.partOf(0, key)?.type === 'opaque') builder.delta(0, key, { type: 'opaque', value: content })
  }

  function openCall(index: number, call: JsonObject): void {
    const key = `call ${index}`
    const part = toolCallOf(call, reading)
    const json = stringOf(objectOf(call, 'function') ?? {}, 'arguments') ?? ''
    if (part.kind === 'custom') customInputs.set(key, json)
    open(key, { ...part, arguments: '' })
    if (part.kind === 'function') builder.delta(0, key, { type: 'arguments', json })
  }

  function readArguments(index: number, called: JsonObject): void {
    const key = `call ${index}`
    const json = stringOf(called, 'arguments') ?? ''
    const held = customInputs.get(key)
    if (held !== undefined) customInputs.set(key, held + json)
    else builder.delta(0, key, { type: 'arguments', json })
  }

  function close(key: string): void {
    const held = customInputs.get(key)
    if (held !== undefined) {
      customInputs.delete(key)
      builder.delta(0, key, { type: 'arguments', json: customInput(held) })
    }
    builder.close(0, key)
    if (current === key) current = null
  }

  function readCitation(citation: JsonObject): void {
    const key = `content ${numberOf(citation, 'content_index') ?? 0}`
    if (builder.partOf(0, key)?.type === 'text')
      builder.delta(0, key, { type: 'citation', citation: citationOf(citation) })
  }

  function readEnd(delta: JsonObject): void {
    const word = stringOf(delta, 'finish_reason')
    const usage = objectOf(delta, 'usage')
    builder.start({ id: null, model: null, created: null })
    if (usage !== null) builder.usage(usageOfCohere(usage), usage)
    const error = stringOf(delta, 'error')
    if (error !== null && error !== '') return builder.fail(error, word)
    builder.facts(restOf(delta, END_FIELDS))
    if (current !== null) close(current)
    builder.finish(0, finishOfWord(word))
    builder.end()
  }

  return builder.reader((_type, data) => read(data))
}
