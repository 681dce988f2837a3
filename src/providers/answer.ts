// One answer of an upstream whose head is here: its body, whole or in chunks, under the deadlines of its call.
import type { CallTiming } from './call-timing.ts'
import { UpstreamFailure } from './failure.ts'

// A body of known length up to this is read in one go, and has one idle time to arrive; longer ones are read chunk by chunk.
const ONE_GO_BYTES = 65_536

/** Content encodings that an upstream may use although we asked for none, as `DecompressionStream` calls them. */
const ENCODINGS: Readonly<Record<string, ConstructorParameters<typeof DecompressionStream>[0]>> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  br: 'brotli',
  zstd: 'zstd',
}

export type Pool = {
  /** Connections that should lie idle, by the answers that were read to their end. */
  idleConnections: number
  /** Answers come from a function: an abort does not reach into a body that it made. */
  readonly isSimulated: boolean
}

type ChunkReader = {
  read(): Promise<
    { readonly done: false; readonly value: Uint8Array } | { readonly done: true; readonly value?: unknown }
  >
}

const EMPTY: ChunkReader = { read: () => Promise.resolve({ done: true }) }

/** Chunks of a body as they arrive. Leaving a loop over them early cancels the upstream at once. */
export interface Chunks extends AsyncIterableIterator<Uint8Array, undefined> {
  return(): Promise<IteratorResult<Uint8Array, undefined>>
}

type Step = IteratorResult<Uint8Array, undefined>
const END: IteratorReturnResult<undefined> = { done: true, value: undefined }

export class Answer {
  readonly status: number
  readonly headers: Headers
  readonly #response: Response
  readonly #timing: CallTiming
  readonly #pool: Pool

  constructor(response: Response, timing: CallTiming, pool: Pool) {
    this.status = response.status
    this.headers = response.headers
    this.#response = response
    this.#timing = timing
    this.#pool = pool
  }

  async bytes(maxBytes: number): Promise<Uint8Array> {
    const length = this.headers.get('content-length')
    if (length !== null && this.headers.get('content-encoding') === null) {
      const announced = Number(length)
      if (announced > maxBytes) throw this.#failed(tooLarge(maxBytes))
      if (announced <= ONE_GO_BYTES && !this.#pool.isSimulated) return await this.#oneGo()
    }
    return await this.#gather(maxBytes)
  }

  /** Not by `chunks()`: reading through a generator was measurably dearer. */
  async #gather(maxBytes: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = []
    let size = 0
    try {
      const reader = this.#open()
      for (;;) {
        this.#timing.reading()
        const { done, value } = await reader.read()
        if (done) break
        this.#timing.progress()
        size += value.length
        if (size > maxBytes) throw tooLarge(maxBytes)
        chunks.push(value)
      }
      this.#timing.check()
      this.#complete()
    } catch (error) {
      throw this.#failed(error)
    }
    const first = chunks[0]
    return chunks.length === 1 && first !== undefined ? first : concat(chunks, size)
  }

  async #oneGo(): Promise<Uint8Array> {
    try {
      this.#timing.check()
      this.#timing.reading()
      const buffer = await this.#response.arrayBuffer()
      this.#complete()
      return new Uint8Array(buffer)
    } catch (error) {
      throw this.#failed(error)
    }
  }

  chunks(): Chunks {
    const timing = this.#timing
    let reader: ChunkReader | null = null
    let isOver = false
    const fail = (error: unknown): never => {
      isOver = true
      throw this.#failed(error)
    }
    const take = (result: Awaited<ReturnType<ChunkReader['read']>>): Step | Promise<Step> => {
      if (!result.done) {
        if (result.value.length === 0) return next()
        timing.progress()
        return result
      }
      try {
        timing.check()
      } catch (error) {
        fail(error)
      }
      isOver = true
      this.#complete()
      return END
    }
    const next = (): Promise<Step> => {
      if (isOver) return Promise.resolve(END)
      try {
        reader ??= this.#open()
      } catch (error) {
        isOver = true
        return Promise.reject(this.#failed(error))
      }
      timing.reading()
      return reader.read().then(take, fail)
    }
    // Written out instead of a generator, and over a reader instead of the stream: a chunk is the most frequent thing there is.
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

  cancel(): void {
    this.#timing.end({ type: 'cancelled' })
  }

  #complete(): void {
    this.#timing.finish()
    this.#pool.idleConnections++
  }

  #failed(error: unknown): UpstreamFailure {
    const failure = this.#timing.failure(error)
    this.#timing.end(failure.outcome)
    return failure
  }

  /** The body's reader, which stops when the call ends. A reader, not `for await` over the stream: measured, it costs least. */
  #open(): ChunkReader {
    this.#timing.check()
    const body = this.#plainBody()
    if (body === null) return EMPTY
    const reader = body.getReader()
    this.#timing.readBy(() => void reader.cancel().catch(() => undefined))
    return reader
  }

  #plainBody(): ReadableStream<Uint8Array> | null {
    const body = this.#response.body
    const encoding = this.headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity'
    if (body === null || encoding === 'identity' || encoding === '') return body
    const format = ENCODINGS[encoding]
    if (format === undefined) throw new UpstreamFailure({ type: 'broken', reason: 'its content encoding is unknown' })
    const inflated = new DecompressionStream(format) as ReadableWritablePair<Uint8Array, Uint8Array>
    return body.pipeThrough(inflated)
  }
}

function tooLarge(maxBytes: number): UpstreamFailure {
  return new UpstreamFailure({ type: 'broken', reason: `the answer is larger than ${maxBytes} bytes` })
}

function concat(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}
