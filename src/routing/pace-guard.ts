// The guard against trickles: a stream has to show its pace before its caller is committed to it.
//
// From the first meaningful event on, pieces are held until as many tokens have come as the slowest acceptable stream
// sends in a second, or until that second is over. If it was too slow the attempt has timed out, and another target can be
// tried unseen. Only routes that ask for a pace pay this wait.
import { nextOf, StreamFailure } from '../providers/answer-stream.ts'
import type { AnswerStream, StreamPiece } from '../providers/answer-stream.ts'
import type { UpstreamAnswer } from '../providers/upstream.ts'
import type { AttemptTools } from './attempt-run.ts'

const PROOF_MS = 1_000

/** An opened stream that keeps the pace. Throws StreamFailure where it does not, or what the stream throws. */
export async function guarded(
  stream: AnswerStream,
  minTokensPerS: number,
  upstream: UpstreamAnswer,
  { clock, tokensOf }: Pick<AttemptTools, 'clock' | 'tokensOf'>,
): Promise<AnswerStream> {
  const held: StreamPiece[] = []
  const enough = (minTokensPerS * PROOF_MS) / 1_000
  const untilMs = clock.monotonicMs() + PROOF_MS
  const stop = clock.after(PROOF_MS, () => {
    // The read that waits rejects at once.
    if (tokensOf(stream.facts.outputCharacters) < enough) upstream.cancel()
  })
  try {
    while (clock.monotonicMs() < untilMs && tokensOf(stream.facts.outputCharacters) < enough) {
      const piece = await nextOf(stream)
      if (piece === null) break
      held.push(piece)
      if (piece.last) break
    }
  } catch (error) {
    if (clock.monotonicMs() >= untilMs)
      throw new StreamFailure(
        { type: 'timed_out', stage: 'pace' },
        `it sent less than ${minTokensPerS} tokens a second`,
      )
    throw error
  } finally {
    stop()
  }
  return {
    get facts() {
      return stream.facts
    },
    open: () => Promise.resolve(),
    take(waiting) {
      const first = held.shift()
      if (first === undefined) stream.take(waiting)
      else waiting.answered(first)
    },
  }
}
