// A client's request, however it came in: a `Request` is one, and so is what our own connections receive.
import type { ClosingSignal } from './closing-signal.ts'
import type { HeaderSource } from './headers.ts'

export interface ClientRequest {
  readonly method: string
  /** Absolute. */
  readonly url: string
  readonly headers: HeaderSource
  /** Aborted when the client goes away. */
  readonly signal: ClosingSignal
  /** Only of a body whose length is not known beforehand. */
  readonly body: ReadableStream<Uint8Array> | null
  /** The whole body, to be asked for once; at once where all of it is here. Rejects where the client goes away before. */
  bytes(): Promise<Uint8Array> | Uint8Array
  /** The body where all of it is here and ASCII; null: see `bytes`. Absent: nobody knows. */
  readonly ascii?: string | null
  /** The same once more, with its body; before anybody has asked for that. */
  clone(): ClientRequest
}
