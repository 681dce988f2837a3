// The only file that listens: hands each HTTP request to a function and adapts what Bun's server needs.
import type { Server, ServerWebSocket, TCPSocketListener } from 'bun'
import type { Reply } from '../core/reply.ts'
import type { AddressOf } from '../handle.ts'
import { Connection } from './http1/connection.ts'
import type { ConnectionTools } from './http1/connection.ts'
import type { ReceivedRequest } from './http1/received-request.ts'
import { isStreamed } from './response.ts'
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
  /**
   * Answers requests that come in the plain form in which nearly all come, without the objects that Bun's server makes of them; null: this
   * one is for `fetch`. Absent: all are.
   */
  readonly receive?: (request: ReceivedRequest, addressOf: AddressOf) => Promise<Reply> | null
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
  const { hostname, port } = parseAddress(options.listen)
  return options.receive === undefined
    ? serve(options, { hostname, port }, (socketAddress) => socketAddress.address)
    : listenInFront(options, options.receive, { hostname, port })
}

type Place = { readonly hostname: string; readonly port: number }
type SocketAddress = { readonly address: string; readonly port: number }

/** Null as an address: nobody whom we know. */
function serve(options: ListenOptions, at: Place, addressOfSocket: (socket: SocketAddress) => string | null): Listener {
  const { fetch, onError, idleSeconds = IDLE_SECONDS } = options
  let isRetiring = false
  const server: Server<SocketSession> = Bun.serve<SocketSession>({
    ...at,
    idleTimeout: idleSeconds,
    maxRequestBodySize: MAX_BODY_BYTES,
    development: false,
    async fetch(request, bun) {
      // From here on our own deadlines hold: an answer may think for minutes before its first byte.
      bun.timeout(request, 0)
      const response = await fetch(request, () => {
        const socket = bun.requestIP(request)
        return socket === null ? null : addressOfSocket(socket)
      })
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
  const bound = server.port ?? at.port
  return {
    url: urlOf(at.hostname, bound),
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

/** Our own connections, and behind them, for what is not for them, Bun's server on an address that only they reach. */
function listenInFront(
  options: ListenOptions,
  receive: NonNullable<ListenOptions['receive']>,
  { hostname, port }: Place,
): Listener {
  /** Addresses of clients whose connections were handed over, by the port from which the server behind sees them. */
  const handedOver = new Map<number, string | null>()
  const behind = serve(options, { hostname: '127.0.0.1', port: 0 }, (socket) => handedOver.get(socket.port) ?? null)
  const connections = new Set<Connection>()
  const tools: ConnectionTools = {
    answer: receive,
    handOver(tunnel, addressOf) {
      tunnel.connect(behind.port, (localPort) => {
        handedOver.set(localPort, addressOf())
        return () => handedOver.delete(localPort)
      })
    },
    onError: options.onError,
    now: Date.now,
    isRetiring: false,
    pending: 0,
    idleS: options.idleSeconds ?? IDLE_SECONDS,
    streamIdleS: STREAM_IDLE_SECONDS,
  }
  let front: TCPSocketListener<Connection>
  try {
    front = Bun.listen<Connection>({
      hostname,
      port,
      socket: {
        binaryType: 'buffer',
        open(socket) {
          socket.data = new Connection(socket, tools)
          connections.add(socket.data)
        },
        data: (socket, bytes) => socket.data.received(bytes),
        drain: (socket) => socket.data.drained(),
        close(socket) {
          connections.delete(socket.data)
          socket.data.closed()
        },
        error: (socket) => socket.data.kill(),
      },
    })
  } catch (error) {
    behind.stop()
    throw error
  }
  const ticking = setInterval(() => {
    for (const connection of connections) connection.tick()
  }, 1_000).unref()
  return {
    url: urlOf(hostname, front.port),
    port: front.port,
    retire() {
      tools.isRetiring = true
      behind.retire()
    },
    pending: () => tools.pending + behind.pending(),
    stop() {
      front.stop(false)
      behind.stop()
      for (const connection of connections) connection.retire()
    },
    async kill() {
      clearInterval(ticking)
      front.stop(true)
      for (const connection of connections) connection.kill()
      await behind.kill()
    },
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

function urlOf(hostname: string, port: number): string {
  const shown = hostname === '0.0.0.0' || hostname === '::' ? '127.0.0.1' : hostname
  return `http://${shown.includes(':') ? `[${shown}]` : shown}:${port}`
}

function parseAddress(address: string): { hostname: string; port: number } {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
  return { hostname: host === '' ? '0.0.0.0' : host, port: Number(address.slice(colon + 1)) }
}
