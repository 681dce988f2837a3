// An answer that is coming in, wherever it comes from: a connection of our own, `fetch`, or a function.
import type { HeaderSource } from '../core/headers.ts'
import { promised, tell } from '../core/waiting.ts'
import type { Waiting } from '../core/waiting.ts'

export interface Incoming {
  readonly status: number
  readonly headers: HeaderSource
  /** Gives the next piece of the body, null after the last one; fails when the answer breaks off. One read at a time. */
  read(waiting: Waiting<Uint8Array | null>): void
  /** The body, if all of it is here and nothing of it has been read; null otherwise, and then `read` it. */
  whole(): Uint8Array | null
  /** Ends the answer, also while a read waits; harmless after its end. */
  cancel(): void
}

export function nextPiece(incoming: Incoming): Promise<Uint8Array | null> {
  return promised((waiting) => incoming.read(waiting))
}

/** The answer of `fetch`, or of a function that answers like it. `onEnd` is told when it has been read to its end. */
export class ResponseIncoming implements Incoming {
  readonly status: number
  readonly headers: Headers
  readonly #response: Response
  readonly #onEnd: () => void
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null

  constructor(response: Response, onEnd: () => void) {
    this.status = response.status
    this.headers = response.headers
    this.#response = response
    this.#onEnd = onEnd
  }

  read(waiting: Waiting<Uint8Array | null>): void {
    tell(this.#next(), waiting)
  }

  async #next(): Promise<Uint8Array | null> {
    const { body } = this.#response
    if (body === null) return null
    this.#reader ??= body.getReader() as ReadableStreamDefaultReader<Uint8Array>
    const { done, value } = await this.#reader.read()
    if (!done) return value
    this.#onEnd()
    return null
  }

  whole(): null {
    return null
  }

  cancel(): void {
    // Without a reader there is nobody whom a stream of a function could keep waiting.
    void this.#reader?.cancel().catch(() => undefined)
  }
}

const ENCODINGS: Readonly<Record<string, ConstructorParameters<typeof DecompressionStream>[0]>> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  br: 'brotli',
  zstd: 'zstd',
}

/** The answer with its body inflated, where an upstream compressed it although we asked for none; null: it is plain. */
export function inflated(incoming: Incoming): Incoming | 'unknown' | null {
  const encoding = incoming.headers.get('content-encoding')?.trim().toLowerCase() ?? ''
  if (encoding === '' || encoding === 'identity') return null
  const format = ENCODINGS[encoding]
  if (format === undefined) return 'unknown'
  const packed = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const piece = await nextPiece(incoming)
        if (piece === null) controller.close()
        else controller.enqueue(piece as Uint8Array<ArrayBuffer>)
      },
      cancel: () => incoming.cancel(),
    },
    { highWaterMark: 0 },
  )
  const reader = packed.pipeThrough(new DecompressionStream(format)).getReader()
  return {
    status: incoming.status,
    headers: incoming.headers,
    read: (waiting) =>
      tell(
        reader.read().then(({ done, value }) => (done ? null : value)),
        waiting,
      ),
    whole: () => null,
    cancel() {
      incoming.cancel()
      void reader.cancel().catch(() => undefined)
    },
  }
}
