// read: bytes → a call in one of the client dialects, bounded in size, depth and time.
import type { HeaderSource } from '../core/headers.ts'
import type { ClientRequest } from '../core/client-request.ts'
import type { Call } from '../core/call.ts'
import { GatewayError } from '../core/error.ts'
import type { Exchange } from '../exchange.ts'
import type { Stages } from '../handle.ts'
import { readJsonBody } from '../http/body.ts'
import type { BodyBounds, JsonBody } from '../http/body.ts'
import { NO_MEMBERS } from '../core/json.ts'
import type { VirtualKey } from '../core/key.ts'
import type { FormPart } from '../core/form.ts'
import { optionsOf, routingOptionsOf } from '../http/option-headers.ts'
import { isForm, readForm } from '../http/form.ts'
import { forbiddenOption } from '../keys/permit.ts'
import { withHistory } from '../kept-responses.ts'
import { namesOwnFiles, withFileContents } from './file-contents.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Engine } from './engine.ts'

/** A body as JSON, or a form that is looked at as if it were. */
type ReadBody = JsonBody & { readonly form?: readonly FormPart[] }

export function readStage(engine: Engine, { config }: Snapshot): Stages['read'] {
  const { clock } = engine
  // What a caller names is written down: a key that was pasted in the wrong place must not be.
  const { redact } = engine.attemptTools
  const bounds: BodyBounds = {
    bytes: config.server.bodyLimitBytes,
    timeoutMs: config.server.bodyTimeoutMs,
    json: { depth: config.server.jsonDepth, keys: config.server.jsonKeys },
  }
  const ownBounds = new Map(
    Object.entries(config.server.bodyLimits).map(([family, bytes]) => [family, { ...bounds, bytes }]),
  )
  const boundsOf = (family: string | null): BodyBounds => (family === null ? bounds : (ownBounds.get(family) ?? bounds))
  function readFacts(exchange: Exchange, request: ClientRequest, body: ReadBody): Call {
    const { dialect } = exchange.entrance
    const facts = dialect.readFacts(body.value)
    const options = optionsOf(request.headers, facts.options)
    return {
      dialect: dialect.id,
      operation: dialect.operation,
      facts: options === facts.options ? facts : { ...facts, options },
      text: body.text,
      members: body.members,
      body: body.value,
      form: body.form,
      headers: forwardedHeaders(request.headers, dialect.forwardedHeaders),
      chat: null,
    }
  }

  async function readFormBody(request: ClientRequest, within: BodyBounds): Promise<ReadBody> {
    const { parts, value, heldBytes } = await readForm(request, within, engine.bytes, clock)
    return { text: JSON.stringify(value), members: NO_MEMBERS, value, form: parts, heldBytes }
  }

  async function goneOn(exchange: Exchange, call: Call, keyId: string): Promise<Call> {
    const whole = await withHistory(call, {
      store: engine.responses,
      keyId,
      now: clock.now(),
      limit: config.server.bodyLimitBytes,
    })
    exchange.call = whole
    if (whole.text === call.text) return whole
    engine.bytes.hold(whole.text.length)
    exchange.heldBytes += whole.text.length
    return whole
  }

  async function withFiles(exchange: Exchange, call: Call, key: VirtualKey): Promise<Call> {
    const { maxFiles, maxSizeBytes: maxBytes } = config.media
    const hold = (bytes: number): void => {
      engine.bytes.hold(bytes)
      exchange.heldBytes += bytes
    }
    const whole = await withFileContents(call, { files: engine.files, key, now: clock.now(), maxFiles, maxBytes, hold })
    exchange.call = whole
    return whole
  }

  function called(exchange: Exchange, request: ClientRequest, body: ReadBody): Promise<Call> | Call {
    exchange.heldBytes += body.heldBytes
    const call = readFacts(exchange, request, body)
    noteCall(exchange, call, request.headers, redact)
    const key = exchange.caller?.key
    if (key === undefined) return call
    if (call.operation === 'responses')
      return goneOn(exchange, call, key.id).then((whole) => withOwnFiles(exchange, whole, key))
    return withOwnFiles(exchange, call, key)
  }

  function withOwnFiles(exchange: Exchange, call: Call, key: VirtualKey): Promise<Call> | Call {
    return namesOwnFiles(call) ? withFiles(exchange, call, key) : call
  }

  return (exchange, request) => {
    const { family, dialect } = exchange.entrance
    const body: Promise<ReadBody> | ReadBody =
      dialect.takesForms === true && isForm(request)
        ? readFormBody(request, boundsOf(family))
        : readJsonBody(request, boundsOf(family), engine.bytes, clock)
    if (body instanceof Promise) return body.then((read) => called(exchange, request, read))
    return called(exchange, request, body)
  }
}

/** Notes what a call says of itself and whom it is for. Throws what its key does not allow. */
export function noteCall(
  exchange: Exchange,
  call: Call,
  headers: HeaderSource,
  redact: (text: string) => string,
): void {
  const key = exchange.caller?.key
  exchange.call = call
  if (key?.forbids !== undefined) refuseForbidden(key.id, key.forbids, call, headers)
  exchange.requestedModel = redact(call.facts.model)
  const endUser = boundedEndUser(call.facts.endUser ?? headers.get('x-weir-end-user'))
  exchange.endUser = endUser === null ? null : redact(endUser)
  if (call.facts.options.tags.length > 0)
    exchange.tags = [...new Set([...exchange.tags, ...call.facts.options.tags.map(redact)])]
  if (key?.requireEndUser === true && exchange.endUser === null)
    throw new GatewayError('end_user_required', { param: 'user' })
}

function refuseForbidden(
  keyId: string,
  forbids: readonly string[],
  { facts: { options } }: Call,
  headers: HeaderSource,
): void {
  const option = forbiddenOption(forbids, options, routingOptionsOf(headers, options.routing))
  if (option !== null)
    throw new GatewayError('option_not_allowed', {
      message: `The key ${keyId} forbids the option \`${option}\`.`,
      param: option,
    })
}

const NO_HEADERS: Call['headers'] = {}

/** The request headers that belong to the dialect. */
function forwardedHeaders(headers: HeaderSource, names: readonly string[] | undefined): Call['headers'] {
  if (names === undefined) return NO_HEADERS
  const forwarded: Record<string, string> = {}
  for (const name of names) {
    const value = headers.get(name)
    if (value !== null) forwarded[name] = value
  }
  return forwarded
}

function boundedEndUser(name: string | null): string | null {
  if (name === null || name === '') return null
  if (name.length > 512)
    throw new GatewayError('request_malformed', { message: '`user` is longer than 512 characters.', param: 'user' })
  return name
}
