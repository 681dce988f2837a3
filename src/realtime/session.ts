// One live session: a client's WebSocket and a provider's, and what passes between them.
//
// States: waiting (the model is not known yet) → open → over. Messages pass in the order in which they came, as they came,
// but for the model's name. Neither side is read faster than the other takes: a slow client slows its provider, and the
// other way round. Everything that ends a session ends it once: both sides are told, the open turn is booked.
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import type { RealtimeConfig } from '../config/schema-realtime.ts'
import { goodbyeOf, reasonOf } from '../dialects/realtime.ts'
import type { Goodbye, RealtimeDialect } from '../dialects/realtime.ts'
import type { ClientSocket, SocketSession } from '../http/socket.ts'
import type { UpstreamSocket } from '../providers/upstream-socket.ts'
import type { Connection } from './connect.ts'
import { createMailbox } from './mailbox.ts'
import type { Turns } from './turns.ts'

/** A session that stands: its provider, and its account. */
export type Started = { readonly connection: Connection; readonly turns: Turns }

export type SessionOptions = {
  readonly dialect: RealtimeDialect
  readonly requestId: string
  readonly clock: Clock
  readonly limits: RealtimeConfig
  readonly redact: (text: string) => string
  /** Plans, admits and connects; throws what ends the session. */
  readonly start: (model: string, signal: AbortSignal) => Promise<Started>
  /** The session ends before it stood: `start` was not called, or has failed. */
  readonly onRefused: (error: GatewayError | null) => void
  readonly onOver: () => void
  readonly onInternal: (error: unknown) => void
}

export interface Session extends SocketSession {
  /** Before the client is let in, where its address names the model. Throws what `start` throws. */
  begin(model: string): Promise<void>
  /** Ends it as soon as no answer is under way. */
  drain(): void
}

type Message = string | Uint8Array

/** Client and first message have this long to come. */
const SETUP_MS = 10_000
/** How often the provider is asked whether it is still there, and how long it may be silent altogether. */
const PING_MS = 20_000
const DEAD_MS = 60_000
/** Sent to the provider and not taken yet: the client waits. */
const FULL_BYTES = 1024 * 1024
const LOOK_AGAIN_MS = 10

export function createSession(options: SessionOptions): Session {
  const { dialect, clock, limits, redact } = options
  const abort = new AbortController()
  let client: ClientSocket | null = null
  let started: Started | null = null
  let isStarting = false
  let isOver = false
  let isDraining = false
  /** Client and provider were last heard, monotonic ms. */
  let heardMs = clock.monotonicMs()
  let providerMs = heardMs
  let nextTurn: Promise<void> | null = null
  let onClientDrained: (() => void) | null = null
  const timers = new Set<() => void>()

  const fromClient = createMailbox<Message>({
    handle: toProvider,
    sizeOf,
    hold: (isFull) => (isFull ? client?.pause() : client?.resume()),
    onError: fail,
  })
  const fromProvider = createMailbox<Message>({
    handle: toClient,
    sizeOf,
    hold: (isFull) => (isFull ? started?.connection.socket.pause() : started?.connection.socket.resume()),
    onError: fail,
  })

  function after(delayMs: number, callback: () => void): void {
    const cancel = clock.after(delayMs, () => {
      timers.delete(cancel)
      if (!isOver) callback()
    })
    timers.add(cancel)
  }

  async function begin(model: string): Promise<void> {
    isStarting = true
    try {
      started = await options.start(model, abort.signal)
    } catch (error) {
      // The client has left meanwhile, and nobody else closes what was opened for it.
      if (isOver) options.onRefused(error instanceof GatewayError ? error : new GatewayError('internal', {}, error))
      throw error
    } finally {
      isStarting = false
    }
    if (isOver) return closeStarted(started, null)
    const now = clock.monotonicMs()
    heardMs = providerMs = now
    after(limits.sessionMs, () => fail(ended(`A session may last ${limits.sessionMs} ms.`)))
    watchIdle()
    watchProvider(started.connection.socket)
  }

  function listen({ connection: { socket } }: Started): void {
    socket.listen({
      message(data) {
        heardMs = providerMs = clock.monotonicMs()
        fromProvider.push(data)
      },
      pong() {
        providerMs = clock.monotonicMs()
      },
      closed: onProviderClosed,
    })
  }

  /** A handshake that nobody completes, and a client that sets nothing up, must not hold a place for ever. */
  function watchStart(): void {
    after(SETUP_MS, () => {
      if (client !== null && started !== null) return
      if (isStarting) watchStart()
      else fail(lateSetup())
    })
  }

  function watchIdle(): void {
    const leftMs = heardMs + limits.idleMs - clock.monotonicMs()
    if (leftMs <= 0) return fail(ended(`Nothing was said for ${limits.idleMs} ms.`))
    after(leftMs, watchIdle)
  }

  function watchProvider(socket: UpstreamSocket): void {
    after(PING_MS, () => {
      if (clock.monotonicMs() - providerMs > DEAD_MS)
        return fail(new GatewayError('all_targets_timed_out', { message: 'The provider is not there any more.' }))
      socket.ping()
      watchProvider(socket)
    })
  }

  function toProvider(message: Message): void | Promise<void> {
    if (isOver) return undefined
    checkSize(message)
    if (started === null) return setUp(message)
    if (nextTurn !== null) return nextTurn.then(() => forward(message))
    return forward(message)
  }

  async function setUp(message: Message): Promise<void> {
    await begin(dialect.modelIn(textOf(message)))
    if (started === null || isOver) return
    listen(started)
    await forward(typeof message === 'string' ? message : textOf(message))
  }

  function forward(message: Message): void | Promise<void> {
    if (started === null || isOver) return undefined
    const { socket, target } = started.connection
    socket.send(typeof message === 'string' ? dialect.rename(message, target.deployment.model) : message)
    return socket.bufferedBytes > FULL_BYTES ? untilTaken(socket) : undefined
  }

  function untilTaken(socket: UpstreamSocket): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (isOver || socket.bufferedBytes <= FULL_BYTES / 2) resolve()
        else clock.after(LOOK_AGAIN_MS, look)
      }
      look()
    })
  }

  function toClient(message: Message): void | Promise<void> {
    if (isOver || started === null) return undefined
    // What it says belongs to the turn that is being admitted.
    if (nextTurn !== null) return nextTurn.then(() => toClient(message))
    if (sizeOf(message) > limits.messageLimitBytes)
      throw new GatewayError('all_targets_failed', {
        message: `The provider sent a message of more than ${limits.messageLimitBytes} bytes.`,
      })
    const { turns, connection } = started
    const facts = connection.reader(textOf(message))
    turns.note(facts)
    if (!facts.ends) return deliver(message)
    return turns.end(facts).then(() => {
      const delivered = deliver(message)
      goOn(turns)
      return delivered
    })
  }

  /** The next turn is admitted while the client hears the end of this one; what it says meanwhile waits. */
  function goOn(turns: Turns): void {
    if (isOver) return
    if (isDraining) return fail(new GatewayError('draining'))
    nextTurn = turns.next().then(
      () => void (nextTurn = null),
      (error: unknown) => fail(error),
    )
  }

  function deliver(message: Message): void | Promise<void> {
    if (client === null || isOver || client.send(message)) return undefined
    return new Promise<void>((resolve) => void (onClientDrained = resolve))
  }

  function checkSize(message: Message): void {
    if (sizeOf(message) > limits.messageLimitBytes)
      throw new GatewayError('request_too_large', {
        message: `A message may have ${limits.messageLimitBytes} bytes.`,
      })
  }

  function onProviderClosed(code: number, reason: string): void {
    if (isOver) return
    // A goodbye is passed on; a connection that broke off is an error.
    if (code === 1006 || code === 1015)
      return fail(new GatewayError('all_targets_failed', { message: 'The connection to the provider broke off.' }))
    const passed = code === 1005 ? 1000 : code
    end({ code: passed, reason: reasonOf(redact(reason)) }, null)
  }

  function fail(error: unknown): void {
    if (isOver) return
    if (!(error instanceof GatewayError)) options.onInternal(error)
    const known = error instanceof GatewayError ? error : new GatewayError('internal', {}, error)
    const told = dialect.errorMessage(known, started?.turns.id ?? options.requestId)
    if (told !== null) client?.send(redact(told))
    const { code, reason } = goodbyeOf(known)
    end({ code, reason: reasonOf(redact(reason)) }, known)
  }

  function end({ code, reason }: Goodbye, error: GatewayError | null): void {
    if (isOver) return
    isOver = true
    abort.abort()
    for (const cancel of timers) cancel()
    fromClient.close()
    fromProvider.close()
    onClientDrained?.()
    client?.resume()
    client?.close(code, reason)
    if (started !== null) closeStarted(started, error)
    else if (!isStarting) options.onRefused(error)
    options.onOver()
  }

  function closeStarted({ connection, turns }: Started, error: GatewayError | null): void {
    connection.socket.close(1000, '')
    turns.close(error)
  }

  watchStart()
  return {
    begin,
    open(socket) {
      client = socket
      if (isOver) return socket.close(1011, '')
      if (started !== null) listen(started)
      if (isDraining) fail(new GatewayError('draining'))
    },
    message(data) {
      heardMs = clock.monotonicMs()
      fromClient.push(data)
    },
    drained() {
      const resolve = onClientDrained
      onClientDrained = null
      resolve?.()
    },
    closed() {
      end({ code: 1000, reason: '' }, started?.turns.isAnswering === true ? new GatewayError('client_closed') : null)
    },
    drain() {
      isDraining = true
      if (started?.turns.isAnswering !== true && !isStarting) fail(new GatewayError('draining'))
    },
  }
}

function ended(message: string): GatewayError {
  return new GatewayError('session_ended', { message })
}

function lateSetup(): GatewayError {
  return new GatewayError('request_too_slow', { message: `The session was not set up within ${SETUP_MS} ms.` })
}

function sizeOf(message: Message): number {
  return message.length
}

function textOf(message: Message): string {
  return typeof message === 'string'
    ? message
    : Buffer.from(message.buffer, message.byteOffset, message.byteLength).toString('utf8')
}
