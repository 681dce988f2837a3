// From the head of a target's answer to an answer that is worth committing to; throws what makes it none.
import type { ClosingSignal } from '../core/closing-signal.ts'
import type { Call, DialectId } from '../core/call.ts'
import type { HeaderSource } from '../core/headers.ts'
import type { Deployment } from '../core/model.ts'
import { NO_USAGE } from '../core/usage.ts'
import type { TokenCount } from '../dialects/dialect.ts'
import type { PieceWriter } from '../dialects/operation-translator.ts'
import type { AnswerContext } from '../dialects/translator.ts'
import { broken } from '../providers/answer-stream.ts'
import type { AnswerStream } from '../providers/answer-stream.ts'
import { createByteStream } from '../providers/byte-stream.ts'
import { errorMessageOf } from '../providers/classify.ts'
import { createNativeStream } from '../providers/native-stream.ts'
import type { NextCall, OperationBody } from '../providers/operation-wire.ts'
import type { UpstreamAnswer } from '../providers/upstream.ts'
import type { AttemptRun, AttemptTools, WholeAnswer } from './attempt-run.ts'
import { isStreamType } from './lane.ts'
import type { NativeLane, TranslatedLane } from './lane.ts'
import type { OperationLane } from './operation-lane.ts'
import { listenedTo } from './listened.ts'
import { Transcript } from './transcript.ts'
import { allParts, askOn } from './operation-parts.ts'
import type { FollowingCall, FollowTools } from './operation-parts.ts'
import { jobDone } from './operation-job.ts'
import { pause } from './pause.ts'
import { translateStream, translateWhole } from './translated.ts'
import type { Joint } from './translated.ts'

export const MAX_ERROR_BYTES = 64 * 1024
const UTF8 = new TextDecoder()
const NO_WARNINGS: readonly string[] = []
const COUNTED = 'The count is an estimate of the gateway: the target counts no tokens.'
/** The dialect that a wire's own codec reads. */
const DIALECTS: Readonly<Record<string, DialectId | undefined>> = {
  openai: 'openai-chat',
  'openai-responses': 'openai-responses',
  anthropic: 'anthropic-messages',
  gemini: 'gemini',
}
/** Tokens of a picture or a document of one page, roughly. */
const MEDIA_TOKENS = 1_600

/** What an attempt goes on with: more calls, until its client is gone or another attempt has won. */
type GoingOn = { send: FollowTools['send']; readonly signal: ClosingSignal }

/** A stream that has not been opened yet. */
export type Unopened = {
  readonly type: 'unopened'
  readonly stream: AnswerStream
  readonly isBytes?: true
  readonly transcript?: Transcript | null
  readonly headers: HeaderSource
  readonly warnings: readonly string[]
}

export function textOf(bytes: Uint8Array): string {
  return UTF8.decode(bytes)
}

/** What the head of an answer promises; at once where all of it is here. Throws, or rejects, where it is none. */
export function openAnswer(
  run: AttemptRun,
  deployment: Deployment,
  lane: NativeLane | TranslatedLane | OperationLane,
  upstream: UpstreamAnswer,
  on: GoingOn,
  tools: AttemptTools,
): WholeAnswer | Promise<WholeAnswer | Unopened> {
  if (lane.type === 'operation')
    return lane.pieces === null
      ? readOperation(run, deployment, lane, upstream, on, tools)
      : bytesOf(upstream, lane.pieces, lane.warnings)
  switch (lane.answer) {
    case 'whole':
      return readWhole(run, deployment, lane, upstream, tools)
    case 'events':
      return eventsOf(run, deployment, lane, upstream, tools)
    case 'bytes':
      return bytesOf(upstream, null, NO_WARNINGS)
  }
}

async function readOperation(
  run: AttemptRun,
  deployment: Deployment,
  lane: OperationLane,
  upstream: UpstreamAnswer,
  on: GoingOn,
  tools: AttemptTools,
): Promise<WholeAnswer> {
  const { status, headers } = upstream
  const { maxAnswerBytes, clock } = tools
  const follow: FollowTools = { send: (call) => on.send(call), maxAnswerBytes, now: () => clock.now() }
  let first: OperationBody = { bytes: await upstream.bytes(maxAnswerBytes), headers }
  if (lane.next !== null)
    first = await jobDone(first, {
      next: lane.next,
      ask: (call) => askOn(followingCall(call), follow),
      pause: (ms) => pause(Math.min(ms, Math.max(0, run.deadlineMs - clock.monotonicMs())), on.signal, clock),
    })
  const came = lane.more.length === 0 ? [first] : await allParts(first, lane.more, { ...follow, usageOf: lane.usageOf })
  const { bytes, contentType, facts } = lane.translate(came, contextOf(run, tools))
  const { warnings } = lane
  return { type: 'whole', deployment, status, headers: typedHeaders(headers, contentType), bytes, facts, warnings }
}

function followingCall({ method, url, body }: NextCall): FollowingCall {
  const to = { method, url, contentType: 'application/json' }
  return { body: body === null ? null : JSON.stringify(body), to }
}

/** Bytes that only the client understands. Text where they should be is an error or a page in a 200. */
async function bytesOf(
  upstream: UpstreamAnswer,
  pieces: PieceWriter | null,
  warnings: readonly string[],
): Promise<Unopened> {
  const { headers } = upstream
  const contentType = headers.get('content-type') ?? ''
  if (/json|text\//.test(contentType)) {
    const text = textOf(await upstream.bytes(MAX_ERROR_BYTES))
    throw broken(errorMessageOf(text) ?? `the answer is ${contentType} and no bytes of sound`)
  }
  const source = upstream.chunks()
  if (pieces === null)
    return { type: 'unopened', isBytes: true, stream: createByteStream({ source }), headers, warnings }
  const stream = createByteStream({ source, write: pieces.write, end: () => pieces.end(null) })
  // Of events an error can be one; bare bytes have the provider's own type.
  return pieces.contentType === null
    ? { type: 'unopened', isBytes: true, stream, headers, warnings }
    : { type: 'unopened', stream, headers: typedHeaders(headers, pieces.contentType), warnings }
}

function readWhole(
  run: AttemptRun,
  deployment: Deployment,
  lane: NativeLane | TranslatedLane,
  upstream: UpstreamAnswer,
  tools: AttemptTools,
): WholeAnswer | Promise<WholeAnswer> {
  const bytes = upstream.bytes(tools.maxAnswerBytes)
  return bytes instanceof Promise
    ? bytes.then((later) => wholeOf(run, deployment, lane, upstream, later, tools))
    : wholeOf(run, deployment, lane, upstream, bytes, tools)
}

function wholeOf(
  run: AttemptRun,
  deployment: Deployment,
  lane: NativeLane | TranslatedLane,
  { status, headers }: UpstreamAnswer,
  bytes: Uint8Array,
  tools: AttemptTools,
): WholeAnswer {
  const text = textOf(bytes)
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

/** The stream of an answer, not yet opened. Throws where it is none. */
async function eventsOf(
  run: AttemptRun,
  deployment: Deployment,
  lane: NativeLane | TranslatedLane,
  upstream: UpstreamAnswer,
  tools: AttemptTools,
): Promise<WholeAnswer | Unopened> {
  const { headers } = upstream
  const contentType = headers.get('content-type') ?? ''
  if (!isStreamType(lane, contentType)) {
    if (lane.type === 'native' && lane.wire.streamsAtWill === true && contentType.includes('json'))
      return await readWhole(run, deployment, lane, upstream, tools)
    // An error or an HTML page in a 200 instead of a stream; what it says goes into the attempt's line.
    const text = textOf(await upstream.bytes(MAX_ERROR_BYTES))
    throw broken(problemIn(text, lane, run.call) ?? `the answer is ${contentType || 'untyped'} and no event stream`)
  }
  const context = contextOf(run, tools)
  const { translator } = run.dialect
  const transcript =
    run.plan.policy.midstream === 'continue' && translator !== undefined
      ? new Transcript(translator.streamWriter(context))
      : null
  switch (lane.type) {
    case 'native': {
      const stream = createNativeStream({
        source: upstream.chunks(),
        readEvent: lane.wire.eventReader(),
        countsByLength: lane.wire.countsByLength === true,
        hideUsage: !run.call.facts.wantsStreamUsage,
        endsWithFinish: lane.wire.endsWithFinish,
      })
      const { chat } = tools.wireOf(deployment.provider)
      // Only where the wire's own codec reads what this dialect's natives send.
      const isReadable = transcript !== null && chat !== null && DIALECTS[chat.codec.id] === run.call.dialect
      return {
        type: 'unopened',
        stream: isReadable ? listenedTo(stream, chat, transcript) : stream,
        transcript: isReadable ? transcript : null,
        headers,
        warnings: NO_WARNINGS,
      }
    }
    case 'translated': {
      const joint = run.continuing?.jointFor(deployment) ?? (transcript === null ? null : recordedBy(transcript))
      return {
        type: 'unopened',
        stream: translateStream(upstream.chunks(), lane, context, joint),
        transcript,
        headers: typedHeaders(headers, lane.translator.streamType ?? 'text/event-stream; charset=utf-8'),
        warnings: lane.warnings,
      }
    }
  }
}

function recordedBy(transcript: Transcript): Joint {
  return {
    writer: transcript.writer,
    pass(event) {
      transcript.push(event)
      return [event]
    },
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
export function countedAnswer(call: Call, deployment: Deployment, count: TokenCount, tools: AttemptTools): WholeAnswer {
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
