// Calls over connections of our own: for every upstream that is reached directly. (Bun's `fetch` runs on a thread of its own,
// and handing each request and each piece of an answer over to it cost more than all the rest of the way.)
import type { Clock } from '../core/clock.ts'
import type { Waiting } from '../core/waiting.ts'
import type { CallTiming } from './call-timing.ts'
import { isStale, UpstreamFailure } from './failure.ts'
import { Origin } from './http1/origin.ts'
import type { Endpoint } from './http1/origin.ts'
import type { Exchange, OutgoingRequest } from './http1/exchange.ts'
import type { Incoming } from './incoming.ts'

export type Outgoing = {
  readonly method: string
  /** Absolute. */
  readonly url: string
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | null
}

/** Where a call goes, as far as all calls of one provider share it. */
export type Destination = {
  /** `https://host:port`, without a path. */
  readonly origin: string
  readonly hostname: string
  /** As the `host` header has it. */
  readonly host: string
  readonly port: number
  readonly isSecure: boolean
  /** PEM of a private certificate authority, or null. */
  readonly ca: string | null
}

export interface BySocket {
  /** Request line and headers as they are sent. Throws `UpstreamFailure` for a header that cannot be. */
  headOf(outgoing: Omit<Outgoing, 'body'>): string
  /** @param address connect to this one; null: to whatever the name resolves to */
  send(
    request: OutgoingRequest,
    address: string | null,
    connectMs: number,
    timing: CallTiming,
    waiting: Waiting<Incoming>,
  ): void
}

/** Addresses of one host whose connections are kept apart. */
const MAX_ADDRESSES = 16

export function createBySocket(destination: Destination, clock: Clock): BySocket {
  const origins = new Map<string | null, Origin>()

  const originAt = (address: string | null): Origin => {
    let origin = origins.get(address)
    if (origin !== undefined) return origin
    if (origins.size >= MAX_ADDRESSES) {
      for (const old of origins.values()) old.clear()
      origins.clear()
    }
    origin = new Origin(endpointOf(destination, address), clock)
    origins.set(address, origin)
    return origin
  }

  return {
    headOf: (outgoing) => headText(outgoing, destination),
    send: (request, address, connectMs, timing, waiting) =>
      new Sending(originAt(address), request, connectMs, timing, waiting, clock).begin(),
  }
}

/** A request under way: it is sent again where the connection that it went out on had been closed (see upstream.ts). */
class Sending implements Waiting<Exchange> {
  readonly #origin: Origin
  readonly #request: OutgoingRequest
  readonly #connectMs: number
  readonly #timing: CallTiming
  readonly #waiting: Waiting<Incoming>
  readonly #clock: Clock
  readonly #sentAtMs: number
  #exchange: Exchange | null = null

  constructor(
    origin: Origin,
    request: OutgoingRequest,
    connectMs: number,
    timing: CallTiming,
    waiting: Waiting<Incoming>,
    clock: Clock,
  ) {
    this.#origin = origin
    this.#request = request
    this.#connectMs = connectMs
    this.#timing = timing
    this.#waiting = waiting
    this.#clock = clock
    this.#sentAtMs = clock.monotonicMs()
  }

  begin(): void {
    this.#exchange = this.#origin.send(this.#request, this.#connectMs, false, this)
    this.#timing.stopBy(this.#exchange)
  }

  answered(exchange: Exchange): void {
    this.#waiting.answered(exchange)
  }

  failed(error: unknown): void {
    if (!this.#wasStale(error)) return this.#waiting.failed(error)
    // The other idle connections are most likely as dead as this one.
    this.#origin.clear()
    this.#timing.stopBy(this.#origin.send(this.#request, this.#connectMs, true, this.#waiting))
  }

  #wasStale(error: unknown): boolean {
    const exchange = this.#exchange
    if (exchange === null || !exchange.isReused || exchange.hasHeard || this.#timing.hasEnded) return false
    return isStale(error, this.#clock.monotonicMs() - this.#sentAtMs)
  }
}

function endpointOf({ hostname, port, isSecure, ca }: Destination, address: string | null): Endpoint {
  const name = hostname.replace(/^\[|\]$/g, '')
  // The certificate must be the name's, also where an address is connected to.
  const named = /[a-z]/i.test(name) && !name.includes(':') ? { serverName: name } : {}
  return {
    hostname: address ?? name,
    port,
    tls: isSecure ? { rejectUnauthorized: true, ...named, ...(ca === null ? {} : { ca }) } : null,
  }
}

const PLAIN_PATH = /^\/[!"$-[\]-~]*$/
// What is no printable ASCII could end the line, and with it the header.
const HEADER_VALUE = /^[\t\x20-\x7e]*$/
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/

function headText({ method, url, headers }: Omit<Outgoing, 'body'>, { origin, host }: Destination): string {
  let text = `${method} ${pathOf(url, origin)} HTTP/1.1\r\nhost: ${host}\r\n`
  for (const name in headers) {
    const value = headers[name] ?? ''
    if (!HEADER_NAME.test(name) || !HEADER_VALUE.test(value))
      throw new UpstreamFailure({ type: 'unreachable', reason: `the header \`${name.slice(0, 60)}\` cannot be sent` })
    text += `${name}: ${value}\r\n`
  }
  return text
}

/** Path and query as they stand on the request line. */
function pathOf(url: string, origin: string): string {
  const path = url.slice(origin.length)
  if (PLAIN_PATH.test(path) && !path.includes('/.')) return path
  const parsed = new URL(url)
  return parsed.pathname + parsed.search
}
