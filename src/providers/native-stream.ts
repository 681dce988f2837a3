// The native lane's stream: relayed as it is, watched for what it says.
import type { Usage } from '../core/usage.ts'
import type { Waiting } from '../core/waiting.ts'
import type { Chunks } from './answer.ts'
import { broken, MAX_EVENT_BYTES, MAX_HELD_BYTES, MAX_HELD_PIECES, nextOf } from './answer-stream.ts'
import type { AnswerStream, StreamPiece } from './answer-stream.ts'
import { charactersIn, frameOf, saysNothingElse } from './event-frame.ts'
import type { EventFrame } from './event-frame.ts'
import { SseSplitter } from './sse.ts'
import type { SseBatch } from './sse.ts'
import { SILENT } from './wire.ts'
import type { EventFacts } from './wire.ts'

export type NativeStreamOptions = {
  /** Chunks of the upstream's body. */
  readonly source: Pick<Chunks, 'take'>
  readonly readEvent: (data: string) => EventFacts
  /** As in `NativeWire`. */
  readonly countsByLength: boolean
  /** Leave out events that hold nothing but usage. */
  readonly hideUsage: boolean
  /** An end without a terminal event is sound once each choice has finished: hosts differ on it. */
  readonly endsWithFinish: boolean
}

export function createNativeStream(options: NativeStreamOptions): AnswerStream {
  return new NativeStream(options)
}

/** Frames of one stream that did not fit the events behind them: where there are more, each event is of another form. */
const MAX_TRIALS = 4
/** So many events in a frame are worth the trials again. */
const WORTH_A_FRAME = 32
const NO_BYTES = new Uint8Array(0)
const NOTHING_YET: StreamPiece = { bytes: NO_BYTES, last: false }

class NativeStream implements AnswerStream, Waiting<Uint8Array | null> {
  // First what each event needs: these lie together in memory.
  #waiting: Waiting<StreamPiece | null> | null = null
  readonly #source: NativeStreamOptions['source']
  /** The next chunk may be an event in the frame. */
  #mayBeFramed = false
  /** What came before it was opened; null: nothing is left of it. */
  #held: StreamPiece[] | null = null
  /** In which the events of its text are; null: in none. */
  #frame: EventFrame | null = null
  #framed = 0
  #outputCharacters = 0
  #hasEnded = false
  readonly #options: NativeStreamOptions
  readonly #splitter = new SseSplitter(MAX_EVENT_BYTES)
  #trials: number
  #isMeaningful = false
  #isTerminal = false
  #usage: Usage | null = null
  #rawUsage: string | null = null
  #finishReason: string | null = null
  #leavesOpen = false

  constructor(options: NativeStreamOptions) {
    this.#source = options.source
    this.#options = options
    this.#trials = options.countsByLength ? MAX_TRIALS : 0
  }

  get facts(): AnswerStream['facts'] {
    return {
      usage: this.#usage,
      rawUsage: this.#rawUsage,
      finishReason: this.#finishReason,
      outputCharacters: this.#outputCharacters,
    }
  }

  async open(): Promise<void> {
    const held: StreamPiece[] = []
    let heldBytes = 0
    for (;;) {
      const piece = await nextOf(this)
      if (piece === null) break
      if (piece.bytes.length === 0 && !piece.last) continue
      held.push(piece)
      heldBytes += piece.bytes.length
      if (this.#isMeaningful || this.#finishReason !== null) break
      if (piece.last) throw broken('the stream is empty')
      if (held.length >= MAX_HELD_PIECES || heldBytes >= MAX_HELD_BYTES) break
    }
    this.#held = held
  }

  take(waiting: Waiting<StreamPiece | null>): void {
    if (this.#held !== null) {
      const first = this.#held.shift()
      if (first !== undefined) return waiting.answered(first)
      this.#held = null
    }
    if (this.#hasEnded) return waiting.answered(null)
    this.#waiting = waiting
    this.#source.take(this)
  }

  /** A chunk of the upstream's body. */
  answered(chunk: Uint8Array | null): void {
    let piece: StreamPiece
    try {
      piece = chunk === null ? this.#finish() : this.#pieceOf(chunk)
    } catch (error) {
      return this.failed(error)
    }
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.answered(piece)
  }

  failed(error: unknown): void {
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.failed(error)
  }

  #pieceOf(chunk: Uint8Array): StreamPiece {
    if (this.#frame !== null && this.#mayBeFramed) {
      const characters = charactersIn(this.#frame, chunk)
      if (characters >= 0) {
        this.#outputCharacters += characters
        if (++this.#framed === WORTH_A_FRAME) this.#trials = MAX_TRIALS
        return { bytes: chunk, last: false }
      }
    }
    let batch: SseBatch | null
    try {
      batch = this.#splitter.push(chunk)
    } catch (error) {
      throw broken(error instanceof Error ? error.message : String(error))
    }
    if (batch === null) {
      this.#mayBeFramed = false
      return NOTHING_YET
    }
    const piece = this.#read(batch)
    this.#mayBeFramed = this.#splitter.isBetween
    if (piece.last) this.#hasEnded = true
    return piece
  }

  #read(batch: SseBatch): StreamPiece {
    const { readEvent, hideUsage } = this.#options
    let hidden: { start: number; end: number }[] | null = null
    for (const event of batch.events) {
      const facts = readEvent(event.data)
      if (facts === SILENT) continue
      if (facts.error !== null) throw broken(facts.error)
      // The first words may stay the only ones for long, and often come with the role, as no others do.
      if (this.#trials > 0 && this.#outputCharacters > 0 && batch.events.length === 1)
        this.#tryFrame(batch.bytes, facts)
      this.#outputCharacters += facts.outputCharacters
      if (facts.meaningful) this.#isMeaningful = true
      if (facts.finishReason !== null) this.#finishReason = facts.finishReason
      this.#leavesOpen = facts.leavesOpen
      if (facts.usage !== null) {
        this.#usage = facts.usage
        this.#rawUsage = facts.rawUsage
      }
      if (facts.terminal) this.#isTerminal = true
      if (facts.usageOnly && hideUsage) (hidden ??= []).push(event)
    }
    return { bytes: hidden === null ? batch.bytes : without(batch.bytes, hidden), last: this.#isTerminal }
  }

  /** Takes the frame of this event, in which the next ones may be, too. */
  #tryFrame(event: Uint8Array, facts: EventFacts): void {
    if (facts.outputCharacters === 0 || !saysNothingElse(facts)) return
    this.#trials--
    this.#framed = 0
    this.#frame = frameOf(event, facts.outputCharacters, this.#options.readEvent)
  }

  /** The upstream's body is over. */
  #finish(): StreamPiece {
    this.#hasEnded = true
    const rest = this.#splitter.finish()
    const bytes = rest === null ? NO_BYTES : this.#read(rest).bytes
    const isSound = this.#options.endsWithFinish && this.#finishReason !== null && !this.#leavesOpen
    if (this.#isTerminal || isSound) return { bytes, last: true }
    throw broken('the stream ended without its terminal event')
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
