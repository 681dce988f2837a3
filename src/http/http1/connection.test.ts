import { afterEach, expect, test } from 'bun:test'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { GatewayError } from '../../core/error.ts'
import { piecesFrom } from '../../core/reply.ts'
import type { Pieces, Reply } from '../../core/reply.ts'
import { listen } from '../server.ts'
import type { Listener } from '../server.ts'
import type { ReceivedRequest } from './received-request.ts'

type Answering = (request: ReceivedRequest, addressOf: () => string | null) => Promise<Reply> | null

let open: { listener: Listener; sockets: Socket[]; errors: unknown[] } | null = null
afterEach(async () => {
  for (const socket of open?.sockets ?? []) socket.destroy()
  await open?.listener.kill()
  open = null
})

function start(receive: Answering, more: { idleSeconds?: number } = {}): { listener: Listener; errors: unknown[] } {
  const errors: unknown[] = []
  const listener = listen({
    listen: '127.0.0.1:0',
    fetch: async (request, addressOf) => new Response(`beside: ${await request.text()} from ${addressOf()}`),
    receive,
    onError: (error) => void errors.push(error),
    ...more,
  })
  open = { listener, sockets: [], errors }
  return open
}

async function client(): Promise<{
  socket: Socket
  text: () => string
  until: (end: string) => Promise<string>
  closed: Promise<void>
}> {
  const socket = connect(open!.listener.port, '127.0.0.1')
  open!.sockets.push(socket)
  let text = ''
  let wake = (): void => {}
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1')
    wake()
  })
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      resolve()
      wake()
    })
  })
  await new Promise<void>((resolve) => void socket.once('connect', resolve))
  return {
    socket,
    text: () => text,
    async until(end) {
      while (!text.includes(end) && !socket.closed) await new Promise<void>((resolve) => (wake = resolve))
      return text
    },
    closed,
  }
}

function post(path: string, body: string, ...headers: string[]): string {
  return [`POST ${path} HTTP/1.1`, 'host: a', ...headers, `content-length: ${body.length}`, '', body].join('\r\n')
}

const text = (bytes: string, more: Partial<Reply> = {}): Reply => ({
  status: 200,
  headers: {},
  body: { type: 'whole', bytes },
  ...more,
})
const bodyOf = async (request: ReceivedRequest): Promise<string> => Buffer.from(await request.bytes()).toString()
const echo: Answering = async (request) => text(`<${await bodyOf(request)}>`)

test('requests of a connection are answered one after the other, also where they come in one piece', async () => {
  start(echo)
  const { socket, until } = await client()
  socket.write(post('/a', 'one') + post('/a', 'two') + post('/a', 'three'))
  const all = await until('<three>')
  expect(all.match(/<\w+>/g)).toEqual(['<one>', '<two>', '<three>'])
  socket.write(post('/a', 'four'))
  await until('<four>')
})

test('a body that comes after its head, in one piece or letter by letter, is whole', async () => {
  start(echo)
  const { socket, until } = await client()
  socket.setNoDelay(true)
  for (const [body, size] of [
    ['whole', 5],
    ['letters', 1],
    ['grüße', 3],
  ] as const) {
    socket.write(`POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`)
    const bytes = Buffer.from(body)
    for (let at = 0; at < bytes.length; at += size) {
      await new Promise((resolve) => setTimeout(resolve, 2))
      socket.write(bytes.subarray(at, at + size))
    }
    await until(Buffer.from(`<${body}>`).toString('latin1'))
  }
})

test('a body that comes in pieces is whole, and nothing of the next request gets into it', async () => {
  start(echo)
  const { socket, until } = await client()
  const whole = post('/a', 'x'.repeat(200_000))
  for (let at = 0; at < whole.length; at += 30_000) {
    socket.write(whole.slice(at, at + 30_000))
    await new Promise((resolve) => setImmediate(resolve))
  }
  socket.write(post('/a', 'next'))
  const all = await until('<next>')
  expect(all).toContain(`<${'x'.repeat(200_000)}>`)
})

test('a body that nobody asked for is thrown away, and the connection goes on', async () => {
  start(async (request) =>
    request.target === '/no' ? text('refused', { status: 401 }) : text(`<${await bodyOf(request)}>`),
  )
  const { socket, until } = await client()
  const refused = post('/no', 'POST /evil HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n'.padEnd(300_000, ' '))
  socket.write(refused.slice(0, 200))
  await until('refused')
  socket.write(refused.slice(200) + post('/a', 'after'))
  expect((await until('<after>')).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 401', 'HTTP/1.1 200'])
})

test('a huge body that nobody asked for ends the connection, after its client has read the answer', async () => {
  start(async () => text('too large', { status: 413 }))
  const { socket, text: received, closed } = await client()
  socket.write(`POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n`)
  // It talks on and on, and is cut all the same.
  const sending = setInterval(() => socket.write('x'.repeat(10_000)), 1)
  await closed
  clearInterval(sending)
  expect(received()).toMatch(/^HTTP\/1\.1 413 [^]*connection: close[^]*too large$/)
})

test('what came of a body before anybody asked for it is bounded', async () => {
  let request: ReceivedRequest | null = null
  const asked = Promise.withResolvers<void>()
  start(async (received) => {
    request = received
    await asked.promise
    return text(`${(await received.bytes()).length}`)
  })
  const { socket, until } = await client()
  const size = 40_000_000
  socket.write(post('/a', 'x'.repeat(size)))
  // As long as nobody asks, the client's socket fills and stays full.
  let before = -1
  while (socket.bytesWritten - socket.writableLength !== before) {
    before = socket.bytesWritten - socket.writableLength
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
  expect(request!.missingBytes).toBeGreaterThan(size - 2_000_000)
  asked.resolve()
  expect(await until(`\r\n\r\n${size}`)).toContain(`content-length: 8`)
})

test('a stream is sent piece by piece, waits for its reader, and arrives whole', async () => {
  let given = 0
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for (; given < 2_000; given++) yield Buffer.from(`${given};`.padEnd(20_000, '.'))
  }
  start(() => Promise.resolve(text('', { body: { type: 'stream', pieces: piecesFrom(pieces()) } })))
  const { socket, until } = await client()
  socket.pause()
  socket.write(post('/a', ''))
  let before = -1
  const count = (): number => given
  while (count() !== before || before === 0) {
    before = count()
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
  expect(count()).toBeLessThan(1_900)
  socket.resume()
  const all = await until('\r\n0\r\n\r\n')
  expect(all).toContain('transfer-encoding: chunked')
  expect([...all.matchAll(/4e20\r\n(\d+);\.+\r\n/g)].map((match) => Number(match[1]))).toEqual(
    Array.from({ length: 2_000 }, (_, index) => index),
  )
  socket.write(post('/a', ''))
  await until('\r\n0\r\n\r\nHTTP/1.1 200')
})

test('a stream of a million pieces that are here already, most of them empty, arrives whole', async () => {
  let given = 0
  const pieces: Pieces = {
    take(waiting) {
      given++
      if (given > 1_000_000) waiting.answered(null)
      else waiting.answered(Buffer.from(given % 10_000 === 0 ? `${given / 10_000};` : ''))
    },
    leave: () => Promise.resolve(),
  }
  start(() => Promise.resolve(text('', { body: { type: 'stream', pieces } })))
  const { socket, until } = await client()
  socket.write(post('/a', ''))
  const all = await until('\r\n0\r\n\r\n')
  expect([...all.matchAll(/(\d+);\r\n/g)].map((match) => Number(match[1]))).toEqual(
    Array.from({ length: 100 }, (_, index) => index + 1),
  )
})

test('a stream that breaks breaks off its connection, and an empty one ends as it should', async () => {
  const { errors } = start((request) => {
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      if (request.target === '/empty') return
      yield Buffer.from('begun')
      throw request.target === '/broken' ? new Error('broke') : new GatewayError('all_targets_failed')
    }
    return Promise.resolve(text('', { body: { type: 'stream', pieces: piecesFrom(pieces()) } }))
  })
  const { socket, until, text: received, closed } = await client()
  socket.write(post('/empty', ''))
  await until('\r\n\r\n0\r\n\r\n')
  socket.write(post('/broken', ''))
  await closed
  expect(received()).toEndWith('5\r\nbegun\r\n')
  expect(errors).toHaveLength(1)
  // A provider's fault is none of ours.
  const other = await client()
  other.socket.write(post('/provider', ''))
  await other.closed
  expect(other.text()).toEndWith('5\r\nbegun\r\n')
  expect(errors).toHaveLength(1)
})

test('a client that goes away is told to who answers it, once, and its stream is returned', async () => {
  const seen: string[] = []
  const gone = Promise.withResolvers<void>()
  start((request) => {
    request.signal.addEventListener('abort', () => void seen.push('aborted'), { once: true })
    let count = 0
    const pieces: Pieces = {
      take(waiting) {
        if (count++ === 0) waiting.answered(Buffer.from('first'))
        else request.signal.addEventListener('abort', () => waiting.answered(null))
      },
      leave() {
        seen.push('returned')
        gone.resolve()
        return Promise.resolve()
      },
    }
    return Promise.resolve(text('', { body: { type: 'stream', pieces: pieces } }))
  })
  const { socket, until } = await client()
  socket.write(post('/a', ''))
  await until('first')
  expect(open!.listener.pending()).toBe(1)
  socket.destroy()
  await gone.promise
  expect(seen).toEqual(['aborted', 'returned'])
  await Promise.resolve()
  expect(open!.listener.pending()).toBe(0)
})

test('what is no plain request goes to the server beside us, with its client’s address, and so does the rest of its connection', async () => {
  let received = 0
  start((request) => {
    received++
    return request.target === '/mine' ? Promise.resolve(text('mine')) : null
  })
  const { socket, until } = await client()
  socket.write(post('/mine', 'a'))
  await until('mine')
  socket.write('POST /other HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n')
  expect(await until('beside: hello from 127.0.0.1')).toContain('HTTP/1.1 200 OK')
  socket.write(post('/mine', 'b'))
  await until('beside: b from 127.0.0.1')
  expect(received).toBe(1)
  const other = await client()
  other.socket.write(post('/theirs', 'x'.repeat(3_000_000)))
  expect((await other.until(' from 127.0.0.1')).length).toBeGreaterThan(3_000_000)
})

test('an answer that cannot be sent is an error of ours, and ends the connection', async () => {
  const { errors } = start(() => Promise.resolve(text('x', { headers: { 'x-bad': 'a\r\nb' } })))
  const { socket, closed, text: received } = await client()
  socket.write(post('/a', ''))
  await closed
  expect(received()).toBe('')
  expect(String(errors[0])).toContain('x-bad')
})

test('once it retires, an answer is the last of its connection; once it stops, those that lie idle are closed', async () => {
  const { listener } = start(echo)
  const [busy, idle] = [await client(), await client()]
  idle.socket.write(post('/a', 'x'))
  await idle.until('<x>')
  listener.retire()
  busy.socket.write(post('/a', 'last'))
  await busy.closed
  expect(busy.text()).toContain('connection: close')
  listener.stop()
  await idle.closed
  expect(listener.pending()).toBe(0)
})

test('a client that wants one answer gets it, and its connection is closed', async () => {
  start(echo)
  const { socket, closed, text: received } = await client()
  socket.write(post('/a', 'one', 'connection: close') + post('/a', 'two'))
  await closed
  expect(received()).toMatch(/^HTTP\/1\.1 200 OK\r\nconnection: close\r\n[^]*<one>$/)
})

test('a connection that lies idle is closed, one whose answer takes its time is not', async () => {
  const late = Promise.withResolvers<void>()
  start(
    async () => {
      await late.promise
      return text('late')
    },
    { idleSeconds: 1 },
  )
  const [idle, waiting] = [await client(), await client()]
  waiting.socket.write(post('/a', ''))
  await idle.closed
  await new Promise((resolve) => setTimeout(resolve, 1_200))
  late.resolve()
  expect(await waiting.until('late')).toEndWith('late')
})
