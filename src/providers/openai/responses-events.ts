// Stream events of OpenAI's Responses → events.
//
// Items are known by their place in the output: some hosts give an item another id in each event. Whatever a `done` event
// says beyond its deltas is told then, so hosts that send no deltas, or not all of them, lose nothing.
import { ChatEventBuilder } from '../../core/chat-builder.ts'
import type { Part, ReasoningPart } from '../../core/chat.ts'
import {
  citationOf,
  messageFields,
  partOfContent,
  readLogprobs,
  toolCallOf,
} from '../../core/formats/responses-items.ts'
import { partsOfReasoning } from '../../core/formats/responses-reasoning.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { numberOf, objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import type { StreamReader } from '../chat-codec.ts'
import { messageOf } from './answer.ts'
import { finishOfResponse, isSearch, ownFields, usageOfResponses } from './responses-answer.ts'

const FAMILY = 'openai-responses'

/** Lists whose entries are blocks: of a message or a reasoning item, and the summary of the latter. */
type List = 'content' | 'summary'

type Item = {
  readonly place: number
  /** The item as its first event told it. */
  readonly head: JsonObject
  /** What has been told of each block, by its key; a block that is here has been opened. */
  readonly told: Map<string, string>
  readonly citations: Map<string, number>
}

export function responsesStreamReader(): StreamReader {
  const builder = new ChatEventBuilder(FAMILY)
  const items = new Map<number, Item>()
  let searches = 0

  function read(data: string): void {
    if (data === '[DONE]') return
    let event: unknown
    try {
      event = JSON.parse(data)
    } catch {
      return builder.fail('an event of the stream is not JSON', null)
    }
    if (!isObject(event)) return builder.fail('an event of the stream is not an object', null)
    const type = stringOf(event, 'type') ?? ''
    const response = objectOf(event, 'response')
    switch (type) {
      case 'response.created':
      case 'response.queued':
      case 'response.in_progress':
        return start(response ?? {})
      case 'response.completed':
      case 'response.incomplete':
        return finish(response ?? {})
      case 'response.failed':
      case 'response.cancelled': {
        const error = objectOf(response ?? {}, 'error')
        return builder.fail(
          error === null
            ? type === 'response.failed'
              ? 'the response has failed'
              : 'the response was cancelled'
            : messageOf(error),
          codeOf(error),
        )
      }
      case 'error': {
        const error = objectOf(event, 'error') ?? event
        return builder.fail(messageOf(error), codeOf(error))
      }
    }
    const place = numberOf(event, 'output_index')
    if (place !== null) readItemEvent(type, event, place)
  }

  function start(response: JsonObject): void {
    builder.start({
      id: stringOf(response, 'id'),
      model: stringOf(response, 'model'),
      created: numberOf(response, 'created_at'),
    })
  }

  function readItemEvent(type: string, event: JsonObject, place: number): void {
    const item = itemAt(place, objectOf(event, 'item') ?? {})
    const content = `content ${numberOf(event, 'content_index') ?? 0}`
    const summary = `summary ${numberOf(event, 'summary_index') ?? 0}`
    const delta = stringOf(event, 'delta') ?? ''
    switch (type) {
      case 'response.output_item.added':
        return openCall(item)
      case 'response.output_item.done':
        return endItem(item, objectOf(event, 'item') ?? {})
      case 'response.content_part.added':
        return openPiece(item, content, objectOf(event, 'part') ?? {})
      case 'response.content_part.done':
        return endPiece(item, content, objectOf(event, 'part') ?? {})
      case 'response.reasoning_summary_part.added':
        return openPiece(item, summary, { type: 'summary_text' })
      case 'response.reasoning_summary_part.done':
        return endPiece(item, summary, { ...objectOf(event, 'part'), type: 'summary_text' })
      case 'response.output_text.delta':
        openPiece(item, content, { type: 'output_text' })
        builder.logprobs(0, readLogprobs(event))
        return append(item, content, delta)
      case 'response.output_text.annotation.added': {
        const annotation = objectOf(event, 'annotation')
        openPiece(item, content, { type: 'output_text' })
        return annotation === null ? undefined : cite(item, content, annotation)
      }
      case 'response.refusal.delta':
        openPiece(item, content, { type: 'refusal' })
        return append(item, content, delta)
      case 'response.reasoning_text.delta':
        openPiece(item, content, { type: 'reasoning_text' })
        return append(item, content, delta)
      case 'response.reasoning_summary_text.delta':
        openPiece(item, summary, { type: 'summary_text' })
        return append(item, summary, delta)
      case 'response.function_call_arguments.delta':
      case 'response.custom_tool_call_input.delta':
        return append(item, 'call', delta)
      case 'response.function_call_arguments.done':
        return complete(item, 'call', stringOf(event, 'arguments') ?? '')
      case 'response.custom_tool_call_input.done':
        return complete(item, 'call', stringOf(event, 'input') ?? '')
    }
  }

  function itemAt(place: number, head: JsonObject): Item {
    let item = items.get(place)
    if (item === undefined) {
      item = { place, head, told: new Map(), citations: new Map() }
      items.set(place, item)
    }
    return item
  }

  function open(item: Item, key: string, part: Part): void {
    if (item.told.has(key)) return
    item.told.set(key, '')
    builder.open(0, `${item.place} ${key}`, part)
  }

  function openCall(item: Item): void {
    const type = stringOf(item.head, 'type')
    if (type === 'function_call' || type === 'custom_tool_call')
      open(item, 'call', { ...toolCallOf(item.head), arguments: '' })
  }

  /** Opens the block of a piece of a list, if it is not; its text comes as deltas. */
  function openPiece(item: Item, key: string, piece: JsonObject): void {
    if (item.told.has(key)) return
    switch (stringOf(piece, 'type') ?? '') {
      case 'summary_text':
      case 'reasoning_text':
        return open(item, key, thought(item, key.startsWith('summary')))
      case 'output_text':
      case 'refusal':
        return open(item, key, partOfContent({ type: piece['type'] }, messageFields(item.head)))
    }
  }

  function thought(item: Item, isSummary: boolean): ReasoningPart {
    const texts = isSummary ? { summary: [{}] } : { content: [{}] }
    const [part] = partsOfReasoning({ ...item.head, summary: [], content: [], encrypted_content: null, ...texts })
    return part ?? { type: 'reasoning', text: '', signature: null, encrypted: null, family: FAMILY }
  }

  function append(item: Item, key: string, text: string): void {
    const told = item.told.get(key)
    if (told === undefined || text === '') return
    item.told.set(key, told + text)
    const delta = key === 'call' ? ({ type: 'arguments', json: text } as const) : ({ type: 'text', text } as const)
    builder.delta(0, `${item.place} ${key}`, delta)
  }

  /** Tells what is still missing of a text that is now known whole; what contradicts its deltas comes too late. */
  function complete(item: Item, key: string, text: string): void {
    const told = item.told.get(key) ?? ''
    if (text.startsWith(told)) append(item, key, text.slice(told.length))
  }

  function cite(item: Item, key: string, annotation: JsonObject): void {
    item.citations.set(key, (item.citations.get(key) ?? 0) + 1)
    builder.delta(0, `${item.place} ${key}`, { type: 'citation', citation: citationOf(annotation) })
  }

  function endPiece(item: Item, key: string, piece: JsonObject): void {
    openPiece(item, key, piece)
    if (!builder.isOpen(0, `${item.place} ${key}`)) return
    complete(item, key, stringOf(piece, 'text') ?? stringOf(piece, 'refusal') ?? '')
    for (const annotation of objectsOf(piece, 'annotations').slice(item.citations.get(key) ?? 0))
      cite(item, key, annotation)
    builder.close(0, `${item.place} ${key}`)
  }

  function endItem(item: Item, whole: JsonObject): void {
    const type = stringOf(whole, 'type')
    const key = (list: List, index: number): string => `${list} ${index}`
    switch (type) {
      case 'message':
        for (const [index, piece] of objectsOf(whole, 'content').entries()) {
          const kind = stringOf(piece, 'type')
          if (kind === 'output_text' || kind === 'refusal') endPiece(item, key('content', index), piece)
          else
            builder.whole(0, `${item.place} ${key('content', index)}`, partOfContent(piece, messageFields(item.head)))
        }
        return
      case 'reasoning':
        for (const list of ['summary', 'content'] as const)
          for (const [index, piece] of objectsOf(whole, list).entries()) endPiece(item, key(list, index), piece)
        for (const part of partsOfReasoning({ ...whole, id: item.head['id'], summary: [], content: [] }))
          builder.whole(0, `${item.place} encrypted`, part)
        return
      case 'function_call':
      case 'custom_tool_call': {
        const call = toolCallOf(whole)
        open(item, 'call', { ...call, arguments: '' })
        complete(item, 'call', call.arguments)
        return builder.close(0, `${item.place} call`)
      }
      default:
        if (isSearch(whole)) searches++
        builder.whole(0, `${item.place} item`, { type: 'opaque', family: FAMILY, value: whole })
    }
  }

  function finish(response: JsonObject): void {
    start(response)
    // Hosts that stream no items tell them all at the end.
    if (items.size === 0)
      for (const [place, whole] of objectsOf(response, 'output').entries()) endItem(itemAt(place, whole), whole)
    builder.facts(ownFields(response), stringOf(response, 'service_tier'))
    const usage = objectOf(response, 'usage')
    if (usage !== null) builder.usage(usageOfResponses(usage, searches), usage)
    builder.finish(0, finishOfResponse(response))
    builder.end()
  }

  return builder.reader((_type, data) => read(data))
}

function codeOf(error: JsonObject | null): string | null {
  return error === null ? null : stringOf(error, 'code')
}
