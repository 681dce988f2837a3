// An answer that is bytes and no events (sound): relayed as it comes. Its end is the end of the upstream's body.
//
// States: opening → open → ended, as in `answer-stream.ts`. The first bytes commit it. The last piece holds none: it comes
// when the upstream has ended soundly, so that the ledger is written before the client sees the end.
import { tell } from '../core/waiting.ts'
import { broken } from './answer-stream.ts'
import type { AnswerStream, StreamPiece } from './answer-stream.ts'

const NO_BYTES = new Uint8Array(0)

export type ByteStreamOptions = {
  /** Chunks of the upstream's body. */
  readonly source: AsyncIterator<Uint8Array>
  /** Writes a chunk for the client; absent: as it is. */
  readonly write?: (bytes: Uint8Array) => Uint8Array
  /** What the client is told at the end; absent: nothing. */
  readonly end?: () => Uint8Array
}

const FACTS = { usage: null, rawUsage: null, finishReason: null, outputCharacters: 0 }

export function createByteStream({ source, write, end }: ByteStreamOptions): AnswerStream {
  let first: Uint8Array | null = null
  let ended = false

  async function pull(): Promise<StreamPiece> {
    const { done, value } = await source.next()
    if (done !== true) return { bytes: write === undefined ? value : write(value), last: false }
    ended = true
    return { bytes: end === undefined ? NO_BYTES : end(), last: true }
  }

  return {
    facts: FACTS,
    async open() {
      const { bytes, last } = await pull()
      if (last) throw broken('the answer is empty')
      first = bytes
    },
    take(waiting) {
      const bytes = first
      first = null
      if (bytes !== null) waiting.answered({ bytes, last: false })
      else if (ended) waiting.answered(null)
      else tell(pull(), waiting)
    },
  }
}
