import { afterEach, expect, test } from 'bun:test'
import { drivenClock } from '../simulator/driven-clock.ts'
import { chunk, CHUNKED, closeServers, eventually, LAST_CHUNK, rawServer, whole } from '../upstream-testing.ts'
import type { RawServer } from '../upstream-testing.ts'
import { promised } from '../../core/waiting.ts'
import { nextPiece } from '../incoming.ts'
import type { Exchange } from './exchange.ts'
import { Origin } from './origin.ts'

afterEach(closeServers)

const POST = { method: 'POST', head: 'POST / HTTP/1.1\r\nhost: x\r\n', body: '{}' } as const

function originOf(
  { port }: RawServer,
  tls: boolean = false,
): { origin: Origin; clock: ReturnType<typeof drivenClock> } {
  const clock = drivenClock()
  return {
    clock,
    origin: new Origin({ hostname: '127.0.0.1', port, tls: tls ? { rejectUnauthorized: true } : null }, clock),
  }
}

const answered = (origin: Origin, body: string | Uint8Array = POST.body): Promise<Exchange> =>
  promised((waiting) => origin.send({ ...POST, body }, 1_000, false, waiting))

async function read(sent: Promise<Exchange>): Promise<string> {
  const exchange = await sent
  let text = ''
  for (;;) {
    const piece = await nextPiece(exchange)
    if (piece === null) return text
    text += Buffer.from(piece).toString()
  }
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'answered',
    (error: { code?: unknown }) => error.code,
  )

test('one connection serves request after request, and several at once get one each', async () => {
  const server = await rawServer((socket, _, count) => socket.write(whole(`answer ${count}`)))
  const { origin, clock } = originOf(server)
  for (const count of [1, 2, 3]) expect(await read(answered(origin))).toBe(`answer ${count}`)
  expect(server.connections()).toBe(1)
  await Promise.all([1, 2, 3].map(() => read(answered(origin))))
  expect(server.connections()).toBe(3)
  expect(clock.pending()).toBe(0)
})

test('a large body arrives whole, whatever the socket takes at once, as text and as bytes', async () => {
  const text = 'Grüße, 世界! '.repeat(700_000)
  const length = Buffer.byteLength(text)
  let received = 0
  let isHead = true
  const server = await rawServer((socket, data) => {
    received += data.length - (isHead ? data.indexOf('\r\n\r\n') + 4 : 0)
    isHead = false
    if (received < length) return
    received = 0
    isHead = true
    socket.write(whole('ok'))
  })
  const { origin } = originOf(server)
  expect(await read(answered(origin, text))).toBe('ok')
  expect(server.requests[0]).toContain(`content-length: ${length}\r\n\r\n`)
  expect(Buffer.from(server.requests.join(''), 'latin1').toString().endsWith(`\r\n\r\n${text}`)).toBe(true)
  expect(await read(answered(origin, Buffer.from(text)))).toBe('ok')
  expect(server.connections()).toBe(1)
})

test('a reader that stops reading stops its upstream, and reads all of it afterwards', async () => {
  const piece = 'x'.repeat(64 * 1024)
  const pieces = 400
  let sent = 0
  let isFull = false
  const server = await rawServer((socket) => {
    socket.write(CHUNKED)
    const more = (): void => {
      while (sent < pieces) {
        sent++
        isFull = !socket.write(chunk(piece))
        if (isFull) break
      }
      if (sent === pieces) socket.write(LAST_CHUNK)
      else socket.once('drain', more)
    }
    more()
  })
  const { origin } = originOf(server)
  const exchange = await answered(origin)
  // The socket's own buffers fill first.
  let before = -1
  await eventually(() => {
    const isStill = isFull && sent === before
    before = sent
    return isStill && sent > 4
  })
  expect(sent).toBeLessThan(pieces)
  expect((await read(Promise.resolve(exchange))).length).toBe(piece.length * pieces)
})

test('bytes that nobody asked for end an idle connection', async () => {
  let push: () => void = () => undefined
  const server = await rawServer((socket) => {
    push = () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil')
    socket.write(whole('ok'))
  })
  const { origin } = originOf(server)
  expect(await read(answered(origin))).toBe('ok')
  push()
  await server.closed(1)
  expect(await read(answered(origin))).toBe('ok')
  expect(server.connections()).toBe(2)
})

test('an answer with bytes behind it is believed, and its connection closed', async () => {
  const server = await rawServer((socket) => socket.write(`${whole('ok').toString()}HTTP/1.1 200 OK\r\n\r\n`))
  const { origin } = originOf(server)
  expect(await read(answered(origin))).toBe('ok')
  await server.closed(1)
})

test('an answer that ends with its connection is whole', async () => {
  const server = await rawServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end'))
  expect(await read(answered(originOf(server).origin))).toBe('until the end')
})

test('a host that never finishes the handshake times out at the connect deadline', async () => {
  const server = await rawServer(() => undefined)
  const { origin, clock } = originOf(server, true)
  const failing = codeOf(answered(origin))
  await server.received(1)
  clock.advance(999)
  expect(clock.pending()).toBe(1)
  clock.advance(1)
  expect(await failing).toBe('ETIMEDOUT')
  await server.closed(1)
  expect(clock.pending()).toBe(0)
})

test('a host that speaks before the handshake is not listened to', async () => {
  const server = await rawServer((socket) => socket.write(whole('plain')))
  const { origin } = originOf(server, true)
  expect(await codeOf(answered(origin))).toBe('EPROTO')
})

test('cancelling closes the connection, before the answer and in the middle of it', async () => {
  const server = await rawServer((socket, _, count) => {
    if (count > 1) socket.write(CHUNKED)
  })
  const { origin } = originOf(server)
  let cancel = (): void => undefined
  const first = promised<Exchange>((waiting) => {
    const exchange = origin.send(POST, 1_000, false, waiting)
    cancel = () => exchange.cancel()
  })
  await server.received(1)
  cancel()
  expect(await codeOf(first)).toBe('ABORT_ERR')
  await server.closed(1)
  const second = await answered(origin)
  const reading = codeOf(nextPiece(second))
  second.cancel()
  expect(await reading).toBe('ABORT_ERR')
  await server.closed(2)
})
