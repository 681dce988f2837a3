// The head of an HTTP/1.1 answer (RFC 9112): status, headers, and how the body that follows is framed.
//
// What could be read in two ways is refused rather than guessed (two lengths, a length that is no number, a line that is no
// header): a guess would let an upstream smuggle one answer into another.
import type { HeaderSource } from '../../core/headers.ts'

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

class ReceivedHeaders implements HeaderSource {
  readonly #values = new Map<string, string>()

  add(name: string, value: string): void {
    const before = this.#values.get(name)
    this.#values.set(name, before === undefined ? value : `${before}, ${value}`)
  }

  get(name: string): string | null {
    return this.#values.get(name) ?? null
  }

  [Symbol.iterator](): Iterator<[string, string]> {
    return this.#values.entries()
  }
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
// A NUL, a bare carriage return or line feed has no meaning in a value, and other programs may see the end of a line there.
// oxlint-disable-next-line no-control-regex
const BAD_VALUE = /[\u0000\r\n]/

/** @param text the head without its empty line, a byte a character. Throws `MalformedAnswer`. */
export function readHead(text: string, method: string): Head {
  let end = text.indexOf('\r\n')
  const line = end < 0 ? text : text.slice(0, end)
  const status = STATUS_LINE.exec(line)
  if (status === null) throw new MalformedAnswer('the status line is none')
  const headers = new ReceivedHeaders()
  while (end >= 0) {
    const start = end + 2
    end = text.indexOf('\r\n', start)
    addLine(headers, end < 0 ? text.slice(start) : text.slice(start, end))
  }
  const code = Number(status[2])
  const framing = framingOf(code, method, headers)
  return { status: code, headers, framing, keepsAlive: keepsAlive(status[1] === '1', framing, headers) }
}

function addLine(headers: ReceivedHeaders, line: string): void {
  const colon = line.indexOf(':')
  const name = line.slice(0, colon)
  // A line that begins with a space would continue the one before: obsolete, and read differently by different programs.
  if (colon <= 0 || !NAME.test(name)) throw new MalformedAnswer('a header line is none')
  const value = line.slice(colon + 1).trim()
  if (BAD_VALUE.test(value)) throw new MalformedAnswer('a header has a value that cannot be one')
  headers.add(name.toLowerCase(), value)
}

function framingOf(status: number, method: string, headers: HeaderSource): Framing {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { type: 'none' }
  const coding = headers.get('transfer-encoding')
  if (coding !== null) {
    const codings = coding.toLowerCase().split(',')
    if (codings.length === 1 && codings[0]?.trim() === 'chunked') return { type: 'chunked' }
    throw new MalformedAnswer('its transfer coding is unknown')
  }
  const length = headers.get('content-length')
  if (length === null) return { type: 'close' }
  // Equal lengths may stand twice (`5, 5`); different ones never.
  const lengths = new Set(length.split(',').map((part) => part.trim()))
  const [only = ''] = lengths
  if (lengths.size !== 1 || !/^\d{1,15}$/.test(only)) throw new MalformedAnswer('its length is none')
  return { type: 'length', bytes: Number(only) }
}

function keepsAlive(isHttp11: boolean, framing: Framing, headers: HeaderSource): boolean {
  if (framing.type === 'close') return false
  // Both a length and chunks: one of the two programs in between was misled, so nothing more is read from here.
  if (framing.type === 'chunked' && headers.get('content-length') !== null) return false
  const connection = headers.get('connection')?.toLowerCase() ?? ''
  return isHttp11 ? !connection.includes('close') : connection.includes('keep-alive')
}
