// The only file that listens: hands each HTTP request to a function and adapts what Bun's server needs.
import type { Server, ServerWebSocket } from 'bun'
import type { AddressOf } from '../handle.ts'
import { isStreamed } from './relay.ts'
import { sessionIn } from './socket.ts'
import type { ClientSocket, SocketSession } from './socket.ts'

export type Listener = {
  /** `http://host:port` as reached from this machine. */
  readonly url: string
  readonly port: number
  /** From now on every answer is the last one on its connection. */
  retire(): void
  /** Answers that are not out yet. */
  pending(): number
  /** Takes no new connections, and closes those that lie idle. */
  stop(): void
  /** Closes what is still open. */
  kill(): Promise<void>
}

export type ListenOptions = {
  /** `host:port`; an empty host means all addresses, port 0 any free port. */
  readonly listen: string
  readonly fetch: (request: Request, addressOf: AddressOf) => Promise<Response>
  readonly onError: (error: unknown) => void
  /** How long a connection may lie idle, s; 20 unless a test cannot wait that long. */
  readonly idleSeconds?: number
}

// Largest body that Bun lets through to us: our own bounds answer in the caller's dialect, this one only guards against
// a length that no bound of ours would allow.
const MAX_BODY_BYTES = 2 ** 31
/** A connection on which nothing happens, or a client that takes none of its answer, is cut after this long. */
const IDLE_SECONDS = 20
/**
 * The same while an answer is a stream, whose provider may be silent for long; it also ends a client that has stopped
 * reading. (A head that trickles in is cut by Bun 12 s after the connection began, and on a kept-alive one with these.)
 */
const STREAM_IDLE_SECONDS = 255

/** Beyond what a session allows: its own bound is told in the caller's format, this one cuts. */
const MAX_MESSAGE_BYTES = 72 * 1024 * 1024
/** Sent to a client that does not take it: sessions stop long before. */
const MAX_UNTAKEN_BYTES = 128 * 1024 * 1024
const SOCKET_IDLE_SECONDS = 120

/** Starts listening; throws when the address cannot be had. */
export function listen(options: ListenOptions): Listener {
  const { listen: address, fetch, onError, idleSeconds = IDLE_SECONDS } = options
  const { hostname, port } = parseAddress(address)
  let isRetiring = false
  const server: Server<SocketSession> = Bun.serve<SocketSession>({
    hostname,
    port,
    idleTimeout: idleSeconds,
    maxRequestBodySize: MAX_BODY_BYTES,
    development: false,
    async fetch(request, bun) {
      // From here on our own deadlines hold: an answer may think for minutes before its first byte.
      bun.timeout(request, 0)
      const response = await fetch(request, () => bun.requestIP(request)?.address ?? null)
      if (request.method === 'GET') {
        const switched = sessionIn(response)
        if (switched !== null) return upgrade(bun, request, switched.session, switched.headers)
      }
      if (isRetiring) response.headers.set('connection', 'close')
      // Without this the connection would have no deadline for the rest of its life.
      bun.timeout(request, isStreamed(response) ? STREAM_IDLE_SECONDS : idleSeconds)
      return response
    },
    websocket: {
      maxPayloadLength: MAX_MESSAGE_BYTES,
      backpressureLimit: MAX_UNTAKEN_BYTES,
      closeOnBackpressureLimit: true,
      idleTimeout: SOCKET_IDLE_SECONDS,
      // A client that does not answer a ping is gone.
      sendPings: true,
      perMessageDeflate: false,
      open: (socket) => socket.data.open(clientSocket(socket)),
      message: (socket, data) => socket.data.message(data),
      drain: (socket) => socket.data.drained(),
      close: (socket) => socket.data.closed(),
    },
    error(error) {
      onError(error)
      return new Response('{"error":{"code":"internal","message":"Something went wrong inside the gateway."}}', {
        status: 500,
        headers: { 'content-type': 'application/json' },
      })
    },
  })
  const shown = hostname === '0.0.0.0' || hostname === '::' ? '127.0.0.1' : hostname
  const bound = server.port ?? port
  return {
    url: `http://${shown.includes(':') ? `[${shown}]` : shown}:${bound}`,
    port: bound,
    retire() {
      isRetiring = true
    },
    pending: () => server.pendingRequests,
    // Its promise also waits for connections that have never sent anything.
    stop: () => void server.stop(false),
    kill: () => server.stop(true),
  }
}

function upgrade(
  server: Server<SocketSession>,
  request: Request,
  session: SocketSession,
  headers: Readonly<Record<string, string>>,
): Response | undefined {
  if (server.upgrade(request, { data: session, headers })) return undefined
  session.closed()
  return new Response('The handshake of the WebSocket is not valid.', { status: 400 })
}

function clientSocket(socket: ServerWebSocket<SocketSession>): ClientSocket {
  return {
    // -1: taken, and not sent yet.
    send: (data) => socket.send(data) !== -1,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: (code, reason) => socket.close(code, reason),
  }
}

function parseAddress(address: string): { hostname: string; port: number } {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
  return { hostname: host === '' ? '0.0.0.0' : host, port: Number(address.slice(colon + 1)) }
}
