// Faults that a drill asks for, played where they would come from: between the gateway and the socket.
import type { Fault } from '../core/drill.ts'
import type { Clock } from '../core/clock.ts'
import { tell } from '../core/waiting.ts'
import type { Waiting } from '../core/waiting.ts'
import type { CallTiming } from './call-timing.ts'
import { UpstreamFailure } from './failure.ts'
import type { Incoming } from './incoming.ts'
import { nextPiece, ResponseIncoming } from './incoming.ts'

/** Pieces of an answer that come before it is cut. */
const PIECES_BEFORE_CUT = 2

/** What the provider of that name does wrong with this call; null: nothing. */
export type FaultOf = (provider: string) => Fault | null

/** The answer to a call that meets a fault; `send` is the call itself. */
export async function withFault(
  fault: Fault,
  send: () => Promise<Incoming>,
  timing: CallTiming,
  clock: Clock,
): Promise<Incoming> {
  switch (fault.type) {
    case 'down':
      throw new UpstreamFailure({ type: 'unreachable', reason: 'the connection was refused (a drill)' })
    case 'stall':
      // Ends by a deadline, or with its client.
      return await timing.interruptible(new Promise<never>(() => undefined))
    case 'slow': {
      const { promise, resolve } = Promise.withResolvers<void>()
      const cancel = clock.after(fault.delayMs, resolve)
      try {
        await timing.interruptible(promise)
      } finally {
        cancel()
      }
      return await send()
    }
    case 'status': {
      const body = JSON.stringify({ error: { message: 'a drill', type: 'drill', code: null } })
      const headers = { 'content-type': 'application/json' }
      return new ResponseIncoming(new Response(body, { status: fault.status, headers }), () => undefined)
    }
    case 'cut':
      return new CutIncoming(await send())
  }
}

class CutIncoming implements Incoming {
  readonly status: number
  readonly headers: Incoming['headers']
  readonly #incoming: Incoming
  #left = PIECES_BEFORE_CUT

  constructor(incoming: Incoming) {
    this.status = incoming.status
    this.headers = incoming.headers
    this.#incoming = incoming
  }

  read(waiting: Waiting<Uint8Array | null>): void {
    tell(this.#next(), waiting)
  }

  async #next(): Promise<Uint8Array | null> {
    if (this.#left-- > 0) {
      const piece = await nextPiece(this.#incoming)
      // A short answer comes in one piece: half of it is as good a cut.
      if (piece !== null)
        return this.#left === PIECES_BEFORE_CUT - 1 ? piece.subarray(0, Math.ceil(piece.length / 2)) : piece
    }
    this.#incoming.cancel()
    throw Object.assign(new Error('a drill'), { code: 'ECONNRESET' })
  }

  whole(): null {
    return null
  }

  cancel(): void {
    this.#incoming.cancel()
  }
}
