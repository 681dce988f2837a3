// An answer that is bytes and no events (sound): relayed as it comes. Its end is the end of the upstream's body.
//
// States: opening → open → ended, as in `answer-stream.ts`. The first bytes commit it. The last piece holds none: it comes
// when the upstream has ended soundly, so that the ledger is written before the client sees the end.
import type { Usage } from '../core/usage.ts'
import { broken } from './answer-stream.ts'
import type { AnswerStream, StreamPiece } from './answer-stream.ts'

const NO_BYTES = new Uint8Array(0)

/** @param usage what the answer uses, where the request or its head tells; null: nobody says */
export function createByteStream(source: AsyncIterator<Uint8Array>, usage: Usage | null): AnswerStream {
  let first: Uint8Array | null = null
  let ended = false
  const facts = { usage, rawUsage: null, finishReason: null, outputCharacters: 0 }

  async function pull(): Promise<StreamPiece> {
    const { done, value } = await source.next()
    if (done !== true) return { bytes: value, last: false }
    ended = true
    return { bytes: NO_BYTES, last: true }
  }

  return {
    facts,
    async open() {
      const { bytes, last } = await pull()
      if (last) throw broken('the answer is empty')
      first = bytes
    },
    async next() {
      if (first === null) return ended ? null : pull()
      const bytes = first
      first = null
      return { bytes, last: false }
    },
  }
}
