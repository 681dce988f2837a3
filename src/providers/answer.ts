// One answer of an upstream whose head is here: its body, whole or in chunks, under the deadlines of its call.
import type { HeaderSource } from '../core/headers.ts'
import type { Waiting } from '../core/waiting.ts'
import type { CallTiming } from './call-timing.ts'
import { UpstreamFailure } from './failure.ts'
import { inflated, nextPiece } from './incoming.ts'
import type { Incoming } from './incoming.ts'

/** Chunks of a body as they arrive. Leaving a loop over them early cancels the upstream at once. */
export interface Chunks extends AsyncIterableIterator<Uint8Array, undefined> {
  /** The next one without a promise, null after the last; during the call where it is here already. One read at a time. */
  take(waiting: Waiting<Uint8Array | null>): void
  return(): Promise<IteratorResult<Uint8Array, undefined>>
}

const END: IteratorReturnResult<undefined> = { done: true, value: undefined }

export class Answer {
  readonly status: number
  readonly headers: HeaderSource
  readonly #incoming: Incoming
  readonly #timing: CallTiming

  constructor(incoming: Incoming, timing: CallTiming) {
    this.status = incoming.status
    this.headers = incoming.headers
    this.#incoming = incoming
    this.#timing = timing
  }

  /** At once where all of a plain body is here, which is how most whole answers come. */
  bytes(maxBytes: number): Uint8Array | Promise<Uint8Array> {
    const isPlain = this.headers.get('content-encoding') === null
    if (isPlain && Number(this.headers.get('content-length') ?? 0) > maxBytes) throw this.#failed(tooLarge(maxBytes))
    const whole = isPlain ? this.#incoming.whole() : null
    if (whole === null) return this.#gather(maxBytes)
    if (whole.length > maxBytes) throw this.#failed(tooLarge(maxBytes))
    this.#timing.finish()
    return whole
  }

  async #gather(maxBytes: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = []
    let size = 0
    try {
      const body = this.#open()
      for (;;) {
        this.#timing.reading()
        const piece = await nextPiece(body)
        if (piece === null) break
        this.#timing.progress(piece.length)
        size += piece.length
        if (size > maxBytes) throw tooLarge(maxBytes)
        chunks.push(piece)
      }
      this.#timing.check()
      this.#timing.finish()
    } catch (error) {
      throw this.#failed(error)
    }
    const first = chunks[0]
    return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, size)
  }

  chunks(): Chunks {
    return new AnswerChunks(
      this.#timing,
      () => this.#open(),
      (error) => this.#failed(error),
    )
  }

  committed(): void {
    this.#timing.committed()
  }

  cancel(): void {
    this.#timing.end({ type: 'cancelled' })
  }

  #failed(error: unknown): UpstreamFailure {
    const failure = this.#timing.failure(error)
    this.#timing.end(failure.outcome)
    return failure
  }

  /** The body as it was before somebody compressed it. */
  #open(): Incoming {
    this.#timing.check()
    const plain = inflated(this.#incoming)
    if (plain === null) return this.#incoming
    if (plain === 'unknown') throw new UpstreamFailure({ type: 'broken', reason: 'its content encoding is unknown' })
    this.#timing.stopBy(plain)
    return plain
  }
}

/** Written out instead of a generator: a chunk is the most frequent thing there is. */
class AnswerChunks implements Chunks, Waiting<Uint8Array | null> {
  readonly #timing: CallTiming
  readonly #open: () => Incoming
  readonly #failedBy: (error: unknown) => UpstreamFailure
  #body: Incoming | null = null
  #waiting: Waiting<Uint8Array | null> | null = null
  #isOver = false

  constructor(timing: CallTiming, open: () => Incoming, failedBy: (error: unknown) => UpstreamFailure) {
    this.#timing = timing
    this.#open = open
    this.#failedBy = failedBy
  }

  take(waiting: Waiting<Uint8Array | null>): void {
    if (this.#isOver) return waiting.answered(null)
    this.#waiting = waiting
    try {
      this.#body ??= this.#open()
    } catch (error) {
      return this.failed(error)
    }
    this.#timing.reading()
    this.#body.read(this)
  }

  answered(piece: Uint8Array | null): void {
    // Says nothing, and would be an event of nothing to whoever counts them.
    if (piece?.length === 0) return this.#body?.read(this)
    const waiting = this.#waiting
    if (waiting === null) return
    this.#waiting = null
    if (piece !== null) {
      this.#timing.progress(piece.length)
      return waiting.answered(piece)
    }
    this.#isOver = true
    try {
      this.#timing.check()
    } catch (error) {
      return waiting.failed(this.#failedBy(error))
    }
    this.#timing.finish()
    waiting.answered(null)
  }

  failed(error: unknown): void {
    const waiting = this.#waiting
    this.#waiting = null
    this.#isOver = true
    waiting?.failed(this.#failedBy(error))
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    return new Promise((resolve, reject) => {
      this.take({
        answered: (piece) => resolve(piece === null ? END : { done: false, value: piece }),
        failed: reject,
      })
    })
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#isOver) this.#timing.end({ type: 'cancelled' })
    this.#isOver = true
    return Promise.resolve(END)
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

function tooLarge(maxBytes: number): UpstreamFailure {
  return new UpstreamFailure({ type: 'broken', reason: `the answer is larger than ${maxBytes} bytes` })
}
