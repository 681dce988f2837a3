// Parts of Gemini's contents ↔ parts of the normal form: what requests carry and what answers bring.
//
// A signature that stands on a text proves the thoughts before it and not the text: it becomes a reasoning without a text
// of its own, which is what every other dialect can carry, and goes back to the text beside it.
import { rawOf, textOf } from '../chat.ts'
import type { MediaSource, Part, ReasoningPart, ToolCallPart, ToolResultPart } from '../chat.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { isObject } from '../json.ts'
import { booleanOf, objectOf, objectsOf, parseObject, restOf, stringOf } from '../json-read.ts'
import { mediaTypeOfName } from '../media.ts'
import { inputOf } from './anthropic-blocks.ts'
import { proofOf, thoughtSignatureOf } from './gemini-signatures.ts'

const FAMILY = 'gemini'

/** Ids of calls and results where the wire gives none; `given` is the wire's own. */
export type CallIds = {
  ofCall(name: string, given: string | null): string
  ofResult(name: string, given: string | null): string
}

/** The same object with names in the form of `inlineData`: the API takes `inline_data` as well. One level only. */
export function camelKeys(object: JsonObject): JsonObject {
  let renamed: Record<string, JsonValue | undefined> | null = null
  for (const name in object) {
    if (!name.includes('_')) continue
    renamed ??= { ...object }
    delete renamed[name]
    renamed[name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())] = object[name]
  }
  return renamed ?? object
}

/** A made id: told apart from Google's own, so that it is never sent there. */
export function madeId(scope: string, index: number): string {
  return `call_g_${scope.replace(/[^A-Za-z0-9_-]/g, '')}_${index}`
}

export function isMadeId(id: string): boolean {
  return id.startsWith('call_g_')
}

const TEXT_FIELDS = new Set(['text', 'thought', 'thoughtSignature'])
const MEDIA_FIELDS = new Set(['inlineData', 'fileData'])
const CALL_FIELDS = new Set(['functionCall', 'thoughtSignature', 'thought'])
const RESULT_FIELDS = new Set(['functionResponse'])
const RESPONSE_FIELDS = new Set(['id', 'name', 'response', 'parts'])

/** One part of a content: none when there is nothing in it, two for a text with a signature. Names are in camel case. */
export function partsOfPart(given: JsonObject, ids: CallIds): readonly Part[] {
  const part = camelKeys(given)
  const signature = stringOf(part, 'thoughtSignature') || null
  const text = stringOf(part, 'text')
  if (text !== null || (signature !== null && Object.keys(part).length === 1)) return textParts(part, text ?? '')
  const call = objectOf(part, 'functionCall')
  if (call !== null) return [toolCallOf(part, camelKeys(call), signature, ids)]
  const response = objectOf(part, 'functionResponse')
  if (response !== null) return [toolResultOf(part, camelKeys(response), ids)]
  const media = mediaPart(part)
  if (media !== null) return [media]
  return Object.keys(part).length === 0 ? [] : [{ type: 'opaque', family: FAMILY, value: part }]
}

function textParts(part: JsonObject, text: string): readonly Part[] {
  const signature = stringOf(part, 'thoughtSignature') || null
  const raw = rawOf(FAMILY, restOf(part, TEXT_FIELDS))
  if (booleanOf(part, 'thought') === true)
    return text === '' && signature === null ? [] : [{ type: 'reasoning', text, ...proofOf(signature), ...raw }]
  const parts: Part[] = text === '' ? [] : [{ type: 'text', text, ...raw }]
  if (signature !== null) parts.push({ type: 'reasoning', text: '', ...proofOf(signature) })
  return parts
}

function toolCallOf(part: JsonObject, call: JsonObject, signature: string | null, ids: CallIds): ToolCallPart {
  const name = stringOf(call, 'name') ?? ''
  return {
    type: 'tool_call',
    kind: 'function',
    id: ids.ofCall(name, stringOf(call, 'id') || null),
    name,
    arguments: JSON.stringify(objectOf(call, 'args') ?? {}),
    ...(signature === null ? {} : { signature, family: FAMILY }),
    ...rawOf(FAMILY, restOf(part, CALL_FIELDS)),
  }
}

function toolResultOf(part: JsonObject, response: JsonObject, ids: CallIds): ToolResultPart {
  const name = stringOf(response, 'name') ?? ''
  const given = objectOf(response, 'response') ?? {}
  const { text, isError } = readResponse(given)
  const parts: Part[] = text === '' ? [] : [{ type: 'text', text }]
  if (response['parts'] !== undefined)
    for (const inner of objectsOf(response, 'parts')) parts.push(...partsOfPart(inner, ids))
  const other = restOf(response, RESPONSE_FIELDS)
  const rest = isWrittenOtherwise(given, isError) ? { ...other, response: given } : other
  const own = restOf(part, RESULT_FIELDS)
  return {
    type: 'tool_result',
    toolCallId: ids.ofResult(name, stringOf(response, 'id') || null),
    toolName: name,
    parts,
    isError,
    ...rawOf(FAMILY, rest === null ? own : { ...own, functionResponse: rest }),
  }
}

/** `output` and `error` are the API's own words for what a function gave; any other object is the output itself. */
function readResponse(response: JsonObject): { readonly text: string; readonly isError: boolean } {
  const only = onlyName(response)
  const output = response['output']
  if (only === 'output' && typeof output === 'string') return { text: output, isError: false }
  const error = response['error']
  if (only === 'error') return { text: typeof error === 'string' ? error : JSON.stringify(error), isError: true }
  return { text: JSON.stringify(response), isError: false }
}

/** Whether `responseJson` makes another object of what was read: of a word that is an object's text, and of an error that is neither. */
function isWrittenOtherwise(response: JsonObject, isError: boolean): boolean {
  const word = response[isError ? 'error' : 'output']
  return typeof word === 'string' ? parseObject(word) !== null : isError && !isObject(word)
}

/** The name of an object's one member; null where it has none, or several. */
function onlyName(object: JsonObject): string | null {
  let only: string | null = null
  for (const name in object) {
    if (only !== null) return null
    only = name
  }
  return only
}

/** The result of a call as the object that `response` must be. */
export function responseJson({ parts, isError }: ToolResultPart): JsonObject {
  const text = textOf(parts)
  const object = parseObject(text)
  if (isError) return { error: object ?? text }
  return object ?? { output: text }
}

function mediaPart(part: JsonObject): Part | null {
  const inline = objectOf(part, 'inlineData')
  const file = objectOf(part, 'fileData')
  if (inline === null && file === null) return null
  const blob = camelKeys(inline ?? file ?? {})
  const mediaType = stringOf(blob, 'mimeType')
  const uri = stringOf(blob, 'fileUri') ?? ''
  const source: MediaSource =
    inline !== null
      ? { type: 'inline', data: stringOf(blob, 'data') ?? '', mediaType: mediaType ?? 'application/octet-stream' }
      : isGoogleFile(uri)
        ? { type: 'file', fileId: uri, mediaType }
        : { type: 'url', url: uri, mediaType }
  const kind = kindOf(mediaType ?? mediaTypeOfUrl(uri))
  const name = kind === 'file' ? stringOf(blob, 'displayName') : null
  const rest = restOf(blob, name === null ? BLOB_FIELDS : NAMED_BLOB_FIELDS)
  const own = restOf(part, MEDIA_FIELDS)
  const raw = rawOf(FAMILY, rest === null ? own : { ...own, [inline === null ? 'fileData' : 'inlineData']: rest })
  return { type: kind, source, ...(name === null ? {} : { name }), ...raw }
}

const BLOB_FIELDS = new Set(['mimeType', 'data', 'fileUri'])
const NAMED_BLOB_FIELDS = new Set([...BLOB_FIELDS, 'displayName'])

function isGoogleFile(uri: string): boolean {
  return uri.startsWith('gs://') || uri.startsWith('files/') || uri.includes('generativelanguage.googleapis.com/')
}

function kindOf(mediaType: string | null): 'image' | 'audio' | 'video' | 'file' {
  const kind = mediaType?.split('/')[0]
  return kind === 'image' || kind === 'audio' || kind === 'video' ? kind : 'file'
}

/** What a URL's name says of its content; null where it says nothing. */
function mediaTypeOfUrl(url: string): string | null {
  if (/^https:\/\/(?:www\.)?(?:youtube\.com|youtu\.be)\//.test(url)) return 'video/mp4'
  return mediaTypeOfName(url.replace(/[?#].*$/s, ''))
}

export type PartWriting = {
  /** The id to send for a call's id; null: none. */
  readonly idOf: (id: string) => string | null
  /** Thoughts of other vendors go along, with their proof in disguise. To Google itself they may not. */
  readonly foreignThoughts: boolean
}

/** The parts of one content, in order; parts that have no place in it are left out. */
export function contentParts(
  parts: readonly Part[],
  writing: PartWriting,
  leftOut: (part: Part) => readonly JsonObject[] = () => [],
): JsonObject[] {
  const written: JsonObject[] = []
  const write = (part: Part, signature: string | null): void => {
    const json = partJson(part, writing)
    if (json === null) written.push(...leftOut(part))
    else if (signature !== null) written.push({ ...json, thoughtSignature: signature })
    else if (json['text'] !== '' || json['thoughtSignature'] !== undefined) written.push(json)
  }
  if (parts.some(isBareSignature)) for (const { part, signature } of withSignatures(parts)) write(part, signature)
  else for (const part of parts) write(part, null)
  return written
}

type Signed = { readonly part: Part; signature: string | null }

/** Each signature without a thought of its own, on the text that it stands beside; on an empty one where there is none. */
function withSignatures(parts: readonly Part[]): readonly Signed[] {
  const result: Signed[] = []
  let waiting: { readonly signature: string; readonly at: number } | null = null
  for (const part of parts) {
    if (isBareSignature(part)) {
      const last = result.at(-1)
      if (last?.part.type === 'text' && last.signature === null) last.signature = part.signature
      else waiting ??= { signature: part.signature, at: result.length }
    } else if (waiting !== null && part.type === 'text') {
      result.push({ part, signature: waiting.signature })
      waiting = null
    } else result.push({ part, signature: null })
  }
  if (waiting !== null) result.splice(waiting.at, 0, { part: { type: 'text', text: '' }, signature: waiting.signature })
  return result
}

/** A signature of Google's that came on a text or alone. */
export function isBareSignature(part: Part): part is ReasoningPart & { readonly signature: string } {
  return part.type === 'reasoning' && part.family === FAMILY && part.text === '' && part.signature !== null
}

/** A part as Gemini writes it; null when it has no place there. */
export function partJson(part: Part, { idOf, foreignThoughts }: PartWriting): JsonObject | null {
  switch (part.type) {
    case 'text':
      return { ...part.raw?.[FAMILY], text: part.text }
    case 'refusal':
      return { text: part.text }
    case 'reasoning': {
      if (part.family !== FAMILY && !foreignThoughts) return null
      const signature = thoughtSignatureOf(part)
      if (part.text === '' && signature === null) return null
      return {
        ...part.raw?.[FAMILY],
        text: part.text,
        thought: true,
        ...(signature === null ? {} : { thoughtSignature: signature }),
      }
    }
    case 'tool_call': {
      const id = idOf(part.id)
      const [name, args] = [part.name, inputOf(part)]
      const functionCall = id === null ? { name, args } : { id, name, args }
      const signature = part.family === FAMILY ? part.signature : undefined
      const own = part.raw?.[FAMILY]
      // Long conversations are mostly calls: the usual one is written without a spread.
      if (own === undefined && signature === undefined) return { functionCall }
      return { ...own, functionCall, ...(signature === undefined ? {} : { thoughtSignature: signature }) }
    }
    case 'image':
    case 'audio':
    case 'video':
    case 'file':
      return mediaJson(part)
    case 'opaque':
      return part.family === FAMILY ? part.value : null
    case 'tool_result':
    case 'hosted_call':
      return null
  }
}

type MediaPart = Extract<Part, { readonly source: MediaSource }>

function mediaJson(part: MediaPart): JsonObject | null {
  const { inlineData, fileData, ...own } = part.raw?.[FAMILY] ?? {}
  const name = part.type === 'file' && part.name !== undefined ? { displayName: part.name } : {}
  const { source } = part
  switch (source.type) {
    case 'inline': {
      const rest = isObject(inlineData) ? inlineData : {}
      return { ...own, inlineData: { ...name, ...rest, mimeType: source.mediaType, data: source.data } }
    }
    case 'url':
    case 'file': {
      const fileUri = source.type === 'url' ? source.url : fileUriOf(source.fileId)
      if (fileUri === null) return null
      const mimeType = source.mediaType ?? mediaTypeOfUrl(fileUri)
      const rest = isObject(fileData) ? fileData : {}
      return { ...own, fileData: { ...name, ...rest, ...(mimeType === null ? {} : { mimeType }), fileUri } }
    }
    case 'text':
      return {
        ...own,
        text: part.type === 'file' && part.name !== undefined ? `${part.name}\n\n${source.text}` : source.text,
      }
  }
}

/** A file that Google keeps, by whichever of its names; null for a file of another vendor. */
function fileUriOf(fileId: string): string | null {
  if (fileId.startsWith('files/')) return `https://generativelanguage.googleapis.com/v1beta/${fileId}`
  return /^(?:https?|gs):\/\//.test(fileId) ? fileId : null
}
