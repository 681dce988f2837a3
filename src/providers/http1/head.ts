// The head of an HTTP/1.1 answer (RFC 9112): status, headers, and how the body that follows is framed.
//
// What could be read in two ways is refused rather than guessed (two lengths, a length that is no number, a line that is no
// header): a guess would let an upstream smuggle one answer into another.
import type { HeaderSource } from '../../core/headers.ts'
import { headerPlaces, ReceivedHeaders } from '../../core/received-headers.ts'

type Framing =
  | { readonly type: 'none' }
  | { readonly type: 'length'; readonly bytes: number }
  | { readonly type: 'chunked' }
  /** The body ends with the connection. */
  | { readonly type: 'close' }

export type Head = {
  readonly status: number
  readonly headers: HeaderSource
  readonly framing: Framing
  /** Whether the connection may serve another request after this answer. */
  readonly keepsAlive: boolean
}

/** The bytes are no HTTP/1.1 answer. */
export class MalformedAnswer extends Error {
  readonly code = 'Malformed_HTTP_Response'
  constructor(what: string) {
    super(what)
    this.name = 'MalformedAnswer'
  }
}

const ZERO = 48
const NINE = 57
const SPACE = 32
const STATUS_AT = 9
const REASON_AT = 12
const NO_BODY: Framing = { type: 'none' }
const CHUNKED: Framing = { type: 'chunked' }
const UNTIL_CLOSE: Framing = { type: 'close' }
const LENGTH = /^\d{1,15}$/

/** @param text the head without its empty line, a byte a character. Throws `MalformedAnswer`. */
export function readHead(text: string, method: string): Head {
  const end = text.indexOf('\r\n')
  const status = statusOf(text, end < 0 ? text.length : end)
  if (status === null) throw new MalformedAnswer('the status line is none')
  const places = end < 0 ? [] : headerPlaces(text, end + 2)
  if (places === null) throw new MalformedAnswer('a header line is none')
  const headers = new ReceivedHeaders(text, places)
  const framing = framingOf(status, method, headers)
  const isHttp11 = text.charCodeAt(STATUS_AT - 2) !== ZERO
  return { status, headers, framing, keepsAlive: keepsAlive(isHttp11, framing, headers) }
}

/** `HTTP/1.0` or `HTTP/1.1`, a space, three digits, and a space or the end of the line; null: it is none. */
function statusOf(text: string, end: number): number | null {
  const version = text.charCodeAt(STATUS_AT - 2)
  if (!text.startsWith('HTTP/1.') || (version !== ZERO && version !== ZERO + 1)) return null
  if (end < REASON_AT || (end > REASON_AT && text.charCodeAt(REASON_AT) !== SPACE)) return null
  if (text.charCodeAt(STATUS_AT - 1) !== SPACE) return null
  let status = 0
  for (let at = STATUS_AT; at < REASON_AT; at++) {
    const digit = text.charCodeAt(at)
    if (digit < ZERO || digit > NINE) return null
    status = status * 10 + digit - ZERO
  }
  return status < 100 ? null : status
}

function framingOf(status: number, method: string, headers: HeaderSource): Framing {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return NO_BODY
  const coding = headers.get('transfer-encoding')
  if (coding !== null) {
    const codings = coding.toLowerCase().split(',')
    if (codings.length === 1 && codings[0]?.trim() === 'chunked') return CHUNKED
    throw new MalformedAnswer('its transfer coding is unknown')
  }
  const length = headers.get('content-length')
  if (length === null) return UNTIL_CLOSE
  if (LENGTH.test(length)) return { type: 'length', bytes: Number(length) }
  // Equal lengths may stand twice (`5, 5`); different ones never.
  const lengths = new Set(length.split(',').map((part) => part.trim()))
  const [only = ''] = lengths
  if (lengths.size !== 1 || !LENGTH.test(only)) throw new MalformedAnswer('its length is none')
  return { type: 'length', bytes: Number(only) }
}

function keepsAlive(isHttp11: boolean, framing: Framing, headers: HeaderSource): boolean {
  if (framing.type === 'close') return false
  // Both a length and chunks: one of the two programs in between was misled, so nothing more is read from here.
  if (framing.type === 'chunked' && headers.get('content-length') !== null) return false
  const connection = headers.get('connection')?.toLowerCase() ?? ''
  return isHttp11 ? !connection.includes('close') : connection.includes('keep-alive')
}
