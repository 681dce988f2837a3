import { expect, test } from 'bun:test'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { systemClock } from '../core/clock.ts'
import { openWebSocket } from './by-web-socket.ts'
import type { SocketOpening } from './by-web-socket.ts'
import type { UpstreamFailure } from './failure.ts'
import { drivenClock } from './simulator/driven-clock.ts'
import { TEST_AUTHORITY, TEST_CERTIFICATE, TEST_KEY } from './test-certificate.ts'

function opening(port: number, change: Partial<SocketOpening> = {}): SocketOpening {
  const url = `https://api.example.test:${port}/v1/realtime?model=m`
  return {
    destination: {
      origin: `https://api.example.test:${port}`,
      hostname: 'api.example.test',
      host: `api.example.test:${port}`,
      port,
      isSecure: true,
      ca: TEST_AUTHORITY,
    },
    url,
    address: '127.0.0.1',
    headers: { authorization: 'Bearer x' },
    protocols: [],
    proxy: null,
    handshakeMs: 5_000,
    signal: new AbortController().signal,
    ...change,
  }
}

function startSecure(status = 101): Disposable & { readonly port: number; readonly hosts: (string | null)[] } {
  const hosts: (string | null)[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    tls: { cert: TEST_CERTIFICATE, key: TEST_KEY },
    fetch(request, bun) {
      hosts.push(request.headers.get('host'))
      if (status !== 101) return new Response('no', { status })
      return bun.upgrade(request, { data: undefined }) ? undefined : new Response('no', { status: 400 })
    },
    websocket: { message: (socket, data) => void socket.send(data) },
  })
  return { port: server.port ?? 0, hosts, [Symbol.dispose]: () => void server.stop(true) }
}

async function outcomeOf(attempt: Promise<unknown>): Promise<unknown> {
  return attempt.then(
    () => 'open',
    (error: unknown) => (error as UpstreamFailure).outcome,
  )
}

test('an address that was approved is connected to, under the name’s certificate and host', async () => {
  using server = startSecure()
  const socket = await openWebSocket(opening(server.port), systemClock)
  const { promise, resolve } = Promise.withResolvers<string | Uint8Array>()
  socket.send('hello')
  socket.listen({ message: resolve, pong: () => {}, closed: () => {} })
  expect(await promise).toBe('hello')
  expect(server.hosts).toEqual([`api.example.test:${server.port}`])
  socket.close(1000, '')
})

test('a certificate of another name is not trusted', async () => {
  using server = startSecure()
  const { destination } = opening(server.port)
  const other = { ...destination, hostname: 'other.example.test' }
  expect(await outcomeOf(openWebSocket(opening(server.port, { destination: other }), systemClock))).toMatchObject({
    type: 'unreachable',
  })
})

test.each([
  [401, { type: 'credential_bad' }],
  [429, { type: 'rate_limited', retryAfterMs: null }],
  [503, { type: 'overloaded', retryAfterMs: null }],
  [404, { type: 'unreachable', reason: 'it refused the WebSocket (status 404)' }],
])('a handshake that is answered by %d', async (status, outcome) => {
  using server = startSecure(status)
  expect(await outcomeOf(openWebSocket(opening(server.port), systemClock))).toEqual(outcome)
})

test('a host that never answers is given up in time, or when nobody waits any more', async () => {
  const clock = drivenClock()
  const server = createServer(() => {})
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const late = outcomeOf(openWebSocket(opening(port), clock))
  clock.advance(5_000)
  expect(await late).toEqual({ type: 'timed_out', stage: 'connect' })
  const leaving = new AbortController()
  const left = outcomeOf(openWebSocket(opening(port, { signal: leaving.signal }), clock))
  leaving.abort()
  expect(await left).toEqual({ type: 'cancelled' })
  expect(clock.pending()).toBe(0)
  server.close()
})
