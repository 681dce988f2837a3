// A request of the simulator's as it was read, and the answer as it is played.
import type { Heading } from './chat-wire.ts'
import type { SimulatedModel } from './model.ts'
import type { StreamedAnswer } from './play.ts'
import type { Script } from './script.ts'

/** An answer that is no JSON. */
type Bytes = { readonly contentType: string; readonly pieces: readonly Uint8Array[] }

/** A request that was read and found good, ready to be answered in either form. */
export type Work = {
  readonly stream: boolean
  /** The whole answer; empty when it is streamed. */
  readonly body: string
  /** Content type of a body that is no JSON. */
  readonly contentType?: string
  readonly events: StreamedAnswer | null
  /** Bytes in pieces, one for each token's time; instead of `body` and `events`. */
  readonly bytes?: Bytes
  /** Length of the answer in token times. */
  readonly tokens: number
}

export type Reading = {
  readonly model: string
  readonly stream: boolean
  readonly promptTokens: number
  /** Where a directive may stand. */
  readonly question: string
  readonly answer: (
    heading: Heading,
    model: SimulatedModel,
    script: Script,
    seeds: readonly (string | number)[],
  ) => Work
}
