// Tries the targets of a plan in order until one answers.
//
// Whatever goes wrong before an answer is committed (a whole answer that was read and understood, or a stream's first
// meaningful event) moves on to the next target; the caller sees it only if no target is left. What is wrong with the
// request itself goes back at once: no other target would differ.
import type { Call } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import type { HeaderSource } from '../core/headers.ts'
import type { Credential, Deployment, Provider } from '../core/model.ts'
import { redactOutcome } from '../core/outcome.ts'
import type { Attempt, Outcome } from '../core/outcome.ts'
import { NO_USAGE } from '../core/usage.ts'
import type { Dialect, TokenCount } from '../dialects/dialect.ts'
import type { AnswerContext } from '../dialects/translator.ts'
import { classify, errorCodeOf, errorMessageOf } from '../providers/classify.ts'
import { broken, StreamFailure } from '../providers/answer-stream.ts'
import type { AnswerStream } from '../providers/answer-stream.ts'
import { createByteStream } from '../providers/byte-stream.ts'
import { createNativeStream } from '../providers/native-stream.ts'
import { UpstreamFailure } from '../providers/upstream.ts'
import type { Upstream, UpstreamAnswer } from '../providers/upstream.ts'
import type { AnswerFacts, Wire } from '../providers/wire.ts'
import { isStreamType, laneTo } from './lane.ts'
import type { OperationLane } from './operation-lane.ts'
import type { MediaFacts, NativeLane, TranslatedLane } from './lane.ts'
import type { Plan, PlannedTarget } from './plan.ts'
import { translateStream, translateWhole } from './translated.ts'

const MAX_ERROR_BYTES = 64 * 1024
const UTF8 = new TextDecoder()

export type Answer =
  | {
      readonly type: 'whole'
      readonly deployment: Deployment
      readonly status: number
      readonly headers: HeaderSource
      readonly bytes: Uint8Array
      readonly facts: AnswerFacts
      readonly warnings: readonly string[]
    }
  | {
      readonly type: 'stream'
      readonly deployment: Deployment
      readonly status: number
      readonly headers: HeaderSource
      readonly stream: AnswerStream
      /** It has no events, so that an error in the middle cannot be told in it. */
      readonly isBytes?: true
      /** What was left out or bent on the way, a sentence each. */
      readonly warnings: readonly string[]
      /** Ends the upstream; harmless after its end. */
      readonly cancel: () => void
    }

export type AttemptTools = {
  readonly upstream: Upstream
  readonly clock: Clock
  readonly wireOf: (provider: Provider) => Wire
  readonly credentialOf: (provider: Provider) => Credential | null
  /** Told each attempt that begins. */
  readonly onStart: (deployment: Deployment) => void
  /** Told how each attempt of a credential ended, so that it can be benched. */
  readonly onOutcome: (
    deployment: Deployment,
    credential: Credential | null,
    outcome: Outcome,
    headers: HeaderSource | null,
  ) => void
  readonly maxAnswerBytes: number
  readonly estimateTokens: (text: string) => number
  /** Takes secrets out of a provider's words, which may repeat what it was sent. */
  readonly redact: (text: string) => string
}

/** One request being tried: `attempts` grows as targets are tried and is read by the log whatever happens. */
export type AttemptRun = {
  readonly requestId: string
  readonly call: Call
  readonly dialect: Dialect
  readonly plan: Plan
  readonly lossy: 'allow' | 'refuse'
  readonly media: MediaFacts
  readonly signal: AbortSignal
  /** Monotonic ms at which the request must have ended. */
  readonly deadlineMs: number
  readonly attempts: Attempt[]
}

/** A target that was passed over, because its provider cannot be told what was asked for. */
type Refused = { readonly target: string; readonly refusals: readonly string[] }

const NO_WARNINGS: readonly string[] = []
const COUNTED = 'The count is an estimate of the gateway: the target counts no tokens.'
/** Tokens of a picture or a document of one page, roughly. */
const MEDIA_TOKENS = 1_600

/** Throws `upstream_rejected`, `all_targets_…`, `unsupported` or `client_closed`. */
export async function attempt(run: AttemptRun, tools: AttemptTools): Promise<Answer> {
  let refused: Refused[] | null = null
  for (const target of run.plan.targets) {
    const nowMs = tools.clock.monotonicMs()
    if (nowMs >= run.deadlineMs && run.attempts.length > 0) break
    const { deployment } = target
    const wire = tools.wireOf(deployment.provider)
    let lane = laneTo(deployment, wire, run)
    if (lane.type === 'unfetched' && run.media.fetch !== null) {
      await run.media.fetch(lane.places)
      lane = laneTo(deployment, wire, run)
    }
    switch (lane.type) {
      case 'native':
      case 'translated':
      case 'operation': {
        const result = await tryTarget(run, target, lane, nowMs, tools)
        if (result !== null) return result
        break
      }
      case 'counted':
        return countedAnswer(run.call, deployment, lane.count, tools)
      case 'refused':
        ;(refused ??= []).push({ target: deployment.id, refusals: lane.refusals })
        break
      case 'unfetched':
        ;(refused ??= []).push({ target: deployment.id, refusals: ['What it names by address was not fetched.'] })
        break
      case 'none':
        ;(refused ??= []).push({ target: deployment.id, refusals: [`It ${lane.why}.`] })
        break
    }
  }
  throw failure(run, refused ?? [])
}

async function tryTarget(
  run: AttemptRun,
  { deployment, timeouts }: PlannedTarget,
  lane: NativeLane | TranslatedLane | OperationLane,
  startedMs: number,
  tools: AttemptTools,
): Promise<Answer | null> {
  const credential = tools.credentialOf(deployment.provider)
  tools.onStart(deployment)
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
      url: lane.url,
      headers: lane.headers,
      body: lane.body,
      timeouts: { ...timeouts, totalMs: Math.min(leftMs, timeouts.totalMs) },
      stream: lane.answer !== 'whole',
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
    const answer = await openAnswer(run, deployment, lane, upstream, tools)
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

function openAnswer(
  run: AttemptRun,
  deployment: Deployment,
  lane: NativeLane | TranslatedLane | OperationLane,
  upstream: UpstreamAnswer,
  tools: AttemptTools,
): Promise<Answer> {
  if (lane.type === 'operation') return readOperation(run, deployment, lane, upstream, tools)
  switch (lane.answer) {
    case 'whole':
      return readWhole(run, deployment, lane, upstream, tools)
    case 'events':
      return openStream(run, deployment, lane, upstream, tools)
    case 'bytes':
      return openBytes(deployment, upstream)
  }
}

async function readOperation(
  run: AttemptRun,
  deployment: Deployment,
  lane: OperationLane,
  upstream: UpstreamAnswer,
  tools: AttemptTools,
): Promise<Answer> {
  const { status, headers } = upstream
  const came = { bytes: await upstream.bytes(tools.maxAnswerBytes), headers }
  const { bytes, contentType, facts } = lane.translate(came, contextOf(run, tools))
  const { warnings } = lane
  return { type: 'whole', deployment, status, headers: typedHeaders(headers, contentType), bytes, facts, warnings }
}

/** Bytes that only the client understands. Text where they should be is an error or a page in a 200. */
async function openBytes(deployment: Deployment, upstream: UpstreamAnswer): Promise<Answer> {
  const { status, headers } = upstream
  const contentType = headers.get('content-type') ?? ''
  if (/json|text\//.test(contentType)) {
    const text = UTF8.decode(await upstream.bytes(MAX_ERROR_BYTES))
    throw broken(errorMessageOf(text) ?? `the answer is ${contentType} and no bytes of sound`)
  }
  const stream = createByteStream(upstream.chunks(), null)
  await stream.open()
  const cancel = (): void => upstream.cancel()
  return { type: 'stream', isBytes: true, deployment, status, headers, stream, warnings: NO_WARNINGS, cancel }
}

async function readWhole(
  run: AttemptRun,
  deployment: Deployment,
  lane: NativeLane | TranslatedLane,
  upstream: UpstreamAnswer,
  tools: AttemptTools,
): Promise<Answer> {
  const { status, headers } = upstream
  const bytes = await upstream.bytes(tools.maxAnswerBytes)
  const text = UTF8.decode(bytes)
  switch (lane.type) {
    case 'native': {
      const facts = lane.wire.readAnswer(text, run.call)
      if (facts.problem !== null) throw broken(facts.problem)
      return { type: 'whole', deployment, status, headers, bytes, facts, warnings: NO_WARNINGS }
    }
    case 'translated': {
      const translated = translateWhole(text, lane, contextOf(run, tools))
      return {
        type: 'whole',
        deployment,
        status,
        headers: typedHeaders(headers, 'application/json'),
        bytes: translated.bytes,
        facts: translated.facts,
        warnings: [...lane.warnings, ...translated.warnings],
      }
    }
  }
}

async function openStream(
  run: AttemptRun,
  deployment: Deployment,
  lane: NativeLane | TranslatedLane,
  upstream: UpstreamAnswer,
  tools: AttemptTools,
): Promise<Answer> {
  const { status, headers } = upstream
  const contentType = headers.get('content-type') ?? ''
  if (!isStreamType(lane, contentType)) {
    if (lane.type === 'native' && lane.wire.streamsAtWill === true && contentType.includes('json'))
      return readWhole(run, deployment, lane, upstream, tools)
    // An error or an HTML page in a 200 instead of a stream; what it says goes into the attempt's line.
    const text = UTF8.decode(await upstream.bytes(MAX_ERROR_BYTES))
    throw broken(problemIn(text, lane, run.call) ?? `the answer is ${contentType || 'untyped'} and no event stream`)
  }
  const cancel = (): void => upstream.cancel()
  switch (lane.type) {
    case 'native': {
      const stream = createNativeStream({
        source: upstream.chunks(),
        readEvent: lane.wire.eventReader(),
        hideUsage: !run.call.facts.wantsStreamUsage,
        endsWithFinish: lane.wire.endsWithFinish,
      })
      await stream.open()
      return { type: 'stream', deployment, status, headers, stream, warnings: NO_WARNINGS, cancel }
    }
    case 'translated': {
      const stream = translateStream(upstream.chunks(), lane, contextOf(run, tools))
      await stream.open()
      return {
        type: 'stream',
        deployment,
        status,
        headers: typedHeaders(headers, lane.translator.streamType ?? 'text/event-stream; charset=utf-8'),
        stream,
        warnings: lane.warnings,
        cancel,
      }
    }
  }
}

function problemIn(text: string, lane: NativeLane | TranslatedLane, call: Call): string | null {
  return lane.type === 'native' ? lane.wire.readAnswer(text, call).problem : errorMessageOf(text)
}

function contextOf({ requestId, call }: AttemptRun, { clock }: AttemptTools): AnswerContext {
  return {
    model: call.facts.model,
    id: requestId,
    created: Math.floor(clock.now() / 1_000),
    includeUsage: call.facts.wantsStreamUsage,
    body: call.history?.sent ?? call.body,
  }
}

/** The upstream's headers with the type of what it was translated into. */
function typedHeaders(headers: HeaderSource, contentType: string): HeaderSource {
  const typed = new Headers([...headers])
  typed.set('content-type', contentType)
  return typed
}

/** The gateway's own count, for targets that have none to ask. */
function countedAnswer(call: Call, deployment: Deployment, count: TokenCount, tools: AttemptTools): Answer {
  const { text, media } = count.countable(call.body)
  const tokens = tools.estimateTokens(text) + media * MEDIA_TOKENS
  return {
    type: 'whole',
    deployment,
    status: 200,
    headers: new Headers({ 'content-type': 'application/json' }),
    bytes: new TextEncoder().encode(JSON.stringify(count.answer(tokens))),
    facts: { usage: NO_USAGE, rawUsage: null, finishReason: null, outputCharacters: 0, problem: null },
    warnings: [COUNTED],
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

function failure(run: AttemptRun, refused: readonly Refused[]): GatewayError {
  const { attempts, plan } = run
  const lines = attempts.map(({ target, outcome, status, durationMs }) => ({
    target,
    outcome: outcome.type,
    status,
    durationMs,
  }))
  const passedOver = refused.map(({ target, refusals }) => `${target}: ${refusals.join(' ')}`)
  if (attempts.length === 0 && refused.length > 0)
    return new GatewayError('unsupported', {
      message: `What was asked for cannot be had from ${plan.route} (\`routing.lossy: allow\` would leave it out). ${passedOver.join(' ')}`,
    })
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
  const summary = attempts.map(
    ({ target, outcome, status }) => `${target}: ${outcome.type}${status === null ? '' : ` (${status})`}`,
  )
  return new GatewayError(code, {
    message:
      code === 'all_targets_cooling'
        ? `Every target is rate limited by its provider. ${summary.join('; ')}.`
        : `No target could answer. ${summary.join('; ')}.${passedOver.length === 0 ? '' : ` Passed over: ${passedOver.join(' ')}`}`,
    attempts: lines,
    ...(waits.length > 0 ? { retryAfterMs: Math.min(...waits) } : {}),
  })
}
