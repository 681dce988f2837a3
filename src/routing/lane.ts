// How a call goes to a target and its answer comes back: as it is where the provider understands it, else translated.
//
// Which lane it is follows from what the dialect and the provider's wire can do, target by target: a route may mix them.
import type { Call, ReadChat } from '../core/call.ts'
import { GatewayError } from '../core/error.ts'
import type { JsonObject } from '../core/json.ts'
import type { MediaPlace } from '../core/media.ts'
import type { Deployment } from '../core/model.ts'
import type { Dialect, TokenCount } from '../dialects/dialect.ts'
import type { ChatTranslator } from '../dialects/translator.ts'
import type { Reading } from '../providers/chat-codec.ts'
import { operationLane, operationWire } from './operation-lane.ts'
import type { OperationLane } from './operation-lane.ts'
import type { AnswerKind, ChatWire, NativeWire, Wire } from '../providers/wire.ts'
import { checkedChat, placesToFetch, withContents } from './media.ts'

/** What is sent to a target. */
export type Sent = {
  readonly method: 'POST' | 'PUT'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
  readonly answer: AnswerKind
}

export type NativeLane = Sent & { readonly type: 'native'; readonly wire: NativeWire }

export type TranslatedLane = Sent & {
  readonly type: 'translated'
  readonly chat: ChatWire
  readonly translator: ChatTranslator
  readonly reading: Reading
  readonly warnings: readonly string[]
}

export type Lane =
  | NativeLane
  | TranslatedLane
  | OperationLane
  /** The gateway answers by itself. */
  | { readonly type: 'counted'; readonly count: TokenCount }
  /** What was asked for cannot be said to this provider, a sentence each. */
  | { readonly type: 'refused'; readonly refusals: readonly string[] }
  /** These have to be fetched first, into `call.media`. */
  | { readonly type: 'unfetched'; readonly places: readonly MediaPlace[] }
  /** There is no way at all. */
  | { readonly type: 'none'; readonly why: string }

/** What of a request's translation is not the target's business. */
export type LaneFacts = {
  readonly call: Call
  readonly dialect: Dialect
  /** What is done where the translation would change what was asked for. */
  readonly lossy: 'allow' | 'refuse'
  readonly media: MediaFacts
  /** It goes on with an answer that broke off: only the normal form can be joined to what was there. */
  readonly isContinued?: boolean
}

export type MediaFacts = {
  /** Most bytes of one picture or file in a request. */
  readonly maxBytes: number
  /** Fetches what providers do not; null: the gateway fetches nothing. */
  readonly fetch: ((places: readonly MediaPlace[]) => Promise<void>) | null
}

const NO_PLACES: readonly MediaPlace[] = []
const NO_PROBLEMS: readonly string[] = []

const STREAM_TYPES: Readonly<Record<ChatWire['framing'], string>> = {
  sse: 'text/event-stream',
  'aws-event-stream': 'application/vnd.amazon.eventstream',
  'json-lines': 'application/x-ndjson',
  whole: 'application/json',
}

const ACCEPTED: Readonly<Record<AnswerKind, string>> = {
  whole: 'application/json',
  events: 'text/event-stream',
  bytes: '*/*',
}

/** Of a call in JSON without headers of its own, as nearly all are. */
const JSON_HEADERS: Readonly<Record<AnswerKind, Sent['headers']>> = {
  whole: { 'content-type': 'application/json', accept: ACCEPTED.whole },
  events: { 'content-type': 'application/json', accept: ACCEPTED.events },
  bytes: { 'content-type': 'application/json', accept: ACCEPTED.bytes },
}

/** Throws `request_malformed` where a request that has to be translated cannot be read. */
export function laneTo(deployment: Deployment, hostWire: Wire, facts: LaneFacts): Lane {
  const { call, dialect } = facts
  const wire = hostWire.wireOf?.(deployment) ?? hostWire
  const native = wire.native[call.dialect]
  const { stream } = call.facts
  const url = native?.url(call, deployment) ?? null
  if (facts.isContinued !== true && native !== undefined && url !== null && !mustCarry(deployment, wire, facts)) {
    const body = native.body(call, deployment, dialect.ownFields)
    const answer = native.answerKind === undefined ? (stream ? 'events' : 'whole') : native.answerKind(call)
    return {
      type: 'native',
      wire: native,
      method: 'POST',
      url,
      headers:
        typeof body === 'string'
          ? withOwn(JSON_HEADERS[answer], call.headers)
          : { 'content-type': body.contentType, accept: ACCEPTED[answer], ...call.headers },
      body: typeof body === 'string' ? body : body.bytes,
      answer,
    }
  }
  const { chat } = wire
  const chatUrl = chat?.url(deployment, stream) ?? null
  if (dialect.translator !== undefined && chat !== null && chatUrl !== null)
    return translatedLane(deployment, chat, chatUrl, dialect.translator, facts)
  if (dialect.operationTranslator !== undefined) {
    const lane = operationLane(deployment, wire, dialect.operationTranslator, facts)
    if (lane !== null) return lane
  }
  if (dialect.tokenCount !== undefined) return { type: 'counted', count: dialect.tokenCount }
  return { type: 'none', why: noWay(wire, call) }
}

function withOwn(headers: Sent['headers'], own: Call['headers']): Sent['headers'] {
  for (const _ in own) return { ...headers, ...own }
  return headers
}

/** Why a deployment cannot serve a call whatever is in it; null when it can. */
export function whyUnable(
  deployment: Deployment,
  hostWire: Wire,
  { call, dialect }: Pick<LaneFacts, 'call' | 'dialect'>,
): string | null {
  const wire = hostWire.wireOf?.(deployment) ?? hostWire
  if ((wire.native[call.dialect]?.url(call, deployment) ?? null) !== null) return null
  if ((wire.realtime?.[call.dialect]?.url(deployment, '') ?? null) !== null) return null
  const isTranslated =
    (dialect.translator !== undefined && (wire.chat?.url(deployment, call.facts.stream) ?? null) !== null) ||
    (dialect.operationTranslator !== undefined && operationWire(dialect.operationTranslator, wire, deployment) !== null)
  return isTranslated || dialect.tokenCount !== undefined ? null : noWay(wire, call)
}

function noWay(wire: Wire, call: Call): string {
  return `has no ${call.operation} endpoint for ${call.dialect} (it speaks ${wire.id})`
}

/** Whether a request names pictures that its target does not fetch: as it is, it would be refused. */
function mustCarry({ provider }: Deployment, { chat }: Wire, { call, dialect, media }: LaneFacts): boolean {
  const { quirks } = provider
  if (quirks.mediaUrls !== false || media.fetch === null || chat === null || dialect.translator === undefined)
    return false
  if (!/"https?:/.test(call.text)) return false
  return placesToFetch(readChat(call, dialect.translator, media.maxBytes), chat, quirks).length > 0
}

/** The call in the normal form, its pictures and files checked; read once. */
function readChat(call: Call, translator: ChatTranslator, maxBytes: number): ReadChat {
  const { chat } = call
  if (chat?.places !== undefined) return chat
  return (call.chat = checkedChat(chatOf(call, translator), maxBytes))
}

function translatedLane(
  deployment: Deployment,
  chat: ChatWire,
  url: string,
  translator: ChatTranslator,
  { call, lossy, media }: LaneFacts,
): Lane {
  const { stream } = call.facts
  const read = readChat(call, translator, media.maxBytes)
  const places = media.fetch === null ? NO_PLACES : placesToFetch(read, chat, deployment.provider.quirks)
  if (places.some(({ url: place }) => call.media?.has(place) !== true)) return { type: 'unfetched', places }
  const { request, problems } =
    places.length === 0 || call.media === undefined
      ? { request: read.request, problems: NO_PROBLEMS }
      : withContents(read.request, places, call.media)
  if (problems.length > 0 && lossy === 'refuse') return { type: 'refused', refusals: problems }
  const written = chat.codec.writeRequest(request, {
    model: deployment.model,
    stream,
    quirks: deployment.provider.quirks,
    maxOutputTokens: deployment.facts.maxOutputTokens,
  })
  const completed = chat.complete?.(written.body, deployment.provider) ?? null
  if (written.refusals.length > 0 && lossy === 'refuse') return { type: 'refused', refusals: written.refusals }
  return {
    type: 'translated',
    chat,
    translator,
    method: chat.methodOf?.(deployment.provider) ?? 'POST',
    url: chat.urlOfBody?.(written.body, deployment) ?? url,
    headers: {
      'content-type': 'application/json',
      accept: stream ? STREAM_TYPES[chat.framing] : 'application/json',
      ...written.headers,
      ...completed?.headers,
    },
    body: JSON.stringify(completed?.body ?? written.body),
    answer: stream ? 'events' : 'whole',
    reading: written.reading,
    warnings: [...read.warnings, ...problems, ...written.warnings, ...written.refusals],
  }
}

/** The call in the normal form, read once. Throws `request_malformed` where it cannot be read. */
export function chatOf(call: Call, translator: ChatTranslator): ReadChat {
  call.chat ??= translator.readRequest(wholeBody(call))
  return call.chat
}

/** The body with what it goes on from. Throws where that is not to be had. */
function wholeBody({ body, history }: Call): JsonObject {
  if (history === undefined) return body
  if (history.whole instanceof GatewayError) throw history.whole
  return history.whole
}

/** Whether an answer's content type is that of the stream that was asked for. */
export function isStreamType(lane: NativeLane | TranslatedLane, contentType: string): boolean {
  switch (lane.type) {
    case 'native':
      return contentType.includes('event-stream')
    case 'translated': {
      const { framing } = lane.chat
      // Lines of JSON are called by several names, plain JSON among them.
      return framing === 'json-lines' || framing === 'whole'
        ? contentType.includes('json')
        : contentType.includes(STREAM_TYPES[framing])
    }
  }
}
