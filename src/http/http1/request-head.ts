// The head of a client's request (RFC 9112), as far as our own connections take it: a call with a path, plain headers and a body of known
// length. Everything else that is allowed, or that two programs might read in two ways, is left to Bun's server.
import type { HeaderSource } from '../../core/headers.ts'
import { headerPlaces, ReceivedHeaders } from '../../core/received-headers.ts'

export type RequestHead = {
  readonly method: 'GET' | 'POST'
  /** Path and query. */
  readonly target: string
  readonly headers: HeaderSource
  readonly bodyBytes: number
  /** The client wants no more answers on its connection. */
  readonly isLast: boolean
}

const MAX_HEAD_BYTES = 8 * 1024
const MAX_HEADERS = 64
/** An address that is read as it is written: nothing in it leads up, or would be written in another way. */
const TARGET = /^(?!.*\/\.)\/[\w.~/%:@&=+$,;!*()?-]*$/
/** What such bytes are is told in more than one way. */
const BEYOND_ASCII = /[\x80-\xff]/
const HOST = /^[\w.:[\]-]+$/
const VERSION = ' HTTP/1.1'
/** They change what follows the head, or what becomes of the connection. */
const UNUSUAL = ['transfer-encoding', 'upgrade', 'expect', 'trailer', 'http2-settings']

/** @param text the head without its empty line, a byte a character. Null: it is for another server. */
export function readRequestHead(text: string): RequestHead | null {
  if (text.length > MAX_HEAD_BYTES || BEYOND_ASCII.test(text)) return null
  const end = text.indexOf('\r\n')
  if (end < 0) return null
  const method = text.startsWith('POST ') ? 'POST' : text.startsWith('GET ') ? 'GET' : null
  if (method === null || !text.startsWith(VERSION, end - VERSION.length)) return null
  const target = text.slice(method.length + 1, end - VERSION.length)
  if (!TARGET.test(target)) return null
  const places = headerPlaces(text, end + 2)
  if (places === null || places.length > 4 * MAX_HEADERS) return null
  const headers = new ReceivedHeaders(text, places)
  const bodyBytes = bodyBytesOf(method, headers)
  const isLast = isLastIn(headers)
  if (bodyBytes === null || isLast === null || !isUsual(headers)) return null
  return { method, target, headers, bodyBytes, isLast }
}

function isUsual(headers: HeaderSource): boolean {
  // A request without a host, or with two, is none.
  if (!HOST.test(headers.get('host') ?? '')) return false
  for (const name of UNUSUAL) if (headers.get(name) !== null) return false
  return true
}

/** Null: something else is to become of the connection. */
function isLastIn(headers: HeaderSource): boolean | null {
  const connection = headers.get('connection')
  if (connection === null) return false
  const wish = connection.toLowerCase()
  return wish === 'keep-alive' ? false : wish === 'close' ? true : null
}

/** Null: there is no length, or none that can be read in one way only. */
function bodyBytesOf(method: RequestHead['method'], headers: HeaderSource): number | null {
  const length = headers.get('content-length')
  if (length === null) return method === 'GET' ? 0 : null
  return /^\d{1,12}$/.test(length) ? Number(length) : null
}
