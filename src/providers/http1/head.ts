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

/** Lines are looked up in the text of the head: of the many headers of an answer few are asked for. */
class ReceivedHeaders implements HeaderSource {
  /** `\r\nName: value…`, checked to be header lines. */
  readonly #lines: string
  readonly #lowered: string

  constructor(lines: string) {
    this.#lines = lines
    this.#lowered = lines.toLowerCase()
  }

  get(name: string): string | null {
    const start = `\r\n${name}:`
    let at = this.#lowered.indexOf(start)
    if (at < 0) return null
    let value = this.#valueAt(at + start.length)
    while ((at = this.#lowered.indexOf(start, at + start.length)) >= 0) value += `, ${this.#valueAt(at + start.length)}`
    return value
  }

  *[Symbol.iterator](): Generator<[string, string]> {
    const names = new Set(this.#lowered.split('\r\n').map((line) => line.slice(0, line.indexOf(':'))))
    for (const name of names) {
      const value = name === '' ? null : this.get(name)
      if (value !== null) yield [name, value]
    }
  }

  #valueAt(start: number): string {
    const end = this.#lines.indexOf('\r\n', start)
    return this.#lines.slice(start, end < 0 ? this.#lines.length : end).trim()
  }
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/
// All header lines at once, because one run of an expression costs less than one for each line. A line that begins with a
// space would continue the one before: obsolete, and read differently by different programs. A NUL, a bare carriage return or
// line feed has no meaning in a value, and other programs may see the end of a line there.
// oxlint-disable-next-line no-control-regex
const HEADER_LINES = /^(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\u0000\r\n]*)*$/

/** @param text the head without its empty line, a byte a character. Throws `MalformedAnswer`. */
export function readHead(text: string, method: string): Head {
  const end = text.indexOf('\r\n')
  const status = STATUS_LINE.exec(end < 0 ? text : text.slice(0, end))
  if (status === null) throw new MalformedAnswer('the status line is none')
  const lines = end < 0 ? '' : text.slice(end)
  if (!HEADER_LINES.test(lines)) throw new MalformedAnswer('a header line is none')
  const headers = new ReceivedHeaders(lines)
  const code = Number(status[2])
  const framing = framingOf(code, method, headers)
  return { status: code, headers, framing, keepsAlive: keepsAlive(status[1] === '1', framing, headers) }
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
