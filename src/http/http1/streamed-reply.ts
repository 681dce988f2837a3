// A stream on its way out: asks for a piece, sends it in the same turn, and asks for the next one when the client has taken it.
//
//   asking ⇄ sent (⇄ waiting for the client) ──last piece──▶ ended
//      └─────────────┴──client gone, stream broken──▶ over
import type { Pieces } from '../../core/reply.ts'
import type { Waiting } from '../../core/waiting.ts'
import type { ReplyHead } from './reply-head.ts'

/** What a stream needs of the connection that it leaves on. */
export interface Outlet {
  readonly isClosed: boolean
  /** Sends a chunk, behind the head where there is one. False: not all of it is out, and `goOn` is to be called when it is. Throws where the head cannot be sent. */
  sendChunk(head: ReplyHead | null, bytes: Uint8Array): boolean
  /** Sends the end of the body. Throws where the head cannot be sent. */
  sendEnd(head: ReplyHead | null, isLast: boolean): void
  /** The client has gone, and nobody is asked for any more. */
  left(): void
  /** The stream broke off. */
  broke(error: unknown): void
}

export class StreamedReply implements Waiting<Uint8Array | null> {
  readonly #pieces: Pieces
  readonly #outlet: Outlet
  #isAsking = false
  #wantsMore = false
  readonly #isLast: boolean
  /** It leaves with the first piece, which is there when an answer has been decided on; null: it has left. */
  #head: ReplyHead | null

  constructor(head: ReplyHead, pieces: Pieces, outlet: Outlet) {
    this.#head = head
    this.#isLast = head.isLast
    this.#pieces = pieces
    this.#outlet = outlet
  }

  /** The client takes more, or has gone. */
  readonly goOn = (): void => {
    if (this.#outlet.isClosed) this.#leave()
    else this.#ask()
  }

  answered(bytes: Uint8Array | null): void {
    if (this.#outlet.isClosed) return this.#leave()
    if (bytes?.length === 0) return this.#ask()
    const head = this.#head
    this.#head = null
    let isOut: boolean
    try {
      if (bytes === null) return this.#outlet.sendEnd(head, this.#isLast)
      isOut = this.#outlet.sendChunk(head, bytes)
    } catch (error) {
      return this.#outlet.broke(error)
    }
    if (isOut) this.#ask()
  }

  failed(error: unknown): void {
    this.#outlet.broke(error)
  }

  /** A piece that is here already comes during the call: this loop is what a recursion without a bound would be. */
  #ask(): void {
    if (this.#isAsking) {
      this.#wantsMore = true
      return
    }
    this.#isAsking = true
    do {
      this.#wantsMore = false
      this.#pieces.take(this)
    } while (this.#wantsMore)
    this.#isAsking = false
  }

  #leave(): void {
    this.#pieces.leave().then(
      () => this.#outlet.left(),
      (error: unknown) => this.#outlet.broke(error),
    )
  }
}
