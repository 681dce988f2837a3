// The connections to one host: opened when needed, kept for a while after an answer, and never used again in an unknown state.
//
//   connecting ──(TLS)──▶ busy (one exchange) ──answer complete──▶ idle ──next request──▶ busy
//        └───────────────────┴── anything unexpected ──▶ closed ◀── closed by the host, 55 s idle ──┘
//
// An idle connection on which bytes arrive is closed: they would be taken for the answer to the next request.
import type { Socket } from 'bun'
import type { Clock } from '../../core/clock.ts'
import type { Waiting } from '../../core/waiting.ts'
import { Exchange } from './exchange.ts'
import type { Carrier, OutgoingRequest } from './exchange.ts'
import { Receiver } from './receiver.ts'

export type Endpoint = {
  /** Name or address to connect to; IPv6 without brackets. */
  readonly hostname: string
  readonly port: number
  /** Null: plain. Never empty: Bun takes an empty object for none. */
  readonly tls: { readonly rejectUnauthorized: true; readonly serverName?: string; readonly ca?: string } | null
}

/** Hosts close idle connections after a minute or more; who closes first races with nobody. */
const IDLE_SECONDS = 55
const MAX_IDLE = 1_024
/** Larger bodies are written behind their head instead of being joined with it. */
const JOINED_BYTES = 64 * 1024

export class Origin {
  readonly #endpoint: Endpoint
  readonly #clock: Clock
  /** Last used last: the others fall idle and are closed. */
  readonly #idle: Connection[] = []

  constructor(endpoint: Endpoint, clock: Clock) {
    this.#endpoint = endpoint
    this.#clock = clock
  }

  /** Sends a request at once where a connection lies idle (unless `fresh`), else as soon as one stands. */
  send(request: OutgoingRequest, connectMs: number, fresh: boolean, waiting: Waiting<Exchange>): Exchange {
    const idle = fresh ? undefined : this.#idle.pop()
    if (idle !== undefined) return idle.send(request, true, waiting)
    const connection = new Connection(this)
    const exchange = connection.send(request, false, waiting)
    connection.connect(this.#endpoint, this.#clock, connectMs)
    return exchange
  }

  /** Closes what lies idle. */
  clear(): void {
    for (const connection of this.#idle.splice(0)) connection.destroy()
  }

  /** Takes a connection whose answer is complete. */
  keep(connection: Connection): void {
    if (this.#idle.length >= MAX_IDLE) connection.destroy()
    else this.#idle.push(connection)
  }

  forget(connection: Connection): void {
    const index = this.#idle.indexOf(connection)
    if (index >= 0) this.#idle.splice(index, 1)
  }
}

class Connection implements Carrier {
  readonly #origin: Origin
  #socket: Socket<Connection> | null = null
  #exchange: Exchange | null = null
  #receiver: Receiver | null = null
  /** What is sent as soon as the connection stands; not kept from then on, for an answer may take minutes. */
  #request: OutgoingRequest | null = null
  /** What the socket has not taken yet. */
  #unsent: Uint8Array | null = null
  #isReady = false
  #isPaused = false
  #isClosed = false
  #cancelTimer: (() => void) | null = null

  constructor(origin: Origin) {
    this.#origin = origin
  }

  connect({ hostname, port, tls }: Endpoint, clock: Clock, connectMs: number): void {
    this.#cancelTimer = clock.after(connectMs, () => this.close(errorOf('ETIMEDOUT')))
    const handlers = tls === null ? PLAIN : SECURE
    // Failures come through the handlers too; those before there is a socket (an unusable authority) only here.
    Bun.connect({ hostname, port, data: this, socket: handlers, ...(tls === null ? {} : { tls }) }).catch(
      (error: unknown) => this.close(error),
    )
  }

  send(request: OutgoingRequest, isReused: boolean, waiting: Waiting<Exchange>): Exchange {
    const exchange = new Exchange(isReused, this, waiting)
    this.#exchange = exchange
    this.#receiver = new Receiver(request.method, exchange)
    if (this.#isReady) {
      this.#socket?.timeout(0)
      this.#write(request)
    } else this.#request = request
    return exchange
  }

  opened(socket: Socket<Connection>): void {
    if (this.#isClosed) socket.terminate()
    else this.#socket = socket
  }

  /** The connection stands, its certificate is the host's. */
  ready(): void {
    const request = this.#request
    if (this.#isClosed || request === null) return
    this.#request = null
    this.#cancelTimer?.()
    this.#cancelTimer = null
    this.#isReady = true
    this.#write(request)
  }

  received(data: Buffer): void {
    const receiver = this.#receiver
    // Nobody asked for it, or it came before the certificate was seen.
    if (receiver === null || !this.#isReady) return this.destroy()
    const exchange = this.#exchange
    if (exchange !== null) exchange.hasHeard = true
    try {
      const left = receiver.push(data)
      if (receiver.hasEnded) this.#finish(left)
    } catch (error) {
      return this.close(error)
    }
    exchange?.tell()
  }

  /** The socket takes more. */
  flush(): void {
    const rest = this.#unsent
    if (rest === null) return
    const taken = this.#socket?.write(rest) ?? 0
    if (taken > 0) this.#unsent = taken >= rest.length ? null : rest.subarray(taken)
  }

  pause(): void {
    this.#isPaused = true
    this.#socket?.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#socket?.resume()
  }

  destroy(): void {
    this.close(errorOf('ECONNRESET'))
  }

  /** The socket is gone, or must go. What it was carrying fails, unless an answer ends with its connection. */
  close(error: unknown): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#cancelTimer?.()
    this.#socket?.terminate()
    const exchange = this.#exchange
    if (exchange === null) return this.#origin.forget(this)
    this.#exchange = null
    if (this.#receiver?.close() !== true) exchange.fail(error)
  }

  #finish(left: number): void {
    const exchange = this.#exchange
    this.#exchange = null
    this.#receiver = null
    // Bytes behind the answer belong to nobody; a host that has answered before it had the whole request wants no more.
    if (exchange?.keepsAlive !== true || left > 0 || this.#unsent !== null) return this.destroy()
    this.resume()
    this.#socket?.timeout(IDLE_SECONDS)
    this.#origin.keep(this)
  }

  #write({ head, body }: OutgoingRequest): void {
    if (body === null) return this.#put(`${head}\r\n`)
    const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length
    const whole = `${head}content-length: ${bytes}\r\n\r\n`
    if (typeof body === 'string') return this.#put(whole + body, whole.length + bytes)
    if (bytes <= JOINED_BYTES) return this.#put(Buffer.concat([Buffer.from(whole), body]))
    this.#put(whole)
    this.#put(body)
  }

  #put(data: string | Uint8Array, bytes = data.length): void {
    if (this.#unsent !== null) {
      this.#unsent = Buffer.concat([this.#unsent, Buffer.from(data as string)])
      return
    }
    const taken = this.#socket?.write(data) ?? 0
    // -1: it is closed, and its handler says so.
    if (taken < bytes) this.#unsent = Buffer.from(data as string).subarray(Math.max(0, taken))
  }
}

const PLAIN = {
  open(socket: Socket<Connection>): void {
    socket.data.opened(socket)
    socket.data.ready()
  },
  data: (socket: Socket<Connection>, data: Buffer): void => socket.data.received(data),
  drain: (socket: Socket<Connection>): void => socket.data.flush(),
  close: (socket: Socket<Connection>): void => socket.data.destroy(),
  error: (socket: Socket<Connection>, error: Error): void => socket.data.close(error),
  timeout: (socket: Socket<Connection>): void => socket.data.destroy(),
  connectError: (socket: Socket<Connection>, error: Error): void => socket.data.close(error),
}

const SECURE = {
  ...PLAIN,
  open: (socket: Socket<Connection>): void => socket.data.opened(socket),
  handshake(socket: Socket<Connection>, isTrusted: boolean, error: Error | null): void {
    if (isTrusted) socket.data.ready()
    else socket.data.close(error ?? errorOf('EPROTO'))
  },
}

function errorOf(code: string): Error {
  return Object.assign(new Error(code), { code })
}
