// Stream of Bedrock's ConverseStream → events.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html
//
// Blocks follow each other; those of text have no start, and some models tell no end of them. What was used comes after
// the reason of the end, and there is no event after it: with both, the answer is complete.
import type { Part } from '../../core/chat.ts'
import { ChatEventBuilder } from '../../core/chat-builder.ts'
import type { JsonObject } from '../../core/json.ts'
import { namesOf, numberOf, objectOf, parseObject, restOf, stringOf } from '../../core/json-read.ts'
import { EXCEPTION, PLAIN_READING } from '../chat-codec.ts'
import type { Reading, StreamReader } from '../chat-codec.ts'
import { finishOf, tierOf } from './chat-answer.ts'
import { callOf, citationOf } from './chat-blocks.ts'
import { usageOfBedrock } from './usage.ts'

const FAMILY = 'bedrock-converse'
/** `p` is padding, against guessing the text by the size of its packets. */
const STOP_FIELDS = namesOf('stopReason p')
const KNOWN = namesOf('messageStart contentBlockStart contentBlockDelta contentBlockStop messageStop metadata')
const METADATA_FIELDS = namesOf('usage serviceTier p')

export function bedrockStreamReader(reading: Reading = PLAIN_READING): StreamReader {
  const builder = new ChatEventBuilder(FAMILY)
  /** Inputs of custom tools: JSON that can be read only when it is whole. */
  const customInputs = new Map<number, string>()
  let current: number | null = null
  let hasUsage = false

  function read(type: string, data: string): void {
    const event = parseObject(data)
    if (type.startsWith(EXCEPTION)) {
      const code = type.slice(EXCEPTION.length)
      return builder.fail((event === null ? null : stringOf(event, 'message')) ?? code, code)
    }
    if (event === null)
      return KNOWN.has(type) ? builder.fail('an event of the stream is not a JSON object', null) : undefined
    switch (type) {
      case 'messageStart':
        return builder.start({ id: null, model: null, created: null })
      case 'contentBlockStart':
        return openBlock(indexOf(event), objectOf(event, 'start') ?? {})
      case 'contentBlockDelta':
        return readDelta(indexOf(event), objectOf(event, 'delta') ?? {})
      case 'contentBlockStop':
        return closeBlock(indexOf(event))
      case 'messageStop':
        builder.finish(0, finishOf(event, reading))
        builder.facts(restOf(event, STOP_FIELDS))
        if (hasUsage) builder.end()
        return undefined
      case 'metadata':
        return readMetadata(event)
      default:
        // New types of events may come at any time.
        return undefined
    }
  }

  function indexOf(event: JsonObject): number {
    return numberOf(event, 'contentBlockIndex') ?? 0
  }

  function open(index: number, part: Part): void {
    if (current !== null && current !== index) closeBlock(current)
    current = index
    builder.open(0, index, part)
  }

  function openBlock(index: number, start: JsonObject): void {
    const toolUse = objectOf(start, 'toolUse')
    if (toolUse === null) {
      // An image, a result of a hosted tool: what it holds comes in deltas that only its family understands.
      if (Object.keys(start).length > 0) open(index, { type: 'opaque', family: FAMILY, value: start })
      return
    }
    const part = callOf(toolUse, '')
    if (part.type === 'tool_call') {
      if (part.name === reading.jsonTool) return open(index, { type: 'text', text: '' })
      if (reading.customTools.has(part.name)) {
        customInputs.set(index, '')
        return open(index, { ...part, kind: 'custom' })
      }
    }
    open(index, part)
  }

  function readDelta(index: number, delta: JsonObject): void {
    const text = stringOf(delta, 'text')
    if (text !== null) return appendText(index, { type: 'text', text: '' }, text)
    const toolUse = objectOf(delta, 'toolUse')
    if (toolUse !== null) return appendInput(index, stringOf(toolUse, 'input') ?? '')
    const reasoning = objectOf(delta, 'reasoningContent')
    if (reasoning !== null) return readReasoning(index, reasoning)
    const citation = objectOf(delta, 'citation')
    if (citation !== null) {
      if (!builder.isOpen(0, index)) open(index, { type: 'text', text: '' })
      if (builder.partOf(0, index)?.type === 'text')
        builder.delta(0, index, { type: 'citation', citation: citationOf(citation) })
      return
    }
    if (builder.partOf(0, index)?.type === 'opaque') builder.delta(0, index, { type: 'opaque', value: delta })
  }

  /** `part`: the block to open if none is. */
  function appendText(index: number, part: Part, text: string): void {
    if (text === '') return
    if (!builder.isOpen(0, index)) open(index, part)
    const type = builder.partOf(0, index)?.type
    if (type === 'text' || type === 'reasoning') builder.delta(0, index, { type: 'text', text })
  }

  function readReasoning(index: number, reasoning: JsonObject): void {
    const family = reading.thoughts ?? FAMILY
    const empty: Part = { type: 'reasoning', text: '', signature: null, encrypted: null, family }
    const text = stringOf(reasoning, 'text')
    if (text !== null) appendText(index, empty, text)
    const signature = stringOf(reasoning, 'signature')
    if (signature !== null && signature !== '') {
      if (!builder.isOpen(0, index)) open(index, empty)
      if (builder.partOf(0, index)?.type === 'reasoning') builder.delta(0, index, { type: 'signature', signature })
    }
    const encrypted = stringOf(reasoning, 'redactedContent')
    // It comes whole, and stands in the start of its block.
    if (encrypted !== null && !builder.isOpen(0, index)) open(index, { ...empty, encrypted })
  }

  function appendInput(index: number, json: string): void {
    const held = customInputs.get(index)
    if (held !== undefined) {
      customInputs.set(index, held + json)
      return
    }
    const type = builder.partOf(0, index)?.type
    if (type === 'text') appendText(index, { type: 'text', text: '' }, json)
    else if (type === 'tool_call' || type === 'hosted_call') builder.delta(0, index, { type: 'arguments', json })
  }

  function closeBlock(index: number): void {
    const held = customInputs.get(index)
    if (held !== undefined) {
      customInputs.delete(index)
      builder.delta(0, index, { type: 'arguments', json: stringOf(parseObject(held) ?? {}, 'input') ?? held })
    }
    builder.close(0, index)
    if (current === index) current = null
  }

  function readMetadata(event: JsonObject): void {
    const usage = objectOf(event, 'usage')
    builder.start({ id: null, model: null, created: null })
    if (usage !== null) {
      hasUsage = true
      builder.usage(usageOfBedrock(usage), usage)
    }
    builder.facts(restOf(event, METADATA_FIELDS), tierOf(event))
    if (hasUsage && builder.hasFinish) builder.end()
  }

  return builder.reader(read)
}
