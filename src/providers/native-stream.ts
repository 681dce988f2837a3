// A provider's stream on its way to a client that speaks the same format: relayed as it is, watched for what it says.
//
// States: opening → open → ended. While opening, events are held back; `open` resolves at the first meaningful event (or
// an early, sound end), and whatever goes wrong before it is thrown, so that another target can be tried without the
// client ever knowing. Once open, `next` hands out the bytes as they come; the piece that holds the wire's terminal
// event is marked `last`, so that the ledger can be written before the client sees the end. The end of the bytes without
// a terminal event is a failure, never a success.
import type { Outcome } from '../core/outcome.ts'
import type { Usage } from '../core/usage.ts'
import { SseSplitter } from './sse.ts'
import type { SseBatch } from './sse.ts'
import type { EventFacts } from './wire.ts'

const MAX_EVENT_BYTES = 8 * 1024 * 1024
const MAX_HELD_EVENTS = 64
const MAX_HELD_BYTES = 256 * 1024

/** What the stream has said so far. */
export type StreamFacts = {
  readonly usage: Usage | null
  readonly rawUsage: string | null
  readonly finishReason: string | null
  readonly outputCharacters: number
}

/** The stream broke; `outcome` says how. */
export class StreamFailure extends Error {
  readonly outcome: Outcome
  constructor(outcome: Outcome, message: string) {
    super(message)
    this.name = 'StreamFailure'
    this.outcome = outcome
  }
}

export type StreamPiece = { readonly bytes: Uint8Array; readonly last: boolean }

export interface NativeStream {
  readonly facts: StreamFacts
  /** Resolves when the stream is worth committing to. Throws StreamFailure, or what the source throws. */
  open(): Promise<void>
  /** The next bytes for the client; null at the end. Throws StreamFailure, or what the source throws. */
  next(): Promise<StreamPiece | null>
}

export type NativeStreamOptions = {
  /** Chunks of the upstream's body. */
  readonly source: AsyncIterator<Uint8Array>
  readonly readEvent: (data: string) => EventFacts
  /** Leave out events that hold nothing but usage. */
  readonly hideUsage: boolean
  /** An end without a terminal event is sound once a finish reason came. */
  readonly endsWithFinish: boolean
}

export function createNativeStream(options: NativeStreamOptions): NativeStream {
  const { source, readEvent, hideUsage, endsWithFinish } = options
  const splitter = new SseSplitter(MAX_EVENT_BYTES)
  const held: StreamPiece[] = []
  let heldEvents = 0
  let heldBytes = 0
  let meaningful = false
  let terminal = false
  let ended = false
  let usage: Usage | null = null
  let rawUsage: string | null = null
  let finishReason: string | null = null
  let outputCharacters = 0

  function read(batch: SseBatch): StreamPiece {
    let hidden: { start: number; end: number }[] | null = null
    for (const event of batch.events) {
      const facts = readEvent(event.data)
      if (facts.error !== null) throw new StreamFailure({ type: 'broken', reason: facts.error }, facts.error)
      outputCharacters += facts.outputCharacters
      if (facts.meaningful) meaningful = true
      if (facts.finishReason !== null) finishReason = facts.finishReason
      if (facts.usage !== null) {
        usage = facts.usage
        rawUsage = facts.rawUsage
      }
      if (facts.terminal) terminal = true
      if (facts.usageOnly && hideUsage) (hidden ??= []).push(event)
    }
    return { bytes: hidden === null ? batch.bytes : without(batch.bytes, hidden), last: terminal }
  }

  async function pull(): Promise<StreamPiece | null> {
    for (;;) {
      const { done, value } = await source.next()
      if (done === true) return finish()
      let batch: SseBatch | null
      try {
        batch = splitter.push(value)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        throw new StreamFailure({ type: 'broken', reason }, reason)
      }
      if (batch === null) continue
      const piece = read(batch)
      if (piece.last) ended = true
      if (piece.bytes.length > 0 || piece.last) return piece
    }
  }

  function finish(): StreamPiece | null {
    ended = true
    const rest = splitter.finish()
    const piece = rest === null ? null : read(rest)
    if (terminal || (endsWithFinish && finishReason !== null))
      return { bytes: piece?.bytes ?? new Uint8Array(0), last: true }
    const reason = 'the stream ended without its terminal event'
    throw new StreamFailure({ type: 'broken', reason }, reason)
  }

  return {
    get facts() {
      return { usage, rawUsage, finishReason, outputCharacters }
    },
    async open() {
      for (;;) {
        const piece = await pull()
        if (piece === null) return
        held.push(piece)
        heldEvents++
        heldBytes += piece.bytes.length
        if (meaningful || finishReason !== null) return
        if (piece.last) {
          const reason = 'the stream is empty'
          throw new StreamFailure({ type: 'broken', reason }, reason)
        }
        // A host that talks this long without saying anything is let through: holding more would cost memory.
        if (heldEvents >= MAX_HELD_EVENTS || heldBytes >= MAX_HELD_BYTES) return
      }
    },
    async next() {
      const first = held.shift()
      if (first !== undefined) return first
      return ended ? null : pull()
    },
  }
}

function without(bytes: Uint8Array, spans: readonly { readonly start: number; readonly end: number }[]): Uint8Array {
  const parts: Uint8Array[] = []
  let from = 0
  for (const { start, end } of spans) {
    if (start > from) parts.push(bytes.subarray(from, start))
    from = end
  }
  if (from < bytes.length) parts.push(bytes.subarray(from))
  if (parts.length === 1 && parts[0] !== undefined) return parts[0]
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
