// The account of a live session: a session is a row of turns, and each turn is a request of its own.
//
// A turn begins with the session, and again with each end of an answer: it is admitted (limits, budget, one place in flight)
// and its intent is durable before anything is said that could cost something. It ends when the provider tells what its
// answer used: then its entry is durable before the client hears the end. So a crash loses nothing that was told; what was
// under way is booked at the estimate, as with every request. A turn in which nobody answered ends with the session, at no
// cost.
import { GatewayError } from '../core/error.ts'
import type { Call } from '../core/call.ts'
import type { EntryStatus } from '../core/ledger.ts'
import type { Outcome } from '../core/outcome.ts'
import type { Exchange } from '../exchange.ts'
import type { Entrance, Stages } from '../handle.ts'
import type { LiveBeside, LiveFacts } from '../providers/realtime-wire.ts'
import type { Plan } from '../routing/plan.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Engine } from '../stages/engine.ts'
import { identified } from '../stages/authenticate.ts'
import { noteCall } from '../stages/read.ts'
import type { Connection } from './connect.ts'
import { lineOf } from './connect.ts'
import type { LineFacts } from './connect.ts'

export type TurnTools = { readonly engine: Engine; readonly stages: Stages; readonly priceOf: Snapshot['priceOf'] }

/** What all turns of a session have in common. */
export type TurnsOf = {
  readonly request: Request
  readonly entrance: Entrance
  readonly call: Call
  readonly keyId: string
  readonly route: string
  readonly plan: Plan
  readonly connection: Connection
}

export interface Turns {
  /** Of the turn that is open; of the first one when there is none. */
  readonly id: string
  /** Whether an answer is under way. */
  readonly isAnswering: boolean
  note(facts: LiveFacts): void
  /** Ends the turn with what was told; resolves when that is durable. */
  end(facts: LiveFacts): Promise<void>
  /** Begins the next one. Throws what admission throws, and what the key may not do any more. */
  next(): Promise<void>
  /** The session is over, well or with an error. */
  close(error: GatewayError | null): void
}

type Turn = {
  readonly exchange: Exchange
  isAnswering: boolean
  outputCharacters: number
  /** What other models did on the way. */
  readonly besides: LiveBeside[]
}

/** @param first admitted already, with the session */
export function createTurns(first: Exchange, session: TurnsOf, { engine, stages, priceOf }: TurnTools): Turns {
  const { clock, keyRing, attemptTools } = engine
  const { connection, request, entrance, call } = session
  const { deployment } = connection.target
  const begun = (exchange: Exchange): Turn => ({ exchange, isAnswering: false, outputCharacters: 0, besides: [] })
  let turn: Turn | null = begun(first)
  let isClosed = false

  /** Booked with the turn, at the price of its own model; where that has none, at the price of the session's. */
  function lineOfBeside({ model, usage }: LiveBeside, facts: LineFacts): Exchange['attempts'][number] {
    const id = `${deployment.provider.name}/${model ?? ''}`
    const target = model === null || priceOf(id, clock.now()) === null ? deployment : { ...deployment, id, model }
    return { ...lineOf(target, { type: 'answered' }, facts), consumed: { usage, costNanoUsd: null } }
  }

  function settle(ended: Turn, outcome: Outcome): void {
    const { exchange } = ended
    exchange.target = { id: deployment.id, provider: deployment.provider.name, model: deployment.model }
    const durationMs = clock.monotonicMs() - exchange.startedMs
    // All of its time is the provider's, or the client's, who was silent.
    const facts = { credentialId: connection.credentialId, startedAt: exchange.startedAt, durationMs }
    for (const beside of ended.besides) exchange.attempts.push(lineOfBeside(beside, { ...facts, durationMs: 0 }))
    exchange.attempts.push(lineOf(deployment, outcome, facts))
  }

  return {
    get id() {
      return turn?.exchange.id ?? first.id
    },
    get isAnswering() {
      return turn?.isAnswering === true
    },
    note({ begins, outputCharacters, beside }) {
      if (turn === null) return
      if (beside !== null) turn.besides.push(beside)
      turn.outputCharacters += outputCharacters
      if (turn.isAnswering || !(begins || outputCharacters > 0)) return
      turn.isAnswering = true
      turn.exchange.ttftMs = clock.monotonicMs() - turn.exchange.startedMs
    },
    async end({ usage, rawUsage, finishReason }) {
      const ended = turn
      turn = null
      if (ended === null) return
      settle(ended, { type: 'answered' })
      const { outputCharacters } = ended
      await ended.exchange.close({
        status: 200,
        error: null,
        entryStatus: 'complete',
        produced: { usage, rawUsage, finishReason, outputCharacters },
      })
    },
    async next() {
      const exchange = stages.open(request, entrance)
      try {
        const caller = identified(exchange, await keyRing.recall(session.keyId))
        noteCall(exchange, call, request.headers, attemptTools.redact)
        exchange.route = session.route
        const plan = await stages.admit(exchange, request, call, caller, session.plan)
        // A budget may have another route in mind, and a session cannot move.
        if (plan.targets[0]?.deployment !== deployment) throw new GatewayError('budget_exhausted')
      } catch (error) {
        const known = error instanceof GatewayError ? error : new GatewayError('internal', {}, error)
        await stages.refuse(exchange, known)
        throw error
      }
      turn = begun(exchange)
      if (isClosed) this.close(null)
    },
    close(error) {
      isClosed = true
      const ended = turn
      turn = null
      if (ended === null) return
      const { exchange, isAnswering, outputCharacters } = ended
      const isFailed = error !== null && error.status >= 500
      settle(
        ended,
        isFailed
          ? { type: 'broken', reason: error.message }
          : isAnswering
            ? { type: 'cancelled' }
            : { type: 'answered' },
      )
      const entryStatus: EntryStatus = isAnswering ? 'aborted' : isFailed ? 'failed' : 'complete'
      exchange.closeLate({
        status: error === null ? 200 : error.status,
        error,
        entryStatus,
        produced: isAnswering ? { usage: null, rawUsage: null, finishReason: null, outputCharacters } : null,
      })
    },
  }
}
