// Normal form → event stream of Anthropic messages.
//
// Blocks stand one after the other here, so what comes of a block while another is open waits for its turn. The end of the
// message (why it stopped, what it used) is told when the provider's stream is over, for many tell their usage last.
import type { Part } from '../core/chat.ts'
import type { Finish } from '../core/chat-answer.ts'
import type { BlockDelta, ChatEvent } from '../core/chat-events.ts'
import { citationJson } from '../core/formats/anthropic-blocks.ts'
import { disguised } from '../core/formats/foreign-proofs.ts'
import type { JsonObject } from '../core/json.ts'
import type { Usage } from '../core/usage.ts'
import { blockOf, messageId, proofOfCall, stopFields, usageJson } from './anthropic-messages-answer.ts'
import type { AnswerContext, StreamWriter } from './translator.ts'

const FAMILY = 'anthropic-messages'

type Block = {
  readonly part: Part
  /** Its place in this stream; -1: it is not told. */
  readonly index: number
  /** A custom tool's input, which is JSON only when it is whole. */
  input: string
}

function sse(type: string, data: JsonObject): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`
}

export function anthropicStreamWriter(context: AnswerContext): StreamWriter {
  let hasStarted = false
  let hasEnded = false
  let id: string | null = null
  let next = 0
  let current: { readonly number: number; readonly block: Block } | null = null
  /** Events of blocks that are not at their turn. */
  let waiting: ChatEvent[] = []
  let finish: Finish = { unified: 'other', raw: null }
  let usage: Usage | null = null
  let tier: string | null = null
  let facts: JsonObject = {}

  function start(): string {
    if (hasStarted) return ''
    hasStarted = true
    const message = {
      ...facts,
      id: messageId(id, context),
      type: 'message',
      role: 'assistant',
      model: context.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: usageJson(usage, tier),
    }
    return sse('message_start', { message })
  }

  function write(event: ChatEvent): string {
    switch (event.type) {
      case 'start':
        id = event.id
        return ''
      case 'facts':
        if (event.serviceTier !== undefined) tier = event.serviceTier
        facts = { ...facts, ...event.raw?.[FAMILY] }
        return ''
      case 'usage':
        usage = event.usage
        return ''
      case 'block_start':
      case 'block_delta':
      case 'block_end':
        return event.choice === 0 ? start() + inTurn(event) : ''
      case 'finish':
        if (event.choice === 0) finish = event.finish
        return ''
      case 'logprobs':
        return ''
      case 'ping':
        return `${start()}event: ping\ndata: {"type":"ping"}\n\n`
      case 'error':
        hasEnded = true
        return sse('error', { error: { type: event.code ?? 'api_error', message: event.message } })
      case 'end':
        return end()
    }
  }

  function inTurn(event: Extract<ChatEvent, { readonly block: number }>): string {
    if (current !== null && current.number !== event.block) {
      waiting.push(event)
      return ''
    }
    switch (event.type) {
      case 'block_start': {
        const { text, index } = opened(event.part)
        current = { number: event.block, block: { part: event.part, index, input: '' } }
        return text
      }
      case 'block_delta':
        return current === null ? '' : deltaOf(current.block, event.delta)
      case 'block_end': {
        if (current === null) return ''
        const text = closed(current.block)
        current = null
        return text + resume()
      }
    }
  }

  /** What waited for the block that has just ended. */
  function resume(): string {
    const events = waiting
    waiting = []
    let text = ''
    for (const event of events) text += write(event)
    return text
  }

  function opened(part: Part): { text: string; index: number } {
    const proof = part.type === 'tool_call' ? proofOfCall(part) : null
    const before = proof === null ? '' : begun(proof) + sse('content_block_stop', { index: next - 1 })
    const block = startOf(part)
    return block === null ? { text: before, index: -1 } : { text: before + begun(block), index: next - 1 }
  }

  function begun(block: JsonObject): string {
    return sse('content_block_start', { index: next++, content_block: block })
  }

  function closed(block: Block): string {
    if (block.index < 0) return ''
    const input =
      block.part.type === 'tool_call' && block.part.kind === 'custom' ? JSON.stringify({ input: block.input }) : ''
    const owed = input === '' ? '' : told(block.index, { type: 'input_json_delta', partial_json: input })
    return owed + sse('content_block_stop', { index: block.index })
  }

  function deltaOf(block: Block, delta: BlockDelta): string {
    if (block.index < 0) return ''
    switch (delta.type) {
      case 'text':
        return block.part.type === 'reasoning'
          ? told(block.index, { type: 'thinking_delta', thinking: delta.text })
          : told(block.index, { type: 'text_delta', text: delta.text })
      case 'arguments':
        if (block.part.type === 'tool_call' && block.part.kind === 'custom') {
          block.input += delta.json
          return ''
        }
        return told(block.index, { type: 'input_json_delta', partial_json: delta.json })
      case 'signature':
        return toldProof(block, delta.signature, null)
      case 'encrypted':
        return toldProof(block, null, delta.data)
      case 'citation': {
        const citation = citationJson(delta.citation)
        return citation === null ? '' : told(block.index, { type: 'citations_delta', citation })
      }
      case 'transcript':
        return told(block.index, { type: 'text_delta', text: delta.text })
      case 'opaque':
        return told(block.index, delta.value)
      case 'data':
        return ''
    }
  }

  /** A proof of another vendor's goes in disguise; Anthropic's own encrypted thoughts stand in the start of their block. */
  function toldProof({ part, index }: Block, signature: string | null, encrypted: string | null): string {
    if (part.type !== 'reasoning') return ''
    const proof = part.family === FAMILY ? signature : disguised({ ...part, signature, encrypted })
    return proof === null ? '' : told(index, { type: 'signature_delta', signature: proof })
  }

  function told(index: number, delta: JsonObject): string {
    return `event: content_block_delta\ndata: ${JSON.stringify({ type: 'content_block_delta', index, delta })}\n\n`
  }

  function end(): string {
    if (hasEnded) return ''
    hasEnded = true
    const delta = stopFields(finish)
    const { container, context_management: management } = facts
    return (
      start() +
      sse('message_delta', {
        delta: { ...delta, ...(container === undefined ? {} : { container }) },
        usage: usageJson(usage, null),
        ...(management === undefined ? {} : { context_management: management }),
      }) +
      sse('message_stop', {})
    )
  }

  return { write, end: () => (hasEnded ? '' : end()) }
}

/** The block as its start tells it; null when this dialect has no place for it. */
function startOf(part: Part): JsonObject | null {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return { type: 'text', text: part.text }
    case 'reasoning':
      if (part.encrypted !== null) return blockOf(part)
      return { type: 'thinking', thinking: part.text, signature: '' }
    case 'tool_call':
      return { ...part.raw?.[FAMILY], type: 'tool_use', id: part.id, name: part.name, input: {} }
    case 'hosted_call':
      return part.family === FAMILY ? { ...part.value, input: {} } : null
    case 'audio':
      return { type: 'text', text: part.transcript ?? '' }
    case 'opaque':
    case 'image':
    case 'video':
    case 'file':
    case 'tool_result':
      return blockOf(part)
  }
}
