// The native lane's stream: relayed as it is, watched for what it says.
import type { Usage } from '../core/usage.ts'
import type { Waiting } from '../core/waiting.ts'
import type { Chunks } from './answer.ts'
import { broken, MAX_EVENT_BYTES, MAX_HELD_BYTES, MAX_HELD_PIECES } from './answer-stream.ts'
import type { AnswerStream, StreamPiece } from './answer-stream.ts'
import { SseSplitter } from './sse.ts'
import type { SseBatch } from './sse.ts'
import type { EventFacts } from './wire.ts'

export type NativeStreamOptions = {
  /** Chunks of the upstream's body. */
  readonly source: Pick<Chunks, 'take'>
  readonly readEvent: (data: string) => EventFacts
  /** Leave out events that hold nothing but usage. */
  readonly hideUsage: boolean
  /** An end without a terminal event is sound once a finish reason came: hosts differ on it. */
  readonly endsWithFinish: boolean
}

export function createNativeStream(options: NativeStreamOptions): AnswerStream {
  const { source, readEvent, hideUsage, endsWithFinish } = options
  const splitter = new SseSplitter(MAX_EVENT_BYTES)
  const held: StreamPiece[] = []
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
      if (facts.error !== null) throw broken(facts.error)
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

  /** Null: nothing to hand on yet. */
  function pieceOf(chunk: Uint8Array): StreamPiece | null {
    let batch: SseBatch | null
    try {
      batch = splitter.push(chunk)
    } catch (error) {
      throw broken(error instanceof Error ? error.message : String(error))
    }
    if (batch === null) return null
    const piece = read(batch)
    if (piece.last) ended = true
    return piece.bytes.length > 0 || piece.last ? piece : null
  }

  let pulling: { resolve: (piece: StreamPiece | null) => void; reject: (error: unknown) => void } | null = null
  let isAsking = false
  let wantsMore = false

  /** A chunk that is here already comes during the call: this loop is what a recursion without a bound would be. */
  function ask(): void {
    do {
      wantsMore = false
      isAsking = true
      source.take(coming)
      isAsking = false
    } while (wantsMore)
  }

  const coming: Waiting<Uint8Array | null> = {
    answered(chunk) {
      let piece: StreamPiece | null
      try {
        piece = chunk === null ? finish() : pieceOf(chunk)
      } catch (error) {
        return this.failed(error)
      }
      if (piece === null && chunk !== null) {
        if (isAsking) wantsMore = true
        else ask()
        return
      }
      const waiting = pulling
      pulling = null
      waiting?.resolve(piece)
    },
    failed(error) {
      const waiting = pulling
      pulling = null
      waiting?.reject(error)
    },
  }

  function pull(): Promise<StreamPiece | null> {
    return new Promise((resolve, reject) => {
      pulling = { resolve, reject }
      ask()
    })
  }

  function finish(): StreamPiece | null {
    ended = true
    const rest = splitter.finish()
    const piece = rest === null ? null : read(rest)
    if (terminal || (endsWithFinish && finishReason !== null))
      return { bytes: piece?.bytes ?? new Uint8Array(0), last: true }
    throw broken('the stream ended without its terminal event')
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
        heldBytes += piece.bytes.length
        if (meaningful || finishReason !== null) return
        if (piece.last) throw broken('the stream is empty')
        if (held.length >= MAX_HELD_PIECES || heldBytes >= MAX_HELD_BYTES) return
      }
    },
    next() {
      const first = held.shift()
      if (first !== undefined) return Promise.resolve(first)
      return ended ? Promise.resolve(null) : pull()
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
