// Normal form → event stream of OpenAI Responses.
//
// Blocks become items: consecutive texts one message, consecutive thoughts of one id one reasoning item, each call its own.
// An item is begun with its first content, so that empty blocks leave no trace, and ended when something else begins or
// nothing follows. Items may overlap, as parallel calls do: each event names its place in the output. What the response is
// in the end — status, usage, all items — stands in its last event.
import type { Part, RefusalPart, TextPart, ToolCallPart } from '../core/chat.ts'
import type { Finish, TokenLogprob } from '../core/chat-answer.ts'
import type { BlockDelta, ChatEvent } from '../core/chat-events.ts'
import { annotationOf, logprobJson } from '../core/formats/responses-items.ts'
import { signatureItem } from '../core/formats/responses-reasoning.ts'
import type { JsonObject } from '../core/json.ts'
import { writtenOnce } from '../core/json-once.ts'
import { stringOf } from '../core/json-read.ts'
import type { Usage } from '../core/usage.ts'
import { callItem, contentJson, endOf, itemIds, otherItem, responseJson } from './openai-responses-answer.ts'
import { ResponseOutput } from './openai-responses-output.ts'
import type { Container } from './openai-responses-output.ts'
import { appendThought, endThought, joinThought } from './openai-responses-thoughts.ts'
import type { ThoughtBlock } from './openai-responses-thoughts.ts'
import { namespacesOf } from './openai-responses-namespaces.ts'
import type { AnswerContext, StreamWriter } from './translator.ts'

const FAMILY = 'openai-responses'

type TextBlock = {
  readonly kind: 'text'
  part: TextPart | RefusalPart
  container: Container | null
  index: number
  logprobs: TokenLogprob[]
}
type CallBlock = { readonly kind: 'call'; part: ToolCallPart; readonly place: number; readonly id: string }
type OtherBlock = { readonly kind: 'other'; readonly part: Part; readonly data: string[] }
type Block = TextBlock | ThoughtBlock | CallBlock | OtherBlock

export function responsesStreamWriter(context: AnswerContext): StreamWriter {
  const output = new ResponseOutput(itemIds(context))
  const namespaces = namespacesOf(context.body)
  const blocks = new Map<number, Block>()
  let hasStarted = false
  let hasEnded = false
  let created = context.created
  let tokens: readonly TokenLogprob[] = []
  let finish: Finish = { unified: 'other', raw: null }
  let usage: Usage | null = null
  let serviceTier: string | null = null
  let facts: JsonObject = {}

  function start(): string {
    if (hasStarted) return ''
    hasStarted = true
    const response = responseJson(context, {
      created,
      output: [],
      usage: null,
      serviceTier,
      status: 'in_progress',
      error: null,
      incompleteReason: null,
    })
    return output.sse('response.created', { response }) + output.sse('response.in_progress', { response })
  }

  function write(event: ChatEvent): string {
    switch (event.type) {
      case 'start':
        created = event.created ?? context.created
        return start()
      case 'block_start':
        return event.choice === 0 ? start() + startBlock(event.block, event.part) : ''
      case 'block_delta': {
        const block = event.choice === 0 ? blocks.get(event.block) : undefined
        return block === undefined ? '' : writeDelta(block, event.delta)
      }
      case 'block_end':
        return event.choice === 0 ? endBlock(event.block) : ''
      case 'logprobs':
        if (event.choice === 0) tokens = [...tokens, ...event.tokens]
        return ''
      case 'finish':
        if (event.choice === 0) finish = event.finish
        return ''
      case 'usage':
        usage = event.usage
        return ''
      case 'facts':
        if (event.serviceTier !== undefined) serviceTier = event.serviceTier
        facts = { ...facts, ...event.raw?.[FAMILY] }
        return ''
      case 'ping':
        return ''
      case 'error':
        return fail(event.message, event.code)
      case 'end':
        return end()
    }
  }

  function startBlock(number: number, part: Part): string {
    switch (part.type) {
      case 'text':
      case 'refusal': {
        const empty = part.type === 'text' ? { ...part, text: '', citations: [] } : { ...part, text: '' }
        const block: TextBlock = { kind: 'text', part: empty, container: null, index: 0, logprobs: [] }
        blocks.set(number, block)
        const citations = part.type === 'text' ? (part.citations ?? []) : []
        return appendText(block, part.text) + citations.map((one) => cite(block, one)).join('')
      }
      case 'audio': {
        const block: TextBlock = {
          kind: 'text',
          part: { type: 'text', text: '' },
          container: null,
          index: 0,
          logprobs: [],
        }
        blocks.set(number, block)
        return appendText(block, part.transcript ?? '')
      }
      case 'reasoning': {
        const block: ThoughtBlock = { kind: 'thought', part: { ...part, text: '' }, container: null, index: -1 }
        blocks.set(number, block)
        const text = part.signature !== null || part.encrypted !== null ? joinThought(output, block) : ''
        return text + appendThought(output, block, part.text)
      }
      case 'tool_call': {
        const left = output.leave()
        const call = namespaces === null ? part : namespaces.restored(part)
        const item = callItem(call, 'in_progress', output.nextId('fc'))
        const block: CallBlock = {
          kind: 'call',
          part: call,
          place: output.items.length,
          id: stringOf(item, 'id') ?? '',
        }
        blocks.set(number, block)
        const empty = part.kind === 'custom' ? { ...item, input: '' } : { ...item, arguments: '' }
        return left + output.added(empty) + (part.arguments === '' ? '' : callDelta(block, part.arguments))
      }
      case 'image':
      case 'opaque':
        blocks.set(number, { kind: 'other', part, data: [] })
        return ''
      case 'video':
      case 'file':
      case 'tool_result':
      case 'hosted_call':
        return ''
    }
  }

  function writeDelta(block: Block, delta: BlockDelta): string {
    switch (delta.type) {
      case 'text':
        if (block.kind === 'text') return appendText(block, delta.text)
        return block.kind === 'thought' ? appendThought(output, block, delta.text) : ''
      case 'transcript':
        return block.kind === 'text' ? appendText(block, delta.text) : ''
      case 'citation':
        return block.kind === 'text' ? cite(block, delta.citation) : ''
      case 'arguments':
        if (block.kind !== 'call') return ''
        block.part = { ...block.part, arguments: block.part.arguments + delta.json }
        return callDelta(block, delta.json)
      case 'signature':
        if (block.kind === 'call') block.part = { ...block.part, signature: delta.signature }
        if (block.kind !== 'thought') return ''
        block.part = { ...block.part, signature: delta.signature }
        return joinThought(output, block)
      case 'encrypted':
        if (block.kind !== 'thought') return ''
        block.part = { ...block.part, encrypted: delta.data }
        return joinThought(output, block)
      case 'data':
        if (block.kind === 'other') block.data.push(delta.data)
        return ''
      case 'opaque':
        return ''
    }
  }

  function joinMessage(block: TextBlock): { readonly item: Container; readonly text: string } {
    if (block.container !== null) return { item: block.container, text: '' }
    const { item, text } = output.join(block.part)
    block.container = item
    block.index = item.content.push({}) - 1
    const part = contentJson({ ...block.part, text: '' }, [])
    const where = { item_id: item.id, output_index: item.place, content_index: block.index }
    return { item, text: text + output.sse('response.content_part.added', { ...where, part }) }
  }

  function appendText(block: TextBlock, delta: string): string {
    if (delta === '') return ''
    const { item, text } = joinMessage(block)
    block.part = { ...block.part, text: block.part.text + delta }
    const where = { item_id: item.id, output_index: item.place, content_index: block.index, delta }
    if (block.part.type === 'refusal') return text + output.sse('response.refusal.delta', where)
    const logprobs = tokens.map(logprobJson)
    if (tokens.length > 0) block.logprobs = [...block.logprobs, ...tokens]
    tokens = []
    return text + output.sse('response.output_text.delta', { ...where, logprobs })
  }

  function cite(block: TextBlock, citation: NonNullable<TextPart['citations']>[number]): string {
    if (block.part.type !== 'text') return ''
    const annotation = annotationOf(citation, block.part.text.length)
    if (annotation === null) return ''
    const { item, text } = joinMessage(block)
    const citations = [...(block.part.citations ?? []), citation]
    block.part = { ...block.part, citations }
    return (
      text +
      output.sse('response.output_text.annotation.added', {
        item_id: item.id,
        output_index: item.place,
        content_index: block.index,
        annotation_index: citations.length - 1,
        annotation,
      })
    )
  }

  function callDelta(block: CallBlock, delta: string): string {
    const type =
      block.part.kind === 'custom' ? 'response.custom_tool_call_input.delta' : 'response.function_call_arguments.delta'
    return output.sse(type, { item_id: block.id, output_index: block.place, delta })
  }

  function endBlock(number: number): string {
    const block = blocks.get(number)
    blocks.delete(number)
    switch (block?.kind) {
      case undefined:
        return ''
      case 'text':
        return endText(block)
      case 'thought':
        return endThought(output, block)
      case 'call':
        return endCall(block)
      case 'other': {
        const item = otherItem(withData(block), output.nextId('ig'))
        return item === null ? '' : output.whole(item)
      }
    }
  }

  function endText(block: TextBlock): string {
    const item = block.container
    if (item === null) return ''
    if (tokens.length > 0) block.logprobs = [...block.logprobs, ...tokens]
    tokens = []
    // It is told four times at its end: here, in its part, its item and the response.
    const words = writtenOnce(block.part.text)
    const told = contentJson(block.part, block.logprobs)
    const part = block.part.type === 'refusal' ? { ...told, refusal: words } : { ...told, text: words }
    item.content[block.index] = part
    const where = { item_id: item.id, output_index: item.place, content_index: block.index }
    const text =
      block.part.type === 'refusal'
        ? output.sse('response.refusal.done', { ...where, refusal: words })
        : output.sse('response.output_text.done', { ...where, text: words, logprobs: told['logprobs'] })
    return text + output.sse('response.content_part.done', { ...where, part }) + output.closeBlock(item)
  }

  function endCall(block: CallBlock): string {
    const item = callItem(block.part, 'completed', block.id)
    const where = { item_id: block.id, output_index: block.place }
    const ended =
      block.part.kind === 'custom'
        ? output.sse('response.custom_tool_call_input.done', { ...where, input: block.part.arguments })
        : output.sse('response.function_call_arguments.done', {
            ...where,
            name: block.part.name,
            arguments: item['arguments'],
          })
    const text = ended + output.done(block.place, item)
    const proof = signatureItem(block.part, output.nextId('rs'))
    return proof === null ? text : text + output.whole(proof)
  }

  function fail(message: string, code: string | null): string {
    hasEnded = true
    const error = { message, code: code ?? 'server_error', param: null }
    // SDKs look for the fields at the top, or for an `error` that holds them.
    return start() + output.sse('error', { ...error, error: { ...error, type: 'server_error' } })
  }

  function end(): string {
    if (hasEnded) return ''
    hasEnded = true
    const text = start() + output.leave()
    const state = endOf(finish)
    const response = {
      ...facts,
      ...responseJson(context, { created, output: output.items, usage, serviceTier, ...state }),
    }
    return text + output.sse(`response.${state.status}`, { response })
  }

  return { write, end: () => (hasEnded ? '' : end()) }
}

/** An image with the data that came for it. Pieces of base64 may each end in padding: then their bytes are joined. */
function withData({ part, data }: OtherBlock): Part {
  if (part.type !== 'image' || part.source.type !== 'inline' || data.length === 0) return part
  const pieces = [part.source.data, ...data].filter((piece) => piece !== '')
  const joined = pieces.length === 1 ? (pieces[0] ?? '') : btoa(pieces.map((piece) => atob(piece)).join(''))
  return { ...part, source: { ...part.source, data: joined } }
}
