// The assistant message of OpenAI chat and its relatives ↔ parts: what requests carry back and what answers bring.
//
// Signed and encrypted thoughts travel in `reasoning_details`, OpenRouter's form, which clients send back as it came:
// https://openrouter.ai/docs/guides/best-practices/reasoning-tokens
import { rawOf } from '../chat.ts'
import type { Citation, Family, ImagePart, Part, ReasoningPart, ToolCallPart } from '../chat.ts'
import { isObject } from '../json.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { numberOf, objectOf, objectsOf, restOf, stringOf } from '../json-read.ts'

const FAMILY = 'openai-chat'
const GOOGLE: Family = 'gemini'

/** The words of `reasoning_details[].format`, by whose signatures they mark. */
const FORMATS: { readonly [family in Family]?: string } = {
  'anthropic-messages': 'anthropic-claude-v1',
  'openai-responses': 'openai-responses-v1',
  gemini: 'google-gemini-v1',
}
const FAMILIES = new Map(Object.entries(FORMATS).map(([family, format]) => [format, family as Family]))

/** Parts of an assistant message, whole or in a request's history. */
export function partsOfMessage(message: JsonObject): Part[] {
  const parts: Part[] = reasoningOf(message)
  const annotations = objectsOf(message, 'annotations').flatMap((annotation) => citationOf(annotation) ?? [])
  const content = message['content']
  if (typeof content === 'string') {
    if (content !== '') parts.push({ type: 'text', text: content, ...cited(annotations) })
  } else if (Array.isArray(content)) {
    for (const block of content) if (isObject(block)) parts.push(...contentPart(block))
    const last = parts.findLastIndex((part) => part.type === 'text')
    const text = parts[last]
    if (text?.type === 'text' && annotations.length > 0) parts[last] = { ...text, ...cited(annotations) }
  }
  const refusal = stringOf(message, 'refusal')
  if (refusal !== null && refusal !== '') parts.push({ type: 'refusal', text: refusal })
  const audio = objectOf(message, 'audio')
  if (audio !== null) parts.push(audioPart(audio))
  parts.push(...imagesOf(message))
  for (const [index, call] of objectsOf(message, 'tool_calls').entries()) parts.push(toolCallOf(call, `call_${index}`))
  const legacy = objectOf(message, 'function_call')
  if (legacy !== null) parts.push(toolCallOf({ function: legacy }, `call_${stringOf(legacy, 'name') ?? ''}`))
  return parts
}

function cited(citations: readonly Citation[]): { readonly citations?: readonly Citation[] } {
  return citations.length > 0 ? { citations } : {}
}

/** The thoughts of a message or a delta, in whichever fields the host uses. */
function reasoningOf(message: JsonObject): ReasoningPart[] {
  const details = objectsOf(message, 'reasoning_details').flatMap((detail) => reasoningOfDetail(detail) ?? [])
  if (details.length > 0) return details
  const text = stringOf(message, 'reasoning_content') ?? stringOf(message, 'reasoning')
  if (text === null || text === '') return []
  return [{ type: 'reasoning', text, signature: null, encrypted: null, family: FAMILY }]
}

/** One entry of `reasoning_details`; null when its type is unknown. */
export function reasoningOfDetail(detail: JsonObject): ReasoningPart | null {
  const type = stringOf(detail, 'type')
  const family = FAMILIES.get(stringOf(detail, 'format') ?? '') ?? null
  const id = stringOf(detail, 'id')
  const base = { type: 'reasoning', family, ...(id === null ? {} : { id }), ...rawOf(FAMILY, detail) } as const
  switch (type) {
    case 'reasoning.text':
      return {
        ...base,
        text: stringOf(detail, 'text') ?? '',
        signature: stringOf(detail, 'signature'),
        encrypted: null,
      }
    case 'reasoning.summary':
      return { ...base, text: stringOf(detail, 'summary') ?? '', signature: null, encrypted: null, isSummary: true }
    case 'reasoning.encrypted':
      return { ...base, text: '', signature: null, encrypted: stringOf(detail, 'data') ?? '' }
    default:
      return null
  }
}

/** The entries of `reasoning_details` that a part needs to come back whole; none for a plain thought of this family. */
export function detailsOf(part: ReasoningPart, index: number): readonly JsonObject[] {
  const own = part.raw?.[FAMILY]
  if (own !== undefined) return [own]
  const format = (part.family === null ? undefined : FORMATS[part.family]) ?? 'unknown'
  const base = { format, index, ...(part.id === undefined ? {} : { id: part.id }) }
  const details: JsonObject[] = []
  if (part.isSummary === true) details.push({ type: 'reasoning.summary', summary: part.text, ...base })
  else if (part.signature !== null)
    details.push({ type: 'reasoning.text', text: part.text, signature: part.signature, ...base })
  if (part.encrypted !== null) details.push({ type: 'reasoning.encrypted', data: part.encrypted, ...base })
  return details
}

/** A content block of an assistant: text, a refusal, or Mistral's thinking. */
function contentPart(block: JsonObject): readonly Part[] {
  switch (stringOf(block, 'type')) {
    case 'text':
    case 'output_text': {
      const text = stringOf(block, 'text') ?? ''
      return text === '' ? [] : [{ type: 'text', text }]
    }
    case 'refusal':
      return [{ type: 'refusal', text: stringOf(block, 'refusal') ?? '' }]
    case 'reasoning': {
      const text = summaryText(block)
      return text === ''
        ? []
        : [{ type: 'reasoning', text, signature: null, encrypted: null, family: FAMILY, isSummary: true }]
    }
    case 'thinking': {
      const text = thinkingText(block)
      return text === '' ? [] : [{ type: 'reasoning', text, signature: null, encrypted: null, family: FAMILY }]
    }
    default:
      return [{ type: 'opaque', family: FAMILY, value: block }]
  }
}

/** Databricks writes thoughts as a list of summaries. */
export function summaryText(block: JsonObject): string {
  return objectsOf(block, 'summary')
    .map((piece) => stringOf(piece, 'text') ?? '')
    .join('')
}

/** Mistral writes thoughts as a list of text blocks. */
export function thinkingText(block: JsonObject): string {
  const thinking = block['thinking']
  if (typeof thinking === 'string') return thinking
  return objectsOf(block, 'thinking')
    .map((piece) => stringOf(piece, 'text') ?? '')
    .join('')
}

export function citationOf(annotation: JsonObject): Citation | null {
  const citation = objectOf(annotation, 'url_citation')
  if (citation === null) return null
  return {
    url: stringOf(citation, 'url'),
    title: stringOf(citation, 'title'),
    citedText: stringOf(citation, 'content'),
    start: numberOf(citation, 'start_index'),
    end: numberOf(citation, 'end_index'),
    ...rawOf(FAMILY, annotation),
  }
}

/** The annotation of a citation of text that stands at `from`–`to` in the message; null when it has no URL. */
export function annotationOf(citation: Citation, from: number, to: number): JsonObject | null {
  if (citation.url === null) return null
  return {
    type: 'url_citation',
    url_citation: {
      url: citation.url,
      title: citation.title ?? citation.url,
      start_index: citation.start === null ? from : from + citation.start,
      end_index: citation.end === null ? to : from + citation.end,
    },
  }
}

/** Pictures that a model made, in OpenRouter's form: https://openrouter.ai/docs/guides/overview/multimodal/image-generation */
export function imagesOf(message: JsonObject): readonly ImagePart[] {
  return objectsOf(message, 'images').flatMap((image): readonly ImagePart[] => {
    const url = stringOf(objectOf(image, 'image_url') ?? {}, 'url')
    if (url === null) return []
    const [, mediaType, data] = /^data:([^;,]+);base64,(.*)$/s.exec(url) ?? []
    if (mediaType === undefined || data === undefined)
      return [{ type: 'image', source: { type: 'url', url, mediaType: null } }]
    return [{ type: 'image', source: { type: 'inline', data, mediaType } }]
  })
}

/** A picture in that form; null when it is a file that another vendor keeps. */
export function imageJson({ source }: ImagePart): JsonObject | null {
  if (source.type === 'file' || source.type === 'text') return null
  const url = source.type === 'url' ? source.url : `data:${source.mediaType};base64,${source.data}`
  return { type: 'image_url', image_url: { url } }
}

function audioPart(audio: JsonObject): Part {
  const id = stringOf(audio, 'id')
  const transcript = stringOf(audio, 'transcript')
  const expiresAt = numberOf(audio, 'expires_at')
  return {
    type: 'audio',
    source: { type: 'inline', data: stringOf(audio, 'data') ?? '', mediaType: 'audio/wav' },
    ...(id === null ? {} : { id }),
    ...(transcript === null ? {} : { transcript }),
    ...(expiresAt === null ? {} : { expiresAt }),
  }
}

const CALL_FIELDS = new Set(['id', 'type', 'index', 'function', 'custom', 'extra_content'])

/** A tool call, or the first piece of one. `fallbackId`: the id where the host gives none. */
export function toolCallOf(call: JsonObject, fallbackId: string): ToolCallPart {
  const custom = objectOf(call, 'custom')
  const fn = objectOf(call, 'function')
  const google = objectOf(objectOf(call, 'extra_content') ?? {}, 'google')
  const signature = google === null ? null : stringOf(google, 'thought_signature')
  const base = {
    type: 'tool_call',
    id: stringOf(call, 'id') || fallbackId,
    ...(signature === null ? {} : { signature, family: GOOGLE }),
    ...rawOf(FAMILY, restOf(call, CALL_FIELDS)),
  } as const
  if (custom !== null)
    return { ...base, kind: 'custom', name: stringOf(custom, 'name') ?? '', arguments: stringOf(custom, 'input') ?? '' }
  return {
    ...base,
    kind: 'function',
    name: fn === null ? '' : (stringOf(fn, 'name') ?? ''),
    arguments: fn === null ? '' : wholeArguments(argumentsText(fn['arguments'])),
  }
}

/** Some hosts write `null` for no arguments. */
export function wholeArguments(text: string): string {
  return text === 'null' ? '' : text
}

/** Some hosts send the arguments as an object instead of text. */
export function argumentsText(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value
  return isObject(value) ? JSON.stringify(value) : ''
}

/** Google's thought signature of a call, where its compatible API and its clients expect it. */
export function extraContent(part: ToolCallPart): { readonly extra_content?: JsonObject } {
  if (part.signature === undefined || part.family !== GOOGLE) return {}
  return { extra_content: { google: { thought_signature: part.signature } } }
}

/** A tool call as requests and whole answers carry it. */
function toolCallJson(part: ToolCallPart): JsonObject {
  const base = { ...part.raw?.[FAMILY], id: part.id, ...extraContent(part) }
  return part.kind === 'custom'
    ? { ...base, type: 'custom', custom: { name: part.name, input: part.arguments } }
    : { ...base, type: 'function', function: { name: part.name, arguments: part.arguments.trim() || '{}' } }
}

/** What an assistant said, as the fields of a message; fields that would be empty are absent. */
export type MessageFields = {
  readonly content: string | null
  readonly refusal: string | null
  /** All thoughts as text, '' when there are none. */
  readonly reasoning: string
  readonly details: readonly JsonObject[]
  readonly toolCalls: readonly JsonObject[]
  readonly annotations: readonly JsonObject[]
  readonly audio: JsonObject | null
  /** Pictures, which only answers have a place for. */
  readonly images: readonly JsonObject[]
  /** Parts that requests of this format have no place for. */
  readonly leftOut: readonly Part[]
}

export function fieldsOfParts(parts: readonly Part[]): MessageFields {
  let content: string | null = null
  let refusal: string | null = null
  let reasoning = ''
  let audio: JsonObject | null = null
  const details: JsonObject[] = []
  const toolCalls: JsonObject[] = []
  const annotations: JsonObject[] = []
  const images: JsonObject[] = []
  const leftOut: Part[] = []
  for (const part of parts)
    switch (part.type) {
      case 'text': {
        const from = content?.length ?? 0
        content = (content ?? '') + part.text
        for (const citation of part.citations ?? []) {
          const annotation = annotationOf(citation, from, content.length)
          if (annotation !== null) annotations.push(annotation)
        }
        break
      }
      case 'refusal':
        refusal = (refusal ?? '') + part.text
        break
      case 'reasoning':
        reasoning += part.text
        details.push(...detailsOf(part, details.length))
        break
      case 'tool_call':
        toolCalls.push(toolCallJson(part))
        break
      case 'audio':
        audio = audioJson(part)
        break
      case 'image':
        images.push(...[imageJson(part)].filter((image) => image !== null))
        leftOut.push(part)
        break
      case 'opaque':
      case 'hosted_call':
      case 'video':
      case 'file':
      case 'tool_result':
        leftOut.push(part)
        break
    }
  return { content, refusal, reasoning, details, toolCalls, annotations, audio, images, leftOut }
}

function audioJson(part: Extract<Part, { type: 'audio' }>): JsonObject {
  return {
    id: part.id ?? '',
    data: part.source.type === 'inline' ? part.source.data : '',
    transcript: part.transcript ?? '',
    expires_at: part.expiresAt ?? 0,
  }
}
