// Messages of the normal form → system blocks and turns of Bedrock's Converse.
import type { CacheMarker, ChatMessage, MediaSource, Part, ToolResultPart } from '../../core/chat.ts'
import { inputOf, isPutIntoOne } from '../../core/formats/anthropic-blocks.ts'
import type { JsonObject } from '../../core/json.ts'
import { parseObject } from '../../core/json-read.ts'
import { sanitizeToolId } from '../anthropic/tool-ids.ts'
import type { BedrockModel } from './models.ts'

const FAMILY = 'bedrock-converse'

/** Bound on the length of tool call ids; Anthropic's alphabet is AWS's, too. */
const MAX_TOOL_ID = 64

/** What the writer of a request has to say about it: collected on the way. */
export type Notes = { readonly warnings: string[]; readonly refusals: string[] }

export type WrittenMessages = {
  readonly system: readonly JsonObject[]
  readonly turns: readonly JsonObject[]
  /** Names of the tools that the conversation has calls or results of. */
  readonly usedTools: ReadonlySet<string>
}

type Turn = { readonly role: 'user' | 'assistant'; readonly content: JsonObject[] }
type Writer = {
  readonly model: BedrockModel
  readonly notes: Notes
  readonly usedTools: Set<string>
  readonly documents: Set<string>
}

/** Formats by media type, as Converse names them. */
const IMAGES = mediaTypes('image/', 'png jpeg gif webp', { jpg: 'jpeg' })
const VIDEOS = mediaTypes('video/', 'mp4 mov mkv webm flv mpeg mpg wmv', {
  quicktime: 'mov',
  'x-matroska': 'mkv',
  'x-flv': 'flv',
  'x-ms-wmv': 'wmv',
  '3gpp': 'three_gp',
})
const SOUNDS = mediaTypes('audio/', 'mp3 wav flac ogg aac opus m4a mp4 webm', { mpeg: 'mp3', 'x-wav': 'wav' })
const DOCUMENTS: { readonly [mediaType: string]: string } = {
  'application/pdf': 'pdf',
  'text/csv': 'csv',
  'application/msword': 'doc',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'text/html': 'html',
  'text/markdown': 'md',
  'application/json': 'txt',
  'application/xml': 'txt',
}

function mediaTypes(
  prefix: string,
  names: string,
  others: { readonly [name: string]: string },
): { readonly [mediaType: string]: string } {
  const own = Object.fromEntries(names.split(' ').map((name) => [prefix + name, name]))
  return { ...own, ...Object.fromEntries(Object.entries(others).map(([name, format]) => [prefix + name, format])) }
}

/** Turns alternate and begin with the user; what stands next to each other in one role is one turn. */
export function writeMessages(messages: readonly ChatMessage[], model: BedrockModel, notes: Notes): WrittenMessages {
  const writer: Writer = { model, notes, usedTools: new Set(), documents: new Set() }
  const system: JsonObject[] = []
  const turns: Turn[] = []
  for (const message of messages) {
    const content = message.parts.flatMap((part) => {
      const blocks = blocksOf(part, writer)
      return blocks.length === 0 ? [] : [...blocks, ...cachePoint(part.cache, writer)]
    })
    if (message.role === 'system' || message.role === 'developer') {
      if (turns.length > 0)
        notes.warnings.push('An instruction in the middle of the conversation was moved to its front.')
      system.push(...content)
      continue
    }
    if (content.length === 0) continue
    const role = message.role === 'assistant' ? 'assistant' : 'user'
    const last = turns.at(-1)
    if (last?.role === role) last.content.push(...content)
    else turns.push({ role, content })
  }
  if (turns[0]?.role !== 'user') {
    notes.warnings.push('The conversation does not begin with the user: a turn of the user was put before it.')
    turns.unshift({ role: 'user', content: [{ text: '…' }] })
  }
  for (const { role, content } of turns) if (role === 'user') tidy(content)
  trimPrefill(turns)
  return { system, turns, usedTools: writer.usedTools }
}

/** Results stand before anything else of the turn that follows their calls; a document needs a text beside it. */
function tidy(content: JsonObject[]): void {
  if (content.some((block) => block['toolResult'] !== undefined)) {
    // A cache point stays behind the block that it marks.
    const groups: JsonObject[][] = []
    for (const block of content)
      if (block['cachePoint'] !== undefined && groups.length > 0) groups.at(-1)?.push(block)
      else groups.push([block])
    groups.sort((a, b) => Number(b[0]?.['toolResult'] !== undefined) - Number(a[0]?.['toolResult'] !== undefined))
    content.splice(0, content.length, ...groups.flat())
  }
  const hasDocument = content.some((block) => block['document'] !== undefined)
  if (hasDocument && !content.some((block) => block['text'] !== undefined)) content.unshift({ text: '…' })
}

/** An answer to be continued may not end with white space. */
function trimPrefill(turns: readonly Turn[]): void {
  const last = turns.at(-1)
  const block = last?.content.at(-1)
  if (last?.role !== 'assistant' || typeof block?.['text'] !== 'string') return
  last.content.splice(-1, 1, { text: block['text'].trimEnd() })
}

export function cachePoint(cache: CacheMarker | undefined, { model }: Pick<Writer, 'model'>): readonly JsonObject[] {
  if (cache === undefined || model.cache === 'none') return []
  // Only Claude knows lifetimes.
  const ttl = cache.ttl === null || model.maker !== 'anthropic' ? {} : { ttl: cache.ttl }
  return [{ cachePoint: { type: 'default', ...ttl } }]
}

/** A part as content blocks: none when there is nothing to send. */
function blocksOf(part: Part, writer: Writer): readonly JsonObject[] {
  const { notes } = writer
  switch (part.type) {
    case 'text':
    case 'refusal':
      // A blank text is refused, and says nothing.
      return part.text.trim() === '' ? [] : [{ text: part.text }]
    case 'image':
      return mediaBlock('image', part.source, IMAGES, notes)
    case 'video':
      return mediaBlock('video', part.source, VIDEOS, notes)
    case 'audio':
      return mediaBlock('audio', part.source, SOUNDS, notes)
    case 'file':
      return fileBlock(part, writer)
    case 'tool_call': {
      writer.usedTools.add(part.name)
      const input = inputOf(part)
      if (isPutIntoOne(input, part))
        notes.warnings.push(`The arguments of the tool call ${part.id} are no JSON object: they were put into one.`)
      return [{ toolUse: { toolUseId: toolIdOf(part.id), name: part.name, input } }]
    }
    case 'tool_result':
      if (part.toolName !== null) writer.usedTools.add(part.toolName)
      return [{ toolResult: resultJson(part, writer) }]
    case 'reasoning':
      return reasoningBlock(part, writer.model)
    case 'hosted_call':
      if (part.family !== FAMILY) break
      return [{ toolUse: { ...part.value, input: parseObject(part.arguments) ?? {} } }]
    case 'opaque':
      if (part.family !== FAMILY) break
      return [part.value]
  }
  notes.warnings.push(`A part of type ${part.type} is left out.`)
  return []
}

/** A thought goes back only to whose it is, with its proof; one without proof is taken by models that give none. */
function reasoningBlock(part: Extract<Part, { type: 'reasoning' }>, model: BedrockModel): readonly JsonObject[] {
  if (part.family !== model.thoughts) return []
  if (part.encrypted !== null) return [{ reasoningContent: { redactedContent: part.encrypted } }]
  if (part.signature === null) return []
  return [{ reasoningContent: { reasoningText: { text: part.text, signature: part.signature } } }]
}

function mediaBlock(
  kind: 'image' | 'video' | 'audio',
  source: MediaSource,
  formats: { readonly [mediaType: string]: string },
  notes: Notes,
): readonly JsonObject[] {
  const place = sourceJson(source)
  if (place === null || source.type === 'text') {
    notes.refusals.push(`A part of type ${kind} must be sent as its content to this provider.`)
    return []
  }
  const mediaType = mediaTypeOf(source)
  const format = formats[mediaType]
  if (format === undefined) {
    notes.refusals.push(
      `A part of type ${kind} of the media type ${mediaType || '(none)'} cannot be sent to this provider.`,
    )
    return []
  }
  return [{ [kind]: { format, source: place } }]
}

function mediaTypeOf(source: MediaSource): string {
  return (source.mediaType ?? '').replace(/;.*$/, '').trim().toLowerCase()
}

/** Bytes, or a place in S3: other addresses are not fetched. */
function sourceJson(source: MediaSource): JsonObject | null {
  switch (source.type) {
    case 'inline':
      return { bytes: source.data }
    case 'text':
      return { bytes: Buffer.from(source.text, 'utf8').toString('base64') }
    case 'url':
      return source.url.startsWith('s3://') ? { s3Location: { uri: source.url } } : null
    case 'file':
      return null
  }
}

function fileBlock(part: Extract<Part, { type: 'file' }>, writer: Writer): readonly JsonObject[] {
  const { notes } = writer
  const mediaType = mediaTypeOf(part.source)
  if (IMAGES[mediaType] !== undefined) return mediaBlock('image', part.source, IMAGES, notes)
  const source = sourceJson(part.source)
  if (source === null) {
    notes.refusals.push('A file must be sent as its content to this provider.')
    return []
  }
  const format = DOCUMENTS[mediaType] ?? (mediaType.startsWith('text/') ? 'txt' : undefined)
  if (format === undefined) {
    notes.refusals.push(`A file of the media type ${mediaType || '(none)'} cannot be sent to this provider.`)
    return []
  }
  const document = {
    format,
    name: documentName(part.name, writer.documents),
    source,
    ...(part.context === undefined ? {} : { context: part.context }),
    ...(part.cite === undefined ? {} : { citations: { enabled: part.cite } }),
  }
  return [{ document }]
}

/** Names hold letters, digits, single spaces, `-`, `(`, `)`, `[`, `]`, and stand once in a request. */
function documentName(name: string | undefined, taken: Set<string>): string {
  const plain =
    (name ?? 'document')
      .replace(/\.[A-Za-z0-9]{1,5}$/, '')
      .replaceAll(/[^A-Za-z0-9\s()[\]-]/g, '-')
      .replaceAll(/\s+/g, ' ')
      .trim()
      .slice(0, 190) || 'document'
  let unique = plain
  for (let count = 2; taken.has(unique); count++) unique = `${plain} ${count}`
  taken.add(unique)
  return unique
}

function resultJson(part: ToolResultPart, writer: Writer): JsonObject {
  const content = part.parts.flatMap((inner) => blocksOf(inner, writer))
  return {
    toolUseId: toolIdOf(part.toolCallId),
    content: content.length > 0 ? content : [{ text: '…' }],
    ...(part.isError && writer.model.toolStatus ? { status: 'error' } : {}),
  }
}

/** An id in AWS's alphabet and length, the same for the same id. */
function toolIdOf(id: string): string {
  const plain = sanitizeToolId(id)
  if (plain.length <= MAX_TOOL_ID) return plain
  // Two FNV-1a hashes stand for what is cut off.
  const hashes = [2_166_136_261, 2_654_435_769].map((seed) => {
    let hash = seed
    for (let index = 0; index < plain.length; index++) hash = Math.imul(hash ^ plain.charCodeAt(index), 16_777_619)
    return (hash >>> 0).toString(36).padStart(7, '0')
  })
  return `${plain.slice(0, MAX_TOOL_ID - 15)}_${hashes.join('')}`
}
