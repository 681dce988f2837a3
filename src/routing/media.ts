// Pictures and files of a request on their way to a target: those that it cannot fetch itself are put in as their content.
//
// A request names such things by address, or carries them as base64. What it carries is checked once, when the request is
// read. What it names is left to the provider where that fetches it; elsewhere it is fetched once a request, whatever
// number of targets is tried.
import type { ReadChat } from '../core/call.ts'
import type { ChatRequest, MediaSource, Part } from '../core/chat.ts'
import { GatewayError } from '../core/error.ts'
import {
  base64Bytes,
  type FetchedMedia,
  isOfKind,
  type MediaPlace,
  mediaTypeOfBytes,
  plainBase64,
  plainMediaType,
} from '../core/media.ts'
import type { Quirks } from '../core/model.ts'
import type { ChatWire } from '../providers/wire.ts'

type MediaPart = Extract<Part, { readonly source: unknown }>

const NO_PLACES: readonly MediaPlace[] = []

/** A request whose pictures and files are known to be sound. Throws `request_malformed` or `request_too_large`. */
export function checkedChat(read: ReadChat, maxBytes: number): ReadChat {
  if (!hasMedia(read.request)) return { ...read, places: NO_PLACES }
  const places: MediaPlace[] = []
  const request = mapMedia(read.request, (part, where) => {
    if (part.source.type === 'url' && /^https?:/i.test(part.source.url))
      places.push({ kind: part.type, url: part.source.url, mediaType: part.source.mediaType })
    return part.source.type === 'inline' ? checkedInline(part, part.source, where, maxBytes) : part.source
  })
  return { ...read, request, places }
}

/** The places of a request that a wire leaves to the gateway, each once. */
export function placesToFetch({ places }: ReadChat, wire: ChatWire, quirks: Quirks): readonly MediaPlace[] {
  if (places === undefined || places.length === 0) return NO_PLACES
  const wanted = new Map<string, MediaPlace>()
  for (const place of places) if (wire.fetches?.(place, quirks) !== true) wanted.set(place.url, place)
  return [...wanted.values()]
}

/** The request with what was fetched in place of its address; what could not be is told, a sentence each. */
export function withContents(
  request: ChatRequest,
  wanted: readonly MediaPlace[],
  fetched: ReadonlyMap<string, FetchedMedia>,
): { readonly request: ChatRequest; readonly problems: readonly string[] } {
  const urls = new Set(wanted.map(({ url }) => url))
  const problems: string[] = []
  const replaced = mapMedia(request, ({ type, source }) => {
    if (source.type !== 'url' || !urls.has(source.url)) return source
    const found = fetched.get(source.url)
    if (found?.type === 'content') return found.source
    problems.push(`The ${type} at ${shown(source.url)} cannot be used: ${found?.problem ?? 'it was not fetched'}.`)
    return source
  })
  return { request: replaced, problems }
}

/** An address in a message: without its query, which may hold a signature. */
function shown(url: string): string {
  return (url.split(/[?#]/, 1)[0] ?? '').slice(0, 200)
}

function hasMedia({ messages }: ChatRequest): boolean {
  const has = (part: Part): boolean => 'source' in part || (part.type === 'tool_result' && part.parts.some(has))
  return messages.some(({ parts }) => parts.some(has))
}

/** The request with the source of each picture, sound, film and file changed. `where` is its place, for messages. */
function mapMedia(request: ChatRequest, change: (part: MediaPart, where: string) => MediaSource): ChatRequest {
  const changed = (part: Part, where: string): Part => {
    if (part.type === 'tool_result')
      return { ...part, parts: part.parts.map((inner, index) => changed(inner, `${where}.content[${index}]`)) }
    if (!('source' in part)) return part
    const source = change(part, where)
    return source === part.source ? part : { ...part, source }
  }
  return {
    ...request,
    messages: request.messages.map((message, index) => ({
      ...message,
      parts: message.parts.map((part, place) => changed(part, `messages[${index}].content[${place}]`)),
    })),
  }
}

function checkedInline(
  part: MediaPart,
  source: Extract<MediaSource, { readonly type: 'inline' }>,
  where: string,
  maxBytes: number,
): MediaSource {
  // What a model said earlier is known by its id, and may come without its sound.
  if (part.type === 'audio' && (part.id !== undefined || part.transcript !== undefined)) return source
  const data = plainBase64(source.data)
  if (data === null)
    throw new GatewayError('request_malformed', { message: `The ${part.type} is no base64.`, param: where })
  if (base64Bytes(data) > maxBytes)
    throw new GatewayError('request_too_large', {
      message: `The ${part.type} has ${base64Bytes(data)} bytes; ${maxBytes} are taken.`,
      param: where,
    })
  const stated = plainMediaType(source.mediaType)
  // Providers refuse a picture that is called by the name of another format: what it is counts.
  const mediaType = mediaTypeOfBytes(Buffer.from(data.slice(0, 32), 'base64')) ?? stated
  if (!isOfKind(part.type, mediaType))
    throw new GatewayError('request_malformed', {
      message: `The ${part.type} is of the media type ${mediaType.slice(0, 100) || '(none)'}.`,
      param: where,
    })
  return data === source.data && mediaType === source.mediaType ? source : { ...source, data, mediaType }
}
