// The one file that opens a socket. Deadlines, cancellation, header hygiene, the address guard and the proxy are here, so
// nothing else has to think of them; it knows HTTP, and nothing of models.
//
// A request is sent once. The one exception: a kept-alive connection that the upstream closed while it was idle can take a
// request down with it before anybody has read it. It is sent again, once, on a fresh connection, when all of this holds:
// the connection was reset or closed, no byte of an answer came, it happened within 5 ms of sending (the close was already on
// its way; nobody has generated anything in that time), and a connection to this host was lying idle to be reused.
// Everything slower is `unreachable` and left to routing.
import { lookup } from 'node:dns/promises'
import { connect } from 'node:net'

import packageJson from '../../package.json' with { type: 'json' }
import type { Clock } from '../core/clock.ts'
import type { Credential, Provider, Timeouts } from '../core/model.ts'
import type { Outcome } from '../core/outcome.ts'
import { Answer, type Chunks } from './answer.ts'
import type { Pool } from './answer.ts'
import { createAuthenticate } from './authenticate.ts'
import { CallTiming } from './call-timing.ts'
import { isClosed, outcomeOf, UpstreamFailure } from './failure.ts'
import type { TokenReply, TokenRequest } from './google-token.ts'
import type { AddressGuard, AddressRequest, Approval, Resolve } from './guard.ts'
import { authHeaderOf, providerHeaders, withCallHeaders } from './headers.ts'

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
  /** Whether the first-token deadline is for the first chunk (true) or for the head (false). */
  readonly stream: boolean
  /** The client is gone, or another attempt has won. */
  readonly signal: AbortSignal
  /** A redirect is an answer, for who judges where it leads; absent: it is an error. Never with a credential. */
  readonly showRedirects?: true
}

export type UpstreamAnswer = {
  readonly status: number
  readonly headers: Headers
  /** The whole body, inflated; throws `UpstreamFailure` (`broken` when it is larger than `maxBytes`). */
  bytes(maxBytes: number): Promise<Uint8Array>
  /** Chunks as they arrive; throws `UpstreamFailure`. Leaving the loop early cancels the upstream at once. */
  chunks(): Chunks
  /** Ends the call now, also while a read waits: that read then throws `cancelled`. */
  cancel(): void
}

export interface Upstream {
  /** Resolves with the head of the answer, whatever its status but 3xx; rejects with `UpstreamFailure`. */
  call(call: UpstreamCall): Promise<UpstreamAnswer>
}

/** Tries a TCP connection; returns a function that gives up. `done` is called once, later, with the socket's error or null. */
export type Dial = (host: string, port: number, done: (error: unknown) => void) => () => void

export type UpstreamOptions = {
  readonly clock: Clock
  /** Answers for providers whose base URL starts with `simulator:`. */
  readonly simulator: ((request: Request) => Promise<Response>) | null
  readonly guard: AddressGuard
  readonly fetch?: (url: string, init: BunFetchRequestInit) => Promise<Response>
  readonly dial?: Dial
}

/** All calls of one provider share this. */
type Line = Pool & {
  readonly provider: Provider
  readonly hostname: string
  /** What the guard is asked about the provider, and about its proxy. */
  readonly request: AddressRequest
  readonly proxyRequest: AddressRequest | null
  readonly isSimulated: boolean
  /** What is connected to: the provider, or its proxy. */
  readonly dialHost: string
  readonly dialPort: number
  readonly proxy: { readonly url: string; readonly respectNoProxy: false } | false
  readonly tls: { readonly ca: string } | null
  readonly authHeader: string | null
  /** Its credentials are not sent as they are. */
  readonly isWorkedFor: boolean
  readonly headers: Map<Credential | null, Readonly<Record<string, string>>>
  /** When the host was last seen to answer, monotonic ms. */
  reachableAt: number
  idleConnections: number
  probe: Promise<Outcome | null> | null
}

const USER_AGENT = `weir/${packageJson.version}`
const REACHABLE_MS = 30_000
const STALE_SOCKET_MS = 5
const MAX_TOKEN_BYTES = 64 * 1024

/** Addresses of a name as the system resolves it, IPv4 first: a pinned address gets no second try. */
export const resolveHost: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true, order: 'ipv4first' })).map(({ address }) => address)

/** @param options `fetch` and `dial` are for tests */
export function createUpstream(options: UpstreamOptions): Upstream {
  const { clock, guard, simulator } = options
  const send = options.fetch ?? ((url: string, init: BunFetchRequestInit) => fetch(url, init))
  const dial = options.dial ?? dialTcp
  const lines = new WeakMap<Provider, Line>()

  const lineOf = (provider: Provider): Line => {
    let line = lines.get(provider)
    if (line === undefined) lines.set(provider, (line = createLine(provider)))
    return line
  }

  const isReachable = (line: Line): boolean => clock.monotonicMs() - line.reachableAt < REACHABLE_MS

  const probe = (line: Line, boundMs: number): Promise<Outcome | null> => {
    if (isReachable(line)) return Promise.resolve(null)
    line.probe ??= new Promise<Outcome | null>((resolve) => {
      const finish = (outcome: Outcome | null): void => {
        cancelTimer()
        line.probe = null
        if (outcome === null) line.reachableAt = clock.monotonicMs()
        resolve(outcome)
      }
      const cancelTimer = clock.after(boundMs, () => {
        giveUp()
        finish({ type: 'timed_out', stage: 'connect' })
      })
      const giveUp = dial(line.dialHost, line.dialPort, (error) =>
        finish(error === null ? null : outcomeOf(error, false)),
      )
    })
    return line.probe
  }

  /** Throws when the guard says no to the proxy or to the provider; gives the address to connect to, if there is just one. */
  const approve = async (line: Line, timing: CallTiming): Promise<string | null> => {
    if (line.proxyRequest !== null)
      pinnedAddress(await timing.interruptible(Promise.resolve(guard.approve(line.proxyRequest))), 'its proxy')
    return pinnedAddress(await timing.interruptible(Promise.resolve(guard.approve(line.request))), 'it')
  }

  const simulate = (call: UpstreamCall, timing: CallTiming): Promise<Response> => {
    if (simulator === null) throw new UpstreamFailure({ type: 'unreachable', reason: 'there is no simulator here' })
    const { method, headers, body, url } = call
    return simulator(new Request(url, { method, headers, body, signal: timing.abort.signal }))
  }

  const request = async (line: Line, call: UpstreamCall, timing: CallTiming): Promise<Response> => {
    const approval = line.proxyRequest === null ? guard.approve(line.request) : null
    // What was approved lately, which is nearly all, goes on without a turn of the event loop.
    const isKnown = approval !== null && !(approval instanceof Promise)
    const address = isKnown ? pinnedAddress(approval, 'it') : await approve(line, timing)
    const { url, init } = requestOf(line, call, address, timing.abort.signal)
    if (line.isWorkedFor && call.credential !== null) {
      const headers = init.headers as Record<string, string>
      const { method, body } = call
      const proof = authenticate(line.provider, call.credential, { method, url: call.url, headers, body: body ?? '' })
      if (proof !== null) Object.assign(headers, await timing.interruptible(proof))
    }
    const isReusing = line.idleConnections > 0
    if (isReusing) line.idleConnections--
    const sentAt = clock.monotonicMs()
    try {
      // An abort makes fetch reject at once, also while it resolves a name or connects.
      return await send(url, init)
    } catch (error) {
      const isStale = isReusing && isClosed(error) && clock.monotonicMs() - sentAt <= STALE_SOCKET_MS
      if (!isStale || timing.abort.signal.aborted) throw error
      // The other idle connections are most likely as dead as this one.
      line.idleConnections = 0
      return await send(url, { ...init, keepalive: false })
    }
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

  const upstream: Upstream = {
    async call(call) {
      const line = lineOf(call.provider)
      if (!isBelow(call.url, call.provider.baseUrl))
        throw new UpstreamFailure({
          type: 'unreachable',
          reason: 'the address lies outside of the provider’s base URL',
        })
      const { connectMs } = call.timeouts
      const probing = line.isSimulated || isReachable(line) ? null : () => probe(line, connectMs)
      const timing = new CallTiming(clock, call.timeouts, call.signal, probing)
      try {
        timing.check()
        const response = await (line.isSimulated
          ? timing.interruptible(simulate(call, timing))
          : request(line, call, timing))
        timing.head(call.stream)
        line.reachableAt = clock.monotonicMs()
        const problem =
          call.showRedirects === true && response.status !== 407
            ? null
            : headProblem(response.status, line.proxyRequest !== null)
        if (problem !== null) throw new UpstreamFailure(problem)
        return new Answer(response, timing, line)
      } catch (error) {
        const failure = timing.failure(error)
        timing.end(failure.outcome)
        throw failure
      }
    },
  }
  return upstream
}

function pinnedAddress(approval: Approval, what: string): string | null {
  if (approval.type === 'approved') return approval.address
  throw new UpstreamFailure({ type: 'unreachable', reason: `${what} is not called: ${approval.reason}` })
}

/** Where the credential may go: below the base URL and nowhere else. */
function isBelow(url: string, baseUrl: string): boolean {
  const next = url.charCodeAt(baseUrl.length)
  // `/`, `?` or the end; `https://api.example.com` + `.evil.com` is not below.
  return url.startsWith(baseUrl) && (next === 47 || next === 63 || Number.isNaN(next))
}

function headProblem(status: number, isProxied: boolean): Outcome | null {
  // A redirect could lead the credential anywhere.
  if (status >= 300 && status < 400) return { type: 'broken', reason: `it answered with a redirect (${status})` }
  if (status === 407 && isProxied) return { type: 'unreachable', reason: 'the proxy asks for credentials' }
  return null
}

function createLine(provider: Provider): Line {
  const url = new URL(provider.baseUrl)
  const proxy = provider.proxy === null ? null : new URL(provider.proxy)
  const dialled = proxy ?? url
  const { allowPrivate } = provider
  return {
    provider,
    hostname: url.hostname,
    request: { hostname: url.hostname, allowPrivate, isProxied: proxy !== null },
    proxyRequest: proxy === null ? null : { hostname: proxy.hostname, allowPrivate, isProxied: false },
    isSimulated: url.protocol === 'simulator:',
    dialHost: dialled.hostname.replace(/^\[|\]$/g, ''),
    dialPort: dialled.port === '' ? (dialled.protocol === 'https:' ? 443 : 80) : Number(dialled.port),
    // What NO_PROXY exempts was decided when the provider was configured.
    proxy: provider.proxy === null ? false : { url: provider.proxy, respectNoProxy: false },
    tls: provider.ca === null ? null : { ca: provider.ca },
    authHeader: authHeaderOf(provider),
    isWorkedFor: provider.auth.type === 'aws' || provider.auth.type === 'google',
    headers: new Map(),
    reachableAt: -Infinity,
    idleConnections: 0,
    probe: null,
  }
}

function requestOf(
  line: Line,
  call: UpstreamCall,
  address: string | null,
  signal: AbortSignal,
): { url: string; init: BunFetchRequestInit } {
  let own = line.headers.get(call.credential)
  if (own === undefined)
    line.headers.set(call.credential, (own = providerHeaders(line.provider, call.credential, USER_AGENT)))
  const headers = withCallHeaders(own, call.headers, line.authHeader)
  const { auth } = line.provider
  let url = call.url
  if (auth.type === 'query' && call.credential !== null)
    url += `${url.includes('?') ? '&' : '?'}${auth.parameter}=${encodeURIComponent(call.credential.secret)}`
  const init: BunFetchRequestInit = {
    method: call.method,
    headers,
    body: call.body as string | null,
    signal,
    redirect: 'manual',
    // Bun would break a long silent thought off after 5 minutes; the deadlines are ours.
    timeout: false,
    decompress: false,
    proxy: line.proxy,
  }
  if (line.tls !== null) init.tls = line.tls
  if (address !== null && address !== line.hostname) {
    const pinned = new URL(url)
    headers['host'] = pinned.host
    // The certificate must still be the name's.
    init.tls = { ...line.tls, serverName: line.hostname }
    pinned.hostname = address.includes(':') ? `[${address}]` : address
    url = pinned.href
  }
  return { url, init }
}

const dialTcp: Dial = (host, port, done) => {
  const socket = connect({ host, port })
  let isDone = false
  const finish = (error: unknown): void => {
    if (!isDone) done(error)
    isDone = true
    socket.destroy()
  }
  socket.once('connect', () => finish(null))
  // Not `once`: an error after the end must not crash the process.
  socket.on('error', finish)
  return () => {
    isDone = true
    socket.destroy()
  }
}
