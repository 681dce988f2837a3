// One try of one target: from its place in the provider's limits to an answer that is worth committing to, or to what
// went wrong. Whatever happens it leaves one line among the attempts, and one word with the target's health.
//
// What a try consumed without giving the answer is paid for, too: a provider generates, and charges, until it notices
// that nobody reads. So a request that was sent and then given up by us (its client left, a deadline struck, another
// attempt won) costs its input and what was produced until then; one that the provider itself refused or lost costs
// nothing, unless it had begun to answer.
import { GatewayError } from '../core/error.ts'
import type { Operation, Timeouts } from '../core/model.ts'
import { redactOutcome } from '../core/outcome.ts'
import type { Outcome } from '../core/outcome.ts'
import type { Usage } from '../core/usage.ts'
import { StreamFailure } from '../providers/answer-stream.ts'
import type { AnswerStream } from '../providers/answer-stream.ts'
import { classify, errorCodeOf, errorMessageOf } from '../providers/classify.ts'
import { UpstreamFailure } from '../providers/upstream.ts'
import type { UpstreamAnswer } from '../providers/upstream.ts'
import { MAX_ERROR_BYTES, openAnswer, textOf } from './attempt-answer.ts'
import type { Unopened } from './attempt-answer.ts'
import type { Failed, TryStep } from './attempt-course.ts'
import { rejection } from './attempt-failure.ts'
import type { Answer, AttemptRun, AttemptTools, StreamAnswer } from './attempt-run.ts'
import type { Ticket } from './health.ts'
import type { FollowingCall } from './operation-parts.ts'
import { guarded } from './pace-guard.ts'

export type Tried = { readonly type: 'answer'; readonly answer: Answer; readonly attempt: number } | Failed

/** Where the try stands, for its line. */
type Progress = {
  upstream: UpstreamAnswer | null
  stream: AnswerStream | null
  message: string | null
}

/** Never rejects for what an upstream does. `signal`: the client is gone, or another attempt has won. */
export async function tryTarget(
  run: AttemptRun,
  step: TryStep,
  ticket: Ticket,
  signal: AbortSignal,
  tools: AttemptTools,
): Promise<Tried> {
  const { deployment, timeouts } = step.target
  const { lane, credential } = step
  const startedMs = tools.clock.monotonicMs()
  const startedAt = tools.clock.now()
  const leftMs = Math.max(0, run.deadlineMs - startedMs)
  const at: Progress = { upstream: null, stream: null, message: null }
  tools.onStart(deployment)

  /** Writes the line; gives its place among the attempts. */
  const end = (ended: Outcome, usage: Usage | null): number => {
    const outcome = redactOutcome(ended, tools.redact)
    const durationMs = tools.clock.monotonicMs() - startedMs
    const headers = at.upstream?.headers ?? null
    // The client asked for less time than the target has by its own deadlines.
    const isOurs = outcome.type === 'timed_out' && outcome.stage === 'total' && leftMs < timeouts.totalMs
    const stated = tools.health.ended(ticket, outcome, { headers, isOurs })
    if (stated !== null) tools.onStated(deployment, stated)
    tools.credentials.report(credential, outcome)
    return (
      run.attempts.push({
        target: deployment.id,
        credentialId: credential?.id ?? null,
        outcome,
        status: at.upstream?.status ?? null,
        startedAt,
        durationMs,
        ttftMs: outcome.type === 'answered' ? durationMs : null,
        message: at.message,
        ...(usage === null ? {} : { consumed: { usage, costNanoUsd: null } }),
      }) - 1
    )
  }

  try {
    const upstream = await send({ body: lane.body })
    at.upstream = upstream
    if (upstream.status >= 300) return await refused(at, upstream)
    const opening = await openAnswer(run, deployment, lane, upstream, { send, signal }, tools)
    if (opening.type === 'whole') {
      const { usage, finishReason } = opening.facts
      if (isFiltered(finishReason, run)) {
        end({ type: 'filtered' }, usage)
        return { type: 'failed', outcome: { type: 'filtered' }, rejection: null }
      }
      const attempt = end({ type: 'answered' }, null)
      tools.health.closed(ticket)
      return { type: 'answer', answer: opening, attempt }
    }
    at.stream = opening.stream
    await opening.stream.open()
    const { minTokensPerS } = run.plan.policy
    const stream =
      minTokensPerS === null || opening.isBytes === true
        ? opening.stream
        : await guarded(opening.stream, minTokensPerS, upstream, tools)
    upstream.committed()
    const attempt = end({ type: 'answered' }, null)
    return { type: 'answer', answer: streamAnswer(upstream, { ...opening, stream }, attempt), attempt }
  } catch (error) {
    at.upstream?.cancel()
    if (!(error instanceof UpstreamFailure || error instanceof StreamFailure)) {
      tools.health.abandoned(ticket)
      throw error
    }
    at.message = tools.redact(error.message)
    const known = error instanceof StreamFailure ? error.consumed : null
    end(error.outcome, known ?? consumed(error.outcome))
    return { type: 'failed', outcome: error.outcome, rejection: null }
  }

  /** One call of this attempt; those that follow the first have the time that is left. */
  function send({ body, to }: FollowingCall): Promise<UpstreamAnswer> {
    const spentMs = at.upstream === null ? 0 : tools.clock.monotonicMs() - startedMs
    const mostMs = spentMs === 0 ? leftMs : Math.min(leftMs, timeouts.totalMs) - spentMs
    // An answer could still be faster than a deadline of nothing.
    if (spentMs > 0 && mostMs <= 0) return Promise.reject(new UpstreamFailure({ type: 'timed_out', stage: 'total' }))
    return tools.upstream.call({
      provider: deployment.provider,
      credential,
      method: to?.method ?? lane.method,
      url: to?.url ?? lane.url,
      headers: to === undefined ? lane.headers : { ...lane.headers, 'content-type': to.contentType },
      body,
      timeouts: deadlinesOf(run, lane, timeouts, mostMs),
      stream: lane.answer !== 'whole',
      signal,
      minBytesPerS: bytesPerS(run),
    })
  }

  async function refused(progress: Progress, upstream: UpstreamAnswer): Promise<Failed> {
    const body = textOf(await upstream.bytes(MAX_ERROR_BYTES))
    const reply = { status: upstream.status, headers: upstream.headers, body }
    const outcome = classify(reply, deployment.provider.outcomes, tools.clock.now())
    const message = errorMessageOf(body)
    const code = errorCodeOf(body)
    progress.message = message === null ? null : tools.redact(message)
    end(outcome, null)
    return {
      type: 'failed',
      outcome,
      rejection: rejection(upstream.status, code === null ? null : tools.redact(code), progress.message),
    }
  }

  function consumed(outcome: Outcome): Usage | null {
    const { stream: read } = at
    const reported = read?.facts.usage ?? null
    const characters = read?.facts.outputCharacters ?? 0
    const isGivenUp = outcome.type === 'cancelled' || (outcome.type === 'timed_out' && outcome.stage !== 'connect')
    if (reported !== null && characters === 0) return reported
    if (!isGivenUp && characters === 0) return null
    const output = tools.tokensOf(characters)
    return reported === null ? { ...run.estimate, output } : { ...reported, output: Math.max(reported.output, output) }
  }

  function streamAnswer(
    upstream: UpstreamAnswer,
    { stream, isBytes, transcript, headers, warnings }: Unopened,
    attempt: number,
  ): StreamAnswer {
    const firstMs = tools.clock.monotonicMs()
    return {
      type: 'stream',
      origin: { deployment, attempt },
      status: upstream.status,
      headers,
      stream,
      ...(isBytes === true ? { isBytes } : {}),
      warnings,
      transcript: transcript ?? null,
      cancel() {
        upstream.cancel()
        tools.health.closed(ticket)
      },
      finished(outcome, outputTokens) {
        if (outcome.type === 'answered') {
          if (outputTokens !== null) tools.health.paced(ticket, outputTokens, tools.clock.monotonicMs() - firstMs)
          tools.health.closed(ticket)
        } else tools.health.brokeOff(ticket, outcome)
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

/** An attempt that answered, and was not needed: another one had won. */
export function discard(run: AttemptRun, answer: Answer, index: number, tools: AttemptTools): void {
  const line = run.attempts[index]
  if (line === undefined) return
  const facts = answer.type === 'whole' ? answer.facts : answer.stream.facts
  const usage = facts.usage ?? { ...run.estimate, output: tools.tokensOf(facts.outputCharacters) }
  run.attempts[index] = { ...line, outcome: { type: 'cancelled' }, consumed: { usage, costNanoUsd: null } }
  if (answer.type === 'stream') answer.cancel()
}

export function clientClosed(cause?: unknown): GatewayError {
  return new GatewayError('client_closed', {}, cause)
}
