// The head of an answer on a connection of our own, and of a chunk (RFC 9112), written to where their bytes leave from.

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Payload Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Entity',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}

export type ReplyHead = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Bytes of the body; null: it comes in chunks. */
  readonly length: number | null
  readonly isLast: boolean
}

/** Bytes of a head at most: who writes one has so much room. */
export const HEAD_ROOM = 64 * 1024
const TAB = 9
const SPACE = 32
const DELETE = 127
const COLON = 58
const CARRIAGE_RETURN = 13
const LINE_FEED = 10

/**
 * Writes a head with its empty line from `at` on, a byte a character; returns where it ends. Character by character, because the strings in
 * between would be most of what an answer leaves behind. Throws where a header's value cannot be sent, or the head is too large.
 */
export function writeReplyHead(to: Uint8Array, { status, headers, length, isLast }: ReplyHead, now: number): number {
  let at = write(to, 0, statusLine(status))
  for (const name in headers) {
    const value = headers[name]!
    if (at + name.length + value.length > HEAD_ROOM) throw new TypeError('The head of an answer is too large.')
    at = write(to, at, name)
    to[at++] = COLON
    to[at++] = SPACE
    at = writeValue(to, at, name, value)
    to[at++] = CARRIAGE_RETURN
    to[at++] = LINE_FEED
  }
  if (isLast && headers['connection'] === undefined) at = write(to, at, 'connection: close\r\n')
  at = write(to, at, dateLine(now))
  if (length === null) return write(to, at, 'transfer-encoding: chunked\r\n\r\n')
  at = write(to, at, 'content-length: ')
  at = write(to, at, String(length))
  return write(to, at, '\r\n\r\n')
}

const DIGITS = Buffer.from('0123456789abcdef')

/** Writes the line before a chunk of so many bytes from `at` on; returns where it ends. */
export function writeChunkSize(to: Uint8Array, at: number, bytes: number): number {
  let end = at
  for (let rest = bytes; rest > 0; rest = Math.floor(rest / DIGITS.length)) end++
  let rest = bytes
  for (let place = end - 1; place >= at; place--) {
    to[place] = DIGITS[rest % DIGITS.length]!
    rest = Math.floor(rest / DIGITS.length)
  }
  to[end++] = CARRIAGE_RETURN
  to[end++] = LINE_FEED
  return end
}

function write(to: Uint8Array, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) to[at++] = text.charCodeAt(index)
  return at
}

/** What has no place in a value would end its line, or be read in two ways. */
function writeValue(to: Uint8Array, at: number, name: string, value: string): number {
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index)
    if ((code < SPACE && code !== TAB) || code === DELETE || code > 255)
      throw new TypeError(`The value of the header \`${name}\` cannot be sent.`)
    to[at++] = code
  }
  return at
}

const OK = 'HTTP/1.1 200 OK\r\n'

function statusLine(status: number): string {
  return status === 200 ? OK : `HTTP/1.1 ${status} ${REASONS[status] ?? ''}\r\n`
}

let dateS = 0
let date = ''

/** It changes once a second. */
function dateLine(now: number): string {
  const second = Math.floor(now / 1_000)
  if (second !== dateS) {
    dateS = second
    date = `date: ${new Date(now).toUTCString()}\r\n`
  }
  return date
}
