// Opens WebSockets to upstreams: handshake, deadline, cancellation, and what a refusal means.
import type { Clock } from '../core/clock.ts'
import type { Outcome } from '../core/outcome.ts'
import type { Destination } from './by-socket.ts'
import { UpstreamFailure } from './failure.ts'
import { createInbox } from './upstream-socket.ts'
import type { UpstreamSocket } from './upstream-socket.ts'

export type SocketOpening = {
  readonly destination: Destination
  /** Absolute, `http:` or `https:`. */
  readonly url: string
  /** Connect to this address and no other; null: wherever the name leads. */
  readonly address: string | null
  readonly headers: Readonly<Record<string, string>>
  readonly protocols: readonly string[]
  /** URL, or null. */
  readonly proxy: string | null
  readonly handshakeMs: number
  readonly signal: AbortSignal
}

/** A provider that does not answer a goodbye in this time is left without. */
const GOODBYE_MS = 5_000

/** Rejects with UpstreamFailure. */
export function openWebSocket(opening: SocketOpening, clock: Clock): Promise<UpstreamSocket> {
  const { signal, handshakeMs } = opening
  if (signal.aborted) return Promise.reject(new UpstreamFailure({ type: 'cancelled' }))
  return new Promise((resolve, reject) => {
    const socket = connect(opening)
    const inbox = createInbox()
    let isOpen = false
    const fail = (outcome: Outcome): void => {
      settle()
      socket.terminate()
      reject(new UpstreamFailure(outcome))
    }
    const onAbort = (): void => fail({ type: 'cancelled' })
    const cancelTimer = clock.after(handshakeMs, () => fail({ type: 'timed_out', stage: 'connect' }))
    const settle = (): void => {
      cancelTimer()
      signal.removeEventListener('abort', onAbort)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    socket.addEventListener('error', (event) => {
      if (!isOpen) fail(outcomeOfHandshake(event))
    })
    socket.addEventListener('open', () => {
      isOpen = true
      settle()
      resolve(upstreamSocket(socket, inbox, clock))
    })
    socket.addEventListener('message', ({ data }) => inbox.message(data as string | Uint8Array))
    socket.addEventListener('pong', () => inbox.pong())
    socket.addEventListener('close', ({ code, reason }) => {
      if (isOpen) inbox.closed(code, reason)
      else fail({ type: 'unreachable', reason: 'the connection was closed before the WebSocket stood' })
    })
  })
}

function connect({ destination, url, address, headers, protocols, proxy }: SocketOpening): WebSocket {
  const target = new URL(url)
  target.protocol = target.protocol === 'https:' ? 'wss:' : 'ws:'
  const tls: Record<string, unknown> = destination.ca === null ? {} : { ca: destination.ca }
  const sent: Record<string, string> = { ...headers }
  if (address !== null && address !== destination.hostname) {
    sent['host'] = target.host
    // The certificate must still be the name's.
    tls['serverName'] = destination.hostname
    target.hostname = address.includes(':') ? `[${address}]` : address
  }
  const socket = new WebSocket(target.href, {
    headers: sent,
    protocols: [...protocols],
    tls,
    perMessageDeflate: false,
    ...(proxy === null ? {} : { proxy }),
  })
  socket.binaryType = 'nodebuffer'
  return socket
}

function upstreamSocket(socket: WebSocket, inbox: ReturnType<typeof createInbox>, clock: Clock): UpstreamSocket {
  const isGone = (): boolean => socket.readyState !== WebSocket.OPEN
  return {
    listen: (listener) => inbox.listen(listener),
    send(data) {
      if (!isGone()) socket.send(data)
    },
    get bufferedBytes() {
      return socket.bufferedAmount
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    ping() {
      if (!isGone()) socket.ping()
    },
    close(code, reason) {
      // A paused socket would not see the other side's goodbye.
      socket.resume()
      socket.close(code, reason)
      const cancel = clock.after(GOODBYE_MS, () => socket.terminate())
      socket.addEventListener('close', cancel, { once: true })
    },
  }
}

/** Bun tells the status of a refused handshake in its message, and nowhere else. */
function outcomeOfHandshake(event: Event): Outcome {
  const message = 'message' in event && typeof event.message === 'string' ? event.message : ''
  const status = Number(/status code: (\d{3})/.exec(message)?.[1] ?? 0)
  if (status === 401 || status === 403) return { type: 'credential_bad' }
  if (status === 429) return { type: 'rate_limited', retryAfterMs: null }
  if (status >= 500) return { type: 'overloaded', retryAfterMs: null }
  if (status > 0) return { type: 'unreachable', reason: `it refused the WebSocket (status ${status})` }
  return { type: 'unreachable', reason: 'no WebSocket could be opened' }
}
