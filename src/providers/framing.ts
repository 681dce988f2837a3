// How a provider's stream is cut into events: server-sent events, AWS event stream, or a JSON text on each line.
//
// Bytes go in as they come; out come the events that they completed, and exactly the bytes of those events, so that they
// can be relayed as well as read. An error that comes as an event of its own kind (AWS: `:message-type: exception`) has
// the type `exception:<name>`; one in the bytes themselves is thrown, and the stream is broken from there on.
import { createRequire } from 'node:module'
import type { EventStreamCodec } from '@smithy/eventstream-codec'
import { decodeEventData, EXCEPTION } from './chat-codec.ts'
import { SseSplitter } from './sse.ts'
import type { SseBatch } from './sse.ts'

/** `type` is empty where the framing, or the event, names none. `data` is decoded text. */
export type FramedEvent = { readonly type: string; readonly data: string }

export type FramedBatch = { readonly bytes: Uint8Array; readonly events: readonly FramedEvent[] }

export interface Framing {
  /** The events that are now whole; null when there are none yet. Throws RangeError when one grows past the bound, FramingError. */
  push(chunk: Uint8Array): FramedBatch | null
  /** What is left at the end of the bytes; null when nothing is. Throws FramingError when it is a part of an event. */
  finish(): FramedBatch | null
}

/** `whole`: there is one event, and it is everything. */
export type FramingKind = 'sse' | 'aws-event-stream' | 'json-lines' | 'whole'

/** The bytes are no stream of this kind. */
export class FramingError extends Error {
  constructor(problem: string) {
    super(problem)
    this.name = 'FramingError'
  }
}

export function createFraming(kind: FramingKind, maxEventBytes: number): Framing {
  switch (kind) {
    case 'sse':
      return sseFraming(maxEventBytes)
    case 'aws-event-stream':
      return awsEventStreamFraming(maxEventBytes)
    case 'json-lines':
      return jsonLinesFraming(maxEventBytes)
    case 'whole':
      return wholeFraming(maxEventBytes)
  }
}

function sseFraming(maxEventBytes: number): Framing {
  const splitter = new SseSplitter(maxEventBytes)
  const decoded = (batch: SseBatch | null): FramedBatch | null =>
    batch === null
      ? null
      : { bytes: batch.bytes, events: batch.events.map(({ type, data }) => ({ type, data: decodeEventData(data) })) }
  return { push: (chunk) => decoded(splitter.push(chunk)), finish: () => decoded(splitter.finish()) }
}

/** Bytes that wait for the rest of their event. Pieces are joined only when it is there: else many small ones cost their square. */
class Tail {
  #pieces: Uint8Array[] = []
  length = 0
  readonly #maxEventBytes: number

  constructor(maxEventBytes: number) {
    this.#maxEventBytes = maxEventBytes
  }

  add(piece: Uint8Array): void {
    if (piece.length === 0) return
    this.#pieces.push(piece)
    this.length += piece.length
  }

  /** Everything as one; nothing is left behind. */
  take(): Uint8Array {
    const [only] = this.#pieces
    const joined = this.#pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces)
    this.#pieces = []
    this.length = 0
    return joined
  }

  /** Throws RangeError when an event of this size is larger than the bound. */
  check(bytes: number): void {
    if (bytes > this.#maxEventBytes) throw new RangeError(`an event is larger than ${this.#maxEventBytes} bytes`)
  }
}

// https://smithy.io/2.0/aws/amazon-eventstream.html: total length, headers' length, checksum of these two; headers;
// payload; checksum of everything before.
const PRELUDE_BYTES = 12
const SMALLEST_MESSAGE = 16

/**
 * The codec is loaded with the first such stream: it takes some 30 ms, and every start of the gateway would wait for it,
 * though most gateways never call AWS.
 */
function createCodec(): EventStreamCodec {
  const load = createRequire(import.meta.url)
  const loaded = load('@smithy/eventstream-codec') as { readonly EventStreamCodec: typeof EventStreamCodec }
  return new loaded.EventStreamCodec(
    (bytes) => (typeof bytes === 'string' ? bytes : utf8(bytes)),
    (text) => Buffer.from(text, 'utf8'),
  )
}

function awsEventStreamFraming(maxEventBytes: number): Framing {
  const tail = new Tail(maxEventBytes)
  const codec = createCodec()
  /** How many bytes have to be there before it is worth looking again. */
  let wanted = PRELUDE_BYTES

  function decoded(message: Uint8Array): FramedEvent {
    let read: ReturnType<EventStreamCodec['decode']>
    try {
      read = codec.decode(message)
    } catch (error) {
      throw new FramingError(`a damaged message: ${error instanceof Error ? error.message : String(error)}`)
    }
    const header = (name: string): string => {
      const value = read.headers[name]
      return value?.type === 'string' ? value.value : ''
    }
    switch (header(':message-type')) {
      case 'exception':
        return { type: EXCEPTION + header(':exception-type'), data: utf8(read.body) }
      case 'error':
        return {
          type: EXCEPTION + header(':error-code'),
          data: JSON.stringify({ message: header(':error-message') }),
        }
      default:
        return { type: header(':event-type'), data: utf8(read.body) }
    }
  }

  return {
    push(chunk) {
      tail.add(chunk)
      if (tail.length < wanted) return null
      const bytes = tail.take()
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      const events: FramedEvent[] = []
      let from = 0
      wanted = PRELUDE_BYTES
      while (bytes.length - from >= PRELUDE_BYTES) {
        const length = view.getUint32(from)
        if (length < SMALLEST_MESSAGE) throw new FramingError(`a message of ${length} bytes is none`)
        tail.check(length)
        if (bytes.length - from < length) {
          wanted = length
          break
        }
        events.push(decoded(bytes.subarray(from, from + length)))
        from += length
      }
      tail.add(bytes.subarray(from))
      return events.length === 0 ? null : { bytes: bytes.subarray(0, from), events }
    },
    finish() {
      if (tail.length > 0) throw new FramingError('the stream ended in the middle of a message')
      return null
    },
  }
}

const LINE_FEED = 10

function jsonLinesFraming(maxEventBytes: number): Framing {
  const tail = new Tail(maxEventBytes)
  const batch = (bytes: Uint8Array): FramedBatch | null => {
    const lines = utf8(bytes).split('\n')
    const events = lines.map((line) => line.trim()).filter((line) => line !== '')
    return events.length === 0 ? null : { bytes, events: events.map((data) => ({ type: '', data })) }
  }
  return {
    push(chunk) {
      const end = chunk.lastIndexOf(LINE_FEED) + 1
      tail.add(chunk.subarray(0, end))
      const whole = end === 0 ? null : tail.take()
      tail.add(chunk.subarray(end))
      tail.check(tail.length)
      return whole === null ? null : batch(whole)
    },
    finish() {
      return tail.length === 0 ? null : batch(tail.take())
    },
  }
}

function wholeFraming(maxEventBytes: number): Framing {
  const tail = new Tail(maxEventBytes)
  return {
    push(chunk) {
      tail.add(chunk)
      tail.check(tail.length)
      return null
    },
    finish() {
      if (tail.length === 0) return null
      const bytes = tail.take()
      return { bytes, events: [{ type: '', data: utf8(bytes) }] }
    },
  }
}

function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}
