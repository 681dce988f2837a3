// One request whose answer may be another one's, and what is done with runs: asked, led, joined, kept.
import type { ClientRequest } from '../core/client-request.ts'
import type { ClosingSignal } from '../core/closing-signal.ts'
import type { StreamBounds, StreamReader } from '../cache/shared-stream.ts'
import type { Call } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import type { KeptAnswer } from '../core/kept-answer.ts'
import type { Exchange } from '../exchange.ts'
import { ask } from '../handle.ts'
import type { Stages } from '../handle.ts'
import { piecesFrom } from '../core/reply.ts'
import type { Reply } from '../core/reply.ts'
import type { Plan } from '../routing/plan.ts'
import type { Snapshot } from '../snapshot.ts'
import type { KeyWithTeam } from '../store/store.ts'
import { scopesOf } from './admit.ts'
import type { Engine } from './engine.ts'
import { follow, keptHeaders } from './replay.ts'
import type { Ended, Head, Run } from './shared-run.ts'

/** One request that is recalled, with what it needs to be asked. */
export type Recalled = {
  readonly exchange: Exchange
  readonly request: ClientRequest
  readonly call: Call
  readonly caller: KeyWithTeam
  readonly planned: Plan
  readonly stages: Stages
}

export function streamBounds(maxAnswerBytes: number): StreamBounds {
  return { heldBytes: maxAnswerBytes, leadBytes: LEAD_BYTES, patienceMs: PATIENCE_MS }
}

/** How far one client may be ahead of the slowest, and for how long it waits for it. */
const LEAD_BYTES = 256 * 1024
const PATIENCE_MS = 10_000

/** Asks a provider; `request`: its own, or one that is no client's. */
export function askItself(
  { exchange, call, caller, planned, stages }: Recalled,
  request: ClientRequest,
): Promise<Reply> {
  return ask(exchange, request, call, caller, planned, stages)
}

/** Its limits count a request that is answered again like any other; what it uses of tokens and money is nothing. */
export function admitAgain(engine: Engine, config: Snapshot['config'], { exchange, caller }: Recalled): void {
  exchange.reservation = engine.limiter.admit(scopesOf(exchange, caller, config.limits), 0)
}

/** Waits for a run that another request began; null: nothing came of it, or its beginning is gone. */
export async function joinRun(
  engine: Engine,
  config: Snapshot['config'],
  recalled: Recalled,
  run: Run,
  headers: Readonly<Record<string, string>>,
): Promise<Reply | null> {
  const { exchange, request } = recalled
  const leave = run.join(request.signal)
  exchange.whenClosing(leave)
  const leftMs = exchange.startedMs + recalled.planned.totalMs - engine.clock.monotonicMs()
  const head = await headOf(run, request.signal, leftMs, engine.clock)
  if (head === null) {
    leave()
    return null
  }
  const reader = head.body.type === 'stream' ? head.body.stream.join() : null
  if (head.body.type === 'stream' && reader === null) {
    leave()
    return null
  }
  try {
    admitAgain(engine, config, recalled)
  } catch (error) {
    reader?.leave()
    throw error
  }
  return follow(exchange, run, { head, reader }, { signal: request.signal, clock: engine.clock, headers })
}

/** As long as its client stays and has time; null: nothing came of the run. */
async function headOf(run: Run, signal: ClosingSignal, leftMs: number, clock: Clock): Promise<Head | null> {
  const over = Promise.withResolvers<'over'>()
  const onAbort = (): void => over.resolve('over')
  const cancel = clock.after(leftMs, onAbort)
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const head = await Promise.race([run.head.catch(() => null), over.promise])
    if (head !== 'over') return head
    if (signal.aborted) throw new GatewayError('client_closed')
    throw new GatewayError('all_targets_timed_out', {
      message: `The request ${run.exchange.id}, whose answer this one was waiting for, has not answered in time.`,
    })
  } finally {
    cancel()
    signal.removeEventListener('abort', onAbort)
  }
}

/** The answer of a run to the client that began it. */
export async function lead(
  run: Run,
  request: ClientRequest,
  headers: Readonly<Record<string, string>>,
): Promise<Reply> {
  const leave = run.join(request.signal)
  const head = await run.head
  const { status, body } = head
  const all = { ...head.headers, ...headers }
  if (body.type === 'whole') return { status, headers: all, body }
  const reader = body.stream.join()
  // Whoever begins a run joins its stream first, when all of it is there.
  if (reader === null) throw new Error('the stream of a run has begun without its client')
  // A generator that never ran does not run its `finally`.
  if (request.signal.aborted) reader.leave()
  else request.signal.addEventListener('abort', () => reader.leave(), { once: true })
  return {
    status,
    headers: all,
    body: { type: 'stream', pieces: piecesFrom(ownPieces(reader, leave, request.signal)) },
  }
}

async function* ownPieces(reader: StreamReader, leave: () => void, signal: ClosingSignal): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const piece = await reader.next()
      if (piece === null || signal.aborted) return
      yield piece.bytes
    }
  } finally {
    reader.leave()
    leave()
  }
}

/** What is kept of an answer; null: it is not whole, or no answer that anybody should get again. */
export function answerToKeep({ exchange, call }: Recalled, ended: Ended | null, now: number): KeptAnswer | null {
  const { ending, target } = exchange
  if (ended === null || ending === null || target === null || ending.entryStatus !== 'complete') return null
  if (ending.status !== 200 || (isChat(call) && ending.produced?.finishReason === null)) return null
  return {
    status: ending.status,
    headers: keptHeaders(ended.headers),
    isStream: ended.isStream,
    pieces: ended.pieces,
    target: target.id,
    costNanoUsd: exchange.costNanoUsd ?? 0n,
    createdAt: now,
  }
}

function isChat({ operation }: Call): boolean {
  return operation === 'chat' || operation === 'completions' || operation === 'responses'
}
