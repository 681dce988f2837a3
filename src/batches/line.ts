// One line of a batch down the path of every request: the same stages, limits, budget and books, in the name of the key
// that made the batch.
//
// Its request has an id that follows from batch, line and try. A line with an entry of that id has been executed: if its
// answer is not known (the process ended in between), it is not executed again. Only a try of which nothing came is
// followed by another one, under the next id.
import { textOf } from '../core/reply.ts'
import type { Reply } from '../core/reply.ts'
import type { Batch, BatchLine, LineResult } from '../core/batch.ts'
import { lineRequestId } from '../core/batch.ts'
import type { ErrorCode } from '../core/error.ts'
import { GatewayError } from '../core/error.ts'
import type { LineAnswer } from '../dialects/openai-batches.ts'
import { resultLine } from '../dialects/openai-batches.ts'
import { handle } from '../handle.ts'
import type { Stages } from '../handle.ts'
import { entranceOf, matchEndpoint } from '../http/endpoints.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { identified } from '../stages/authenticate.ts'
import type { KeyWithTeam, LedgerStore } from '../store/store.ts'

export type LineRun = {
  readonly id: string
  readonly caller: KeyWithTeam
  readonly batch: Batch
  readonly line: BatchLine
  readonly signal: AbortSignal
}

export type LineTools = {
  readonly ledger: Pick<LedgerStore, 'getEntry'>
  readonly keyRing: Pick<KeyRing, 'recall'>
  /** Sends a line down the path. */
  readonly execute: (run: LineRun) => Promise<Reply>
}

export type LineOutcome =
  | { readonly type: 'done'; readonly result: LineResult }
  /** To be begun again as its next try. `isLimit`: because there was no room, which says nothing against the line. */
  | { readonly type: 'again'; readonly isLimit: boolean; readonly waitMs: number }
  /** The gateway is stopping; what was booked is looked up at the next start. */
  | { readonly type: 'stopped' }

/** What passes: there was no room at a limit, at the gateway or at the provider. A line waits for it as long as its batch has time. */
const NO_ROOM: ReadonlySet<string> = new Set<ErrorCode>([
  'rate_limited',
  'concurrency_limited',
  'overloaded',
  'draining',
  'store_unavailable',
  'all_targets_cooling',
])
/** What may have been a bad moment. */
const BAD_LUCK: ReadonlySet<string> = new Set<ErrorCode>(['all_targets_failed', 'all_targets_timed_out', 'internal'])
const MOST_TRIES = 3
const LEAST_WAIT_MS = 1_000

/** @param unlucky how often it had bad luck already */
export async function runLine(
  batch: Batch,
  line: BatchLine,
  { unlucky, signal }: { readonly unlucky: number; readonly signal: AbortSignal },
  tools: LineTools,
): Promise<LineOutcome> {
  const id = lineRequestId(batch.id, line)
  const entry = await tools.ledger.getEntry(id)
  if (entry !== null) {
    if (entry.status === 'failed') return { type: 'again', isLimit: false, waitMs: 0 }
    return done(line, id, INTERRUPTED)
  }
  let caller: KeyWithTeam
  try {
    caller = await tools.keyRing.recall(batch.keyId)
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code === 'store_unavailable') throw error
    return done(line, id, { type: 'not_executed', code: error.code, message: error.message })
  }
  const reply = await tools.execute({ id, caller, batch, line, signal })
  const body = await textOf(reply)
  const code = reply.headers['x-weir-error'] ?? null
  if (code !== null && signal.aborted) return { type: 'stopped' }
  const waitMs = Math.max(LEAST_WAIT_MS, Number(reply.headers['retry-after-ms'] ?? 0))
  if (code !== null && NO_ROOM.has(code)) return { type: 'again', isLimit: true, waitMs }
  if (code !== null && BAD_LUCK.has(code) && unlucky + 1 < MOST_TRIES) return { type: 'again', isLimit: false, waitMs }
  return done(line, id, { type: 'answered', status: reply.status, body })
}

const INTERRUPTED: LineAnswer = {
  type: 'not_executed',
  code: 'interrupted',
  message: 'The gateway ended while this request was executed. It is booked, and is not executed again.',
}

function done({ position, customId }: BatchLine, id: string, answer: LineAnswer): LineOutcome {
  const ok = answer.type === 'answered' && answer.status < 300
  return { type: 'done', result: { position, ok, text: resultLine(id, customId, answer) } }
}

/** Sends a line down the path of every request. */
export function sendLine(run: LineRun, stages: Stages): Promise<Reply> {
  const { batch, line, signal } = run
  const entrance = entranceOf(matchEndpoint('POST', batch.endpoint), batch.endpoint, batch.endpoint)
  if (entrance === null) throw new Error(`${batch.endpoint} is no endpoint that relays`)
  const headers = { 'content-type': 'application/json' }
  const request = new Request(`http://gateway${batch.endpoint}`, { method: 'POST', headers, body: line.body, signal })
  return handle(request, entrance, () => null, stagesOfLine(stages, run))
}

/** The stages of a line: everybody's, except that its id is given and its caller known. Reports find it by the batch. */
function stagesOfLine(stages: Stages, { id, caller, batch }: LineRun): Stages {
  return {
    ...stages,
    open: (request, entrance) => stages.open(request, entrance, id),
    authenticate(exchange) {
      const known = identified(exchange, caller)
      exchange.tags = [...exchange.tags, `batch:${batch.id}`]
      return known
    },
  }
}
