// Messages of the normal form → messages of an OpenAI-compatible host.
import type { CacheMarker, ChatMessage, MediaSource, Part, ToolResultPart } from '../../core/chat.ts'
import { textOf } from '../../core/chat.ts'
import { fieldsOfParts } from '../../core/formats/openai-message.ts'
import type { JsonObject } from '../../core/json.ts'
import { stringOf } from '../../core/json-read.ts'
import type { Quirks } from '../../core/model.ts'

const FAMILY = 'openai-chat'

/** What the writer of a request has to say about it: collected on the way. */
export type Notes = { readonly warnings: string[]; readonly refusals: string[] }

type Writer = { readonly quirks: Quirks; readonly notes: Notes; readonly idOf: (id: string) => string }

export function writeMessages(messages: readonly ChatMessage[], quirks: Quirks, notes: Notes): readonly JsonObject[] {
  const writer: Writer = { quirks, notes, idOf: quirks.toolIds === 'nine' ? nineLetterIds() : (id) => id }
  const written: JsonObject[] = []
  // A tool message takes only text: what else a tool gave follows in a user message, after all results of the turn.
  let owed: JsonObject[] = []
  const payOwed = (): void => {
    if (owed.length > 0) written.push({ role: 'user', content: owed })
    owed = []
  }
  for (const message of messages) {
    if (message.role !== 'tool') payOwed()
    written.push(...messageJson(message, writer, owed))
  }
  payOwed()
  const last = written.at(-1)
  if (quirks.prefillPath !== undefined && last?.['role'] === 'assistant' && last['tool_calls'] === undefined)
    written.splice(-1, 1, { ...last, prefix: true })
  return written
}

function messageJson(message: ChatMessage, writer: Writer, owed: JsonObject[]): readonly JsonObject[] {
  const name = message.name === undefined ? {} : { name: message.name }
  const base = { ...message.raw?.[FAMILY], ...name }
  switch (message.role) {
    case 'system':
    case 'developer': {
      const role = message.role === 'developer' && writer.quirks.developerRole === false ? 'system' : message.role
      return [{ ...base, role, content: contentOf(message.parts, writer) }]
    }
    case 'user':
      return [{ ...base, role: 'user', content: contentOf(message.parts, writer) }]
    case 'assistant':
      return [{ ...base, role: 'assistant', ...assistantFields(message.parts, writer) }]
    case 'tool':
      return message.parts.flatMap((part) =>
        part.type === 'tool_result' ? [{ ...message.raw?.[FAMILY], ...resultJson(part, writer, owed) }] : [],
      )
  }
}

function assistantFields(parts: readonly Part[], { quirks, notes, idOf }: Writer): JsonObject {
  const fields = fieldsOfParts(parts)
  for (const part of fields.leftOut)
    if (!isOwn(part)) notes.warnings.push(`A part of type ${kindOf(part)} is left out.`)
  const calls =
    quirks.toolIds === undefined
      ? fields.toolCalls
      : fields.toolCalls.map((call) => ({ ...call, id: idOf(stringOf(call, 'id') ?? '') }))
  const hasCalls = calls.length > 0
  return {
    // Hosts differ on whether an assistant without text may lack the field: all take null beside calls, and '' without.
    content: fields.content ?? (hasCalls || fields.refusal !== null || fields.audio !== null ? null : ''),
    ...(fields.refusal === null ? {} : { refusal: fields.refusal }),
    ...(hasCalls ? { tool_calls: calls } : {}),
    ...reasoningFields(fields.reasoning, fields.details, quirks),
    ...(fields.audio === null ? {} : { audio: { id: fields.audio['id'] } }),
  }
}

function reasoningFields(reasoning: string, details: readonly JsonObject[], { reasoningField }: Quirks): JsonObject {
  if (reasoningField === undefined) return {}
  if (reasoningField === 'reasoning_details' && details.length > 0) return { reasoning_details: details }
  if (reasoning === '') return {}
  return { [reasoningField === 'reasoning_details' ? 'reasoning' : reasoningField]: reasoning }
}

function resultJson(result: ToolResultPart, writer: Writer, owed: JsonObject[]): JsonObject {
  const text = textOf(result.parts)
  const media = result.parts.filter((part) => part.type !== 'text')
  for (const part of media) {
    const json = partJson(part, writer)
    if (json !== null) owed.push({ type: 'text', text: `Of the tool call ${result.toolCallId}:` }, json)
  }
  return { role: 'tool', tool_call_id: writer.idOf(result.toolCallId), content: text }
}

/** Plain text as a string, which every host takes; a list only where it has to be one. */
function contentOf(parts: readonly Part[], writer: Writer): string | readonly JsonObject[] {
  const only = parts[0]
  const isMarked = writer.quirks.cacheControl === true && parts.some((part) => part.cache !== undefined)
  if (parts.length === 0) return ''
  if (parts.length === 1 && only?.type === 'text' && only.raw === undefined && !isMarked) return only.text
  return parts.map((part) => partJson(part, writer)).filter((part) => part !== null)
}

function partJson(part: Part, { quirks, notes }: Writer): JsonObject | null {
  const base = { ...part.raw?.[FAMILY], ...cacheJson(part.cache, quirks) }
  switch (part.type) {
    case 'text':
      return { ...base, type: 'text', text: part.text }
    case 'image': {
      const url = urlOf(part.source)
      if (url === null) break
      return {
        ...base,
        type: 'image_url',
        image_url: { url, ...(part.detail === undefined ? {} : { detail: part.detail }) },
      }
    }
    case 'audio':
      if (part.source.type !== 'inline') break
      return {
        ...base,
        type: 'input_audio',
        input_audio: { data: part.source.data, format: audioFormat(part.source.mediaType) },
      }
    case 'file':
      return fileJson(part, base, notes)
    case 'video': {
      const url = urlOf(part.source)
      if (url === null) break
      // The form of vLLM, Alibaba and others; OpenAI itself takes no video.
      return { ...base, type: 'video_url', video_url: { url } }
    }
    case 'opaque':
      if (part.family === FAMILY) return part.value
      break
    case 'refusal':
      return { type: 'text', text: part.text }
    case 'tool_call':
    case 'tool_result':
    case 'reasoning':
    case 'hosted_call':
      break
  }
  notes.refusals.push(`A part of type ${kindOf(part)} cannot be sent to this provider.`)
  return null
}

function fileJson(part: Extract<Part, { type: 'file' }>, base: JsonObject, notes: Notes): JsonObject | null {
  const { source } = part
  switch (source.type) {
    case 'text': {
      // There are no text documents here: the text itself is as good.
      const title = part.name === undefined ? '' : `${part.name}\n\n`
      return { ...base, type: 'text', text: `${title}${source.text}` }
    }
    case 'inline':
      return {
        ...base,
        type: 'file',
        file: { filename: part.name ?? 'file', file_data: `data:${source.mediaType};base64,${source.data}` },
      }
    case 'file':
      return { ...base, type: 'file', file: { file_id: source.fileId } }
    case 'url':
      notes.refusals.push('A file given as a URL cannot be sent to this provider; send its content.')
      return null
  }
}

function urlOf(source: MediaSource): string | null {
  switch (source.type) {
    case 'inline':
      return `data:${source.mediaType};base64,${source.data}`
    case 'url':
      return source.url
    case 'file':
    case 'text':
      return null
  }
}

function audioFormat(mediaType: string): string {
  const kind = mediaType.replace(/^audio\//, '').replace(/;.*$/, '')
  return kind === 'mpeg' ? 'mp3' : kind === 'x-wav' || kind === 'wave' ? 'wav' : kind
}

export function cacheJson(cache: CacheMarker | undefined, quirks: Quirks): JsonObject {
  if (cache === undefined || quirks.cacheControl !== true) return {}
  return { cache_control: { type: 'ephemeral', ...(cache.ttl === null ? {} : { ttl: cache.ttl }) } }
}

function isOwn(part: Part): boolean {
  return part.type === 'opaque' && part.family === FAMILY
}

function kindOf(part: Part): string {
  if (part.type === 'opaque') return typeof part.value['type'] === 'string' ? part.value['type'] : 'opaque'
  return part.type
}

/** Ids of nine letters and digits, the same for the same id within one request, different for different ones. */
function nineLetterIds(): (id: string) => string {
  const known = new Map<string, string>()
  const taken = new Set<string>()
  return (id) => {
    let short = known.get(id)
    if (short !== undefined) return short
    short = /^[A-Za-z0-9]{9}$/.test(id) && !taken.has(id) ? id : ''
    for (let salt = 0; short === '' || taken.has(short); salt++) short = hashed(`${salt}${id}`)
    known.set(id, short)
    taken.add(short)
    return short
  }
}

/** FNV-1a over two seeds, as nine characters of base 36. */
function hashed(text: string): string {
  const words = [2_166_136_261, 2_654_435_769].map((seed) => {
    let hash = seed
    for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 16_777_619)
    return (hash >>> 0).toString(36).padStart(7, '0')
  })
  return words.join('').slice(-9)
}
