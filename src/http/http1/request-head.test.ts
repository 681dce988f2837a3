import { afterAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import { readRequestHead } from './request-head.ts'

const PLAIN = ['host: gateway', 'content-type: application/json', 'content-length: 12']

function head(line: string, headers: readonly string[] = PLAIN): string {
  return [line, ...headers].join('\r\n')
}

test('a client may say what is to become of its connection', () => {
  const isLast = (...more: string[]): unknown => readRequestHead(head('POST / HTTP/1.1', [...PLAIN, ...more]))?.isLast
  expect([
    isLast(),
    isLast('connection: Keep-Alive', 'keep-alive: 5'),
    isLast('Connection: Close', 'te: trailers'),
  ]).toEqual([false, false, true])
})

test('a plain request is read: method, target, headers whatever their letters, length', () => {
  const read = readRequestHead(
    head('POST /v1/chat/completions?a=b HTTP/1.1', [...PLAIN, 'Authorization:Bearer x ', 'X-A: 1', 'x-a: 2']),
  )
  expect(read).toMatchObject({ method: 'POST', target: '/v1/chat/completions?a=b', bodyBytes: 12 })
  expect(read?.headers.get('authorization')).toBe('Bearer x')
  expect(read?.headers.get('x-a')).toBe('1, 2')
  expect(read?.headers.get('x-b')).toBeNull()
  expect(
    readRequestHead(head('GET /v1/models HTTP/1.1', ['host: [::1]:8080', 'connection: Keep-Alive']))?.bodyBytes,
  ).toBe(0)
})

for (const [title, text] of [
  ['another method', head('DELETE /v1/files/x HTTP/1.1')],
  ['a method in lower case', head('post /v1/chat/completions HTTP/1.1')],
  ['HTTP/1.0', head('POST / HTTP/1.0')],
  ['another version', head('POST / HTTP/1.2')],
  ['a space in the path', head('POST /a b HTTP/1.1')],
  ['an absolute address', head('POST http://a/v1/chat/completions HTTP/1.1')],
  ['a path that leads up', head('POST /v1/../v1/chat/completions HTTP/1.1')],
  ['a fragment', head('POST /a#b HTTP/1.1')],
  ['bytes beyond ASCII in the path', head('POST /é HTTP/1.1')],
  ['no header at all', 'POST / HTTP/1.1'],
  ['no host', head('POST / HTTP/1.1', ['content-length: 1'])],
  ['two hosts', head('POST / HTTP/1.1', [...PLAIN, 'host: b'])],
  ['a host with a path', head('GET / HTTP/1.1', ['host: a/b'])],
  ['no length', head('POST / HTTP/1.1', ['host: a'])],
  ['two lengths', head('POST / HTTP/1.1', [...PLAIN, 'content-length: 12'])],
  ['a length with a sign', head('POST / HTTP/1.1', ['host: a', 'content-length: +1'])],
  ['an empty length', head('POST / HTTP/1.1', ['host: a', 'content-length:'])],
  ['chunks', head('POST / HTTP/1.1', ['host: a', 'transfer-encoding: chunked'])],
  ['chunks and a length', head('POST / HTTP/1.1', [...PLAIN, 'Transfer-Encoding: chunked'])],
  ['a space before the colon', head('POST / HTTP/1.1', [...PLAIN, 'transfer-encoding : chunked'])],
  ['a line that goes on', head('POST / HTTP/1.1', [...PLAIN, 'x: a', ' b'])],
  ['a bare line feed in a value', head('POST / HTTP/1.1', [...PLAIN, 'x: a\nb: c'])],
  ['a bare carriage return in a value', head('POST / HTTP/1.1', [...PLAIN, 'x: a\rb'])],
  ['a NUL in a value', head('POST / HTTP/1.1', [...PLAIN, 'x: a\0b'])],
  ['a connection with two fates', head('POST / HTTP/1.1', [...PLAIN, 'connection: close, keep-alive'])],
  ['an upgrade', head('GET / HTTP/1.1', ['host: a', 'connection: Upgrade', 'upgrade: websocket'])],
  ['a wait for a go-ahead', head('POST / HTTP/1.1', [...PLAIN, 'expect: 100-continue'])],
  ['a head of 9 KB', head('POST / HTTP/1.1', [...PLAIN, `x: ${'a'.repeat(9_000)}`])],
  ['65 headers', head('POST / HTTP/1.1', [...PLAIN, ...Array.from({ length: 62 }, (_, index) => `x-${index}: a`)])],
] as const)
  test(`${title} is left to the other server`, () => {
    expect(readRequestHead(text)).toBeNull()
  })

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: (request) =>
    Response.json({
      method: request.method,
      target: request.url.replace(/^http:\/\/[^/]*/, ''),
      headers: [...request.headers],
    }),
})
afterAll(() => server.stop(true))

/** What Bun's server reads from the same bytes; null: it refuses them. */
async function readByBun(
  text: string,
): Promise<{ method: string; target: string; headers: [string, string][] } | null> {
  const answer = Promise.withResolvers<string>()
  let received = ''
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port: server.port!,
    socket: {
      data(_, bytes) {
        received += bytes.toString('latin1')
        if (/\r\n\r\n./s.test(received)) answer.resolve(received)
      },
      close: () => answer.resolve(received),
    },
  })
  socket.write(Buffer.from(`${text}\r\n\r\n`, 'latin1'))
  const whole = await answer.promise
  socket.terminate()
  return whole.startsWith('HTTP/1.1 200') ? JSON.parse(whole.slice(whole.indexOf('\r\n\r\n') + 4)) : null
}

const LETTERS = Array.from('abcXYZ019-_.~/?=&%:@;, \t"\\{}\r\n\0é')

/** As text, in an order of its own; a list of empty values may end in a space or not. */
function sorted(headers: readonly (readonly [string, string])[]): string[] {
  return headers.map((header) => header.join(': ').trimEnd()).toSorted()
}

test('what is read here, Bun reads in the same way: method, target and every header', async () => {
  const letters = fc.string({ unit: fc.constantFrom(...LETTERS), maxLength: 12 })
  const name = fc.constantFrom(
    'x-a',
    'X-B',
    'authorization',
    'content-type',
    'transfer-encoding',
    'content-length',
    'host',
    'x a',
    '',
  )
  const line = fc.oneof(
    fc.tuple(name, fc.constantFrom(': ', ':', ' : ', ':\t'), letters).map((parts) => parts.join('')),
    letters,
  )
  let read = 0
  await fc.assert(
    fc.asyncProperty(letters, fc.array(line, { maxLength: 4 }), async (path, lines) => {
      const text = head(`GET /${path} HTTP/1.1`, ['host: gateway', ...lines])
      const ours = readRequestHead(Buffer.from(text, 'latin1').toString('latin1'))
      if (ours === null || ours.bodyBytes > 0) return
      read++
      const theirs = await readByBun(text)
      expect(theirs).not.toBeNull()
      expect([ours.method, ours.target]).toEqual([theirs!.method as 'GET', theirs!.target])
      expect(sorted([...new Headers([...ours.headers])])).toEqual(sorted(theirs!.headers))
    }),
    { numRuns: 1_500 },
  )
  expect(read).toBeGreaterThan(50)
})
