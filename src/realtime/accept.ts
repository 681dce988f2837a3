// A request for a live session, from key to the switch of protocols: the stages of every request, once for each turn.
import { responseOf } from '../http/response.ts'
import type { Call } from '../core/call.ts'
import { GatewayError } from '../core/error.ts'
import { NO_MEMBERS } from '../core/json.ts'
import type { RealtimeDialect } from '../dialects/realtime.ts'
import type { Exchange } from '../exchange.ts'
import type { AddressOf, Entrance, Stages } from '../handle.ts'
import { isUpgrade, switchTo } from '../http/socket.ts'
import { optionsOf } from '../http/option-headers.ts'
import type { Plan } from '../routing/plan.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Engine } from '../stages/engine.ts'
import { noteCall } from '../stages/read.ts'
import type { KeyWithTeam } from '../store/store.ts'
import { connectTarget } from './connect.ts'
import { createSession } from './session.ts'
import type { Session, Started } from './session.ts'
import { createTurns } from './turns.ts'

export type RealtimeTools = {
  readonly engine: Engine
  readonly snapshot: Snapshot
  readonly stages: Stages
  /** Those that stand, or are about to. */
  readonly sessions: Set<Session>
}

/** What the handshake says beside the address. */
type Handshake = {
  /** As if it had come with its key in a header, where it came in a protocol. */
  readonly request: Request
  /** Headers of the switch. */
  readonly agreed: Readonly<Record<string, string>>
}

export async function acceptRealtime(
  asked: Request,
  dialect: RealtimeDialect,
  addressOf: AddressOf,
  tools: RealtimeTools,
): Promise<Response> {
  const { stages, sessions, snapshot } = tools
  const entrance: Entrance = { family: 'realtime', dialect }
  const { request, agreed } = handshakeOf(asked, dialect)
  const exchange = stages.open(request, entrance)
  let session: Session | null = null
  try {
    const caller = await stages.authenticate(exchange, request, addressOf)
    if (!isUpgrade(request))
      throw new GatewayError('request_malformed', {
        message: 'This address is for WebSockets: the request must ask for an upgrade.',
        param: 'upgrade',
      })
    if (sessions.size >= snapshot.config.realtime.sessions)
      throw new GatewayError('overloaded', {
        message: `The gateway has ${sessions.size} live sessions and takes no more.`,
        retryAfterMs: 1_000,
      })
    const query = new URL(request.url, 'http://gateway').searchParams
    const model = dialect.modelOf(query)
    session = openSession({ exchange, request, entrance, caller, dialect, query }, tools)
    if (model !== null) await session.begin(model)
    return switchTo(session, { ...agreed, 'x-weir-request-id': exchange.id })
  } catch (error) {
    if (!(error instanceof GatewayError)) stages.onInternal(error, exchange)
    const known = error instanceof GatewayError ? error : new GatewayError('internal', {}, error)
    const reply = await stages.refuse(exchange, known)
    session?.closed()
    return responseOf(reply)
  }
}

type Opening = {
  readonly exchange: Exchange
  readonly request: Request
  readonly entrance: Entrance
  readonly caller: KeyWithTeam
  readonly dialect: RealtimeDialect
  readonly query: URLSearchParams
}

function openSession(opening: Opening, tools: RealtimeTools): Session {
  const { exchange, dialect } = opening
  const { engine, snapshot, stages, sessions } = tools
  const session = createSession({
    dialect,
    requestId: exchange.id,
    clock: engine.clock,
    limits: snapshot.config.realtime,
    redact: engine.attemptTools.redact,
    start: (model, signal) => start(opening, model, signal, tools),
    onRefused: (error) => void stages.refuse(exchange, error ?? new GatewayError('client_closed')),
    onOver: () => sessions.delete(session),
    onInternal: (error) => stages.onInternal(error, exchange),
  })
  sessions.add(session)
  return session
}

/** plan, admit, attempt: for the first turn, which the session begins with. */
async function start(opening: Opening, model: string, signal: AbortSignal, tools: RealtimeTools): Promise<Started> {
  const { exchange, request, entrance, caller, dialect, query } = opening
  const { engine, snapshot, stages } = tools
  const call = callOf(model, request, dialect)
  noteCall(exchange, call, request.headers, engine.attemptTools.redact)
  const planned = stages.plan(exchange, request, call, caller)
  const { sessionMs } = snapshot.config.realtime
  const plan = await stages.admit(exchange, request, call, caller, { ...planned, totalMs: sessionMs })
  const connection = await connectTarget(
    exchange,
    plan,
    {
      dialect: dialect.id,
      query: queryOf(query, dialect.ownParameters),
      headers: call.headers,
      signal: AbortSignal.any([signal, request.signal]),
    },
    engine.attemptTools,
  )
  const only: Plan = { ...plan, targets: [connection.target], on: {} }
  const turns = createTurns(
    exchange,
    { request, entrance, call, keyId: caller.key.id, route: exchange.route, plan: only, connection },
    { engine, stages, priceOf: snapshot.priceOf },
  )
  return { connection, turns }
}

function callOf(model: string, request: Request, dialect: RealtimeDialect): Call {
  const facts = dialect.readFacts({ model })
  const headers: Record<string, string> = {}
  for (const name of dialect.forwardedHeaders ?? []) {
    const value = request.headers.get(name)
    if (value !== null) headers[name] = value
  }
  return {
    dialect: dialect.id,
    operation: dialect.operation,
    facts: { ...facts, options: optionsOf(request.headers, facts.options) },
    text: '',
    members: NO_MEMBERS,
    body: { model },
    headers,
    chat: null,
  }
}

/** What the caller asked of the provider in the address. */
function queryOf(query: URLSearchParams, own: readonly string[]): string {
  const passed = new URLSearchParams(query)
  for (const name of own) passed.delete(name)
  return passed.toString()
}

/** Browsers can set no headers: what would stand there comes as protocols. */
function handshakeOf(asked: Request, dialect: RealtimeDialect): Handshake {
  const offered = (asked.headers.get('sec-websocket-protocol') ?? '').split(',').map((name) => name.trim())
  const { key, headers: said, agreed } = dialect.readProtocols(offered)
  if (key === null && Object.keys(said).length === 0) return { request: asked, agreed }
  const headers = new Headers(asked.headers)
  if (key !== null && !headers.has('authorization')) headers.set('authorization', `Bearer ${key}`)
  for (const [name, value] of Object.entries(said)) headers.set(name, value)
  return { request: new Request(asked.url, { headers, signal: asked.signal }), agreed }
}
