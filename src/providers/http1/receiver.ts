// Bytes of a connection, cut anywhere → the head and the body of one answer.
//
//   head ──▶ (1xx: head again) ──▶ none | length | chunk size ⇄ chunk data | until close ──▶ ended
//
// Body bytes are handed on as they are in what was received, without a copy.
import { MalformedAnswer, readHead } from './head.ts'
import type { Head } from './head.ts'

export type Sink = {
  readonly onHead: (head: Head) => void
  readonly onBody: (bytes: Uint8Array) => void
  readonly onEnd: () => void
}

const MAX_HEAD_BYTES = 256 * 1024
/** Hexadecimal digits, and extensions that nobody uses. */
const MAX_CHUNK_LINE_BYTES = 4 * 1024
const MAX_TRAILER_BYTES = 64 * 1024
const EMPTY = Buffer.alloc(0)

type State = 'head' | 'length' | 'close' | 'chunk_size' | 'chunk_data' | 'chunk_end' | 'trailers' | 'ended'

export class Receiver {
  readonly #method: string
  readonly #sink: Sink
  #state: State = 'head'
  /** What came and cannot be understood before more comes. */
  #kept: Buffer = EMPTY
  /** Body or chunk bytes that are still to come. */
  #left = 0
  #trailerBytes = 0

  constructor(method: string, sink: Sink) {
    this.#method = method
    this.#sink = sink
  }

  get hasEnded(): boolean {
    return this.#state === 'ended'
  }

  /** Returns how many bytes at the end of `data` do not belong to this answer. Throws `MalformedAnswer`. */
  push(data: Buffer): number {
    const bytes = this.#kept.length === 0 ? data : Buffer.concat([this.#kept, data])
    this.#kept = EMPTY
    // A place in the bytes instead of what is left of them: a view is dear, and a chunk would need three.
    let at = 0
    while (at < bytes.length && this.#state !== 'ended') {
      const used = this.#step(bytes, at)
      if (used === 0) {
        this.#kept = bytes.subarray(at)
        return 0
      }
      at += used
    }
    return bytes.length - at
  }

  /** The connection is over. True when that is how this answer ends. */
  close(): boolean {
    if (this.#state !== 'close') return this.#state === 'ended'
    this.#end()
    return true
  }

  /** How many bytes from `at` on were understood; 0: more are needed. */
  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case 'head':
        return this.#head(bytes, at)
      case 'length':
        return this.#body(bytes, at, 'ended')
      case 'close':
        this.#sink.onBody(viewOf(bytes, at, bytes.length))
        return bytes.length - at
      case 'chunk_size':
        return this.#chunkSize(bytes, at)
      case 'chunk_data':
        return this.#body(bytes, at, 'chunk_end')
      case 'chunk_end':
        return this.#chunkEnd(bytes, at)
      case 'trailers':
        return this.#trailer(bytes, at)
      case 'ended':
        return 0
    }
  }

  #head(bytes: Buffer, at: number): number {
    const end = bytes.indexOf('\r\n\r\n', at)
    if (end < 0) {
      if (bytes.length - at > MAX_HEAD_BYTES) throw new MalformedAnswer('its head is too long')
      // Something else than HTTP (a greeting, TLS) may never send the empty line.
      if (!'HTTP/1.'.startsWith(bytes.toString('latin1', at, Math.min(at + 7, bytes.length))))
        throw new MalformedAnswer('the status line is none')
      return 0
    }
    const head = readHead(bytes.toString('latin1', at, end), this.#method)
    if (head.status >= 200) this.#begin(head)
    // Nobody asked for another protocol. Other interim answers (100, 103) say nothing that is needed.
    else if (head.status === 101) throw new MalformedAnswer('it changes the protocol')
    return end + 4 - at
  }

  #begin(head: Head): void {
    const { framing } = head
    this.#sink.onHead(head)
    switch (framing.type) {
      case 'none':
        this.#end()
        break
      case 'length':
        this.#left = framing.bytes
        this.#state = 'length'
        if (framing.bytes === 0) this.#end()
        break
      case 'chunked':
        this.#state = 'chunk_size'
        break
      case 'close':
        this.#state = 'close'
        break
    }
  }

  #body(bytes: Buffer, at: number, next: 'ended' | 'chunk_end'): number {
    const used = Math.min(this.#left, bytes.length - at)
    this.#left -= used
    this.#sink.onBody(viewOf(bytes, at, at + used))
    if (this.#left === 0) {
      if (next === 'ended') this.#end()
      else this.#state = next
    }
    return used
  }

  #chunkSize(bytes: Buffer, at: number): number {
    const end = lineEnd(bytes, at)
    if (end < 0) {
      if (bytes.length - at > MAX_CHUNK_LINE_BYTES) throw new MalformedAnswer('a chunk has no size')
      return 0
    }
    const size = hexOf(bytes, at, end)
    this.#left = size
    this.#state = size === 0 ? 'trailers' : 'chunk_data'
    return end + 2 - at
  }

  #chunkEnd(bytes: Buffer, at: number): number {
    const hasBoth = bytes.length - at > 1
    if (bytes[at] !== 13 || (hasBoth && bytes[at + 1] !== 10)) throw new MalformedAnswer('a chunk does not end')
    if (!hasBoth) return 0
    this.#state = 'chunk_size'
    return 2
  }

  #trailer(bytes: Buffer, at: number): number {
    const end = bytes.indexOf('\r\n', at)
    this.#trailerBytes += end < 0 ? 0 : end + 2 - at
    if (this.#trailerBytes > MAX_TRAILER_BYTES || (end < 0 && bytes.length - at > MAX_TRAILER_BYTES))
      throw new MalformedAnswer('its trailers are too long')
    if (end < 0) return 0
    if (end === at) this.#end()
    return end + 2 - at
  }

  #end(): void {
    this.#state = 'ended'
    this.#sink.onEnd()
  }
}

/** Not `subarray`: on a `Buffer` that costs several times as much. */
function viewOf(bytes: Buffer, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start)
}

/** Where the line from `at` on ends, -1: not here. It is some characters long: a search by the runtime costs more than to look at them. */
function lineEnd(bytes: Buffer, at: number): number {
  for (let end = at; end + 1 < bytes.length; end++) if (bytes[end] === 13 && bytes[end + 1] === 10) return end
  return -1
}

/** The chunk size that a line begins with; an extension may follow it. */
function hexOf(bytes: Buffer, start: number, end: number): number {
  let size = 0
  let at = start
  for (; at < end; at++) {
    const digit = hexDigit(bytes[at] ?? 0)
    if (digit < 0) break
    size = size * 16 + digit
  }
  const next = bytes[at]
  // Twelve digits are 256 TB; then an extension, or white space that some servers pad with.
  if (at === start || at - start > 12 || (at < end && next !== 59 && next !== 32 && next !== 9))
    throw new MalformedAnswer('a chunk has no size')
  return size
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}
