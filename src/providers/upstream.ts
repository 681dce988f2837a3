// Every call of an upstream goes through here. Deadlines, cancellation, header hygiene, the address guard and the proxy are here, so
// nothing else has to think of them; it knows HTTP, and nothing of models.
//
// A request is sent once. The one exception: a kept-alive connection that the upstream closed while it was idle can take a
// request down with it before anybody has read it. It is sent again, once, on a fresh connection, when all of this holds:
// the connection was reset or closed, no byte of an answer came, it happened within 5 ms of sending (the close was already on
// its way; nobody has generated anything in that time), and a connection to this host was lying idle to be reused.
// Everything slower is `unreachable` and left to routing.
import { abortSignalOf } from '../core/closing-signal.ts'
import type { ClosingSignal } from '../core/closing-signal.ts'
import { lookup } from 'node:dns/promises'

import packageJson from '../../package.json' with { type: 'json' }
import type { Clock } from '../core/clock.ts'
import type { HeaderSource } from '../core/headers.ts'
import type { Credential, Provider, Timeouts } from '../core/model.ts'
import type { Outcome } from '../core/outcome.ts'
import { promised, tell } from '../core/waiting.ts'
import type { Waiting } from '../core/waiting.ts'
import { Answer, type Chunks } from './answer.ts'
import { createAuthenticate } from './authenticate.ts'
import { createByFetch, dialTcp } from './by-fetch.ts'
import type { ByFetch, Dial, Fetch } from './by-fetch.ts'
import { createBySocket } from './by-socket.ts'
import type { BySocket, Destination, Outgoing } from './by-socket.ts'
import { CallTiming } from './call-timing.ts'
import { UpstreamFailure } from './failure.ts'
import { withFault } from './faults.ts'
import type { FaultOf } from './faults.ts'
import type { TokenReply, TokenRequest } from './google-token.ts'
import type { AddressGuard, AddressRequest, Approval, Resolve } from './guard.ts'
import { authHeaderOf, providerHeaders, withCallHeaders } from './headers.ts'
import { openWebSocket } from './by-web-socket.ts'
import type { UpstreamSocket } from './upstream-socket.ts'
import { ResponseIncoming } from './incoming.ts'
import type { Incoming } from './incoming.ts'

export { UpstreamFailure } from './failure.ts'
export { relayableHeaders } from './headers.ts'

export type UpstreamCall = {
  readonly provider: Provider
  readonly credential: Credential | null
  readonly method: string
  /** Absolute, below the provider's base URL. */
  readonly url: string
  /** The wire format's own, e.g. `content-type`. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | null
  /** `totalMs`: what is left of the request. */
  readonly timeouts: Timeouts
  /** Whether the first-token deadline is for what a stream is committed for (true) or for the head (false). */
  readonly stream: boolean
  /** A whole answer that stays under this for an idle time has timed out; absent or null: any pace will do. */
  readonly minBytesPerS?: number | null
  /** The client is gone, or another attempt has won. */
  readonly signal: ClosingSignal
  /** A redirect is an answer, for who judges where it leads; absent: it is an error. Never with a credential. */
  readonly showRedirects?: true
}

export type UpstreamAnswer = {
  readonly status: number
  readonly headers: HeaderSource
  /**
   * The whole body, inflated; at once where all of it is here. Throws, or rejects with, `UpstreamFailure` (`broken` when it is
   * larger than `maxBytes`).
   */
  bytes(maxBytes: number): Uint8Array | Promise<Uint8Array>
  /** Chunks as they arrive; throws `UpstreamFailure`. Leaving the loop early cancels the upstream at once. */
  chunks(): Chunks
  /** A stream has said something worth waiting for: the first-token deadline is met. */
  committed(): void
  /** Ends the call now, also while a read waits: that read then throws `cancelled`. */
  cancel(): void
}

/** A WebSocket to be opened. */
type SocketCall = Pick<UpstreamCall, 'provider' | 'credential' | 'headers' | 'timeouts' | 'signal'> & {
  /** Absolute, at the host of the provider's base URL. */
  readonly url: string
  readonly protocols: readonly string[]
}

export interface Upstream {
  /** Resolves with the head of the answer, whatever its status but 3xx; rejects with `UpstreamFailure`. */
  call(call: UpstreamCall): Promise<UpstreamAnswer>
  /** The same without a promise. */
  begin(call: UpstreamCall, waiting: Waiting<UpstreamAnswer>): void
  /** Resolves with a WebSocket that stands; rejects with `UpstreamFailure`. Its deadline is `firstTokenMs`. */
  connect(call: SocketCall): Promise<UpstreamSocket>
  /** The same, with the faults of a drill. */
  withFaults(faultOf: FaultOf): Upstream
}

export type UpstreamOptions = {
  readonly clock: Clock
  /** Answers for providers whose base URL starts with `simulator:`. */
  readonly simulator: ((request: Request) => Promise<Response>) | null
  /** The same for WebSockets. */
  readonly simulatorSocket?: (url: string) => UpstreamSocket
  readonly guard: AddressGuard
  /** Absent: `fetch` for what is behind a proxy, and connections of our own for the rest. Given: for all. */
  readonly fetch?: Fetch
  readonly dial?: Dial
}

type Transport =
  | { readonly type: 'socket'; readonly sockets: BySocket }
  | { readonly type: 'fetch'; readonly fetching: ByFetch }

/** All calls of one provider share this. */
type Line = {
  readonly provider: Provider
  readonly destination: Destination
  /** What the guard is asked about the provider, and about its proxy. */
  readonly request: AddressRequest
  readonly proxyRequest: AddressRequest | null
  readonly transport: Transport | { readonly type: 'simulated' }
  readonly authHeader: string | null
  /** Its credentials are not sent as they are. */
  readonly isWorkedFor: boolean
  readonly headers: Map<Credential | null, Readonly<Record<string, string>>>
  /** The head of the last call with each credential: that of the next is mostly the same. */
  readonly heads: Map<Credential | null, SentHead>
}

type SentHead = Pick<UpstreamCall, 'method' | 'url' | 'headers'> & { readonly text: string }

/** Where this runs as a part of a Node program, `fetch` has to do. */
const HAS_SOCKETS = typeof Bun !== 'undefined'
const USER_AGENT = `weir/${packageJson.version}`
const MAX_TOKEN_BYTES = 64 * 1024

/** Addresses of a name as the system resolves it, IPv4 first: a pinned address gets no second try. */
export const resolveHost: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true, order: 'ipv4first' })).map(({ address }) => address)

/** @param options `fetch` and `dial` are for tests */
export function createUpstream(options: UpstreamOptions): Upstream {
  const { clock, guard, simulator } = options
  const lines = new WeakMap<Provider, Line>()

  const lineOf = (provider: Provider): Line => {
    let line = lines.get(provider)
    if (line === undefined) lines.set(provider, (line = createLine(provider, options)))
    return line
  }

  /** Throws when the guard says no to the proxy or to the provider; gives the address to connect to, if there is just one. */
  const approve = async (line: Line, call: UpstreamCall, timing: CallTiming): Promise<string | null> => {
    // A name that does not resolve is a connection that does not come about.
    const cancelTimer = clock.after(call.timeouts.connectMs, () => timing.end({ type: 'timed_out', stage: 'connect' }))
    try {
      return await approved(line, timing)
    } finally {
      cancelTimer()
    }
  }

  const approved = async (line: Line, timing: CallTiming): Promise<string | null> => {
    if (line.proxyRequest !== null)
      pinnedAddress(await timing.interruptible(Promise.resolve(guard.approve(line.proxyRequest))), 'its proxy')
    return pinnedAddress(await timing.interruptible(Promise.resolve(guard.approve(line.request))), 'it')
  }

  const simulate = async (call: UpstreamCall, timing: CallTiming): Promise<Incoming> => {
    if (simulator === null) throw new UpstreamFailure({ type: 'unreachable', reason: 'there is no simulator here' })
    const { method, headers, body, url } = call
    const response = await simulator(new Request(url, { method, headers, body, signal: timing.signal }))
    const incoming = new ResponseIncoming(response, () => undefined)
    timing.stopBy(incoming)
    return incoming
  }

  const request = (line: Line, call: UpstreamCall, timing: CallTiming, waiting: Waiting<Incoming>): void => {
    const { transport } = line
    if (transport.type === 'simulated') return tell(timing.interruptible(simulate(call, timing)), waiting)
    const approval = line.proxyRequest === null ? guard.approve(line.request) : null
    // What was approved lately, which is nearly all, goes on without a turn of the event loop.
    const isKnown = approval !== null && !(approval instanceof Promise)
    if (!isKnown || (line.isWorkedFor && call.credential !== null))
      return tell(prepared(line, transport, call, timing), waiting)
    const address = pinnedAddress(approval, 'it')
    if (transport.type === 'fetch')
      return tell(transport.fetching.send(outgoingOf(line, call), address, timing), waiting)
    const sent = { method: call.method, head: headFor(line, transport.sockets, call), body: call.body }
    transport.sockets.send(sent, address, call.timeouts.connectMs, timing, waiting)
  }

  const prepared = async (
    line: Line,
    transport: Transport,
    call: UpstreamCall,
    timing: CallTiming,
  ): Promise<Incoming> => {
    const address = await approve(line, call, timing)
    const outgoing = outgoingOf(line, call)
    if (line.isWorkedFor && call.credential !== null) {
      const { method, headers, body } = outgoing
      const proof = authenticate(line.provider, call.credential, { method, url: call.url, headers, body: body ?? '' })
      if (proof !== null) Object.assign(headers, await timing.interruptible(proof))
    }
    if (transport.type === 'fetch') return transport.fetching.send(outgoing, address, timing)
    const sent = { method: call.method, head: transport.sockets.headOf(outgoing), body: call.body }
    return promised((waiting) => transport.sockets.send(sent, address, call.timeouts.connectMs, timing, waiting))
  }

  /** Fetches a token for calls of a provider, by the same proxy, authority and guard. */
  const exchange = async (provider: Provider, token: TokenRequest): Promise<TokenReply> => {
    const { method, url, headers, body } = token
    const host: Provider = { ...provider, baseUrl: new URL(url).origin, auth: { type: 'none' }, headers: {} }
    const answer = await upstream.call({
      provider: host,
      credential: null,
      method,
      url,
      headers,
      body,
      timeouts: provider.timeouts,
      stream: false,
      // Others may wait for the same token: it does not end with who asked first.
      signal: new AbortController().signal,
    })
    return { status: answer.status, body: new TextDecoder().decode(await answer.bytes(MAX_TOKEN_BYTES)) }
  }
  const authenticate = createAuthenticate({ now: () => clock.now(), exchange })

  const begin = (call: UpstreamCall, faultOf: FaultOf | null, waiting: Waiting<UpstreamAnswer>): void => {
    let calling: Calling
    try {
      calling = new Calling(lineOf(call.provider), call, clock, waiting)
    } catch (error) {
      return waiting.failed(error)
    }
    const { line, timing } = calling
    try {
      timing.check()
      const fault = faultOf === null ? null : faultOf(call.provider.name)
      if (fault === null) return request(line, call, timing, calling)
      const send = (): Promise<Incoming> => promised((sending) => request(line, call, timing, sending))
      tell(withFault(fault, send, timing, clock), calling)
    } catch (error) {
      calling.failed(error)
    }
  }
  const upstream: Upstream = {
    connect,
    ...callsWith((call, waiting) => begin(call, null, waiting)),
    withFaults: (faultOf) => ({ ...upstream, ...callsWith((call, waiting) => begin(call, faultOf, waiting)) }),
  }
  return upstream

  async function connect(call: SocketCall): Promise<UpstreamSocket> {
    const { provider, credential, url, protocols, signal, timeouts } = call
    const line = lineOf(provider)
    const { destination } = line
    if (line.transport.type === 'simulated') {
      if (options.simulatorSocket !== undefined) return options.simulatorSocket(url)
      throw new UpstreamFailure({ type: 'unreachable', reason: 'there is no simulator here' })
    }
    if (!isBelow(url, destination.origin))
      throw new UpstreamFailure({ type: 'unreachable', reason: 'the address lies at another host than the base URL' })
    const http: UpstreamCall = { ...call, method: 'GET', body: null, stream: false }
    const timing = new CallTiming(clock, timeouts, signal, null)
    try {
      const address = await approve(line, http, timing)
      const outgoing = outgoingOf(line, http)
      const { headers } = outgoing
      // They are for an answer, which the handshake has none of.
      delete headers['accept']
      delete headers['accept-encoding']
      if (line.isWorkedFor && credential !== null) {
        const proof = authenticate(provider, credential, { method: 'GET', url, headers, body: '' })
        if (proof !== null) Object.assign(headers, await timing.interruptible(proof))
      }
      const opening = {
        destination,
        address,
        protocols,
        signal: abortSignalOf(signal),
        proxy: provider.proxy,
        handshakeMs: timeouts.firstTokenMs,
      }
      return await openWebSocket({ ...opening, url: outgoing.url, headers }, clock)
    } finally {
      timing.finish()
    }
  }
}

function callsWith(begin: Upstream['begin']): Pick<Upstream, 'begin' | 'call'> {
  return { begin, call: (call) => promised((waiting) => begin(call, waiting)) }
}

/** One call under way, from its start to the head of its answer. */
class Calling implements Waiting<Incoming> {
  readonly line: Line
  readonly timing: CallTiming
  readonly #call: UpstreamCall
  readonly #waiting: Waiting<UpstreamAnswer>

  /** Throws `UpstreamFailure` where it may not go. */
  constructor(line: Line, call: UpstreamCall, clock: Clock, waiting: Waiting<UpstreamAnswer>) {
    if (!isBelow(call.url, call.provider.baseUrl))
      throw new UpstreamFailure({
        type: 'unreachable',
        reason: 'the address lies outside of the provider’s base URL',
      })
    const { transport } = line
    const probing = transport.type === 'fetch' ? transport.fetching.probing(call.timeouts.connectMs) : null
    this.line = line
    this.timing = new CallTiming(clock, call.timeouts, call.signal, probing, call.minBytesPerS)
    this.#call = call
    this.#waiting = waiting
  }

  answered(incoming: Incoming): void {
    let problem: Outcome | null
    try {
      problem = this.#problemOf(incoming)
    } catch (error) {
      // A mistake of our own: whoever waits is told of it as it is, and nobody reads the answer.
      incoming.cancel()
      this.timing.finish()
      return this.#waiting.failed(error)
    }
    if (problem !== null) return this.failed(new UpstreamFailure(problem))
    this.#waiting.answered(new Answer(incoming, this.timing))
  }

  /** What the head of the answer says against it; null: nothing. */
  #problemOf(incoming: Incoming): Outcome | null {
    const { transport, proxyRequest } = this.line
    this.timing.head(this.#call.stream)
    if (transport.type === 'fetch') transport.fetching.reached()
    const isShown = this.#call.showRedirects === true && incoming.status !== 407
    return isShown ? null : headProblem(incoming.status, proxyRequest !== null)
  }

  failed(error: unknown): void {
    const failure = this.timing.failure(error)
    this.timing.end(failure.outcome)
    this.#waiting.failed(failure)
  }
}

function pinnedAddress(approval: Approval, what: string): string | null {
  if (approval.type === 'approved') return approval.address
  throw new UpstreamFailure({ type: 'unreachable', reason: `${what} is not called: ${approval.reason}` })
}

/** Where the credential may go: below the base URL and nowhere else. */
function isBelow(url: string, baseUrl: string): boolean {
  const next = url.charCodeAt(baseUrl.length)
  // `/`, `?` or the end; `https://api.example.com` + `.evil.com` is not below.
  return url.startsWith(baseUrl) && (next === 47 || next === 63 || Number.isNaN(next)) && !climbs(url, baseUrl.length)
}

/** A part of a path that leads up, written out or not. */
const DOTS = /^[^?#]*\/(?:\.|%2e){1,2}(?:[/?#]|$)/i

function climbs(url: string, from: number): boolean {
  // Nearly no path has a part that begins like one.
  if (url.indexOf('/.', from) < 0 && url.indexOf('/%2', from) < 0) return false
  return DOTS.test(url.slice(from))
}

function headProblem(status: number, isProxied: boolean): Outcome | null {
  // A redirect could lead the credential anywhere.
  if (status >= 300 && status < 400) return { type: 'broken', reason: `it answered with a redirect (${status})` }
  if (status === 407 && isProxied) return { type: 'unreachable', reason: 'the proxy asks for credentials' }
  return null
}

function createLine(provider: Provider, { clock, fetch: given, dial = dialTcp }: UpstreamOptions): Line {
  const url = new URL(provider.baseUrl)
  const proxy = provider.proxy === null ? null : new URL(provider.proxy)
  const { allowPrivate } = provider
  const destination: Destination = {
    origin: url.origin,
    hostname: url.hostname,
    host: url.host,
    port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
    isSecure: url.protocol === 'https:',
    ca: provider.ca,
  }
  const transport = (): Line['transport'] => {
    if (url.protocol === 'simulator:') return { type: 'simulated' }
    if (provider.proxy === null && given === undefined && HAS_SOCKETS)
      return { type: 'socket', sockets: createBySocket(destination, clock) }
    const send = given ?? ((to: string, init: BunFetchRequestInit) => fetch(to, init))
    return { type: 'fetch', fetching: createByFetch(destination, provider.proxy, { clock, send, dial }) }
  }
  return {
    provider,
    destination,
    request: { hostname: url.hostname, allowPrivate, isProxied: proxy !== null },
    proxyRequest: proxy === null ? null : { hostname: proxy.hostname, allowPrivate, isProxied: false },
    transport: transport(),
    authHeader: authHeaderOf(provider),
    isWorkedFor: provider.auth.type === 'aws' || provider.auth.type === 'google',
    headers: new Map(),
    heads: new Map(),
  }
}

function headFor(line: Line, sockets: BySocket, call: UpstreamCall): string {
  const last = line.heads.get(call.credential)
  if (last !== undefined && last.url === call.url && last.method === call.method && isSame(last.headers, call.headers))
    return last.text
  const text = sockets.headOf(outgoingOf(line, call))
  line.heads.set(call.credential, { method: call.method, url: call.url, headers: call.headers, text })
  return text
}

function isSame(one: UpstreamCall['headers'], other: UpstreamCall['headers']): boolean {
  if (one === other) return true
  for (const name in one) if (one[name] !== other[name]) return false
  for (const name in other) if (!(name in one)) return false
  return true
}

function outgoingOf(line: Line, call: UpstreamCall): Outgoing & { readonly headers: Record<string, string> } {
  let own = line.headers.get(call.credential)
  if (own === undefined)
    line.headers.set(call.credential, (own = providerHeaders(line.provider, call.credential, USER_AGENT)))
  const headers = withCallHeaders(own, call.headers, line.authHeader)
  const { auth } = line.provider
  let { url } = call
  if (auth.type === 'query' && call.credential !== null)
    url += `${url.includes('?') ? '&' : '?'}${auth.parameter}=${encodeURIComponent(call.credential.secret)}`
  return { method: call.method, url, headers, body: call.body }
}
