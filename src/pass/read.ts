// read: where a pass-through call goes, its body as bytes within bounds, and what can be told of it.
import type { Call } from '../core/call.ts'
import { GatewayError } from '../core/error.ts'
import type { JsonObject } from '../core/json.ts'
import { NO_MEMBERS, scanJson } from '../core/json.ts'
import { parseObject } from '../core/json-read.ts'
import type { Exchange } from '../exchange.ts'
import { readRawBody } from '../http/body.ts'
import { NO_OPTIONS } from '../dialects/read-options.ts'
import { optionsOf } from '../http/option-headers.ts'
import { noteCall } from '../stages/read.ts'
import { pathPattern, readPassAddress } from './address.ts'
import type { PassAddress } from './address.ts'
import { readPassFacts } from './named-model.ts'
import type { PassTools } from './pass.ts'
import { isLooking } from './price.ts'

export type PassCall = {
  readonly address: PassAddress
  /** Null: the request has none. */
  readonly body: Uint8Array | null
  /** Null where nothing tells. */
  readonly model: string | null
  readonly isLooking: boolean
  /** The call as limits and books see it. */
  readonly call: Call
}

const NO_BODY: JsonObject = {}
const UTF8 = new TextDecoder()

/** Throws what a body may throw, `not_found`, `request_malformed`, `end_user_required`. */
export async function readPass(exchange: Exchange, request: Request, tools: PassTools): Promise<PassCall> {
  const { redact } = tools.engine.attemptTools
  // Also of an address that is refused: somebody will want to know who tries what.
  exchange.path = redact(`${request.method} ${new URL(request.url, 'http://gateway').pathname.slice(0, 512)}`)
  const address = readPassAddress(request.url)
  exchange.path = redact(`${request.method} ${address.path}`)
  const body = await readBody(exchange, request, tools)
  const { server } = tools.snapshot.config
  const isText = /json|^text\//i.test(request.headers.get('content-type') ?? '')
  const text = body === null || !isText ? '' : UTF8.decode(body)
  const { problem } = scanJson(text, { depth: server.jsonDepth, keys: server.jsonKeys })
  if (problem !== null) throw new GatewayError('request_malformed', { message: `The body is refused: ${problem}.` })
  const facts = readPassFacts(address.path, parseObject(text))
  const onlyLooks = isLooking(request.method)
  const { dialect } = exchange.entrance
  const call: Call = {
    dialect: dialect.id,
    operation: dialect.operation,
    facts: {
      model: facts.model ?? '',
      stream: facts.stream,
      wantsStreamUsage: true,
      // What names no model generates nothing that could be bounded.
      maxOutputTokens: onlyLooks || facts.model === null ? 0 : facts.maxOutputTokens,
      endUser: null,
      options: optionsOf(request.headers, NO_OPTIONS),
    },
    text: onlyLooks ? '' : text,
    members: NO_MEMBERS,
    body: NO_BODY,
    headers: {},
    chat: null,
  }
  noteCall(exchange, call, request.headers, redact)
  if (facts.model === null) exchange.requestedModel = redact(`${request.method} ${pathPattern(address.path)}`)
  return { address, body, model: facts.model, isLooking: onlyLooks, call }
}

async function readBody(
  exchange: Exchange,
  request: Request,
  { engine, snapshot }: PassTools,
): Promise<Uint8Array | null> {
  if (request.body === null) return null
  const { server } = snapshot.config
  const bounds = {
    bytes: server.bodyLimits['pass'] ?? server.bodyLimitBytes,
    timeoutMs: server.bodyTimeoutMs,
    json: { depth: server.jsonDepth, keys: server.jsonKeys },
  }
  const { bytes, heldBytes } = await readRawBody(request, bounds, engine.bytes, engine.clock)
  exchange.heldBytes += heldBytes
  return bytes.length === 0 ? null : bytes
}
