// The simulator: a provider inside the process that speaks OpenAI's wire. It is the demo without any key, the target of load
// tests and the injector of faults.
//
// What is drawn from what: text and token counts from (seed, request body), so that the same body has the same answer,
// streamed or whole; latency and faults from (seed, body, number of the arrival), so that a retry may fare better while a
// fresh simulator that is sent the same requests in the same order repeats itself to the byte.
import type { Clock } from '../../core/clock.ts'
import { chatChoices, countChoices } from './answer.ts'
import { chatBody, chatEvents } from './chat-wire.ts'
import { type JsonObject, parseBody } from './check.ts'
import { completionBody, completionChoices, completionEvents, countCompletion, readCompletion } from './completions.ts'
import { embeddingBody, readEmbedding } from './embeddings.ts'
import { type Fault, FAULTS } from './faults.ts'
import { isForm, NO_FORM, readForm, type SimulatedForm } from './form.ts'
import { readEdit, readGeneration, readVariation } from './images.ts'
import { modelList, wrongEndpoint, wrongMethod } from './model-list.ts'
import { type SimulatedKind, type SimulatedModel, simulatedModels } from './model.ts'
import { readModeration } from './moderations.ts'
import { pacedStream, waitUntil } from './paced-stream.ts'
import { endMs, playBytes, playStream, playWhole, type Timing, timingUnder } from './play.ts'
import { createRateLimit, type RateLimit } from './rate-limit.ts'
import { identifier, lognormal, type Random, randomOf } from './random.ts'
import { readChat } from './read-chat.ts'
import { readRerank } from './rerank.ts'
import type { UpstreamSocket } from '../upstream-socket.ts'
import { openLiveSession } from './realtime.ts'
import { readScript, type Script } from './script.ts'
import { readSpeech } from './speech.ts'
import { readTranscription } from './transcription.ts'
import { contextTooLong, ERROR_FAULTS, modelNotFound, rateLimited, WireError } from './wire-error.ts'
import type { Reading, Work } from './work.ts'

export type Simulator = {
  /** Answers like a provider; an aborted request rejects, or fails its body, at once. */
  fetch(request: Request): Promise<Response>
  /** Opens a live session with the model that the URL names. */
  connect(url: string): UpstreamSocket
  /** What is simulated, by model id: prices and contexts for the catalogue. */
  readonly models: Readonly<Record<string, SimulatedModel>>
}

type Endpoint = {
  readonly path: string
  readonly kinds: readonly SimulatedKind[]
  readonly idPrefix: string
  /** The parameter that a prompt comes in. */
  readonly input: string
  readonly read: (body: JsonObject, form: SimulatedForm) => Reading
}

const CHAT: Pick<Endpoint, 'kinds'> = { kinds: ['chat', 'reasoner'] }
const IMAGES: Pick<Endpoint, 'kinds' | 'idPrefix' | 'input'> = { kinds: ['image'], idPrefix: 'img-', input: 'prompt' }
const HEARD: Omit<Endpoint, 'path'> = {
  kinds: ['transcription'],
  idPrefix: 'trs-',
  input: 'prompt',
  read: readTranscription,
}

const ENDPOINTS: readonly Endpoint[] = [
  { path: '/chat/completions', ...CHAT, idPrefix: 'chatcmpl-', input: 'messages', read: readChatWork },
  { path: '/completions', ...CHAT, idPrefix: 'cmpl-', input: 'prompt', read: readCompletionWork },
  { path: '/embeddings', kinds: ['embedding'], idPrefix: 'embd-', input: 'input', read: readEmbeddingWork },
  { path: '/moderations', kinds: ['moderation'], idPrefix: 'modr-', input: 'input', read: readModeration },
  { path: '/rerank', kinds: ['rerank'], idPrefix: 'rank-', input: 'documents', read: readRerank },
  { path: '/images/generations', ...IMAGES, read: readGeneration },
  { path: '/images/edits', ...IMAGES, read: readEdit },
  { path: '/images/variations', ...IMAGES, read: readVariation },
  { path: '/audio/speech', kinds: ['speech'], idPrefix: 'spch-', input: 'input', read: readSpeech },
  { path: '/audio/transcriptions', ...HEARD },
  { path: '/audio/translations', ...HEARD },
]

/** `models` overrides the built-in ones or adds others; throws `SimulatorOptionError` where it is wrong. */
export function createSimulator(options: {
  clock: Clock
  seed: number
  models?: Readonly<Record<string, Partial<SimulatedModel> | Readonly<Record<string, unknown>>>>
}): Simulator {
  const { clock, seed } = options
  const models = simulatedModels(options.models ?? {})
  const limits = new Map<string, RateLimit>()
  for (const [id, { rateLimit }] of Object.entries(models))
    if (rateLimit !== null) limits.set(id, createRateLimit(rateLimit.rpm, clock))
  const createdS = Math.floor(clock.now() / 1000)
  let arrivals = 0

  const respond = async (request: Request): Promise<Response> => {
    const startMs = clock.monotonicMs()
    const url = new URL(request.url)
    const endpoint = ENDPOINTS.find(({ path }) => url.pathname.endsWith(path))
    if (endpoint === undefined) return modelList(request.method, url.pathname, models, createdS)
    if (request.method !== 'POST') throw wrongMethod(request.method, url.pathname)
    const form = isForm(request) ? await readForm(request) : NO_FORM
    const body = form === NO_FORM ? parseBody(await request.text()) : form.fields
    const reading = endpoint.read(body, form)
    const model = Object.hasOwn(models, reading.model) ? models[reading.model] : undefined
    if (model === undefined) throw modelNotFound(reading.model)
    if (!endpoint.kinds.includes(model.kind)) throw wrongEndpoint(reading.model, endpoint.path)
    const script = readScript(request.headers, reading.question)
    // How an answer is delivered must not change what it says.
    const content = JSON.stringify({ ...body, stream: undefined, stream_options: undefined, user: undefined })
    const chance = randomOf(seed, 'course', content, arrivals++)
    const limited = limits.get(reading.model)
    if (limited !== undefined && !limited.take())
      throw rateLimited(reading.model, model.rateLimit?.rpm ?? 0, model.rateLimit?.retryAfterS ?? 0)
    if (reading.promptTokens >= model.context) throw contextTooLong(model.context, reading.promptTokens, endpoint.input)

    const drawn = drawFault(chance, model)
    const fault = script.fault === null ? drawn : script.fault === 'none' ? null : script.fault
    if (fault !== null) throwErrorFault(fault, reading, model, script, endpoint.input)
    const timing = timingUnder(fault, {
      ttftMs: script.ttftMs ?? lognormal(chance, model.ttftMs),
      gapMs: script.gapMs ?? 1000 / model.tokensPerSecond,
    })
    const id = endpoint.idPrefix + identifier(randomOf(seed, 'id', content), 29)
    const heading = { id, createdS: Math.floor(clock.now() / 1000), model: reading.model }
    const work = reading.answer(heading, model, script, [seed, 'answer', content])
    const headers = new Headers({ 'x-request-id': `req_${identifier(chance, 32)}`, ...limited?.headers() })
    return deliver(work, timing, fault, { clock, startMs, signal: request.signal, headers })
  }

  let sessions = 0

  return {
    models,
    connect(url) {
      const name = new URL(url).searchParams.get('model') ?? ''
      const model = Object.hasOwn(models, name) ? models[name] : undefined
      return openLiveSession({ clock, seed, model: model ?? null, name, number: sessions++ })
    },
    fetch: async (request) => {
      try {
        return await respond(request)
      } catch (error) {
        if (!(error instanceof WireError)) throw error
        return Response.json(error.body, { status: error.status, headers: error.headers })
      }
    },
  }
}

type Delivery = {
  readonly clock: Clock
  readonly startMs: number
  readonly signal: AbortSignal
  readonly headers: Headers
}

async function deliver(work: Work, timing: Timing, fault: Fault | null, to: Delivery): Promise<Response> {
  const { clock, startMs, signal, headers } = to
  if (fault === 'refused_body') {
    headers.set('content-type', 'text/html; charset=utf-8')
    return new Response(
      '<!doctype html><html><head><title>Access denied</title></head><body><h1>Access denied</h1></body></html>',
      { headers },
    )
  }
  const events = work.stream ? work.events : null
  headers.set(
    'content-type',
    events === null ? (work.contentType ?? 'application/json') : 'text/event-stream; charset=utf-8',
  )
  if (fault === 'empty_200') return new Response('', { headers })
  if (work.bytes !== undefined && fault !== 'error_in_200') {
    headers.set('content-type', work.bytes.contentType)
    const parts = playBytes(work.bytes.pieces, timing, fault)
    return new Response(pacedStream(parts, clock, startMs, signal), { headers })
  }
  if (events !== null) {
    if (fault === 'slow_start') await waitUntil(startMs + timing.ttftMs, clock, signal)
    return new Response(pacedStream(playStream(events, timing, fault), clock, startMs, signal), { headers })
  }
  // A whole answer has its head and its body at once.
  const atMs = endMs(timing, work.tokens)
  await waitUntil(fault === 'stall_before_first' ? null : startMs + atMs, clock, signal)
  return new Response(pacedStream(playWhole(work.body, atMs, fault), clock, startMs, signal), { headers })
}

function drawFault(random: Random, model: SimulatedModel): Fault | null {
  let left = random()
  for (const fault of FAULTS) {
    left -= model.faults[fault] ?? 0
    if (left < 0) return fault
  }
  left -= model.errorShare
  return left < 0 ? (left < -model.errorShare / 2 ? 'error_500' : 'error_503') : null
}

function throwErrorFault(fault: Fault, reading: Reading, model: SimulatedModel, script: Script, input: string): void {
  if (fault === 'rate_limited')
    throw rateLimited(
      reading.model,
      model.rateLimit?.rpm ?? 60,
      script.retryAfterS ?? model.rateLimit?.retryAfterS ?? 1,
    )
  if (fault === 'context_400') throw contextTooLong(model.context, model.context + reading.promptTokens, input)
  if (!(fault in ERROR_FAULTS)) return
  const { status, ...error } = ERROR_FAULTS[fault as keyof typeof ERROR_FAULTS]
  throw new WireError(status, error, script.retryAfterS === null ? {} : { 'retry-after': String(script.retryAfterS) })
}

function readChatWork(body: JsonObject): Reading {
  const request = readChat(body)
  return {
    ...request,
    answer: (heading, model, script, seeds) => {
      const choices = chatChoices(request, model, script, seeds)
      const tokens = countChoices(request.promptTokens, choices)
      const events = request.stream ? chatEvents(heading, choices, tokens, request.includeUsage) : null
      const longest = Math.max(...choices.map((choice) => countChoices(0, [choice]).completion))
      return {
        stream: request.stream,
        body: request.stream ? '' : chatBody(heading, choices, tokens),
        events,
        tokens: longest,
      }
    },
  }
}

function readCompletionWork(body: JsonObject): Reading {
  const request = readCompletion(body)
  return {
    ...request,
    answer: (heading, model, script, seeds) => {
      const choices = completionChoices(request, model, script, seeds)
      const tokens = countCompletion(request, choices)
      const events = request.stream ? completionEvents(heading, choices, tokens, request.includeUsage) : null
      const longest = Math.max(...choices.map((choice) => countCompletion(request, [choice]).completion))
      return {
        stream: request.stream,
        body: request.stream ? '' : completionBody(heading, choices, tokens),
        events,
        tokens: longest,
      }
    },
  }
}

function readEmbeddingWork(body: JsonObject): Reading {
  const request = readEmbedding(body)
  return {
    ...request,
    stream: false,
    answer: (_heading, _model, _script, [seed]) => ({
      stream: false,
      body: embeddingBody(request, Number(seed)),
      events: null,
      tokens: 0,
    }),
  }
}
