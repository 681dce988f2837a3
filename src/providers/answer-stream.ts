// A provider's stream on its way to a client, whichever lane it goes.
//
// States: opening → open → ended. While opening, pieces are held back; `open` resolves at the first meaningful event, and
// whatever goes wrong before it is thrown, so that another target can be tried without the client ever knowing. Once
// open, `take` hands out the pieces as they come; the one that holds the end of the answer is marked `last`, so that the
// ledger can be written before the client sees it. The end of the bytes without the wire's own end is a failure.
import type { Outcome } from '../core/outcome.ts'
import type { Usage } from '../core/usage.ts'
import { promised, tell } from '../core/waiting.ts'
import type { Waiting } from '../core/waiting.ts'

export const MAX_EVENT_BYTES = 8 * 1024 * 1024
// A host that talks this long without saying anything is let through: holding more would cost memory.
export const MAX_HELD_PIECES = 64
export const MAX_HELD_BYTES = 256 * 1024

/** What the stream has said so far. */
type StreamFacts = {
  readonly usage: Usage | null
  /** The provider's own usage object as JSON text. */
  readonly rawUsage: string | null
  readonly finishReason: string | null
  readonly outputCharacters: number
}

/** The stream broke; `outcome` says how. */
export class StreamFailure extends Error {
  readonly outcome: Outcome
  /** What was used all the same; null: nothing that is known. */
  readonly consumed: Usage | null
  constructor(outcome: Outcome, message: string, consumed: Usage | null = null) {
    super(message)
    this.name = 'StreamFailure'
    this.outcome = outcome
    this.consumed = consumed
  }
}

/** The failure of an answer that makes no sense. */
export function broken(reason: string): StreamFailure {
  return new StreamFailure({ type: 'broken', reason }, reason)
}

export type StreamPiece = { readonly bytes: Uint8Array; readonly last: boolean }

export interface AnswerStream {
  readonly facts: StreamFacts
  /** Resolves when the stream is worth committing to. Throws StreamFailure, or what the source throws. */
  open(): Promise<void>
  /** Gives the next bytes for the client, of which there may be none, null at the end. Fails with StreamFailure, or as the source does. One read at a time. */
  take(waiting: Waiting<StreamPiece | null>): void
}

/** The next bytes of a stream as a promise. */
export function nextOf(stream: AnswerStream): Promise<StreamPiece | null> {
  return promised((waiting) => stream.take(waiting))
}

/** The stream, shown to `watch` piece by piece as it passes; a piece goes on when `watch` is done with it. */
export function watchedStream(stream: AnswerStream, watch: (piece: StreamPiece) => Promise<void> | void): AnswerStream {
  return {
    get facts() {
      return stream.facts
    },
    open: () => stream.open(),
    take(waiting) {
      stream.take({
        answered(piece) {
          let watched: Promise<void> | void
          try {
            watched = piece === null ? undefined : watch(piece)
          } catch (error) {
            return waiting.failed(error)
          }
          if (watched === undefined) waiting.answered(piece)
          else
            tell(
              watched.then(() => piece),
              waiting,
            )
        },
        failed: (error) => waiting.failed(error),
      })
    },
  }
}
