// Calls through `fetch`: for upstreams behind a proxy, whose tunnels it knows, and where the runtime has no sockets for us.
//
// What fetch does not tell has to be guessed at: whether a connection stands (a bare one is tried, see call-timing.ts), and
// whether a request went out on a connection that had lain idle (counted by the answers that were read to their end).
import { connect } from 'node:net'
import type { Clock } from '../core/clock.ts'
import type { Outcome } from '../core/outcome.ts'
import type { Destination, Outgoing } from './by-socket.ts'
import type { CallTiming, Probe } from './call-timing.ts'
import { isStale, outcomeOf } from './failure.ts'
import { ResponseIncoming } from './incoming.ts'
import type { Incoming } from './incoming.ts'

export type Fetch = (url: string, init: BunFetchRequestInit) => Promise<Response>

/** Tries a TCP connection; returns a function that gives up. `done` is called once, later, with the socket's error or null. */
export type Dial = (host: string, port: number, done: (error: unknown) => void) => () => void

export interface ByFetch {
  /** A trial connection, or null while the host is known to be there. */
  probing(connectMs: number): Probe | null
  /** The host has answered. */
  reached(): void
  send(outgoing: Outgoing, address: string | null, timing: CallTiming): Promise<Incoming>
}

const REACHABLE_MS = 30_000

/** @param proxy URL, or null */
export function createByFetch(
  destination: Destination,
  proxy: string | null,
  { clock, send, dial }: { readonly clock: Clock; readonly send: Fetch; readonly dial: Dial },
): ByFetch {
  const dialled = new URL(proxy ?? destination.origin)
  const dialHost = dialled.hostname.replace(/^\[|\]$/g, '')
  const dialPort = dialled.port === '' ? (dialled.protocol === 'https:' ? 443 : 80) : Number(dialled.port)
  let reachableAt = -Infinity
  let idleConnections = 0
  let pending: Promise<Outcome | null> | null = null

  const isReachable = (): boolean => clock.monotonicMs() - reachableAt < REACHABLE_MS

  const probe = (boundMs: number): Promise<Outcome | null> => {
    if (isReachable()) return Promise.resolve(null)
    pending ??= new Promise<Outcome | null>((resolve) => {
      const finish = (outcome: Outcome | null): void => {
        cancelTimer()
        pending = null
        if (outcome === null) reachableAt = clock.monotonicMs()
        resolve(outcome)
      }
      const cancelTimer = clock.after(boundMs, () => {
        giveUp()
        finish({ type: 'timed_out', stage: 'connect' })
      })
      const giveUp = dial(dialHost, dialPort, (error) => finish(error === null ? null : outcomeOf(error, false)))
    })
    return pending
  }

  const incoming = (response: Response, timing: CallTiming): Incoming => {
    const answer = new ResponseIncoming(response, () => idleConnections++)
    timing.stopBy(answer)
    return answer
  }

  return {
    probing: (connectMs) => (isReachable() ? null : () => probe(connectMs)),
    reached() {
      reachableAt = clock.monotonicMs()
    },
    async send(outgoing, address, timing) {
      const { url, init } = initOf(outgoing, address, destination, proxy, timing.signal)
      const isReusing = idleConnections > 0
      if (isReusing) idleConnections--
      const sentAt = clock.monotonicMs()
      try {
        // An abort makes fetch reject at once, also while it resolves a name or connects.
        return incoming(await send(url, init), timing)
      } catch (error) {
        if (!isReusing || timing.hasEnded || !isStale(error, clock.monotonicMs() - sentAt)) throw error
        // The other idle connections are most likely as dead as this one.
        idleConnections = 0
        return incoming(await send(url, { ...init, keepalive: false }), timing)
      }
    },
  }
}

function initOf(
  outgoing: Outgoing,
  address: string | null,
  { hostname, host, ca }: Destination,
  proxy: string | null,
  signal: AbortSignal,
): { readonly url: string; readonly init: BunFetchRequestInit } {
  const init: BunFetchRequestInit = {
    method: outgoing.method,
    headers: outgoing.headers,
    body: outgoing.body as string | null,
    signal,
    redirect: 'manual',
    // Bun would break a long silent thought off after 5 minutes; the deadlines are ours.
    timeout: false,
    decompress: false,
    // What NO_PROXY exempts was decided when the provider was configured.
    proxy: proxy === null ? false : { url: proxy, respectNoProxy: false },
  }
  if (ca !== null) init.tls = { ca }
  if (address === null || address === hostname) return { url: outgoing.url, init }
  const pinned = new URL(outgoing.url)
  pinned.hostname = address.includes(':') ? `[${address}]` : address
  // The certificate must still be the name's.
  return {
    url: pinned.href,
    init: { ...init, headers: { ...outgoing.headers, host }, tls: { ...init.tls, serverName: hostname } },
  }
}

export const dialTcp: Dial = (host, port, done) => {
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
