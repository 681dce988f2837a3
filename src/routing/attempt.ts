// Tries the targets of a plan in order until one answers.
//
// Whatever goes wrong before an answer is committed (a whole answer that was read and understood, or a stream's first
// meaningful event) moves on to the next target; the caller sees it only if no target is left. What is wrong with the
// request itself goes back at once: no other target would differ.
import type { Call } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import type { Credential, Deployment, Provider } from '../core/model.ts'
import { redactOutcome } from '../core/outcome.ts'
import type { Attempt, Outcome } from '../core/outcome.ts'
import { classify, errorCodeOf, errorMessageOf } from '../providers/classify.ts'
import { createNativeStream, StreamFailure } from '../providers/native-stream.ts'
import type { NativeStream } from '../providers/native-stream.ts'
import { UpstreamFailure } from '../providers/upstream.ts'
import type { Upstream, UpstreamAnswer } from '../providers/upstream.ts'
import type { AnswerFacts, Wire } from '../providers/wire.ts'
import type { Plan, PlannedTarget } from './plan.ts'

const MAX_ERROR_BYTES = 64 * 1024
const UTF8 = new TextDecoder()

export type Answer =
  | {
      readonly type: 'whole'
      readonly deployment: Deployment
      readonly status: number
      readonly headers: Headers
      readonly bytes: Uint8Array
      readonly facts: AnswerFacts
    }
  | {
      readonly type: 'stream'
      readonly deployment: Deployment
      readonly status: number
      readonly headers: Headers
      readonly stream: NativeStream
      /** Ends the upstream; harmless after its end. */
      readonly cancel: () => void
    }

export type AttemptTools = {
  readonly upstream: Upstream
  readonly clock: Clock
  readonly wireOf: (provider: Provider) => Wire
  readonly credentialOf: (provider: Provider) => Credential | null
  /** Told how each attempt of a credential ended, so that it can be benched. */
  readonly onOutcome: (deployment: Deployment, credential: Credential | null, outcome: Outcome, headers: Headers | null) => void
  readonly maxAnswerBytes: number
  /** Takes secrets out of a provider's words, which may repeat what it was sent. */
  readonly redact: (text: string) => string
}

/** One request being tried: `attempts` grows as targets are tried and is read by the log whatever happens. */
export type AttemptRun = {
  readonly call: Call
  readonly plan: Plan
  readonly ownFields: readonly string[]
  readonly signal: AbortSignal
  /** Monotonic ms at which the request must have ended. */
  readonly deadlineMs: number
  readonly attempts: Attempt[]
}

/** Throws `upstream_rejected`, `all_targets_…`, `unsupported` or `client_closed`. */
export async function attempt(run: AttemptRun, tools: AttemptTools): Promise<Answer> {
  for (const target of run.plan.targets) {
    const nowMs = tools.clock.monotonicMs()
    if (nowMs >= run.deadlineMs && run.attempts.length > 0) break
    const result = await tryTarget(run, target, nowMs, tools)
    if (result !== null) return result
  }
  throw failure(run)
}

async function tryTarget(
  run: AttemptRun,
  { deployment, timeouts }: PlannedTarget,
  startedMs: number,
  tools: AttemptTools,
): Promise<Answer | null> {
  const { call } = run
  const wire = tools.wireOf(deployment.provider)
  const url = wire.url(call, deployment)
  if (url === null)
    throw new GatewayError('unsupported', { message: `${deployment.id} has no ${call.operation} endpoint.` })
  const credential = tools.credentialOf(deployment.provider)
  const startedAt = tools.clock.now()
  const leftMs = run.deadlineMs - startedMs
  let upstream: UpstreamAnswer | null = null
  let errorText: string | null = null
  const end = (ended: Outcome): void => {
    const outcome = redactOutcome(ended, tools.redact)
    const durationMs = tools.clock.monotonicMs() - startedMs
    run.attempts.push({
      target: deployment.id,
      credentialId: credential?.id ?? null,
      outcome,
      status: upstream?.status ?? null,
      startedAt,
      durationMs,
      ttftMs: outcome.type === 'answered' ? durationMs : null,
      message: errorText,
    })
    tools.onOutcome(deployment, credential, outcome, upstream?.headers ?? null)
  }
  try {
    upstream = await tools.upstream.call({
      provider: deployment.provider,
      credential,
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json', accept: call.facts.stream ? 'text/event-stream' : 'application/json' },
      body: wire.nativeBody(call, deployment, run.ownFields),
      timeouts: { ...timeouts, totalMs: Math.min(leftMs, timeouts.totalMs) },
      stream: call.facts.stream,
      signal: run.signal,
    })
    if (upstream.status >= 300) {
      const bytes = await upstream.bytes(MAX_ERROR_BYTES)
      const body = UTF8.decode(bytes)
      const outcome = classify({ status: upstream.status, headers: upstream.headers, body })
      errorText = redacted(errorMessageOf(body), tools)
      end(outcome)
      if (isFinal(outcome)) throw rejection(upstream.status, redacted(errorCodeOf(body), tools), errorText)
      return null
    }
    const answer = call.facts.stream
      ? await openStream(run, deployment, wire, upstream)
      : await readWhole(run, deployment, wire, upstream, tools.maxAnswerBytes)
    end({ type: 'answered' })
    return answer
  } catch (error) {
    if (error instanceof GatewayError) throw error
    if (!(error instanceof UpstreamFailure || error instanceof StreamFailure)) {
      upstream?.cancel()
      throw error
    }
    upstream?.cancel()
    errorText = tools.redact(error.message)
    end(error.outcome)
    if (error.outcome.type === 'cancelled') throw new GatewayError('client_closed', {}, error)
    return null
  }
}

async function readWhole(
  run: AttemptRun,
  deployment: Deployment,
  wire: Wire,
  upstream: UpstreamAnswer,
  maxBytes: number,
): Promise<Answer> {
  const bytes = await upstream.bytes(maxBytes)
  const facts = wire.readAnswer(UTF8.decode(bytes), run.call)
  if (facts.problem !== null) throw new StreamFailure({ type: 'broken', reason: facts.problem }, facts.problem)
  return { type: 'whole', deployment, status: upstream.status, headers: upstream.headers, bytes, facts }
}

async function openStream(
  run: AttemptRun,
  deployment: Deployment,
  wire: Wire,
  upstream: UpstreamAnswer,
): Promise<Answer> {
  const type = upstream.headers.get('content-type') ?? ''
  if (!type.includes('event-stream')) {
    // An error or an HTML page in a 200 instead of a stream; what it says goes into the attempt's line.
    const text = UTF8.decode(await upstream.bytes(MAX_ERROR_BYTES))
    const reason = wire.readAnswer(text, run.call).problem ?? `the answer is ${type || 'untyped'} and no event stream`
    throw new StreamFailure({ type: 'broken', reason }, reason)
  }
  const stream = createNativeStream({
    source: upstream.chunks(),
    readEvent: (data) => wire.readEvent(data),
    hideUsage: !run.call.facts.wantsStreamUsage,
    endsWithFinish: true,
  })
  await stream.open()
  return {
    type: 'stream',
    deployment,
    status: upstream.status,
    headers: upstream.headers,
    stream,
    cancel: () => upstream.cancel(),
  }
}

/** Outcomes that are about the request itself: another target would say the same. */
function isFinal(outcome: Outcome): boolean {
  return outcome.type === 'rejected' || outcome.type === 'context_too_long' || outcome.type === 'filtered'
}

function redacted(text: string | null, tools: AttemptTools): string | null {
  return text === null ? null : tools.redact(text)
}

function rejection(status: number, code: string | null, message: string | null): GatewayError {
  return new GatewayError('upstream_rejected', {
    // A client error of the provider stays one; whatever else it called it, the request is at fault.
    status: status >= 400 && status < 500 ? status : 400,
    ...(message === null ? {} : { message }),
    ...(code === null ? {} : { upstreamCode: code }),
  })
}

function failure(run: AttemptRun): GatewayError {
  const { attempts, plan } = run
  const lines = attempts.map(({ target, outcome, status, durationMs }) => ({
    target,
    outcome: outcome.type,
    status,
    durationMs,
  }))
  if (attempts.length === 0)
    return new GatewayError('unsupported', {
      message: `No target of ${plan.route} can serve this request: ${plan.excluded.map(({ deployment, why }) => `${deployment.id} ${why}`).join('; ')}.`,
    })
  const types = new Set(attempts.map(({ outcome }) => outcome.type))
  const code =
    types.size === 1 && types.has('timed_out')
      ? 'all_targets_timed_out'
      : types.size === 1 && types.has('rate_limited')
        ? 'all_targets_cooling'
        : 'all_targets_failed'
  const waits = attempts.flatMap(({ outcome }) =>
    outcome.type === 'rate_limited' && outcome.retryAfterMs !== null ? [outcome.retryAfterMs] : [],
  )
  const summary = attempts.map(({ target, outcome, status }) => `${target}: ${outcome.type}${status === null ? '' : ` (${status})`}`)
  return new GatewayError(code, {
    message:
      code === 'all_targets_cooling'
        ? `Every target is rate limited by its provider. ${summary.join('; ')}.`
        : `No target could answer. ${summary.join('; ')}.`,
    attempts: lines,
    ...(waits.length > 0 ? { retryAfterMs: Math.min(...waits) } : {}),
  })
}
