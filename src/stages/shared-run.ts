// One run of a request down the rest of the path, for its own client and whoever else is to have the same answer.
//
// It belongs to none of them: a client that goes away leaves it, and it goes on for the others. With nobody left it is
// cancelled like any request, or, where a later request is to find its answer (`finish`), goes on by itself. `onOver` is
// told exactly once what came of it, before anybody sees the end of the answer.
import type { ClientRequest } from '../core/client-request.ts'
import type { ClosingSignal } from '../core/closing-signal.ts'
import { shareStream } from '../cache/shared-stream.ts'
import type { SharedStream, StreamBounds } from '../cache/shared-stream.ts'
import type { Clock } from '../core/clock.ts'
import type { KeptPiece } from '../core/kept-answer.ts'
import type { Exchange } from '../exchange.ts'
import type { ByteBudget } from '../http/body.ts'
import type { Reply } from '../core/reply.ts'
import { bytesOf, piecesOf } from '../core/reply.ts'

export type Head = {
  readonly status: number
  readonly headers: Reply['headers']
  readonly body:
    | { readonly type: 'whole'; readonly bytes: Uint8Array }
    | { readonly type: 'stream'; readonly stream: SharedStream }
}

/** What came of it, as its client saw it. */
export type Ended = {
  readonly pieces: readonly KeptPiece[]
  readonly isStream: boolean
  readonly headers: Reply['headers']
}

export interface Run {
  /** The request that was sent. */
  readonly exchange: Exchange
  /** Its answer as far as it has come; rejects with what the request was refused with. */
  readonly head: Promise<Head>
  /** One more client waits for it, until it goes away; returns how to leave earlier. */
  join(signal: ClosingSignal): () => void
}

/** A named request that runs: null while its name is being claimed. */
export type NamedRun = { readonly fingerprint: string; readonly begun: Promise<Run | null> }

export type RunOptions = {
  readonly exchange: Exchange
  readonly request: ClientRequest
  /** Sends it; the request that it gets has no body, and the run's own signal. */
  readonly ask: (request: ClientRequest) => Promise<Reply>
  readonly whenLeft: 'cancel' | 'finish'
  /** Null: it was refused, broke off, or is too large. Never rejects. */
  readonly onOver: (ended: Ended | null) => Promise<void>
  readonly bounds: StreamBounds
}

export function startRun(
  { exchange, request, ask, whenLeft, onOver, bounds }: RunOptions,
  { clock, bytes: room }: { readonly clock: Clock; readonly bytes: ByteBudget },
): Run {
  const cancel = new AbortController()
  const { method, url, headers: asked } = request
  const own = withoutBody({ method, url, headers: asked, signal: cancel.signal })
  let joined = 0

  async function begin(): Promise<Head> {
    let reply: Reply
    try {
      reply = await ask(own)
    } catch (error) {
      await onOver(null)
      throw error
    }
    const { status, headers, body } = reply
    if (body.type === 'whole') {
      const bytes = bytesOf(body)
      const isTooLarge = bytes.length > bounds.heldBytes
      await onOver(isTooLarge ? null : { pieces: [{ bytes, gapMs: 0 }], isStream: false, headers })
      return { status, headers, body: { type: 'whole', bytes } }
    }
    const stream = shareStream(piecesOf(body), {
      clock,
      bounds,
      hold: (count) => {
        try {
          room.hold(count)
          return true
        } catch {
          return false
        }
      },
      free: (count) => room.free(count),
      isOver: () => exchange.isClosed,
      onOver: (pieces) => onOver(pieces === null ? null : { pieces, isStream: true, headers }),
    })
    return { status, headers, body: { type: 'stream', stream } }
  }

  return {
    exchange,
    head: begin(),
    join(signal) {
      joined++
      let isIn = true
      const leave = (): void => {
        if (!isIn) return
        isIn = false
        signal.removeEventListener('abort', leave)
        joined--
        if (joined === 0 && whenLeft === 'cancel' && !exchange.isClosed) cancel.abort()
      }
      if (signal.aborted) leave()
      else signal.addEventListener('abort', leave, { once: true })
      return leave
    },
  }
}

const NO_BYTES = new Uint8Array(0)

function withoutBody(request: Omit<ClientRequest, 'body' | 'bytes' | 'clone'>): ClientRequest {
  return { ...request, body: null, bytes: () => NO_BYTES, clone: () => withoutBody(request) }
}
