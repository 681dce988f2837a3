// From a target's answer to the client: whole answers after the ledger has them, streams piece by piece.
//
// A stream's last piece (the one with the wire's terminal event) waits until its entry is durable. A stream that breaks
// after it began ends with the dialect's own error event and terminator, never silently. A client that goes away ends
// the upstream at once and is charged for what was produced until then.
import type { ClosingSignal } from '../core/closing-signal.ts'
import { GatewayError } from '../core/error.ts'
import { formatUsd } from '../core/money.ts'
import { redactOutcome } from '../core/outcome.ts'
import type { Deployment } from '../core/model.ts'
import type { Outcome } from '../core/outcome.ts'
import type { Pieces, Reply } from '../core/reply.ts'
import { outputTokens } from '../core/usage.ts'
import { tell } from '../core/waiting.ts'
import type { Waiting } from '../core/waiting.ts'
import type { Dialect } from '../dialects/dialect.ts'
import type { EntryStatus } from '../core/ledger.ts'
import type { Exchange } from '../exchange.ts'
import { setBudgetHeaders } from '../limits/budget-headers.ts'
import { setRateHeaders } from '../limits/rate-headers.ts'
import { StreamFailure } from '../providers/answer-stream.ts'
import type { AnswerStream, StreamPiece } from '../providers/answer-stream.ts'
import { relayableHeaders, UpstreamFailure } from '../providers/upstream.ts'
import type { Answer, StreamAnswer } from '../routing/attempt-run.ts'
import { traceText } from '../routing/explain.ts'

const NOTHING_PRODUCED = { usage: null, rawUsage: null, finishReason: null, outputCharacters: 0 }

export type RelayTools = {
  readonly monotonicMs: () => number
  /** Takes secrets out of a provider's words. */
  readonly redact: (text: string) => string
  /** The client's way of going away. */
  readonly signal: ClosingSignal
}

export function relayStream(exchange: Exchange, answer: StreamAnswer, dialect: Dialect, tools: RelayTools): Reply {
  const headers = headersOf(exchange, answer, answer.origin.deployment)
  headers['cache-control'] = 'no-cache'
  // Proxies of the nginx family buffer event streams unless told not to.
  headers['x-accel-buffering'] = 'no'
  const pieces = new RelayedPieces(exchange, answer, dialect, tools)
  // A client that leaves before the first piece is asked for, and while one is waited for, is noticed here.
  const onAbort = (): void => {
    answer.cancel()
    exchange.closeLate(aborted(exchange, answer, tools))
  }
  if (tools.signal.aborted) onAbort()
  else {
    tools.signal.addEventListener('abort', onAbort, { once: true })
    exchange.whenClosing(() => tools.signal.removeEventListener('abort', onAbort))
  }
  return { status: answer.status, headers, body: { type: 'stream', pieces } }
}

/** The answer, once the ledger has it. */
export function relayWhole(exchange: Exchange, answer: Extract<Answer, { type: 'whole' }>): Promise<Reply> {
  return exchange
    .close({ status: answer.status, error: null, entryStatus: 'complete', produced: answer.facts })
    .then(() => wholeReply(exchange, answer))
}

function wholeReply(exchange: Exchange, answer: Extract<Answer, { type: 'whole' }>): Reply {
  const headers = headersOf(exchange, answer, answer.deployment)
  // A user sees what the user pays.
  const cost = exchange.chargedNanoUsd ?? exchange.costNanoUsd
  if (cost !== null) headers['x-weir-cost-usd'] = formatUsd(cost)
  return { status: answer.status, headers, body: { type: 'whole', bytes: answer.bytes } }
}

/** The headers of an answer as its client sees them. */
export function headersOf(
  exchange: Exchange,
  answer: Pick<Answer, 'headers' | 'warnings'>,
  deployment: Pick<Deployment, 'id'>,
): Record<string, string> {
  const headers = relayableHeaders(answer.headers)
  headers['x-weir-request-id'] = exchange.id
  // Where OpenAI's SDKs look for it: `answer._request_id`.
  headers['x-request-id'] = exchange.id
  headers['x-weir-target'] = headerText(deployment.id)
  headers['x-weir-attempts'] = String(exchange.attempts.length)
  const { requestIdHeader } = exchange.entrance.dialect
  if (requestIdHeader !== undefined) headers[requestIdHeader] = exchange.id
  if (answer.warnings.length > 0) headers['x-weir-warnings'] = warningsText(answer.warnings)
  if (exchange.clientRequestId !== null) headers['x-client-request-id'] = exchange.clientRequestId
  if (exchange.reservation !== null) setRateHeaders(headers, exchange.reservation.headroom)
  const room = exchange.budget?.room() ?? null
  if (room !== null) setBudgetHeaders(headers, room)
  if (exchange.task !== null) headers['x-weir-task'] = headerText(exchange.task)
  const trace = traceOf(exchange)
  if (trace !== null) headers['x-weir-trace'] = trace
  if (exchange.degradedTo !== null) headers['x-weir-budget-degraded-to'] = headerText(exchange.degradedTo)
  return headers
}

/** How the request went, for callers that want to see it. */
export function traceOf({ plan, call, attempts }: Exchange): string | null {
  return plan !== null && call?.facts.options.isTraced === true ? traceText(plan, attempts) : null
}

/** A name as a header can carry it: a caller may ask for a model of any characters. */
function headerText(name: string): string {
  return /^[\x20-\x7e]*$/.test(name) ? name : encodeURI(name.toWellFormed())
}

const MAX_WARNINGS_LENGTH = 1_000

/** Sentences as a header can carry them: few enough, and without what is not plain text. */
function warningsText(warnings: readonly string[]): string {
  const plain = [...new Set(warnings)].map((warning) =>
    warning
      .slice(0, 300)
      .replaceAll(/[‘’]/g, "'")
      .replaceAll(/[^\x20-\x7e]/g, '?'),
  )
  let text = ''
  for (const [index, warning] of plain.entries()) {
    if (text.length + warning.length > MAX_WARNINGS_LENGTH) return `${text} (and ${plain.length - index} more)`
    text += text === '' ? warning : ` ${warning}`
  }
  return text
}

/** A stream's pieces on their way out; `relayStream` sees to it that its client's leaving is noticed. */
class RelayedPieces implements Pieces, Waiting<StreamPiece | null> {
  // First what each piece needs: these lie together in memory.
  #waiting: Waiting<Uint8Array | null> | null = null
  #isOver = false
  readonly #stream: AnswerStream
  readonly #exchange: Exchange
  readonly #answer: StreamAnswer
  readonly #dialect: Dialect
  readonly #tools: RelayTools

  constructor(exchange: Exchange, answer: StreamAnswer, dialect: Dialect, tools: RelayTools) {
    this.#stream = answer.stream
    this.#exchange = exchange
    this.#answer = answer
    this.#dialect = dialect
    this.#tools = tools
  }

  take(waiting: Waiting<Uint8Array | null>): void {
    if (this.#isOver) return waiting.answered(null)
    this.#waiting = waiting
    this.#stream.take(this)
  }

  answered(piece: StreamPiece | null): void {
    if (piece === null) return this.#tell(this.leave().then(() => null))
    if (piece.last) return this.#tell(this.#last(piece.bytes).catch((error: unknown) => this.#breakOff(error)))
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.answered(piece.bytes)
  }

  failed(error: unknown): void {
    this.#tell(this.#breakOff(error))
  }

  async leave(): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    try {
      if (!this.#exchange.isClosed) await this.#exchange.close(aborted(this.#exchange, this.#answer, this.#tools))
    } finally {
      this.#answer.cancel()
    }
  }

  #tell(bytes: Promise<Uint8Array | null>): void {
    const waiting = this.#waiting
    this.#waiting = null
    if (waiting !== null) tell(bytes, waiting)
  }

  async #last(bytes: Uint8Array): Promise<Uint8Array | null> {
    const answer = this.#answer
    const { usage } = answer.stream.facts
    answer.finished({ type: 'answered' }, usage === null ? null : outputTokens(usage))
    await this.#exchange.close(ending(this.#exchange, answer, this.#tools, 'complete', { type: 'answered' }, null))
    await this.leave()
    return bytes.length > 0 ? bytes : null
  }

  async #breakOff(error: unknown): Promise<Uint8Array | null> {
    const answer = this.#answer
    const exchange = this.#exchange
    try {
      const broken = explain(error, answer, this.#tools)
      if (broken === null) return null
      answer.finished(broken.outcome, null)
      await exchange.close(ending(exchange, answer, this.#tools, 'aborted', broken.outcome, broken.error))
      // In the middle of bytes an error cannot be told, and an end would look sound: the connection breaks off too.
      if (answer.isBytes === true) throw broken.error
      return new TextEncoder().encode(this.#dialect.errorEvents(broken.error, exchange.id))
    } finally {
      await this.leave()
    }
  }
}

/** What broke a stream; null when it was the client that left. */
function explain(
  error: unknown,
  answer: StreamAnswer,
  { redact }: RelayTools,
): { outcome: Outcome; error: GatewayError } | null {
  if (error instanceof GatewayError) return { outcome: { type: 'cancelled' }, error }
  if (!(error instanceof StreamFailure || error instanceof UpstreamFailure)) throw error
  if (error.outcome.type === 'cancelled') return null
  const code = error.outcome.type === 'timed_out' ? 'all_targets_timed_out' : 'all_targets_failed'
  return {
    outcome: redactOutcome(error.outcome, redact),
    error: new GatewayError(
      code,
      {
        message: `The answer of ${answer.origin.deployment.id} broke off after it had begun: ${redact(error.message)}.`,
      },
      error,
    ),
  }
}

function aborted(exchange: Exchange, answer: StreamAnswer, tools: RelayTools): Parameters<Exchange['close']>[0] {
  return ending(exchange, answer, tools, 'aborted', { type: 'cancelled' }, new GatewayError('client_closed'))
}

function ending(
  exchange: Exchange,
  answer: StreamAnswer,
  tools: RelayTools,
  entryStatus: EntryStatus,
  outcome: Outcome,
  error: GatewayError | null,
): Parameters<Exchange['close']>[0] {
  const { deployment, attempt } = answer.origin
  const line = exchange.attempts[attempt]
  if (line !== undefined && !exchange.isClosed) {
    // An answer that was continued elsewhere is that target's.
    exchange.target = { id: deployment.id, provider: deployment.provider.name, model: deployment.model }
    const beganMs = exchange.startedMs + (line.startedAt - exchange.startedAt)
    exchange.attempts[attempt] = {
      ...line,
      outcome,
      durationMs: Math.max(line.durationMs, tools.monotonicMs() - beganMs),
      message: error === null ? line.message : error.message,
    }
  }
  const complete = entryStatus === 'complete'
  return {
    // The caller saw the status of the stream's head; the log says what became of it.
    status: complete ? answer.status : (error?.status ?? answer.status),
    error: complete ? null : error,
    entryStatus,
    produced: answer.stream.facts ?? NOTHING_PRODUCED,
  }
}
