// Stream of Anthropic's messages → events.
// https://platform.claude.com/docs/en/build-with-claude/streaming
import type { Part } from '../../core/chat.ts'
import { ChatEventBuilder } from '../../core/chat-builder.ts'
import { unfolded } from '../../core/chat-assembler.ts'
import { citationOfBlock, partOfBlock } from '../../core/formats/anthropic-blocks.ts'
import type { JsonObject } from '../../core/json.ts'
import { numberOf, objectOf, objectsOf, parseObject, restOf, stringOf } from '../../core/json-read.ts'
import { PLAIN_READING } from '../chat-codec.ts'
import type { Reading, StreamReader } from '../chat-codec.ts'
import { finishForReading, finishOf, ownFields } from './chat-answer.ts'
import { mergeUsage, usageOfAnthropic } from './usage.ts'

const FAMILY = 'anthropic-messages'
const DELTA_FIELDS = new Set(['type', 'delta', 'usage'])

export function anthropicStreamReader(reading: Reading = PLAIN_READING): StreamReader {
  const builder = new ChatEventBuilder(FAMILY)
  /** Inputs of custom tools: JSON that can be read only when it is whole. */
  const customInputs = new Map<number, string>()
  let usage: JsonObject | null = null
  let tier: string | null = null

  function read(data: string): void {
    const event = parseObject(data)
    if (event === null) return builder.fail('an event of the stream is not a JSON object', null)
    switch (stringOf(event, 'type')) {
      case 'message_start':
        return readStart(objectOf(event, 'message') ?? {})
      case 'content_block_start':
        return openBlock(numberOf(event, 'index') ?? 0, objectOf(event, 'content_block') ?? {})
      case 'content_block_delta':
        return readDelta(numberOf(event, 'index') ?? 0, objectOf(event, 'delta') ?? {})
      case 'content_block_stop':
        return closeBlock(numberOf(event, 'index') ?? 0)
      case 'message_delta':
        return readEnd(event)
      case 'message_stop':
        return builder.end()
      case 'ping':
        return builder.ping()
      case 'error': {
        const error = objectOf(event, 'error') ?? {}
        return builder.fail(stringOf(error, 'message') ?? 'unknown', stringOf(error, 'type'))
      }
      default:
        // The API says that event types may be added at any time.
        return undefined
    }
  }

  function readStart(message: JsonObject): void {
    builder.start({ id: stringOf(message, 'id'), model: stringOf(message, 'model'), created: null })
    const said = objectOf(message, 'usage')
    if (said !== null) readUsage(said)
    builder.facts(ownFields(message), null)
    // A turn that goes on inside a hosted tool begins with its blocks, and even with its end.
    for (const [index, block] of objectsOf(message, 'content').entries()) {
      openBlock(index, block)
      closeBlock(index)
    }
    if (stringOf(message, 'stop_reason') !== null) builder.finish(0, finishForReading(finishOf(message), reading))
  }

  function readUsage(said: JsonObject): void {
    usage = mergeUsage(usage, said)
    builder.usage(usageOfAnthropic(usage), usage)
    const word = stringOf(said, 'service_tier')
    if (word !== null && word !== tier) {
      tier = word
      builder.facts(null, word)
    }
  }

  function openBlock(index: number, block: JsonObject): void {
    const part = partOfBlock(block)
    if (part.type === 'tool_call') {
      if (part.name === reading.jsonTool) return builder.open(0, index, { type: 'text', text: '' })
      if (reading.customTools.has(part.name)) {
        customInputs.set(index, '')
        return builder.open(0, index, { ...part, kind: 'custom', arguments: '' })
      }
    }
    const { start, deltas } = unfolded(part)
    builder.open(0, index, start)
    for (const delta of deltas)
      // `input: {}` at the start of a call is a place holder.
      if (delta.type !== 'arguments' || delta.json !== '{}') builder.delta(0, index, delta)
  }

  function readDelta(index: number, delta: JsonObject): void {
    const part = builder.partOf(0, index)
    if (part === null) return
    switch (stringOf(delta, 'type')) {
      case 'text_delta':
        return appendText(index, stringOf(delta, 'text'))
      case 'thinking_delta':
        return appendText(index, stringOf(delta, 'thinking'))
      case 'input_json_delta':
        return appendInput(index, part, stringOf(delta, 'partial_json') ?? '')
      case 'signature_delta': {
        const signature = stringOf(delta, 'signature')
        if (signature !== null && part.type === 'reasoning') builder.delta(0, index, { type: 'signature', signature })
        return
      }
      case 'citations_delta': {
        const citation = objectOf(delta, 'citation')
        if (citation !== null && part.type === 'text')
          builder.delta(0, index, { type: 'citation', citation: citationOfBlock(citation) })
        return
      }
      default:
        if (part.type === 'opaque') builder.delta(0, index, { type: 'opaque', value: delta })
    }
  }

  function appendText(index: number, text: string | null): void {
    const type = builder.partOf(0, index)?.type
    if (text !== null && text !== '' && (type === 'text' || type === 'reasoning'))
      builder.delta(0, index, { type: 'text', text })
  }

  function appendInput(index: number, part: Part, json: string): void {
    const held = customInputs.get(index)
    if (held !== undefined) customInputs.set(index, held + json)
    else if (part.type === 'text') appendText(index, json)
    else if (part.type === 'tool_call' || part.type === 'hosted_call')
      builder.delta(0, index, { type: 'arguments', json })
  }

  function closeBlock(index: number): void {
    const held = customInputs.get(index)
    if (held !== undefined) {
      customInputs.delete(index)
      builder.delta(0, index, { type: 'arguments', json: stringOf(parseObject(held) ?? {}, 'input') ?? held })
    }
    builder.close(0, index)
  }

  function readEnd(event: JsonObject): void {
    const delta = objectOf(event, 'delta') ?? {}
    const said = objectOf(event, 'usage')
    if (said !== null) readUsage(said)
    builder.facts(ownFields(delta), null)
    builder.facts(restOf(event, DELTA_FIELDS), null)
    if (stringOf(delta, 'stop_reason') !== null) builder.finish(0, finishForReading(finishOf(delta), reading))
  }

  return builder.reader((_type, data) => read(data))
}
