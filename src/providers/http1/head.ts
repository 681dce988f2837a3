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

/**
 * The header lines of an answer, by their places in its text: of the many headers of an answer few are asked for, and most
 * of those that are asked for are not there, which costs nothing but a look at lengths.
 */
class ReceivedHeaders implements HeaderSource {
  readonly #text: string
  readonly #lowered: string
  /** Four places for each line: the name's start and end, the value's start and end. */
  readonly #places: readonly number[]

  constructor(text: string, places: readonly number[]) {
    this.#text = text
    this.#lowered = text.toLowerCase()
    this.#places = places
  }

  get(name: string): string | null {
    const places = this.#places
    let value: string | null = null
    for (let at = 0; at < places.length; at += 4) {
      const start = places[at]!
      if (places[at + 1]! - start !== name.length || !this.#lowered.startsWith(name, start)) continue
      const one = this.#text.slice(places[at + 2], places[at + 3]).trim()
      value = value === null ? one : `${value}, ${one}`
    }
    return value
  }

  *[Symbol.iterator](): Generator<[string, string]> {
    const names = new Set<string>()
    for (let at = 0; at < this.#places.length; at += 4)
      names.add(this.#lowered.slice(this.#places[at], this.#places[at + 1]))
    for (const name of names) {
      const value = this.get(name)
      if (value !== null) yield [name, value]
    }
  }
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/
const CARRIAGE_RETURN = 13
const LINE_FEED = 10
const COLON = 58
/** By character code: whether it may stand in the name of a header. */
const IS_NAME = new Uint8Array(256)
for (const character of "!#$%&'*+.^_`|~-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
  IS_NAME[character.charCodeAt(0)] = 1

/** @param text the head without its empty line, a byte a character. Throws `MalformedAnswer`. */
export function readHead(text: string, method: string): Head {
  const end = text.indexOf('\r\n')
  const status = STATUS_LINE.exec(end < 0 ? text : text.slice(0, end))
  if (status === null) throw new MalformedAnswer('the status line is none')
  const headers = new ReceivedHeaders(text, end < 0 ? [] : placesOf(text, end + 2))
  const code = Number(status[2])
  const framing = framingOf(code, method, headers)
  return { status: code, headers, framing, keepsAlive: keepsAlive(status[1] === '1', framing, headers) }
}

/**
 * Where the names and values of the header lines from `start` on stand. A line that begins with a space would continue the
 * one before: obsolete, and read differently by different programs. A NUL, a bare carriage return or line feed has no meaning
 * in a value, and other programs may see the end of a line there.
 */
function placesOf(text: string, start: number): number[] {
  const places: number[] = []
  let at = start
  for (;;) {
    const nameStart = at
    while (IS_NAME[text.charCodeAt(at)] === 1) at++
    if (at === nameStart || text.charCodeAt(at) !== COLON) throw new MalformedAnswer('a header line is none')
    const nameEnd = at++
    const valueStart = at
    let code = text.charCodeAt(at)
    // Beyond the end of the text it is no number.
    while (code > CARRIAGE_RETURN || (code !== CARRIAGE_RETURN && code !== LINE_FEED && code > 0))
      code = text.charCodeAt(++at)
    places.push(nameStart, nameEnd, valueStart, at)
    if (at === text.length) return places
    if (code !== CARRIAGE_RETURN || text.charCodeAt(at + 1) !== LINE_FEED)
      throw new MalformedAnswer('a header line is none')
    at += 2
  }
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
