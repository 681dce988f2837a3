// What goes into OpenAI's Responses — texts, images, files — ↔ parts.
import { rawOf } from '../chat.ts'
import type { MediaSource, Part } from '../chat.ts'
import type { JsonObject } from '../json.ts'
import { isObject } from '../json.ts'
import { namesOf, objectOf, restOf, stringOf } from '../json-read.ts'

const FAMILY = 'openai-responses'

const CONTENT_FIELDS = namesOf('type text image_url detail file_id file_data file_url filename input_audio')

/** Content of a message, or the output of a tool: a text or a list of pieces. */
export function partsOfInput(content: unknown): readonly Part[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return Array.isArray(content) ? content.filter((piece) => isObject(piece)).map(partOfInput) : []
}

function partOfInput(piece: JsonObject): Part {
  const base = rawOf(FAMILY, restOf(piece, CONTENT_FIELDS))
  const fileId = stringOf(piece, 'file_id')
  switch (stringOf(piece, 'type') ?? '') {
    case 'input_text':
    case 'output_text':
    case 'text':
      return { type: 'text', text: stringOf(piece, 'text') ?? '', ...base }
    case 'input_image': {
      const url = stringOf(piece, 'image_url')
      const source = fileId === null ? (url === null ? null : sourceOfUrl(url)) : fileSource(fileId)
      if (source === null) break
      const detail = stringOf(piece, 'detail')
      return { type: 'image', source, ...(detail === null ? {} : { detail }), ...base }
    }
    case 'input_file': {
      const url = stringOf(piece, 'file_url')
      const data = stringOf(piece, 'file_data')
      const name = stringOf(piece, 'filename')
      const source =
        fileId !== null
          ? fileSource(fileId)
          : data !== null
            ? sourceOfData(data, name)
            : url !== null
              ? sourceOfUrl(url)
              : null
      if (source === null) break
      return { type: 'file', source, ...(name === null ? {} : { name }), ...base }
    }
    case 'input_audio': {
      const audio = objectOf(piece, 'input_audio') ?? {}
      const mediaType = `audio/${stringOf(audio, 'format') ?? 'wav'}`
      return { type: 'audio', source: { type: 'inline', data: stringOf(audio, 'data') ?? '', mediaType }, ...base }
    }
    case 'refusal':
      return { type: 'refusal', text: stringOf(piece, 'refusal') ?? '' }
  }
  return { type: 'opaque', family: FAMILY, value: piece }
}

function fileSource(fileId: string): MediaSource {
  return { type: 'file', fileId, mediaType: null }
}

/** A URL, or the content of a data URL. */
function sourceOfUrl(url: string): MediaSource {
  const comma = url.indexOf(',')
  const head = url.slice(5, comma)
  if (!url.startsWith('data:') || comma < 0 || !head.endsWith(';base64')) return { type: 'url', url, mediaType: null }
  return { type: 'inline', data: url.slice(comma + 1), mediaType: head.split(';')[0] || 'application/octet-stream' }
}

/** `file_data` is a data URL, or plain base64 of what the file's name tells. */
function sourceOfData(data: string, name: string | null): MediaSource {
  if (data.startsWith('data:')) return sourceOfUrl(data)
  const mediaType = name?.toLowerCase().endsWith('.pdf') === true ? 'application/pdf' : 'application/octet-stream'
  return { type: 'inline', data, mediaType }
}

/** A part as a piece of input; null when this format cannot say it. */
export function inputJson(part: Part): JsonObject | null {
  const base = part.raw?.[FAMILY] ?? {}
  switch (part.type) {
    case 'text':
      return { ...base, type: 'input_text', text: part.text }
    case 'refusal':
      return { type: 'input_text', text: part.text }
    case 'image':
      return imageJson(part, base)
    case 'file':
      return fileJson(part, base)
    case 'opaque':
      return part.family === FAMILY ? part.value : null
    case 'audio':
    case 'video':
    case 'tool_call':
    case 'tool_result':
    case 'reasoning':
    case 'hosted_call':
      return null
  }
}

function imageJson(part: Extract<Part, { type: 'image' }>, base: JsonObject): JsonObject | null {
  const common = { ...base, type: 'input_image', detail: part.detail ?? 'auto' }
  const { source } = part
  switch (source.type) {
    case 'inline':
      return { ...common, image_url: `data:${source.mediaType};base64,${source.data}` }
    case 'url':
      return { ...common, image_url: source.url }
    case 'file':
      return { ...common, file_id: source.fileId }
    case 'text':
      return null
  }
}

function fileJson(part: Extract<Part, { type: 'file' }>, base: JsonObject): JsonObject {
  const { source } = part
  const named = part.name === undefined ? {} : { filename: part.name }
  switch (source.type) {
    case 'inline':
      return {
        ...base,
        type: 'input_file',
        filename: part.name ?? 'file',
        file_data: `data:${source.mediaType};base64,${source.data}`,
      }
    case 'url':
      return { ...base, type: 'input_file', ...named, file_url: source.url }
    case 'file':
      return { ...base, type: 'input_file', ...named, file_id: source.fileId }
    case 'text': {
      // There are no text documents here: the text itself is as good.
      const title = part.name === undefined ? '' : `${part.name}\n\n`
      return { ...base, type: 'input_text', text: `${title}${source.text}` }
    }
  }
}
