// Reading a request body within bounds: bytes, inflated bytes, time, nesting and members.
import type { HeaderSource } from '../core/headers.ts'
import type { ClientRequest } from '../core/client-request.ts'
import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import { isObject, scanJson } from '../core/json.ts'
import type { JsonBounds, JsonObject, Members } from '../core/json.ts'

export type BodyBounds = {
  /** Largest body, before and after inflating. */
  readonly bytes: number
  readonly timeoutMs: number
  readonly json: JsonBounds
}

/** Counts the bytes that requests hold, so that the gateway sheds load before memory is at risk. */
export interface ByteBudget {
  /** Throws `overloaded` when the bytes do not fit. */
  hold(bytes: number): void
  free(bytes: number): void
  readonly held: number
}

export function createByteBudget(limitOf: () => number): ByteBudget {
  let held = 0
  return {
    hold(bytes) {
      const limit = limitOf()
      if (held + bytes > limit)
        throw new GatewayError('overloaded', {
          message: `The gateway holds ${held} bytes of requests and takes no more than ${limit}.`,
          retryAfterMs: 1_000,
        })
      held += bytes
    },
    free(bytes) {
      held -= bytes
    },
    get held() {
      return held
    },
  }
}

/** A JSON body as text, as value, and its top-level members as they stand in the text. */
export type JsonBody = {
  readonly text: string
  readonly members: Members
  readonly value: JsonObject
  /** Bytes taken from the budget; whoever has the body frees them at the end of the request. */
  readonly heldBytes: number
}

type Inflate = (bytes: Uint8Array, limit: number) => Promise<Uint8Array>

function inflateWith(
  decompress: (
    buffer: Uint8Array,
    options: { maxOutputLength: number },
    callback: (error: Error | null, result: Buffer) => void,
  ) => void,
): Inflate {
  return (bytes, limit) =>
    new Promise((resolve, reject) =>
      decompress(bytes, { maxOutputLength: limit }, (error, result) =>
        error === null ? resolve(result) : reject(error),
      ),
    )
}

const ENCODINGS: { readonly [name: string]: Inflate } = {
  gzip: inflateWith(gunzip),
  'x-gzip': inflateWith(gunzip),
  deflate: inflateWith(inflate),
  br: inflateWith(brotliDecompress),
  zstd: inflateWith(zstdDecompress),
}

/** A body as it came, inflated. */
export type RawBody = {
  readonly bytes: Uint8Array
  /** Bytes taken from the budget; whoever has the body frees them at the end of the request. */
  readonly heldBytes: number
}

/**
 * Reads a JSON object; at once where all of it is here. Throws or rejects with `request_malformed`, `request_too_large`,
 * `request_too_slow` or `overloaded`.
 */
export function readJsonBody(
  request: ClientRequest,
  bounds: BodyBounds,
  budget: ByteBudget,
  clock: Clock,
): Promise<JsonBody> | JsonBody {
  const held = { bytes: 0 }
  try {
    const isPlain = request.headers.get('content-encoding') === null
    const ascii = isPlain ? (request.ascii ?? null) : null
    if (ascii !== null) {
      holdAnnounced(ascii.length, bounds, budget, held)
      return parseJsonText(ascii, bounds, held.bytes)
    }
    const raw = readBytes(request, bounds, budget, held, clock)
    if (isPlain && !(raw instanceof Promise)) return parseJsonBody(raw, bounds, held.bytes)
    return inflated(request, raw, bounds, budget, held).then((bytes) => {
      try {
        return parseJsonBody(bytes, bounds, held.bytes)
      } catch (error) {
        budget.free(held.bytes)
        throw error
      }
    })
  } catch (error) {
    budget.free(held.bytes)
    throw error
  }
}

/** Reads a body of any kind. Throws as `readJsonBody` does. */
export async function readRawBody(
  request: ClientRequest,
  bounds: BodyBounds,
  budget: ByteBudget,
  clock: Clock,
): Promise<RawBody> {
  const held = { bytes: 0 }
  let raw: Promise<Uint8Array> | Uint8Array
  try {
    raw = readBytes(request, bounds, budget, held, clock)
  } catch (error) {
    budget.free(held.bytes)
    throw error
  }
  return { bytes: await inflated(request, raw, bounds, budget, held), heldBytes: held.bytes }
}

/** What was held is free again where it rejects. */
async function inflated(
  { headers }: ClientRequest,
  raw: Promise<Uint8Array> | Uint8Array,
  bounds: BodyBounds,
  budget: ByteBudget,
  held: { bytes: number },
): Promise<Uint8Array> {
  try {
    const bytes = await raw
    const encoding = headers.get('content-encoding')
    return encoding === null ? bytes : await inflateBody(bytes, encoding, bounds, budget, held)
  } catch (error) {
    budget.free(held.bytes)
    throw error
  }
}

function hold(budget: ByteBudget, held: { bytes: number }, bytes: number): void {
  budget.hold(bytes)
  held.bytes += bytes
}

function readBytes(
  request: ClientRequest,
  bounds: BodyBounds,
  budget: ByteBudget,
  held: { bytes: number },
  clock: Clock,
): Promise<Uint8Array> | Uint8Array {
  const announced = announcedLength(request.headers)
  // Asking for `body` makes a stream of what may lie there whole already: only done where the length is not known.
  if (announced === null) return readChunked(request, bounds, budget, held, clock)
  holdAnnounced(announced, bounds, budget, held)
  const body = request.bytes()
  if (!(body instanceof Promise)) return body
  return new Promise((resolve, reject) => {
    const cancel = clock.after(bounds.timeoutMs, () => reject(tooSlow(bounds.timeoutMs)))
    body.then(
      (bytes) => {
        cancel()
        resolve(bytes)
      },
      (error: unknown) => {
        cancel()
        reject(gone(error))
      },
    )
  })
}

function holdAnnounced(bytes: number, bounds: BodyBounds, budget: ByteBudget, held: { bytes: number }): void {
  if (bytes > bounds.bytes) throw tooLarge(bounds.bytes)
  hold(budget, held, bytes)
}

/** Null where the length is not known beforehand; `5, 5`, what two equal headers are joined to, counts as unknown. */
function announcedLength(headers: HeaderSource): number | null {
  const length = headers.get('content-length')
  return length !== null && /^\d{1,15}$/.test(length) ? Number(length) : null
}

async function readChunked(
  request: ClientRequest,
  bounds: BodyBounds,
  budget: ByteBudget,
  held: { bytes: number },
  clock: Clock,
): Promise<Uint8Array> {
  const { body } = request
  if (body === null) throw new GatewayError('request_malformed', { message: 'The request has no body.' })
  const timeout = deadline(clock, bounds.timeoutMs)
  try {
    return await readChunks(body, bounds, budget, held, timeout.reached)
  } catch (error) {
    throw error instanceof GatewayError ? error : gone(error)
  } finally {
    timeout.cancel()
  }
}

function gone(error: unknown): GatewayError {
  return new GatewayError('client_closed', { message: 'The connection closed before the body was complete.' }, error)
}

function tooSlow(timeoutMs: number): GatewayError {
  return new GatewayError('request_too_slow', {
    message: `The request body did not arrive within ${timeoutMs} ms.`,
    headers: { connection: 'close' },
  })
}

async function readChunks(
  body: ReadableStream<Uint8Array>,
  bounds: BodyBounds,
  budget: ByteBudget,
  held: { bytes: number },
  timedOut: Promise<never>,
): Promise<Uint8Array> {
  const reader = body.getReader()
  const parts: Uint8Array[] = []
  let size = 0
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), timedOut])
      if (done) break
      size += value.length
      if (size > bounds.bytes) throw tooLarge(bounds.bytes)
      hold(budget, held, value.length)
      parts.push(value)
    }
  } catch (error) {
    // Nobody will read the rest. A cancel that fails says only that the connection is gone already.
    void reader.cancel().catch(() => {})
    throw error
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, size)
}

function deadline(clock: Clock, timeoutMs: number): { readonly reached: Promise<never>; readonly cancel: () => void } {
  let cancel = (): void => {}
  const reached = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(timeoutMs, () => reject(tooSlow(timeoutMs)))
  })
  return { reached, cancel: () => cancel() }
}

function tooLarge(limit: number): GatewayError {
  return new GatewayError('request_too_large', {
    message: `The request body is larger than ${limit} bytes.`,
    headers: { connection: 'close' },
  })
}

async function inflateBody(
  raw: Uint8Array,
  encodingHeader: string,
  bounds: BodyBounds,
  budget: ByteBudget,
  held: { bytes: number },
): Promise<Uint8Array> {
  const name = encodingHeader.trim().toLowerCase()
  if (name === 'identity' || name === '') return raw
  const inflateOne = Object.hasOwn(ENCODINGS, name) ? ENCODINGS[name] : undefined
  if (inflateOne === undefined)
    throw new GatewayError('request_malformed', {
      message: `The content-encoding ${JSON.stringify(name.slice(0, 40))} is not known; gzip, deflate, br and zstd are.`,
      param: 'content-encoding',
    })
  let bytes: Uint8Array
  try {
    bytes = await inflateOne(raw, bounds.bytes)
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(bounds.bytes)
    throw new GatewayError('request_malformed', {
      message: `The body is not valid ${name}.`,
      param: 'content-encoding',
    })
  }
  hold(budget, held, bytes.length)
  return bytes
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

function parseJsonBody(bytes: Uint8Array, bounds: BodyBounds, heldBytes: number): JsonBody {
  let text: string
  try {
    text = UTF8.decode(bytes)
  } catch {
    throw new GatewayError('request_malformed', { message: 'The body is not valid UTF-8.' })
  }
  return parseJsonText(text, bounds, heldBytes)
}

function parseJsonText(text: string, bounds: BodyBounds, heldBytes: number): JsonBody {
  const { members, problem } = scanJson(text, bounds.json)
  if (problem !== null) throw new GatewayError('request_malformed', { message: `The body is refused: ${problem}.` })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : ''
    throw new GatewayError('request_malformed', { message: `The body is not valid JSON. ${reason}`.trim() })
  }
  if (!isObject(value)) throw new GatewayError('request_malformed', { message: 'The body must be a JSON object.' })
  return { text, members, value, heldBytes }
}
