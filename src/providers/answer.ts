// One answer of an upstream whose head is here: its body, whole or in chunks, under the deadlines of its call.
import type { HeaderSource } from '../core/headers.ts'
import type { CallTiming } from './call-timing.ts'
import { UpstreamFailure } from './failure.ts'
import { inflated } from './incoming.ts'
import type { Incoming } from './incoming.ts'

/** Chunks of a body as they arrive. Leaving a loop over them early cancels the upstream at once. */
export interface Chunks extends AsyncIterableIterator<Uint8Array, undefined> {
  return(): Promise<IteratorResult<Uint8Array, undefined>>
}

type Step = IteratorResult<Uint8Array, undefined>
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
        const piece = await body.read()
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
    const timing = this.#timing
    let body: Incoming | null = null
    let isOver = false
    const fail = (error: unknown): never => {
      isOver = true
      throw this.#failed(error)
    }
    const take = (piece: Uint8Array | null): Step | Promise<Step> => {
      if (piece !== null) {
        if (piece.length === 0) return next()
        timing.progress(piece.length)
        return { done: false, value: piece }
      }
      try {
        timing.check()
      } catch (error) {
        fail(error)
      }
      isOver = true
      timing.finish()
      return END
    }
    const next = (): Promise<Step> => {
      if (isOver) return Promise.resolve(END)
      try {
        body ??= this.#open()
      } catch (error) {
        isOver = true
        return Promise.reject(this.#failed(error))
      }
      timing.reading()
      return body.read().then(take, fail)
    }
    // Written out instead of a generator: a chunk is the most frequent thing there is.
    return {
      next,
      return: () => {
        if (!isOver) this.cancel()
        isOver = true
        return Promise.resolve(END)
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
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

function tooLarge(maxBytes: number): UpstreamFailure {
  return new UpstreamFailure({ type: 'broken', reason: `the answer is larger than ${maxBytes} bytes` })
}
