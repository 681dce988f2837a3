import { afterEach, expect, test } from 'bun:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'

import packageJson from '../../package.json' with { type: 'json' }
import { TEST_AUTHORITY } from './test-certificate.ts'
import { resolveHost, UpstreamFailure } from './upstream.ts'
import type { UpstreamAnswer } from './upstream.ts'
import {
  chunk,
  CHUNKED,
  closeServers,
  guardThatSays,
  LAST_CHUNK,
  outcomeOf,
  providerAt,
  rawServer,
  setUp,
  text,
  whole,
} from './upstream-testing.ts'

afterEach(closeServers)

const read = async (answer: Promise<Pick<UpstreamAnswer, 'bytes'>>, max = 1_000_000): Promise<string> =>
  Buffer.from(await (await answer).bytes(max)).toString()

test('only what was built here goes up', async () => {
  const server = await rawServer((socket) => socket.write(whole('ok')))
  const { call } = setUp()
  const provider = providerAt(server.url, { headers: { 'openai-organization': 'org' } })
  await read(
    call(provider, {
      headers: {
        'Content-Type': 'application/json',
        Authorization: 'Bearer stolen',
        Host: 'evil.test',
        Cookie: 'a=b',
        accept: 'text/event-stream',
      },
    }),
  )
  const [head = '', body] = server.requests[0]?.split('\r\n\r\n') ?? []
  const [line, ...headers] = head.split('\r\n')
  expect(line).toBe('POST /v1/chat/completions HTTP/1.1')
  expect(headers.map((header) => header.toLowerCase()).sort()).toEqual(
    [
      'accept-encoding: identity',
      'accept: text/event-stream',
      'authorization: bearer sk-secret',
      'content-length: 2',
      'content-type: application/json',
      `host: 127.0.0.1:${server.port}`,
      'openai-organization: org',
      `user-agent: weir/${packageJson.version}`,
    ].sort(),
  )
  expect(body).toBe('{}')
})

test('a credential is presented as the host wants it', async () => {
  const server = await rawServer((socket) => socket.write(whole('ok')))
  const { call } = setUp()
  await read(call(providerAt(server.url, { auth: { type: 'header', header: 'Api-Key', prefix: 'k ' } })))
  expect(server.requests[0]).toMatch(/\r\napi-key: k sk-secret\r\n/i)
  await read(
    call(providerAt(server.url, { auth: { type: 'query', parameter: 'key' } }), { url: `${server.url}/a?b=c` }),
  )
  expect(server.requests[1]).toStartWith('POST /v1/a?b=c&key=sk-secret HTTP')
  await read(call(providerAt(server.url, { auth: { type: 'query', parameter: 'key' } })))
  expect(server.requests[2]).toStartWith('POST /v1/chat/completions?key=sk-secret HTTP')
  await read(call(providerAt(server.url), { credential: null }))
  await read(call(providerAt(server.url, { auth: { type: 'none' } })))
  for (const request of server.requests.slice(3)) expect(request).not.toContain('secret')
})

test('nothing is sent outside of the provider’s base URL', async () => {
  const server = await rawServer((socket) => socket.write(whole('ok')))
  const { call } = setUp()
  for (const url of [
    `${server.url}.evil.test/x`,
    `${server.url}x`,
    'http://127.0.0.1:1/v1/x',
    server.url.replace('/v1', '/v2'),
    `${server.url}/../v2`,
    `${server.url}/a/%2e%2E/x?y`,
    `${server.url}/.`,
  ])
    expect(await outcomeOf(call(providerAt(server.url), { url }))).toMatchObject({ type: 'unreachable' })
  expect(server.requests.length).toBe(0)
  expect(await read(call(providerAt(server.url), { url: server.url }))).toBe('ok')
})

test('a whole answer comes with status, headers and bytes, whatever the status', async () => {
  const server = await rawServer((socket) =>
    socket.write('HTTP/1.1 429 Too Many Requests\r\nretry-after: 3\r\ncontent-length: 4\r\n\r\nslow'),
  )
  const answer = await setUp().call(providerAt(server.url))
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '3'])
  expect(Buffer.from(await answer.bytes(10)).toString()).toBe('slow')
})

test('answers of any length and framing are read whole', async () => {
  const long = 'x'.repeat(300_000)
  const replies = [
    () => whole(''),
    () => whole(long),
    () => CHUNKED + chunk('ab').toString() + chunk('cd').toString() + LAST_CHUNK,
    () => CHUNKED + LAST_CHUNK,
    () => 'HTTP/1.1 204 No Content\r\n\r\n',
  ]
  const server = await rawServer((socket, _, count) => socket.write(replies[count - 1]?.() ?? ''))
  const { call } = setUp()
  const provider = providerAt(server.url)
  for (const expected of ['', long, 'abcd', '', '']) expect(await read(call(provider))).toBe(expected)
  expect(server.connections()).toBe(1)
})

test('an answer past its bound is broken, and its connection is closed', async () => {
  const server = await rawServer((socket, _, count) =>
    socket.write(
      count === 1 ? 'HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\nx' : CHUNKED + chunk('x'.repeat(2_000)).toString(),
    ),
  )
  const { call } = setUp()
  for (let count = 1; count <= 2; count++) {
    expect(await outcomeOf(read(call(providerAt(server.url)), 1_000))).toMatchObject({
      type: 'broken',
      reason: expect.stringMatching(/larger than 1000/),
    })
    await server.closed(count)
  }
})

test('what comes compressed all the same is inflated, within the bound', async () => {
  const plain = JSON.stringify({ text: 'a'.repeat(100_000) })
  const replies = [
    whole(gzipSync(plain), 'content-encoding: gzip\r\n'),
    whole(brotliCompressSync(plain), 'content-encoding: br\r\n'),
    whole(gzipSync(plain), 'content-encoding: gzip\r\n'),
    whole('abc', 'content-encoding: identity\r\n'),
    whole('abc', 'content-encoding: compress\r\n'),
    whole('this is no gzip', 'content-encoding: gzip\r\n'),
  ]
  const server = await rawServer((socket, _, count) => socket.write(replies[count - 1] ?? ''))
  const { call } = setUp()
  const provider = providerAt(server.url)
  expect(await read(call(provider))).toBe(plain)
  expect(await read(call(provider))).toBe(plain)
  expect(await outcomeOf(read(call(provider), 50_000))).toMatchObject({
    type: 'broken',
    reason: expect.stringMatching(/larger/),
  })
  expect(await read(call(provider))).toBe('abc')
  expect(await outcomeOf(read(call(provider)))).toMatchObject({
    type: 'broken',
    reason: expect.stringMatching(/encoding/),
  })
  expect(await outcomeOf(read(call(provider)))).toMatchObject({ type: 'broken' })
})

test('chunks of a stream come as they are sent, each when it is sent', async () => {
  let send: (text: string) => void = () => undefined
  const server = await rawServer((socket) => {
    socket.write(CHUNKED)
    send = (part) => socket.write(part)
    send(chunk('one').toString())
  })
  const answer = await setUp().call(providerAt(server.url), { stream: true })
  const chunks = answer.chunks()
  const next = async (): Promise<string | undefined> => {
    const { value } = await chunks.next()
    return value === undefined ? undefined : Buffer.from(value).toString()
  }
  expect(await next()).toBe('one')
  send(chunk('two').toString())
  expect(await next()).toBe('two')
  send(LAST_CHUNK)
  expect(await next()).toBeUndefined()
})

test('a compressed stream is inflated as it comes', async () => {
  const server = await rawServer((socket) =>
    socket.write(
      Buffer.concat([
        Buffer.from(CHUNKED.replace('\r\n\r\n', '\r\ncontent-encoding: gzip\r\n\r\n')),
        chunk(gzipSync('data: x\n\n')),
        Buffer.from(LAST_CHUNK),
      ]),
    ),
  )
  const answer = await setUp().call(providerAt(server.url), { stream: true })
  expect(await text(answer.chunks())).toBe('data: x\n\n')
})

test('a redirect is broken and nobody goes there', async () => {
  const target = await rawServer((socket) => socket.write(whole('secret received')))
  const server = await rawServer((socket) =>
    socket.write(`HTTP/1.1 307 Temporary Redirect\r\nlocation: ${target.url}\r\ncontent-length: 0\r\n\r\n`),
  )
  expect(await outcomeOf(setUp().call(providerAt(server.url)))).toEqual({
    type: 'broken',
    reason: 'it answered with a redirect (307)',
  })
  expect(target.connections()).toBe(0)
})

test('what goes wrong before the head is told apart', async () => {
  const refused = await rawServer(() => undefined)
  refused.close()
  const reset = await rawServer((socket) => socket.resetAndDestroy())
  const ended = await rawServer((socket) => socket.end())
  const cutHead = await rawServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-le'))
  const ssh = await rawServer((socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n\r\n'))
  const { call } = setUp()
  expect(await outcomeOf(call(providerAt(refused.url)))).toEqual({
    type: 'unreachable',
    reason: 'the connection was refused',
  })
  for (const server of [reset, ended, cutHead]) {
    expect(await outcomeOf(call(providerAt(server.url)))).toEqual({
      type: 'unreachable',
      reason: 'the connection was reset before the answer',
    })
    // Sent once: nobody knows what the other side did with it.
    expect(server.requests.length).toBe(1)
  }
  expect(await outcomeOf(call(providerAt(ssh.url)))).toEqual({ type: 'broken', reason: 'the answer is not HTTP' })
})

test('what breaks off after the head is broken, never complete', async () => {
  const cuts = [
    (): string => 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc',
    (): string => `HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nabc`,
    (): string => CHUNKED + chunk('abc').toString(),
    (): string => `${CHUNKED}zz\r\nabc\r\n`,
  ]
  for (const cut of cuts) {
    const server = await rawServer((socket) => socket.end(cut()))
    expect(await outcomeOf(read(setUp().call(providerAt(server.url))))).toMatchObject({ type: 'broken' })
    const streamed = setUp().call(providerAt(server.url), { stream: true })
    expect(await outcomeOf(streamed.then((answer) => text(answer.chunks())))).toMatchObject({ type: 'broken' })
  }
})

test('no error tells the key, not even one that is in the query', async () => {
  const ssh = await rawServer((socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n\r\n'))
  const failure = await setUp()
    .call(providerAt(ssh.url, { auth: { type: 'query', parameter: 'key' } }))
    .catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(UpstreamFailure)
  expect(`${(failure as Error).message} ${JSON.stringify((failure as UpstreamFailure).outcome)}`).not.toContain(
    'secret',
  )
})

test('certificates count: the authority must be known and the name must fit', async () => {
  const server = await rawServer((socket) => socket.write(whole('ok')), { tls: true })
  const plain = await rawServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n'))
  const { call } = setUp()
  expect(await outcomeOf(call(providerAt(server.url)))).toMatchObject({
    type: 'unreachable',
    reason: expect.stringMatching(/certificate.*UNABLE_TO_VERIFY/),
  })
  expect(await read(call(providerAt(server.url, { ca: TEST_AUTHORITY })))).toBe('ok')
  const byAddress = server.url.replace('localhost', '127.0.0.1')
  expect(await outcomeOf(call(providerAt(byAddress, { ca: TEST_AUTHORITY })))).toMatchObject({
    type: 'unreachable',
    reason: expect.stringMatching(/certificate.*ALTNAME/),
  })
  expect(await outcomeOf(call(providerAt(plain.url.replace('http:', 'https:'))))).toEqual({
    type: 'unreachable',
    reason: 'the TLS handshake failed',
  })
})

test('an address that the guard pins is the one that is called, under the name that was asked for', async () => {
  const server = await rawServer((socket) => socket.write(whole('ok')))
  const secure = await rawServer((socket) => socket.write(whole('ok')), { tls: true })
  const { call } = setUp({ guard: guardThatSays({ type: 'approved', address: '127.0.0.1' }) })
  expect(await read(call(providerAt(`http://api.example.test:${server.port}/v1`)))).toBe('ok')
  expect(server.requests[0]?.toLowerCase()).toContain(`\r\nhost: api.example.test:${server.port}\r\n`)
  const named = providerAt(`https://api.example.test:${secure.port}/v1`, { ca: TEST_AUTHORITY })
  expect(await read(call(named))).toBe('ok')
  expect(secure.requests[0]?.toLowerCase()).toContain(`\r\nhost: api.example.test:${secure.port}\r\n`)
  // The certificate is checked for the name, not for the address.
  const other = providerAt(`https://other.example.test:${secure.port}/v1`, { ca: TEST_AUTHORITY })
  expect(await outcomeOf(call(other))).toMatchObject({ type: 'unreachable', reason: expect.stringMatching(/ALTNAME/) })
})

test('what the guard refuses is not called', async () => {
  const server = await rawServer((socket) => socket.write(whole('ok')))
  const refusing = setUp({ guard: guardThatSays({ type: 'refused', reason: 'its address is link-local' }) })
  expect(await outcomeOf(refusing.call(providerAt(server.url)))).toEqual({
    type: 'unreachable',
    reason: 'it is not called: its address is link-local',
  })
  const lost = setUp({ guard: guardThatSays({ type: 'unresolved', reason: 'its name could not be resolved' }) })
  expect(await outcomeOf(lost.call(providerAt(server.url)))).toMatchObject({ type: 'unreachable' })
  expect(server.connections()).toBe(0)
})

test('a proxy is used for plain and for tunnelled calls, whatever NO_PROXY says, and is judged by the guard too', async () => {
  const secure = await rawServer((socket) => socket.write(whole('through the tunnel')), { tls: true })
  const proxy = await rawServer((socket, request) => {
    if (!request.startsWith('CONNECT')) {
      socket.write(whole('by proxy'))
      return
    }
    socket.removeAllListeners('data')
    void import('node:net').then(({ connect }) => {
      const target = connect({ host: '127.0.0.1', port: secure.port })
      target.on('error', () => socket.destroy())
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.pipe(target).pipe(socket)
    })
  })
  const asked: string[] = []
  const { call } = setUp({
    guard: {
      approve: ({ hostname, isProxied }) => {
        asked.push(`${hostname} ${isProxied}`)
        return { type: 'approved', address: null }
      },
    },
  })
  const before = process.env['NO_PROXY']
  process.env['NO_PROXY'] = '*'
  try {
    const url = `http://user:pass@127.0.0.1:${proxy.port}`
    expect(await read(call(providerAt('http://api.example.test/v1', { proxy: url })))).toBe('by proxy')
    expect(proxy.requests[0]).toStartWith('POST http://api.example.test/v1/chat/completions HTTP/1.1')
    const tunnelled = providerAt(`https://api.example.test:${secure.port}/v1`, { proxy: url, ca: TEST_AUTHORITY })
    expect(await read(call(tunnelled))).toBe('through the tunnel')
    expect(proxy.requests[1]).not.toContain('secret')
  } finally {
    if (before === undefined) delete process.env['NO_PROXY']
    else process.env['NO_PROXY'] = before
  }
  expect(asked).toEqual(['127.0.0.1 false', 'api.example.test true', '127.0.0.1 false', 'api.example.test true'])
})

test('a proxy of the environment is not used behind the config’s back', async () => {
  const server = await rawServer((socket) => socket.write(whole('direct')))
  const before = process.env['HTTP_PROXY']
  process.env['HTTP_PROXY'] = 'http://127.0.0.1:1'
  try {
    expect(await read(setUp().call(providerAt(server.url)))).toBe('direct')
  } finally {
    if (before === undefined) delete process.env['HTTP_PROXY']
    else process.env['HTTP_PROXY'] = before
  }
})

test('a proxy that refuses makes the provider unreachable, not the client wrong', async () => {
  const proxy = await rawServer((socket) =>
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n'),
  )
  const { call } = setUp()
  const url = `http://127.0.0.1:${proxy.port}`
  expect(await outcomeOf(call(providerAt('http://api.example.test/v1', { proxy: url })))).toEqual({
    type: 'unreachable',
    reason: 'the proxy asks for credentials',
  })
  expect(await outcomeOf(call(providerAt('https://api.example.test/v1', { proxy: url })))).toEqual({
    type: 'unreachable',
    reason: 'the proxy refused the tunnel',
  })
})

test('a request that a dying idle connection took down is sent again, once, on a fresh one', async () => {
  const server = await rawServer((socket, _, count) => {
    if (count === 2) socket.resetAndDestroy()
    else socket.write(whole(`answer ${count}`))
  })
  const { call } = setUp()
  const provider = providerAt(server.url)
  expect(await read(call(provider))).toBe('answer 1')
  expect(await read(call(provider))).toBe('answer 3')
  expect(server.connections()).toBe(2)
})

test('it is not sent again once the other side has begun to answer', async () => {
  const server = await rawServer((socket, _, count) => {
    if (count === 1) socket.write(whole('ok'))
    else socket.end('HTTP/1.1 200 OK\r\nx-half: ')
  })
  const { call } = setUp()
  const provider = providerAt(server.url)
  await read(call(provider))
  expect(await outcomeOf(call(provider))).toMatchObject({ type: 'unreachable' })
  expect(server.requests.length).toBe(2)
})

test('it is not sent a third time', async () => {
  const server = await rawServer((socket, _, count) => {
    if (count > 1) socket.end()
    else socket.write(whole('ok'))
  })
  const { call } = setUp()
  const provider = providerAt(server.url)
  await read(call(provider))
  expect(await outcomeOf(call(provider))).toMatchObject({ type: 'unreachable' })
  expect(server.requests.length).toBe(3)
})

test('it is not sent again when the other side has had time to work on it', async () => {
  const { call, clock } = setUp()
  const server = await rawServer((socket, _, count) => {
    if (count === 1) {
      socket.write(whole('ok'))
      return
    }
    clock.advance(6)
    socket.resetAndDestroy()
  })
  const provider = providerAt(server.url)
  await read(call(provider))
  expect(await outcomeOf(call(provider))).toMatchObject({ type: 'unreachable' })
  expect(server.requests.length).toBe(2)
})

test('names resolve as the system resolves them, IPv4 first', async () => {
  const addresses = await resolveHost('localhost')
  expect(addresses).toContain('127.0.0.1')
  expect(await resolveHost('no-such-name.invalid').catch(() => 'none')).toBe('none')
})
