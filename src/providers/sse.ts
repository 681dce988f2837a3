// Cuts a server-sent event stream into whole events without touching a byte: what is relayed are slices of what came.
//
// Events are looked at as Latin-1 text, in which a character is a byte, so that places in the text are places in the
// bytes whatever the encoding of the content. https://html.spec.whatwg.org/multipage/server-sent-events.html

/** One event: its place in `bytes` of the batch, its type, and its data lines joined by newlines. */
type SseEvent = { readonly start: number; readonly end: number; readonly type: string; readonly data: string }

/** The whole events that one chunk completed; `bytes` is exactly their text, blank lines included. */
export type SseBatch = { readonly bytes: Uint8Array; readonly events: readonly SseEvent[] }

const LF = 10
const CR = 13

export class SseSplitter {
  #tail: Uint8Array | null = null
  readonly #maxEventBytes: number

  constructor(maxEventBytes: number) {
    this.#maxEventBytes = maxEventBytes
  }

  /** Nothing of an event that is not whole has been kept. */
  get isBetween(): boolean {
    return this.#tail === null
  }

  /** Returns the events that are now whole, or null when there are none yet; throws RangeError when one grows past the bound. */
  push(chunk: Uint8Array): SseBatch | null {
    const bytes = this.#tail === null ? chunk : concat(this.#tail, chunk)
    const end = lastBoundary(bytes)
    this.#tail = end === bytes.length ? null : bytes.subarray(end)
    if (this.#tail !== null && this.#tail.length > this.#maxEventBytes)
      throw new RangeError(`an event is larger than ${this.#maxEventBytes} bytes`)
    if (end === 0) return null
    const whole = end === bytes.length ? bytes : bytes.subarray(0, end)
    return { bytes: whole, events: readEvents(whole) }
  }

  /** What is left at the end of the stream: an event that lacks its blank line, as some hosts end their last one. */
  finish(): SseBatch | null {
    const bytes = this.#tail
    this.#tail = null
    if (bytes === null) return null
    return { bytes, events: readEvents(bytes) }
  }
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length)
  joined.set(first)
  joined.set(second, first.length)
  return joined
}

/** Index after the last blank line, 0 when there is none. A lone CR at the very end may be half of a CRLF and waits. */
function lastBoundary(bytes: Uint8Array): number {
  for (let index = bytes.length - 1; index > 0; index--) {
    const code = bytes[index]
    if (code === LF) {
      const before = bytes[index - 1]
      if (before === LF) return index + 1
      if (before === CR && (bytes[index - 2] === LF || bytes[index - 2] === CR)) return index + 1
    } else if (code === CR && bytes[index - 1] === CR && index < bytes.length - 1) return index + 1
  }
  return 0
}

/** The events of bytes that hold whole ones. */
export function readEvents(bytes: Uint8Array): readonly SseEvent[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  // One event of one line is what nearly every chunk is.
  const first = text.indexOf('\n')
  if (first === text.length - 2 && text.startsWith('data:') && text.endsWith('\n\n') && !text.includes('\r'))
    return [{ start: 0, end: text.length, type: '', data: text.slice(text.charCodeAt(5) === 32 ? 6 : 5, first) }]
  const events: SseEvent[] = []
  let start = 0
  let lineStart = 0
  let type = ''
  let data: string | null = null
  const close = (end: number): void => {
    if (data !== null) events.push({ start, end, type, data })
    else if (events.length > 0) {
      // Comments and lone fields belong to the event before them.
      const last = events[events.length - 1]
      if (last !== undefined) events[events.length - 1] = { ...last, end }
    }
    if (data !== null || events.length > 0) start = end
    type = ''
    data = null
  }
  // Kept from line to line: searching anew for a CR that is not there would read the whole rest for each line.
  let cr = text.indexOf('\r')
  while (lineStart < text.length) {
    let lineEnd = text.indexOf('\n', lineStart)
    if (cr >= 0 && cr < lineStart) cr = text.indexOf('\r', lineStart)
    let next: number
    if (cr >= 0 && (lineEnd < 0 || cr < lineEnd)) {
      lineEnd = cr
      next = text.charCodeAt(cr + 1) === LF ? cr + 2 : cr + 1
    } else if (lineEnd < 0) {
      lineEnd = text.length
      next = text.length
    } else next = lineEnd + 1
    if (lineEnd === lineStart) close(next)
    else if (text.startsWith('data:', lineStart)) {
      const from = text.charCodeAt(lineStart + 5) === 32 ? lineStart + 6 : lineStart + 5
      const line = text.slice(from, lineEnd)
      data = data === null ? line : `${data}\n${line}`
    } else if (text.startsWith('event:', lineStart)) type = text.slice(lineStart + 6, lineEnd).trim()
    lineStart = next
  }
  if (data !== null) close(text.length)
  return events
}
