// One try of one target: from its place in the provider's limits to an answer that is worth committing to, or to what
// went wrong. Whatever happens it leaves one line among the attempts, and one word with the target's health.
//
// What a try consumed without giving the answer is paid for, too: a provider generates, and charges, until it notices
// that nobody reads. So a request that was sent and then given up by us (its client left, a deadline struck, another
// attempt won) costs its input and what was produced until then; one that the provider itself refused or lost costs
// nothing, unless it had begun to answer.
import type { ClosingSignal } from '../core/closing-signal.ts'
import { GatewayError } from '../core/error.ts'
import type { Operation, Timeouts } from '../core/model.ts'
import { redactOutcome } from '../core/outcome.ts'
import type { Attempt, Outcome } from '../core/outcome.ts'
import type { Usage } from '../core/usage.ts'
import { promised } from '../core/waiting.ts'
import type { Waiting } from '../core/waiting.ts'
import { StreamFailure } from '../providers/answer-stream.ts'
import type { AnswerStream } from '../providers/answer-stream.ts'
import { classify, errorCodeOf, errorMessageOf } from '../providers/classify.ts'
import { UpstreamFailure } from '../providers/upstream.ts'
import type { UpstreamAnswer, UpstreamCall } from '../providers/upstream.ts'
import { MAX_ERROR_BYTES, openAnswer, textOf } from './attempt-answer.ts'
import type { Unopened } from './attempt-answer.ts'
import type { Failed, TryStep } from './attempt-course.ts'
import { rejection } from './attempt-failure.ts'
import type { Answer, AttemptRun, AttemptTools, StreamAnswer, WholeAnswer } from './attempt-run.ts'
import type { Ticket } from './health.ts'
import type { FollowingCall } from './operation-parts.ts'
import { guarded } from './pace-guard.ts'

export type Tried = { readonly type: 'answer'; readonly answer: Answer; readonly attempt: number } | Failed

/** Never fails for what an upstream does. `signal`: the client is gone, or another attempt has won. */
export function beginTry(
  run: AttemptRun,
  step: TryStep,
  ticket: Ticket,
  signal: ClosingSignal,
  tools: AttemptTools,
  waiting: Waiting<Tried>,
): void {
  new Try(run, step, ticket, signal, tools, waiting).begin()
}

/** The same as a promise. */
export function tryTarget(
  run: AttemptRun,
  step: TryStep,
  ticket: Ticket,
  signal: ClosingSignal,
  tools: AttemptTools,
): Promise<Tried> {
  return promised((waiting) => beginTry(run, step, ticket, signal, tools, waiting))
}

const ANSWERED: Outcome = { type: 'answered' }

/** One try under way, as far as its line tells of it. */
class Try implements Waiting<UpstreamAnswer> {
  readonly signal: ClosingSignal
  readonly #run: AttemptRun
  readonly #step: TryStep
  readonly #ticket: Ticket
  readonly #tools: AttemptTools
  readonly #startedMs: number
  readonly #startedAt: number
  readonly #leftMs: number
  readonly #waiting: Waiting<Tried>
  #upstream: UpstreamAnswer | null = null
  #stream: AnswerStream | null = null
  #message: string | null = null

  constructor(
    run: AttemptRun,
    step: TryStep,
    ticket: Ticket,
    signal: ClosingSignal,
    tools: AttemptTools,
    waiting: Waiting<Tried>,
  ) {
    this.#run = run
    this.#step = step
    this.#ticket = ticket
    this.signal = signal
    this.#tools = tools
    this.#waiting = waiting
    this.#startedMs = tools.clock.monotonicMs()
    this.#startedAt = tools.clock.now()
    this.#leftMs = Math.max(0, run.deadlineMs - this.#startedMs)
  }

  begin(): void {
    const { lane, target } = this.#step
    this.#tools.onStart(target.deployment)
    this.#tools.upstream.begin(this.#callFor({ body: lane.body }, this.#leftMs), this)
  }

  /** The head of its answer is here, and with most whole answers all of it. */
  answered(upstream: UpstreamAnswer): void {
    this.#upstream = upstream
    let tried: Tried
    try {
      const came = this.#cameWith(upstream)
      if (came instanceof Promise)
        return void came.then(
          (later) => this.#waiting.answered(later),
          (error: unknown) => this.failed(error),
        )
      tried = came
    } catch (error) {
      return this.failed(error)
    }
    this.#waiting.answered(tried)
  }

  failed(error: unknown): void {
    let failed: Failed
    try {
      failed = this.#failedBy(error)
    } catch (thrown) {
      return this.#waiting.failed(thrown)
    }
    this.#waiting.answered(failed)
  }

  #cameWith(upstream: UpstreamAnswer): Tried | Promise<Tried> {
    if (upstream.status >= 300) return this.#refused(upstream)
    const { lane, target } = this.#step
    const opened = openAnswer(this.#run, target.deployment, lane, upstream, this, this.#tools)
    return opened instanceof Promise
      ? opened.then((opening) => (opening.type === 'whole' ? this.#whole(opening) : this.#opened(upstream, opening)))
      : this.#whole(opened)
  }

  /** Throws what is no failure of the upstream's. */
  #failedBy(error: unknown): Failed {
    const { health, redact } = this.#tools
    this.#upstream?.cancel()
    if (!(error instanceof UpstreamFailure || error instanceof StreamFailure)) {
      health.abandoned(this.#ticket)
      throw error
    }
    this.#message = redact(error.message)
    const known = error instanceof StreamFailure ? error.consumed : null
    this.#end(error.outcome, known ?? this.#consumed(error.outcome))
    return { type: 'failed', outcome: error.outcome, rejection: null }
  }

  /** One more call of this attempt: it has the time that is left. */
  send(following: FollowingCall): Promise<UpstreamAnswer> {
    const spentMs = this.#tools.clock.monotonicMs() - this.#startedMs
    const leftMs = Math.min(this.#leftMs, this.#step.target.timeouts.totalMs) - spentMs
    // An answer could still be faster than a deadline of nothing.
    if (leftMs <= 0) return Promise.reject(new UpstreamFailure({ type: 'timed_out', stage: 'total' }))
    return this.#tools.upstream.call(this.#callFor(following, leftMs))
  }

  #callFor({ body, to }: FollowingCall, leftMs: number): UpstreamCall {
    const { target, lane, credential } = this.#step
    return {
      provider: target.deployment.provider,
      credential,
      method: to?.method ?? lane.method,
      url: to?.url ?? lane.url,
      headers: to === undefined ? lane.headers : { ...lane.headers, 'content-type': to.contentType },
      body,
      timeouts: deadlinesOf(this.#run, lane, target.timeouts, leftMs),
      stream: lane.answer !== 'whole',
      signal: this.signal,
      minBytesPerS: bytesPerS(this.#run),
    }
  }

  #whole(answer: WholeAnswer): Tried {
    const { usage, finishReason } = answer.facts
    if (isFiltered(finishReason, this.#run)) {
      this.#end({ type: 'filtered' }, usage)
      return { type: 'failed', outcome: { type: 'filtered' }, rejection: null }
    }
    const attempt = this.#end(ANSWERED, null)
    this.#tools.health.closed(this.#ticket)
    return { type: 'answer', answer, attempt }
  }

  async #opened(upstream: UpstreamAnswer, opening: Unopened): Promise<Tried> {
    this.#stream = opening.stream
    await opening.stream.open()
    const { minTokensPerS } = this.#run.plan.policy
    const stream =
      minTokensPerS === null || opening.isBytes === true
        ? opening.stream
        : await guarded(opening.stream, minTokensPerS, upstream, this.#tools)
    upstream.committed()
    const attempt = this.#end(ANSWERED, null)
    return { type: 'answer', answer: this.#streamAnswer(upstream, { ...opening, stream }, attempt), attempt }
  }

  async #refused(upstream: UpstreamAnswer): Promise<Failed> {
    const { clock, redact } = this.#tools
    const body = textOf(await upstream.bytes(MAX_ERROR_BYTES))
    const reply = { status: upstream.status, headers: upstream.headers, body }
    const outcome = classify(reply, this.#step.target.deployment.provider.outcomes, clock.now())
    const message = errorMessageOf(body)
    const code = errorCodeOf(body)
    this.#message = message === null ? null : redact(message)
    this.#end(outcome, null)
    return {
      type: 'failed',
      outcome,
      rejection: rejection(upstream.status, code === null ? null : redact(code), this.#message),
    }
  }

  /** Writes the line; gives its place among the attempts. */
  #end(ended: Outcome, usage: Usage | null): number {
    const { clock, credentials, health, onStated, redact } = this.#tools
    const { target, credential } = this.#step
    const outcome = redactOutcome(ended, redact)
    const durationMs = clock.monotonicMs() - this.#startedMs
    const headers = this.#upstream?.headers ?? null
    // The client asked for less time than the target has by its own deadlines.
    const isOurs = outcome.type === 'timed_out' && outcome.stage === 'total' && this.#leftMs < target.timeouts.totalMs
    const stated = health.ended(this.#ticket, outcome, { headers, isOurs })
    if (stated !== null) onStated(target.deployment, stated)
    credentials.report(credential, outcome)
    const line: Attempt = {
      target: target.deployment.id,
      credentialId: credential?.id ?? null,
      outcome,
      status: this.#upstream?.status ?? null,
      startedAt: this.#startedAt,
      durationMs,
      ttftMs: outcome.type === 'answered' ? durationMs : null,
      message: this.#message,
    }
    const lines = this.#run.attempts
    return lines.push(usage === null ? line : { ...line, consumed: { usage, costNanoUsd: null } }) - 1
  }

  #consumed(outcome: Outcome): Usage | null {
    const reported = this.#stream?.facts.usage ?? null
    const characters = this.#stream?.facts.outputCharacters ?? 0
    const isGivenUp = outcome.type === 'cancelled' || (outcome.type === 'timed_out' && outcome.stage !== 'connect')
    if (reported !== null && characters === 0) return reported
    if (!isGivenUp && characters === 0) return null
    const output = this.#tools.tokensOf(characters)
    return reported === null
      ? { ...this.#run.estimate, output }
      : { ...reported, output: Math.max(reported.output, output) }
  }

  #streamAnswer(
    upstream: UpstreamAnswer,
    { stream, isBytes, transcript, headers, warnings }: Unopened,
    attempt: number,
  ): StreamAnswer {
    const { clock, health } = this.#tools
    const ticket = this.#ticket
    const firstMs = clock.monotonicMs()
    return {
      type: 'stream',
      origin: { deployment: this.#step.target.deployment, attempt },
      status: upstream.status,
      headers,
      stream,
      ...(isBytes === true ? { isBytes } : {}),
      warnings,
      transcript: transcript ?? null,
      cancel() {
        upstream.cancel()
        health.closed(ticket)
      },
      finished(outcome, outputTokens) {
        if (outcome.type === 'answered') {
          if (outputTokens !== null) health.paced(ticket, outputTokens, clock.monotonicMs() - firstMs)
          health.closed(ticket)
        } else health.brokeOff(ticket, outcome)
      },
    }
  }
}

/** A picture, and what was said in a recording, are there all at once: nothing can be seen of them until they are done. */
const COMES_AT_ONCE: ReadonlySet<Operation> = new Set(['images', 'audio'])

function deadlinesOf(run: AttemptRun, lane: TryStep['lane'], timeouts: Timeouts, leftMs: number): Timeouts {
  const totalMs = Math.min(leftMs, timeouts.totalMs)
  if (COMES_AT_ONCE.has(run.call.operation) && lane.answer !== 'bytes')
    return { ...timeouts, firstTokenMs: totalMs, totalMs }
  return totalMs < timeouts.totalMs ? { ...timeouts, totalMs } : timeouts
}

/** Only where the route has somewhere else to go: a caller may want to see what there is of a filtered answer. */
function isFiltered(finishReason: string | null, { plan }: AttemptRun): boolean {
  return finishReason === 'content_filter' && (plan.on.content_filter?.length ?? 0) > 0
}

/** Four bytes a token, roughly. */
function bytesPerS({ plan }: AttemptRun): number | null {
  return plan.policy.minTokensPerS === null ? null : plan.policy.minTokensPerS * 4
}

/** An attempt that answered, and was not needed: another one had won, or `outcome` says what was wrong with it. */
export function discard(
  run: AttemptRun,
  answer: Answer,
  index: number,
  tools: AttemptTools,
  outcome: Extract<Outcome, { type: 'cancelled' | 'unfit' }> = { type: 'cancelled' },
): void {
  const line = run.attempts[index]
  if (line === undefined) return
  const facts = answer.type === 'whole' ? answer.facts : answer.stream.facts
  const usage = facts.usage ?? { ...run.estimate, output: tools.tokensOf(facts.outputCharacters) }
  run.attempts[index] = { ...line, outcome, consumed: { usage, costNanoUsd: null } }
  if (answer.type === 'stream') answer.cancel()
}

export function clientClosed(cause?: unknown): GatewayError {
  return new GatewayError('client_closed', {}, cause)
}
