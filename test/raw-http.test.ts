// What comes over a bare socket: requests that no client would send, senders that are too slow, readers that do not read.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { listen } from '../src/http/server.ts'
import type { Listener } from '../src/http/server.ts'
import { completion, providerAt, QUESTION, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway, Upstream } from './gateway.ts'
import { codeOf, expectAtRest } from './documented.ts'
import { answersIn, openSocket } from './socket.ts'
import type { RawAnswer } from './socket.ts'

const CHAT = '/v1/chat/completions'
const BODY_TIMEOUT_MS = 600
/** Bun counts idle time in steps of 4 s. */
// Two of Bun's steps of 4 s: one alone may end at once.
const IDLE_SECONDS = 5

let upstream: Upstream
let weir: TestGateway
let listener: Listener
/** What got through to the gateway: method and address. */
let seen: string[] = []
let complaints: string[] = []
let onAbort = (): void => {}

beforeAll(async () => {
  upstream = startUpstream((_request, _number, body) =>
    Response.json(completion(body.includes('"long"') ? 'x'.repeat(30_000_000) : 'ok')),
  )
  weir = await startGateway(
    providerAt(upstream.url, `server: { body_timeout: ${BODY_TIMEOUT_MS}ms }\nlog: { level: error }\n`),
  )
  listener = listen({
    listen: '127.0.0.1:0',
    idleSeconds: IDLE_SECONDS,
    onError: (error) => complaints.push(String(error)),
    fetch(request, addressOf) {
      seen.push(`${request.method} ${request.url}`)
      request.signal.addEventListener('abort', () => onAbort())
      return weir.gateway.fetch(request, addressOf)
    },
    receive(request, addressOf) {
      const reply = weir.gateway.receive(request, addressOf)
      if (reply === null) return null
      seen.push(`${request.method} ${request.url}`)
      request.signal.addEventListener('abort', () => onAbort())
      return reply
    },
  })
})
afterAll(async () => {
  await listener.kill()
  await weir[Symbol.asyncDispose]()
  upstream[Symbol.dispose]()
})

const JSON_BODY = JSON.stringify(QUESTION)

function head(line: string, ...headers: readonly string[]): string {
  return [`${line} HTTP/1.1`, 'host: gateway', ...headers, '', ''].join('\r\n')
}
function chat(...headers: readonly string[]): string {
  return head(`POST ${CHAT}`, `authorization: Bearer ${weir.key}`, ...headers)
}
function chunked(...chunks: readonly string[]): string {
  return chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')
}

/** Sends bytes; resolves with the answers once as many are there, or once the gateway has closed. */
async function send(bytes: string | Uint8Array, count = 1): Promise<readonly RawAnswer[]> {
  using socket = await openSocket(listener.url)
  socket.write(bytes)
  const answers = await socket.answers(count)
  return answers.slice(0, count)
}

const SMUGGLED = head('GET /smuggled')

// What no two parsers agree on: one answer, 400, and nothing of it reaches the gateway.
const AMBIGUOUS: readonly (readonly [title: string, bytes: () => string])[] = [
  ['a length and chunks', () => `${chat('content-length: 5', 'transfer-encoding: chunked')}0\r\n\r\n${SMUGGLED}`],
  ['chunks and a length', () => `${chat('transfer-encoding: chunked', 'content-length: 5')}0\r\n\r\n${SMUGGLED}`],
  ['two lengths that differ', () => `${chat('content-length: 5', 'content-length: 50')}hello${SMUGGLED}`],
  ['a list of lengths', () => `${chat('content-length: 5, 5')}hello`],
  ['a length with a sign', () => `${chat('content-length: +5')}hello`],
  ['a length below zero', () => `${chat('content-length: -5')}hello`],
  ['a hexadecimal length', () => `${chat('content-length: 0x5')}hello`],
  ['an empty length', () => `${chat('content-length:')}hello`],
  ['a length of 23 digits', () => `${chat('content-length: 99999999999999999999999')}hello`],
  ['a space before the colon', () => `${chat('content-length : 5')}hello`],
  ['an unknown transfer encoding', () => `${chat('transfer-encoding: xchunked')}${chunked('hello')}`],
  ['chunked, but not last', () => `${chat('transfer-encoding: chunked, identity')}${chunked('hello')}`],
  ['gzip, chunked', () => `${chat('transfer-encoding: gzip, chunked')}${chunked('hello')}`],
  [
    'two transfer encodings',
    () => `${chat('transfer-encoding: chunked', 'transfer-encoding: identity')}${chunked('hello')}`,
  ],
  ['a vertical tab before chunked', () => `${chat('transfer-encoding: \x0bchunked')}${chunked('hello')}`],
  ['chunks in HTTP/1.0', () => chat('transfer-encoding: chunked').replace('HTTP/1.1', 'HTTP/1.0') + chunked('hello')],
  ['a folded header', () => `${chat('x-folded: a\r\n b', 'content-length: 2')}{}`],
  ['a NUL in a header', () => chat('x-nul: a\0b')],
  ['a lone CR in a header', () => chat('x-cr: a\rb')],
  ['a space in a header name', () => chat('x name: a')],
  ['a header without a colon', () => chat('nothing')],
  ['a header without a name', () => chat(': nothing')],
  ['no host', () => `GET /healthz HTTP/1.1\r\n\r\n`],
  ['no path', () => head('GET')],
  ['a path without a slash', () => head('GET healthz')],
  ['a space first', () => ` ${head('GET /healthz')}`],
  ['an empty line first', () => `\r\n\r\n${head('GET /healthz')}`],
  ['OPTIONS *', () => head('OPTIONS *')],
  ['the preface of HTTP/2', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['garbage', () => '\0\x01\x02\xff garbage\r\n\r\n'],
  ['a TLS handshake', () => `\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03${'\x07'.repeat(300)}`],
]
for (const [title, bytes] of AMBIGUOUS)
  test(`${title}: 400, the connection closed, and nothing gets through`, async () => {
    seen = []
    using socket = await openSocket(listener.url)
    socket.write(Buffer.from(bytes(), 'latin1'))
    await socket.closed
    expect(answersIn(socket.text()).map(({ status }) => status)).toEqual([400])
    expect(seen).toEqual([])
  })

const OTHER_REFUSALS: readonly (readonly [title: string, bytes: () => string, statuses: readonly number[]])[] = [
  ['bare line feeds', () => 'GET /healthz HTTP/1.1\nhost: a\n\n', [505]],
  ['HTTP/2.0 in words', () => head('GET /healthz').replace('1.1', '2.0'), [505]],
  ['HTTP/0.9', () => 'GET /healthz\r\n\r\n', [505]],
  ['a space in the path', () => head('GET /v1/models x'), [505]],
  ['a NUL in the path', () => head('GET /v1/\0models'), [505]],
  ['a path of 20 kB', () => head(`GET /${'a'.repeat(20_000)}`), [431]],
  ['a header of 20 kB', () => head('GET /healthz', `x: ${'a'.repeat(20_000)}`), [431]],
  ['300 headers', () => head('GET /healthz', ...Array.from({ length: 300 }, (_, index) => `x-${index}: a`)), [431]],
  ['an invented method', () => head('FOO /healthz'), []],
  ['a method in lower case', () => head('get /healthz'), []],
]
for (const [title, bytes, statuses] of OTHER_REFUSALS)
  test(`${title}: ${statuses.length === 0 ? 'closed without a word' : statuses.join()}`, async () => {
    seen = []
    using socket = await openSocket(listener.url)
    socket.write(bytes())
    await socket.closed
    expect(answersIn(socket.text()).map(({ status }) => status)).toEqual([...statuses])
    expect(seen).toEqual([])
  })

// Bodies whose chunks are wrong: Bun answers 400 itself, the request is booked as one whose client left.
const BROKEN_CHUNKS: readonly (readonly [title: string, body: string])[] = [
  ['letters for a size', 'zz\r\nhello\r\n0\r\n\r\n'],
  ['a negative size', '-5\r\nhello\r\n0\r\n\r\n'],
  ['a size with 0x', '0x5\r\nhello\r\n0\r\n\r\n'],
  ['a size with a space', '5 \r\nhello\r\n0\r\n\r\n'],
  ['no size', '\r\nhello\r\n0\r\n\r\n'],
  ['a size beyond 64 bit', 'ffffffffffffffffff\r\nhello\r\n0\r\n\r\n'],
  ['a chunk longer than its size', `5\r\nhello${SMUGGLED}`],
  ['line feeds alone', '5\nhello\n0\n\n'],
  ['a line feed in an extension', '5;a\nb\r\nhello\r\n0\r\n\r\n'],
]
for (const [title, body] of BROKEN_CHUNKS)
  test(`chunks with ${title}: 400 and closed`, async () => {
    seen = []
    using socket = await openSocket(listener.url)
    socket.write(chat('transfer-encoding: chunked') + body)
    await socket.closed
    expect(answersIn(socket.text()).map(({ status }) => status)).toEqual([400])
    expect(seen.length).toBe(1)
    await rest()
  })

test('what follows the last chunk is never taken for a request of its own', async () => {
  for (const trailer of ['x-evil: 1\r\n\r\n', SMUGGLED]) {
    seen = []
    using socket = await openSocket(listener.url)
    socket.write(`${chat('transfer-encoding: chunked')}${chunked(JSON_BODY)}0\r\n${trailer}`)
    await socket.closed
    // The second half may close the connection before the answer to the first is there.
    expect(answersIn(socket.text()).at(-1)?.status).toBe(400)
    expect(seen.length).toBe(1)
    await rest()
  }
})

test('two equal lengths are one, and the count of held bytes survives them', async () => {
  const length = `content-length: ${JSON_BODY.length}`
  const [answer] = await send(`${chat(length, length)}${JSON_BODY}`)
  expect(answer?.status).toBe(200)
  // A NaN here would be for ever: no body would ever be shed again.
  await rest()
})

test('a body that looks like a request stays a body, read or not', async () => {
  seen = []
  const padded = SMUGGLED.padEnd(60, ' ')
  const next = head('GET /healthz')
  for (const headers of [
    head(`POST ${CHAT}`, 'authorization: Bearer wrong', 'content-length: 60'),
    head('GET /healthz', 'content-length: 60'),
    head('HEAD /nothing', 'content-length: 60'),
    head('TRACE /v1/models', 'content-length: 60'),
    head(`OPTIONS ${CHAT}`, 'content-length: 60'),
  ]) {
    using socket = await openSocket(listener.url)
    socket.write(headers + padded + next.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'))
    await socket.closed
    expect(socket.text()).toEndWith('{"status":"ok"}')
  }
  expect(seen.filter((line) => line.includes('smuggled'))).toEqual([])
  expect(seen.length).toBe(10)
  await rest()
})

test('requests that come in one piece are answered in their order', async () => {
  const answers = await send(
    head('GET /healthz') +
      head('GET /nothing') +
      head('GET /v1/models') +
      `${chat(`content-length: ${JSON_BODY.length}`)}${JSON_BODY}`,
    4,
  )
  expect(answers.map(({ status }) => status)).toEqual([200, 404, 401, 200])
})

test('requests right behind one that is still being answered are answered after it', async () => {
  const one = `${chat(`content-length: ${JSON_BODY.length}`)}${JSON_BODY}`
  const answers = await send(`${one}${chat('content-length: 2')}{}${one}${head('GET /readyz')}`, 4)
  expect(answers.map(({ status }) => status)).toEqual([200, 400, 200, 200])
  await rest()
})

test('a length of 3 GB is refused before a byte of it is read, in words', async () => {
  using socket = await openSocket(listener.url)
  socket.write(chat('content-length: 3000000000'))
  await socket.closed
  const [answer] = answersIn(socket.text())
  expect(codeOf(answer?.status ?? 0, JSON.parse(answer?.body ?? ''), socket.text())).toBe('request_too_large')
  await rest()
})

test('a request in pieces of one byte is a request', async () => {
  using socket = await openSocket(listener.url)
  socket.socket.setNoDelay(true)
  for (const letter of chat(`content-length: ${JSON_BODY.length}`) + JSON_BODY) socket.write(letter)
  expect((await socket.answers(1))[0]?.status).toBe(200)
})

// Addresses and hosts that are odd but allowed: answered by the book.
const ODD_ADDRESSES: readonly (readonly [title: string, bytes: () => string, status: number])[] = [
  ['an absolute address goes by its path', () => head('GET http://169.254.169.254/healthz'), 200],
  ['an absolute address elsewhere is nothing', () => head('GET http://169.254.169.254/latest/meta-data'), 404],
  ['CONNECT opens no tunnel', () => head('CONNECT 169.254.169.254:80'), 404],
  ['HTTP/1.0 without a host', () => 'GET /healthz HTTP/1.0\r\n\r\n', 200],
  ['a host that is a path', () => 'GET /healthz HTTP/1.1\r\nhost: a/v1/models?\r\n\r\n', 200],
  ['a host with a user', () => 'GET /healthz HTTP/1.1\r\nhost: u:p@b\r\n\r\n', 200],
  ['a host that is no host', () => 'GET /healthz HTTP/1.1\r\nhost: [::\r\n\r\n', 200],
  ['a host with a space', () => 'GET /healthz HTTP/1.1\r\nhost: a b\r\n\r\n', 200],
  ['an empty host', () => 'GET /healthz HTTP/1.1\r\nhost:\r\n\r\n', 200],
  ['two hosts', () => 'GET /healthz HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n', 200],
  ['dots lead nowhere', () => head('GET /v1/../../../etc/passwd'), 404],
  ['written dots lead nowhere', () => head('GET /%2e%2e/%2e%2e/etc/passwd'), 404],
  ['two slashes', () => head('GET //healthz'), 404],
  ['a fragment', () => head('GET /healthz#x'), 404],
  ['broken percent signs', () => head(`GET /v1/models/%zz%00%ff`, `authorization: Bearer ${weir.key}`), 404],
  ['a written NUL', () => head(`GET /v1/requests/%00`, `authorization: Bearer ${weir.key}`), 404],
  ['bytes beyond ASCII', () => head('GET /v1/é\xff', `authorization: Bearer ${weir.key}`), 404],
  [
    'an upgrade to a web socket is no upgrade',
    () =>
      head(
        'GET /healthz',
        'upgrade: websocket',
        'connection: Upgrade',
        'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-version: 13',
      ),
    200,
  ],
  [
    'an upgrade to HTTP/2 is no upgrade',
    () =>
      head('GET /healthz', 'upgrade: h2c', 'connection: Upgrade, HTTP2-Settings', 'http2-settings: AAMAAABkAAQAAP__'),
    200,
  ],
  ['two different keys', () => `${chat('authorization: Bearer other', 'content-length: 2')}{}`, 401],
  ['two keys in two headers', () => `${chat('x-api-key: other', 'content-length: 2')}{}`, 400],
  ['header bytes beyond ASCII', () => head('GET /v1/models', 'authorization: Bearer \xff\xfe'), 401],
]
for (const [title, bytes, status] of ODD_ADDRESSES)
  test(`${title}: ${status}`, async () => {
    const [answer] = await send(Buffer.from(bytes(), 'latin1'))
    expect(answer?.status).toBe(status)
    if (answer !== undefined && status >= 400)
      codeOf(status, JSON.parse(Buffer.from(answer.body, 'latin1').toString()), answer.body)
  })

const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'TRACE',
  'PURGE',
  'PROPFIND',
  'M-SEARCH',
] as const
const ENDPOINTS: readonly (readonly [path: string, allow: string])[] = [
  [CHAT, 'POST, OPTIONS'],
  ['/v1/completions', 'POST, OPTIONS'],
  ['/v1/embeddings/', 'POST, OPTIONS'],
  ['/v1/models', 'GET, HEAD, OPTIONS'],
  ['/v1/models/up/m', 'GET, HEAD, OPTIONS'],
  ['/v1/requests/req_1', 'GET, HEAD, OPTIONS'],
  ['/v1/responses', 'POST, OPTIONS'],
  ['/v1/responses/resp_1', 'GET, HEAD, DELETE, OPTIONS'],
  ['/v1/responses/resp_1/cancel', 'POST, OPTIONS'],
  ['/v1/responses/resp_1/input_items/', 'GET, HEAD, OPTIONS'],
  ['/healthz', 'GET, HEAD, OPTIONS'],
  ['/readyz', 'GET, HEAD, OPTIONS'],
]
for (const [path, allow] of ENDPOINTS)
  test(`${path} answers ${allow}, and says so to every other method`, async () => {
    for (const method of METHODS) {
      const response = await fetchRaw(method, path)
      if (method === 'OPTIONS') {
        expect([response.status, response.headers.get('allow'), response.body]).toEqual([204, allow, ''])
        for (const [name] of response.headers) expect(name).not.toStartWith('access-control-')
      } else if (allow.split(', ').includes(method)) expect([method, response.status]).not.toEqual([method, 405])
      else {
        expect([method, response.status, response.headers.get('allow')]).toEqual([method, 405, allow])
        if (method !== 'HEAD') codeOf(405, JSON.parse(response.body), response.body)
      }
    }
  })

test('HEAD says what GET would say, without the body', async () => {
  for (const path of ['/v1/models', '/v1/models/up/m', '/v1/models/none', '/healthz', '/readyz', '/nothing']) {
    const [get, headOnly] = [await fetchRaw('GET', path), await fetchRaw('HEAD', path)]
    expect([path, headOnly.status, headOnly.body]).toEqual([path, get.status, ''])
    for (const name of ['content-length', 'content-type'])
      expect(headOnly.headers.get(name)).toBe(get.headers.get(name))
    expect(Number(get.headers.get('content-length'))).toBe(get.body.length)
  }
})

async function fetchRaw(method: string, path: string): Promise<RawAnswer> {
  using socket = await openSocket(listener.url)
  socket.write(head(`${method} ${path}`, `authorization: Bearer ${weir.key}`, 'connection: close'))
  await socket.closed
  const [answer] = answersIn(socket.text(), method)
  if (answer === undefined) throw new Error(`no answer to ${method} ${path}: ${socket.text()}`)
  return { ...answer, body: socket.text().slice(socket.text().indexOf('\r\n\r\n') + 4) }
}

for (const [title, headers, frame] of [
  ['of known length', 'content-length: 100000', (letter: string) => letter],
  ['in chunks', 'transfer-encoding: chunked', (letter: string) => `1\r\n${letter}\r\n`],
] as const)
  test(`a body ${title} that trickles in is cut at its deadline, and the connection with it`, async () => {
    using socket = await openSocket(listener.url)
    socket.write(chat(headers))
    let index = 0
    const timer = setInterval(() => socket.write(frame(JSON_BODY[index++ % JSON_BODY.length] ?? ' ')), 20)
    const closedMs = await socket.closed
    clearInterval(timer)
    const [answer] = answersIn(socket.text())
    expect(codeOf(answer?.status ?? 0, JSON.parse(answer?.body ?? ''), socket.text())).toBe('request_too_slow')
    expect(closedMs).toBeGreaterThanOrEqual(BODY_TIMEOUT_MS - 20)
    expect(closedMs).toBeLessThan(BODY_TIMEOUT_MS * 5)
    await rest()
  })

test('a body that never comes is cut as well, whoever waits for a go-ahead', async () => {
  using socket = await openSocket(listener.url)
  socket.write(chat('expect: 100-continue', 'content-length: 10'))
  await socket.closed
  expect(socket.text()).toStartWith('HTTP/1.1 100 Continue\r\n\r\n')
  expect(answersIn(socket.text())[0]?.status).toBe(408)
  await rest()
})

test('whoever waits for a go-ahead gets it, and its answer', async () => {
  using socket = await openSocket(listener.url)
  socket.write(chat('expect: 100-continue', `content-length: ${JSON_BODY.length}`))
  while (!socket.text().includes('100 Continue')) await new Promise((resolve) => setTimeout(resolve, 1))
  socket.write(JSON_BODY)
  expect((await socket.answers(1))[0]?.status).toBe(200)
})

for (const [title, cut] of [
  ['ends its half', (socket: Awaited<ReturnType<typeof openSocket>>) => void socket.socket.end()],
  ['resets', (socket: Awaited<ReturnType<typeof openSocket>>) => void socket.socket.resetAndDestroy()],
] as const)
  test(`a client that ${title} in the middle of its body leaves nothing behind`, async () => {
    for (const headers of ['content-length: 5000', 'transfer-encoding: chunked']) {
      using socket = await openSocket(listener.url)
      const before = seen.length
      socket.write(`${chat(headers)}5\r\n{"mod\r\n`)
      while (seen.length === before) await new Promise((resolve) => setTimeout(resolve, 1))
      cut(socket)
      await socket.closed
      await rest()
    }
  })

test('500 connections that send half a head cost no request and stop nobody', async () => {
  const sockets = await Promise.all(Array.from({ length: 500 }, () => openSocket(listener.url)))
  for (const socket of sockets) socket.write('POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nx-half: ')
  const [answer] = await send(`${chat(`content-length: ${JSON_BODY.length}`)}${JSON_BODY}`)
  expect(answer?.status).toBe(200)
  expect(weir.gateway.load.inFlight).toBe(0)
  for (const socket of sockets) socket[Symbol.dispose]()
})

// One test, so that the waits (Bun's steps are 4 s, and a head has 12 s) are waited together.
test('a connection may not be held open for nothing', async () => {
  const trickle = async (first: string): Promise<number> => {
    using socket = await openSocket(listener.url)
    if (first !== '') {
      socket.write(first)
      await socket.answers(1)
    }
    const timer = setInterval(() => socket.write('a'), 500)
    socket.write('GET /healthz HTTP/1.1\r\nx-long: ')
    const closedMs = await socket.closed
    clearInterval(timer)
    return closedMs
  }
  const idle = async (first: string): Promise<number> => {
    using socket = await openSocket(listener.url)
    socket.write(first)
    return await socket.closed
  }
  const unread = async (): Promise<number> => {
    using socket = await openSocket(listener.url)
    socket.socket.pause()
    const body = JSON.stringify({ ...QUESTION, user: 'long' })
    const cut = new Promise<void>((resolve) => (onAbort = resolve))
    socket.write(`${chat(`content-length: ${body.length}`)}${body}`)
    const sentMs = performance.now()
    await cut
    return performance.now() - sentMs
  }
  const [firstHead, secondHead, afterAnswer, afterRefusal, unreadAnswer] = await Promise.all([
    trickle(''),
    trickle(head('GET /healthz')),
    idle(head('GET /healthz')),
    idle(`${chat('content-length: 2')}{}`),
    unread(),
  ])
  expect(firstHead).toBeLessThan(16_000)
  for (const ms of [secondHead, afterAnswer, afterRefusal, unreadAnswer]) {
    expect(ms).toBeGreaterThan(1_000)
    expect(ms).toBeLessThan(2.5 * IDLE_SECONDS * 1_000)
  }
}, 20_000)

test('none of this made the listener or the gateway complain about itself', async () => {
  expect(complaints).toEqual([])
  expect(weir.log()).not.toContain('"internal"')
  await rest()
})

/** The gateway is at rest, or will be in a moment. */
async function rest(): Promise<void> {
  const until = performance.now() + 2_000
  while (weir.gateway.load.inFlight > 0 && performance.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 2))
  await expectAtRest(weir)
}
