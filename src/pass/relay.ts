// relay: a pass-through answer to the client, byte for byte, read on the side for what it used.
//
// The end of an answer is the end of the upstream's body, for nobody here knows more about it. The last piece holds no
// bytes: it comes when the upstream has ended soundly, so that the ledger is written before the client sees the end.
import { responseOf } from '../http/response.ts'
import { GatewayError } from '../core/error.ts'
import type { Deployment } from '../core/model.ts'
import { NO_USAGE } from '../core/usage.ts'
import { tell } from '../core/waiting.ts'
import type { Exchange } from '../exchange.ts'
import { headersOf, relayStream } from '../http/relay.ts'
import type { AnswerStream, StreamPiece } from '../providers/answer-stream.ts'
import { contentHeaders } from './headers.ts'
import type { PassTools } from './pass.ts'
import { ANY_MODEL } from './price.ts'
import type { PassAnswer } from './send.ts'
import type { StreamAnswer } from '../routing/attempt-run.ts'
import { createUsageScan } from './usage-scan.ts'
import type { UsageScan } from './usage-scan.ts'

const NO_BYTES = new Uint8Array(0)
const NO_WARNINGS: readonly string[] = []
/** Answers that have no body whatever their headers say. */
const EMPTY_STATUSES: ReadonlySet<number> = new Set([204, 205])

export async function relayPass(
  exchange: Exchange,
  request: Request,
  answer: PassAnswer,
  tools: PassTools,
): Promise<Response> {
  const { deployment, upstream, ticket, refusal } = answer
  const { status, headers } = upstream
  exchange.target = targetOf(deployment)
  if (refusal !== null) return relayRefusal(exchange, answer, refusal)
  if (request.method === 'HEAD' || EMPTY_STATUSES.has(status)) {
    upstream.cancel()
    tools.engine.attemptTools.health.closed(ticket)
    const { produced, booked } = settled(answer, createUsageScan(null), tools)
    exchange.target = targetOf(booked)
    await exchange.close({ status, error: null, entryStatus: 'complete', produced })
    return new Response(null, { status, headers: shownHeaders(exchange, answer) })
  }
  const { attemptTools, clock } = tools.engine
  const { health } = attemptTools
  exchange.ttftMs = clock.monotonicMs() - exchange.startedMs
  const scan = createUsageScan(headers.get('content-type'))
  const origin = { deployment, attempt: exchange.attempts.length - 1 }
  const settle = (): AnswerStream['facts'] => {
    const { produced, booked } = settled(answer, scan, tools)
    origin.deployment = booked
    return produced
  }
  const stream: StreamAnswer = {
    type: 'stream',
    origin,
    status,
    headers,
    stream: passStream(upstream.chunks(), scan, settle),
    isBytes: true,
    warnings: NO_WARNINGS,
    cancel() {
      upstream.cancel()
      health.closed(ticket)
    },
    finished(outcome) {
      if (outcome.type === 'answered') health.closed(ticket)
      else health.brokeOff(ticket, outcome)
    },
  }
  const reply = relayStream(exchange, stream, exchange.entrance.dialect, {
    monotonicMs: () => clock.monotonicMs(),
    redact: attemptTools.redact,
    signal: request.signal,
  })
  Object.assign(reply.headers, Object.fromEntries(contentHeaders(headers)))
  return responseOf(reply)
}

/** What the provider refused, in its own words and with its own status; it has used nothing. */
async function relayRefusal(
  exchange: Exchange,
  answer: PassAnswer,
  { bytes, message }: NonNullable<PassAnswer['refusal']>,
): Promise<Response> {
  const { status } = answer.upstream
  const error = new GatewayError('upstream_rejected', { status, ...(message === null ? {} : { message }) })
  await exchange.close({ status, error, entryStatus: 'failed', produced: null })
  return new Response(bytes as Uint8Array<ArrayBuffer>, { status, headers: shownHeaders(exchange, answer) })
}

function shownHeaders(exchange: Exchange, { upstream, deployment }: PassAnswer): Record<string, string> {
  const { headers } = upstream
  return {
    ...headersOf(exchange, { headers, warnings: NO_WARNINGS }, deployment),
    ...Object.fromEntries(contentHeaders(headers)),
  }
}

function targetOf({ id, provider, model }: Deployment): NonNullable<Exchange['target']> {
  return { id, provider: provider.name, model }
}

/**
 * What a complete answer used, and what it is booked on. One that tells nothing is a request, at the price of one; where
 * there is no such price, and its model is known, it is estimated.
 */
function settled(
  { deployment, read }: PassAnswer,
  scan: UsageScan,
  { prices }: PassTools,
): { readonly produced: AnswerStream['facts']; readonly booked: Deployment } {
  const facts = { rawUsage: scan.rawUsage, finishReason: null, outputCharacters: scan.outputCharacters }
  if (scan.usage !== null) return { produced: { ...facts, usage: scan.usage }, booked: deployment }
  if (read.isLooking) return { produced: { ...facts, usage: NO_USAGE }, booked: deployment }
  const { name } = deployment.provider
  if (read.model !== null && !prices.hasOwnPrice(name))
    return { produced: { ...facts, usage: null }, booked: deployment }
  const booked: Deployment = { ...deployment, id: `${name}/${ANY_MODEL}`, model: ANY_MODEL }
  return { produced: { ...facts, usage: { ...NO_USAGE, requests: 1 } }, booked }
}

/** @param settle told at a sound end; what it gives is what the answer used */
function passStream(
  source: AsyncIterator<Uint8Array>,
  scan: UsageScan,
  settle: () => AnswerStream['facts'],
): AnswerStream {
  let ended: AnswerStream['facts'] | null = null
  const pull = async (): Promise<StreamPiece> => {
    const { done, value } = await source.next()
    if (done !== true) {
      scan.push(value)
      return { bytes: value, last: false }
    }
    scan.end()
    ended = settle()
    return { bytes: NO_BYTES, last: true }
  }
  return {
    get facts() {
      const { usage, rawUsage, outputCharacters } = scan
      return ended ?? { usage, rawUsage, outputCharacters, finishReason: null }
    },
    open: () => Promise.resolve(),
    take(waiting) {
      if (ended === null) tell(pull(), waiting)
      else waiting.answered(null)
    },
  }
}
