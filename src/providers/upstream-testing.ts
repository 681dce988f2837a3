// What the tests of the upstream share: servers that do exactly what a test says to a raw socket, and calls to them.
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'

import type { Credential, Provider } from '../core/model.ts'
import type { Outcome } from '../core/outcome.ts'
import type { AddressGuard, Approval } from './guard.ts'
import { drivenClock } from './simulator/driven-clock.ts'
import type { DrivenClock } from './simulator/driven-clock.ts'
import { TEST_CERTIFICATE, TEST_KEY } from './test-certificate.ts'
import { createUpstream, UpstreamFailure } from './upstream.ts'
import type { Upstream, UpstreamCall, UpstreamOptions } from './upstream.ts'

export type RawServer = {
  readonly port: number
  readonly url: string
  /** Each request as it came, head and body. */
  readonly requests: readonly string[]
  readonly connections: () => number
  /** Resolves once that many connections have been closed. */
  readonly closed: (count: number) => Promise<void>
  /** Resolves once that many requests have come. */
  readonly received: (count: number) => Promise<void>
  readonly close: () => void
}

export type Behaviour = (socket: Socket, request: string, count: number) => void

const open: Server[] = []
const sockets = new Set<Socket>()

/** Ends what a test has opened. */
export function closeServers(): void {
  for (const server of open.splice(0)) server.close()
  for (const socket of sockets) socket.destroy()
  sockets.clear()
}

export async function rawServer(behaviour: Behaviour, options: { readonly tls?: boolean } = {}): Promise<RawServer> {
  const requests: string[] = []
  let connections = 0
  let closed = 0
  const waiting: { readonly isDone: () => boolean; readonly resolve: () => void }[] = []
  const settle = (): void => {
    for (const wait of waiting) if (wait.isDone()) wait.resolve()
  }
  const until = (isDone: () => boolean): Promise<void> =>
    isDone() ? Promise.resolve() : new Promise((resolve) => waiting.push({ isDone, resolve }))
  const accept = (socket: Socket): void => {
    connections++
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => {
      closed++
      sockets.delete(socket)
      settle()
    })
    socket.on('data', (data) => {
      requests.push(data.toString('latin1'))
      settle()
      behaviour(socket, data.toString('latin1'), requests.length)
    })
  }
  const server =
    options.tls === true ? createTlsServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, accept) : createServer(accept)
  server.on('tlsClientError', () => undefined)
  open.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `${options.tls === true ? 'https://localhost' : 'http://127.0.0.1'}:${port}/v1`,
    requests,
    connections: () => connections,
    closed: (count) => until(() => closed >= count),
    received: (count) => until(() => requests.length >= count),
    close: () => server.close(),
  }
}

/** A whole HTTP answer of known length. */
export function whole(body: string | Uint8Array, head = ''): Buffer {
  const bytes = Buffer.from(body as string)
  return Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${head}content-length: ${bytes.length}\r\n\r\n`), bytes])
}

export const CHUNKED = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'

export function chunk(text: string | Uint8Array): Buffer {
  const bytes = Buffer.from(text as string)
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
}

export const LAST_CHUNK = '0\r\n\r\n'

export const TIMEOUTS = { connectMs: 5_000, firstTokenMs: 20_000, idleMs: 8_000, totalMs: 60_000 }

export function providerAt(baseUrl: string, differences: Partial<Provider> = {}): Provider {
  return {
    name: 'p',
    preset: 'openai-compatible',
    wire: 'openai',
    baseUrl,
    credentials: [],
    auth: { type: 'bearer' },
    headers: {},
    quirks: {},
    timeouts: TIMEOUTS,
    proxy: null,
    ca: null,
    allowPrivate: true,
    settings: {},
    limits: { rpm: null, tpm: null },
    ...differences,
  }
}

const APPROVING: AddressGuard = { approve: () => ({ type: 'approved', address: null }) }

export function guardThatSays(approval: Approval): AddressGuard {
  return { approve: () => Promise.resolve(approval) }
}

const SECRET: Credential = { id: 'p#1', secret: 'sk-secret' }

export type Setting = {
  readonly clock: DrivenClock
  readonly upstream: Upstream
  readonly call: (provider: Provider, differences?: Partial<UpstreamCall>) => ReturnType<Upstream['call']>
}

export function setUp(options: Partial<UpstreamOptions> = {}): Setting {
  const clock = drivenClock()
  const upstream = createUpstream({ clock, simulator: null, guard: APPROVING, ...options })
  return {
    clock,
    upstream,
    call: (provider, differences = {}) =>
      upstream.call({
        provider,
        credential: SECRET,
        method: 'POST',
        url: `${provider.baseUrl}/chat/completions`,
        headers: { 'content-type': 'application/json' },
        body: '{}',
        timeouts: TIMEOUTS,
        stream: false,
        signal: new AbortController().signal,
        ...differences,
      }),
  }
}

/** The outcome that a promise fails with. */
export async function outcomeOf(promise: Promise<unknown>): Promise<Outcome> {
  try {
    await promise
  } catch (error) {
    if (error instanceof UpstreamFailure) return error.outcome
    throw error
  }
  return { type: 'answered' }
}

export async function text(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let all = ''
  for await (const piece of chunks) all += Buffer.from(piece).toString()
  return all
}

/** Turns of the event loop until something holds; fails rather than hang. */
export async function eventually(holds: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 4_000
  while (!holds()) {
    if (performance.now() > giveUpAt) throw new Error('it never held')
    await new Promise((resolve) => setImmediate(resolve))
  }
}
