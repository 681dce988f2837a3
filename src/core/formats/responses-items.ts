// Items of OpenAI's Responses ↔ parts: what answers bring and what requests carry back.
//
// A message or a reasoning item may hold several parts: each carries the id of its item, and parts of one item that follow
// each other become one item again. Items of hosted tools are kept as they came, for this family only.
import { rawOf } from '../chat.ts'
import type { Citation, Part, ReasoningPart, RefusalPart, TextPart, ToolCallPart } from '../chat.ts'
import type { TokenLogprob } from '../chat-answer.ts'
import type { JsonObject } from '../json.ts'
import { defined, listOf, namesOf, numberOf, objectsOf, restOf, stringOf } from '../json-read.ts'
import { argumentsText } from './openai-message.ts'
import { partsOfReasoning } from './responses-reasoning.ts'

const FAMILY = 'openai-responses'

/** A message's own fields, as each of its parts carries them. */
export function messageFields(message: JsonObject): JsonObject {
  return defined<JsonObject>({
    message_id: stringOf(message, 'id') ?? undefined,
    phase: stringOf(message, 'phase') ?? undefined,
  })
}

/** The parts of an item of the model's: a message of the assistant, a thought, a call, or whatever a hosted tool left. */
export function partsOfItem(item: JsonObject): readonly Part[] {
  switch (stringOf(item, 'type')) {
    case 'message': {
      const fields = messageFields(item)
      const content = item['content']
      if (typeof content === 'string') return [{ type: 'text', text: content, ...rawFields(fields) }]
      return objectsOf(item, 'content').map((piece) => partOfContent(piece, fields))
    }
    case 'reasoning':
      return partsOfReasoning(item)
    case 'function_call':
    case 'custom_tool_call':
      return [toolCallOf(item)]
    default:
      return [{ type: 'opaque', family: FAMILY, value: item }]
  }
}

function rawFields(fields: JsonObject): ReturnType<typeof rawOf> {
  return Object.keys(fields).length === 0 ? {} : rawOf(FAMILY, fields)
}

/** A piece of an assistant's message. `fields` are those of the message. */
export function partOfContent(piece: JsonObject, fields: JsonObject): Part {
  switch (stringOf(piece, 'type')) {
    case 'output_text':
    case 'input_text':
    case 'text': {
      const citations = objectsOf(piece, 'annotations').map(citationOf)
      return {
        type: 'text',
        text: stringOf(piece, 'text') ?? '',
        ...(citations.length === 0 ? {} : { citations }),
        ...rawFields(fields),
      }
    }
    case 'refusal':
      return { type: 'refusal', text: stringOf(piece, 'refusal') ?? '', ...rawFields(fields) }
    default:
      return { type: 'opaque', family: FAMILY, value: piece, ...rawFields(fields) }
  }
}

export function citationOf(annotation: JsonObject): Citation {
  return {
    url: stringOf(annotation, 'url'),
    title: stringOf(annotation, 'title') ?? stringOf(annotation, 'filename'),
    citedText: null,
    start: numberOf(annotation, 'start_index'),
    end: numberOf(annotation, 'end_index'),
    ...rawOf(FAMILY, annotation),
  }
}

/** The annotation of a text of `length` characters; null for a citation that names nothing which this format could. */
export function annotationOf(citation: Citation, length: number): JsonObject | null {
  const own = citation.raw?.[FAMILY]
  if (own !== undefined) return own
  if (citation.url === null) return null
  return {
    type: 'url_citation',
    url: citation.url,
    title: citation.title ?? citation.url,
    start_index: citation.start ?? 0,
    end_index: citation.end ?? length,
  }
}

export function annotationsOf(part: TextPart): readonly JsonObject[] {
  return (part.citations ?? [])
    .map((citation) => annotationOf(citation, part.text.length))
    .filter((annotation) => annotation !== null)
}

const CALL_FIELDS = namesOf('type call_id name arguments input status')

/** A call, or the start of one; item fields that only this family knows go with it. */
export function toolCallOf(item: JsonObject): ToolCallPart {
  const isCustom = stringOf(item, 'type') === 'custom_tool_call'
  return {
    type: 'tool_call',
    kind: isCustom ? 'custom' : 'function',
    id: stringOf(item, 'call_id') || (stringOf(item, 'id') ?? ''),
    name: stringOf(item, 'name') ?? '',
    arguments: isCustom ? (stringOf(item, 'input') ?? '') : argumentsText(item['arguments']),
    ...rawOf(FAMILY, restOf(item, CALL_FIELDS)),
  }
}

/** A call as an item, without the item's own id and status. */
export function callJson(part: ToolCallPart): JsonObject {
  const { id: _id, ...own } = part.raw?.[FAMILY] ?? {}
  return part.kind === 'custom'
    ? { ...own, type: 'custom_tool_call', call_id: part.id, name: part.name, input: part.arguments }
    : {
        ...own,
        type: 'function_call',
        call_id: part.id,
        name: part.name,
        arguments: part.arguments.trim() === '' ? '{}' : part.arguments,
      }
}

/** A run of parts that make up one item. */
export type ItemGroup =
  | { readonly type: 'message'; readonly parts: readonly (TextPart | RefusalPart)[]; readonly fields: JsonObject }
  | { readonly type: 'reasoning'; readonly parts: readonly ReasoningPart[] }
  | { readonly type: 'single'; readonly part: Exclude<Part, TextPart | RefusalPart | ReasoningPart> }

/** Parts of an assistant as items, in order. */
export function groupsOf(parts: readonly Part[]): readonly ItemGroup[] {
  const groups: ItemGroup[] = []
  let last: Part | null = null
  for (const part of parts) {
    const group = groups.at(-1)
    const isMore = last !== null && isSameItem(last, part)
    last = part
    if (part.type === 'text' || part.type === 'refusal') {
      if (isMore && group?.type === 'message') groups[groups.length - 1] = { ...group, parts: [...group.parts, part] }
      else groups.push({ type: 'message', parts: [part], fields: fieldsOf(part) })
    } else if (part.type === 'reasoning') {
      if (isMore && group?.type === 'reasoning')
        groups[groups.length - 1] = { type: 'reasoning', parts: [...group.parts, part] }
      else groups.push({ type: 'reasoning', parts: [part] })
    } else groups.push({ type: 'single', part })
  }
  return groups
}

/** The fields of the message that a part came of. */
export function fieldsOf(part: TextPart | RefusalPart): JsonObject {
  return part.raw?.[FAMILY] ?? {}
}

/** Whether `next`, which follows `part`, belongs to the same item. */
export function isSameItem(part: Part, next: Part): boolean {
  const isText = (one: Part): one is TextPart | RefusalPart => one.type === 'text' || one.type === 'refusal'
  if (isText(part) && isText(next)) {
    const [first, second] = [fieldsOf(part), fieldsOf(next)]
    return first['message_id'] === second['message_id'] && first['phase'] === second['phase']
  }
  if (part.type !== 'reasoning' || next.type !== 'reasoning') return false
  return part.id !== undefined && part.id === next.id && part.family === next.family
}

export function readLogprobs(piece: JsonObject): readonly TokenLogprob[] {
  return objectsOf(piece, 'logprobs').map((token) => ({
    ...tokenOf(token),
    top: objectsOf(token, 'top_logprobs').map(tokenOf),
  }))
}

function tokenOf(token: JsonObject): { token: string; logprob: number; bytes: readonly number[] | null } {
  const bytes = listOf(token, 'bytes').filter((byte) => typeof byte === 'number')
  return {
    token: stringOf(token, 'token') ?? '',
    logprob: numberOf(token, 'logprob') ?? 0,
    bytes: Array.isArray(token['bytes']) ? bytes : null,
  }
}

export function logprobJson({ token, logprob, bytes, top }: TokenLogprob): JsonObject {
  return {
    token,
    logprob,
    bytes: bytes ?? [],
    top_logprobs: top.map((one) => ({ token: one.token, logprob: one.logprob, bytes: one.bytes ?? [] })),
  }
}
