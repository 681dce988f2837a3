// One request on a connection, and its answer as it comes in.
//
//   waiting ──head──▶ receiving ──end──▶ ended
//      └────────────────┴──fail/cancel──▶ failed
//
// What has come and has not been read is bounded: above `HIGH_BYTES` the socket is paused until the reader has caught up, so a
// slow client slows its upstream and fills no memory.
import type { HeaderSource } from '../../core/headers.ts'
import type { Waiting } from '../../core/waiting.ts'
import type { Incoming } from '../incoming.ts'
import type { Head } from './head.ts'
import type { Sink } from './receiver.ts'

export type OutgoingRequest = {
  readonly method: string
  /** Request line and headers, each line with its end, without the empty line; ASCII. */
  readonly head: string
  readonly body: string | Uint8Array | null
}

/** What an exchange needs of the connection it is on. */
export interface Carrier {
  pause(): void
  resume(): void
  /** Closes the connection, whatever state it is in. */
  destroy(): void
}

const HIGH_BYTES = 256 * 1024
const LOW_BYTES = 64 * 1024
const EMPTY = new Uint8Array(0)

export class Exchange implements Incoming, Sink {
  /** The connection had carried another request before: its other end may have closed it already. */
  readonly isReused: boolean
  /** A byte came: the other side has begun to answer, however that ends. */
  hasHeard = false
  readonly #carrier: Carrier
  /** Null once it knows of the head, or that none comes. */
  #waiting: Waiting<Exchange> | null
  #head: Head | null = null
  #pieces: Uint8Array[] = []
  #queuedBytes = 0
  #wasRead = false
  #isPaused = false
  #hasEnded = false
  #error: unknown = null
  #reading: Waiting<Uint8Array | null> | null = null

  /** @param waiting is given this exchange once the head is here */
  constructor(isReused: boolean, carrier: Carrier, waiting: Waiting<Exchange>) {
    this.isReused = isReused
    this.#carrier = carrier
    this.#waiting = waiting
  }

  get status(): number {
    return this.#head?.status ?? 0
  }

  get headers(): HeaderSource {
    return this.#head?.headers ?? new Headers()
  }

  /** Whether the connection may be used again after this answer. */
  get keepsAlive(): boolean {
    return this.#head?.keepsAlive === true
  }

  onHead(head: Head): void {
    this.#head = head
  }

  /** All that came at once has been taken in: whoever waits for the head finds behind it what came with it. */
  tell(): void {
    const waiting = this.#waiting
    if (waiting === null || this.#head === null) return
    this.#waiting = null
    waiting.answered(this)
  }

  onBody(bytes: Uint8Array): void {
    const reading = this.#reading
    if (reading !== null) {
      this.#reading = null
      this.#wasRead = true
      return reading.answered(bytes)
    }
    this.#pieces.push(bytes)
    this.#queuedBytes += bytes.length
    if (this.#queuedBytes <= HIGH_BYTES || this.#isPaused) return
    this.#isPaused = true
    this.#carrier.pause()
  }

  onEnd(): void {
    this.#hasEnded = true
    const reading = this.#reading
    this.#reading = null
    reading?.answered(null)
  }

  fail(error: unknown): void {
    if (this.#hasEnded || this.#error !== null) return
    this.#error = error
    const waiting = this.#waiting
    this.#waiting = null
    const reading = this.#reading
    this.#reading = null
    reading?.failed(error)
    if (waiting === null) return
    if (this.#head === null) waiting.failed(error)
    // A head is an answer, also where what came with it could not be understood.
    else waiting.answered(this)
  }

  read(waiting: Waiting<Uint8Array | null>): void {
    const piece = this.#pieces.shift()
    if (piece !== undefined) {
      this.#wasRead = true
      this.#queuedBytes -= piece.length
      // Once its answer has ended, the connection is another exchange's, which may have paused it.
      if (this.#isPaused && !this.#hasEnded && this.#queuedBytes < LOW_BYTES) {
        this.#isPaused = false
        this.#carrier.resume()
      }
      return waiting.answered(piece)
    }
    if (this.#hasEnded) return waiting.answered(null)
    // The pieces before it were sound: the break is told in its place.
    if (this.#error !== null) return waiting.failed(this.#error)
    this.#reading = waiting
  }

  whole(): Uint8Array | null {
    if (!this.#hasEnded || this.#wasRead) return null
    const pieces = this.#pieces
    this.#pieces = []
    this.#wasRead = true
    return pieces.length === 1 ? (pieces[0] ?? EMPTY) : Buffer.concat(pieces)
  }

  cancel(): void {
    if (this.#hasEnded || this.#error !== null) return
    this.fail(Object.assign(new Error('cancelled'), { code: 'ABORT_ERR' }))
    this.#carrier.destroy()
  }
}
