// Live sessions over real WebSockets: OpenAI's own SDK and plain sockets as clients, the simulator and fake providers behind.
import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { GoogleGenAI } from '@google/genai'
import type { LiveServerMessage } from '@google/genai'
import OpenAI from 'openai'
import { OpenAIRealtimeWS } from 'openai/realtime/ws'
import { OpenAIRealtimeWebSocket } from 'openai/realtime/websocket'
import type { RealtimeServerEvent } from 'openai/resources/realtime/realtime'
import { randomOf } from '../src/providers/simulator/random.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import { startProcess, temporaryFolder } from './process.ts'
import { drivenClock } from '../src/providers/simulator/driven-clock.ts'
import { TEST_AUTHORITY, TEST_CERTIFICATE, TEST_KEY } from '../src/providers/test-certificate.ts'
import { providerAt, startGateway } from './gateway.ts'
import type { TestGateway } from './gateway.ts'

const FAST = `
providers:
  sim: { preset: simulator, models: { talk: { simulate: { ttft_ms: { median: 1, p99: 2 }, tokens_per_second: 5000, output_tokens: { median: 8, p99: 9 } } } } }
`

type Frame = string | Uint8Array
type Fake = Disposable & {
  readonly url: string
  readonly opened: { readonly path: string; readonly headers: Headers }[]
  readonly received: string[]
  readonly closed: { code: number; reason: string }[]
  /** Sent, and not taken by the gateway. */
  untakenBytes(): number
  send(data: Frame): void
  close(code: number, reason: string): void
  terminate(): void
}

/** A provider that says what it is told to. `answer` sees each message. */
function startFake(answer: (text: string, send: (data: Frame) => void) => void = () => {}, status = 101): Fake {
  const opened: Fake['opened'] = []
  const received: string[] = []
  const closed: Fake['closed'] = []
  let current: Bun.ServerWebSocket | null = null
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request, bun) {
      const url = new URL(request.url)
      opened.push({ path: url.pathname + url.search, headers: request.headers })
      if (status !== 101) return new Response('no', { status })
      return bun.upgrade(request, { data: undefined }) ? undefined : new Response('no', { status: 400 })
    },
    websocket: {
      backpressureLimit: 256 * 1024 * 1024,
      open: (socket) => void (current = socket),
      message(socket, data) {
        const text = typeof data === 'string' ? data : Buffer.from(data).toString('utf8')
        received.push(text)
        answer(text, (reply) => void socket.send(reply))
      },
      close: (_socket, code, reason) => void closed.push({ code, reason }),
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    opened,
    received,
    closed,
    untakenBytes: () => current?.getBufferedAmount() ?? 0,
    send: (data) => void current?.send(data),
    close: (code, reason) => current?.close(code, reason),
    terminate: () => current?.terminate(),
    [Symbol.dispose]: () => void server.stop(true),
  }
}

type Client = Disposable & {
  readonly socket: WebSocket
  readonly messages: string[]
  /** The event or message that contains this text. */
  until(text: string): Promise<string>
  readonly goodbye: Promise<{ code: number; reason: string }>
  send(event: object): void
}

async function open(
  url: string,
  options: { headers?: Record<string, string>; protocols?: string[] } = {},
): Promise<Client> {
  const socket = new WebSocket(url.replace('http', 'ws'), options)
  const messages: string[] = []
  let wake = (): void => {}
  socket.addEventListener('message', ({ data }) => {
    messages.push(typeof data === 'string' ? data : Buffer.from(data as ArrayBuffer).toString('utf8'))
    wake()
  })
  const goodbye = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener('close', ({ code, reason }) => {
      wake()
      resolve({ code, reason })
    })
  })
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve())
    socket.addEventListener('error', () => reject(new Error('the handshake failed')))
  })
  return {
    socket,
    messages,
    goodbye,
    send: (event) => socket.send(JSON.stringify(event)),
    async until(text) {
      for (;;) {
        const found = messages.find((message) => message.includes(text))
        if (found !== undefined) return found
        if (socket.readyState === WebSocket.CLOSED) throw new Error(`closed without ${text}: ${messages.join('\n')}`)
        await new Promise<void>((resolve) => void (wake = resolve))
      }
    },
    [Symbol.dispose]: () => socket.terminate(),
  }
}

/** The SDK speaks TLS and nothing else; what ends it stands in front, as in front of any gateway. */
function secured(port: number): Disposable & { readonly baseURL: string } {
  const server = createServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, (socket) => {
    const plain = connect(port, '127.0.0.1')
    socket.pipe(plain).pipe(socket)
    for (const one of [socket, plain]) one.on('error', () => void [socket.destroy(), plain.destroy()])
  })
  server.listen(0, '127.0.0.1')
  const { port: own } = server.address() as AddressInfo
  return { baseURL: `https://localhost:${own}/v1`, [Symbol.dispose]: () => void server.close() }
}
const TRUSTING = { ca: TEST_AUTHORITY }

const bearer = (weir: TestGateway, key = weir.key): { headers: Record<string, string> } => ({
  headers: { authorization: `Bearer ${key}` },
})

async function settled(weir: TestGateway): Promise<void> {
  while (weir.gateway.load.inFlight > 0) await Bun.sleep(2)
  await weir.gateway.journal.flush()
}

/** What a refused handshake says; a WebSocket's client does not show it. */
async function refusal(url: string, headers: Record<string, string>): Promise<[number, string | null]> {
  const response = await fetch(url, {
    headers: {
      upgrade: 'websocket',
      connection: 'upgrade',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      ...headers,
    },
  })
  return [response.status, response.headers.get('x-weir-error')]
}

const DONE = (usage: object): string =>
  JSON.stringify({
    type: 'response.done',
    event_id: 'e',
    response: { object: 'realtime.response', id: 'r', status: 'completed', usage },
  })
const CREATED = JSON.stringify({ type: 'response.created', event_id: 'e', response: { id: 'r' } })
const USAGE = {
  total_tokens: 253,
  input_tokens: 132,
  output_tokens: 121,
  input_token_details: {
    text_tokens: 100,
    audio_tokens: 32,
    image_tokens: 0,
    cached_tokens: 64,
    cached_tokens_details: { text_tokens: 54, audio_tokens: 10 },
  },
  output_token_details: { text_tokens: 30, audio_tokens: 91 },
}

describe('OpenAI’s SDK', () => {
  test('talks to the simulator, text and sound, and each answer is an entry of its own', async () => {
    await using weir = await startGateway(FAST)
    using secure = secured(weir.listen().port)
    const client = new OpenAI({ apiKey: weir.key, baseURL: secure.baseURL })
    const live = new OpenAIRealtimeWS({ model: 'sim/talk', options: TRUSTING }, client)
    const seen: RealtimeServerEvent[] = []
    let text = ''
    let sound = 0
    const done = (): Promise<void> => new Promise((resolve) => void live.once('response.done', () => resolve()))
    live.on('event', (event) => void seen.push(event))
    live.on('response.output_text.delta', ({ delta }) => void (text += delta))
    live.on('response.output_audio.delta', ({ delta }) => void (sound += Buffer.from(delta, 'base64').length))
    await new Promise<void>((resolve) => void live.once('session.created', () => resolve()))
    live.send({
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Say hello' }] },
    })
    live.send({ type: 'response.create', response: { output_modalities: ['text'] } })
    await done()
    expect(text).toContain('Say hello')
    live.send({ type: 'input_audio_buffer.append', audio: Buffer.alloc(48_000).toString('base64') })
    live.send({ type: 'input_audio_buffer.commit' })
    live.send({ type: 'response.create' })
    await done()
    expect(sound).toBeGreaterThan(1_000)
    const closed = new Promise<void>((resolve) => void live.socket.once('close', () => resolve()))
    live.close()
    await closed
    await settled(weir)
    expect(seen.filter(({ type }) => type === 'error')).toEqual([])
    const { data } = await weir.store.listRequests({ cursor: null, limit: 10 })
    const [tail, spoken, written] = data
    expect(data).toHaveLength(3)
    expect(written).toMatchObject({
      target: 'sim/talk',
      status: 200,
      stream: true,
      finishReason: 'completed',
      usageSource: 'reported',
    })
    expect(written?.dimensions).toMatchObject({
      operation: 'realtime',
      dialect: 'openai-realtime',
      requestedModel: 'sim/talk',
    })
    expect(written?.usage?.output).toBeGreaterThan(0)
    expect(spoken?.usage).toMatchObject({ audioIn: 10, output: 0 })
    expect(spoken?.costNanoUsd).toBe(
      BigInt((spoken?.usage?.audioOut ?? 0) * 64_000 + 10 * 32_000 + (spoken?.usage?.input ?? 0) * 4_000),
    )
    // What the session ends with: a turn in which nobody answered.
    expect(tail).toMatchObject({ status: 200, costNanoUsd: 0n })
    expect(await weir.store.countEntries()).toBe(3)
  })

  test('works in its form for browsers, whose key comes as a protocol', async () => {
    await using weir = await startGateway(FAST)
    const client = new OpenAI({ apiKey: weir.key, baseURL: `${weir.listen().url}/v1`, dangerouslyAllowBrowser: true })
    const onURL = (url: URL): void => void (url.protocol = 'ws:')
    const live = new OpenAIRealtimeWebSocket({ model: 'sim/talk', dangerouslyAllowBrowser: true, onURL }, client)
    await new Promise<void>((resolve) => void live.once('session.created', () => resolve()))
    expect(live.socket.protocol).toBe('realtime')
    live.close()
    await settled(weir)
  })

  test('gets an error of the gateway as an error event', async () => {
    using fake = startFake((_text, send) => send(DONE(USAGE)))
    await using weir = await startGateway(providerAt(fake.url))
    const key = await weir.issue({ limits: { rpm: 1 } })
    using secure = secured(weir.listen().port)
    const live = new OpenAIRealtimeWS(
      { model: 'up/m', options: TRUSTING },
      new OpenAI({ apiKey: key, baseURL: secure.baseURL }),
    )
    await new Promise<void>((resolve) => void live.socket.once('open', () => resolve()))
    const failed = new Promise<{ error?: unknown }>((resolve) => void live.on('error', resolve))
    const closed = new Promise<number>((resolve) => void live.socket.once('close', (code: number) => resolve(code)))
    live.send({ type: 'response.create' })
    expect((await failed).error).toMatchObject({ type: 'rate_limit_error', code: 'rate_limit_exceeded' })
    expect(await closed).toBe(1008)
  })
})

test('what passes is untouched but for the model; the credential takes the place of the key', async () => {
  using fake = startFake((text, send) => send(text))
  await using weir = await startGateway(providerAt(fake.url))
  const { url } = weir.listen()
  using client = await open(`${url}/v1/realtime?model=up%2Fm&intent=x`, {
    headers: { ...bearer(weir).headers, 'openai-beta': 'realtime=v1', cookie: 'a=b' },
  })
  expect(fake.opened[0]?.path).toBe('/v1/realtime?model=m&intent=x')
  expect(fake.opened[0]?.headers.get('authorization')).toBe('Bearer upstream-secret-value')
  expect(fake.opened[0]?.headers.get('openai-beta')).toBe('realtime=v1')
  expect(fake.opened[0]?.headers.get('cookie')).toBeNull()
  const odd = '{"type":"new.event",  "n": 12345678901234567890}'
  client.socket.send(odd)
  expect(await client.until('new.event')).toBe(odd)
  client.send({ type: 'session.update', session: { model: 'up/m', voice: 'x' } })
  expect(JSON.parse(await client.until('session.update'))).toEqual({
    type: 'session.update',
    session: { model: 'm', voice: 'x' },
  })
  fake.close(4321, 'enough')
  expect(await client.goodbye).toEqual({ code: 4321, reason: 'enough' })
  await settled(weir)
})

test('an answer’s usage is in the ledger before its end is heard, in buckets that do not overlap', async () => {
  using fake = startFake((_text, send) => {
    send(CREATED)
    send(DONE(USAGE))
    send('{"type":"after"}')
  })
  await using weir = await startGateway(providerAt(fake.url))
  using client = await open(`${weir.listen().url}/v1/realtime?model=up/m`, bearer(weir))
  client.send({ type: 'response.create' })
  await client.until('response.done')
  const entries = (await weir.store.listRequests({ cursor: null, limit: 10 })).data
  expect(entries).toHaveLength(1)
  expect(entries[0]?.usage).toMatchObject({
    input: 46,
    cacheRead: 64,
    audioIn: 22,
    output: 30,
    audioOut: 91,
    requests: 1,
  })
  expect(entries[0]?.rawUsage).toBe(JSON.stringify(USAGE))
  // Nothing overtakes the end that waited for the ledger.
  await client.until('after')
  expect(client.messages.map((text) => (JSON.parse(text) as { type: string }).type)).toEqual([
    'response.created',
    'response.done',
    'after',
  ])
})

test('a client that leaves in the middle of an answer ends the provider’s session; what was said is booked', async () => {
  using fake = startFake((_text, send) => {
    send(CREATED)
    for (let index = 0; index < 7; index++) send(JSON.stringify({ type: 'response.output_text.delta', delta: 'word' }))
  })
  await using weir = await startGateway(providerAt(fake.url))
  const client = await open(`${weir.listen().url}/v1/realtime?model=up/m`, bearer(weir))
  client.send({ type: 'response.create' })
  await client.until('delta')
  while (client.messages.length < 8) await Bun.sleep(1)
  client.socket.terminate()
  while (fake.closed.length === 0) await Bun.sleep(1)
  await settled(weir)
  const [record] = (await weir.store.listRequests({ cursor: null, limit: 10 })).data
  expect(record).toMatchObject({ status: 499, errorCode: 'client_closed', usageSource: 'estimated' })
  expect(record?.usage?.output).toBe(7)
  expect(await weir.store.getEntry(record?.id ?? '')).toMatchObject({ status: 'aborted' })
  expect(weir.gateway.limiter.inFlight('key')).toBe(0)
})

test('a provider that breaks off is told as an error, and booked', async () => {
  using fake = startFake((_text, send) => send(CREATED))
  await using weir = await startGateway(providerAt(fake.url))
  using client = await open(`${weir.listen().url}/v1/realtime?model=up/m`, bearer(weir))
  client.send({ type: 'response.create' })
  await client.until('response.created')
  fake.terminate()
  expect(await client.until('"error"')).toContain('broke off')
  expect((await client.goodbye).code).toBe(1011)
  await settled(weir)
  expect((await weir.store.listRequests({ cursor: null, limit: 1 })).data[0]).toMatchObject({
    status: 502,
    errorCode: 'all_targets_failed',
  })
})

test.each([
  ['no key', {}, '?model=up/m', 401, 'key_missing'],
  ['an unknown key', { authorization: 'Bearer sk-weir-no' }, '?model=up/m', 401, 'key_unknown'],
  ['no model', null, '', 400, 'request_malformed'],
  ['an unknown model', null, '?model=up2/m', 404, 'model_unknown'],
  ['no upgrade', { upgrade: '' }, '?model=up/m', 400, 'request_malformed'],
] as const)('a handshake with %s is refused as a request', async (_what, headers, query, status, code) => {
  using fake = startFake()
  await using weir = await startGateway(providerAt(fake.url))
  const sent = headers === null || 'upgrade' in headers ? { ...bearer(weir).headers, ...headers } : headers
  expect(await refusal(`${weir.listen().url}/v1/realtime${query}`, sent)).toEqual([status, code])
  expect(fake.opened).toEqual([])
  expect(weir.gateway.load.inFlight).toBe(0)
})

test.each([
  ['another family', { endpoints: ['chat'] }, 403, 'endpoint_not_allowed'],
  ['another model', { models: ['up/n'] }, 403, 'model_not_allowed'],
] as const)('a key for %s is refused', async (_what, key, status, code) => {
  using fake = startFake()
  await using weir = await startGateway(providerAt(fake.url))
  const headers = bearer(weir, await weir.issue(key)).headers
  expect(await refusal(`${weir.listen().url}/v1/realtime?model=up/m`, headers)).toEqual([status, code])
})

test('places in flight are held by sessions, and given back', async () => {
  using fake = startFake()
  await using weir = await startGateway(providerAt(fake.url))
  const { url } = weir.listen()
  const key = await weir.issue({ limits: { concurrency: 1 } })
  const first = await open(`${url}/v1/realtime?model=up/m`, bearer(weir, key))
  expect(await refusal(`${url}/v1/realtime?model=up/m`, bearer(weir, key).headers)).toEqual([
    429,
    'concurrency_limited',
  ])
  first.socket.close()
  await first.goodbye
  await settled(weir)
  using second = await open(`${url}/v1/realtime?model=up/m`, bearer(weir, key))
  expect(second.socket.readyState).toBe(WebSocket.OPEN)
})

test('a target that does not let it in is passed over for the next one', async () => {
  using bad = startFake(() => {}, 401)
  using good = startFake()
  const yaml = `${providerAt(good.url)}  bad: { preset: openai-compatible, base_url: "${bad.url}/v1", keys: [bad-secret-value] }\nroutes: { live: { targets: [bad/m, up/m] } }\n`
  await using weir = await startGateway(yaml)
  const client = await open(`${weir.listen().url}/v1/realtime?model=live`, bearer(weir))
  expect([bad.opened.length, good.opened.length]).toEqual([1, 1])
  client.socket.close()
  await settled(weir)
  const [record] = (await weir.store.listRequests({ cursor: null, limit: 1 })).data
  expect(record?.attempts.map(({ target, outcome }) => [target, outcome.type])).toEqual([
    ['bad/m', 'credential_bad'],
    ['up/m', 'answered'],
  ])
  await using nobody = await startGateway(providerAt(bad.url))
  expect(await refusal(`${nobody.listen().url}/v1/realtime?model=up/m`, bearer(nobody).headers)).toEqual([
    502,
    'all_targets_failed',
  ])
})

test('a key that is disabled meanwhile gets no further turn', async () => {
  using fake = startFake((_text, send) => send(DONE(USAGE)))
  await using weir = await startGateway(providerAt(fake.url))
  using client = await open(`${weir.listen().url}/v1/realtime?model=up/m`, bearer(weir))
  const [key] = (await weir.store.listKeys({ cursor: null, limit: 1 })).data
  await weir.store.updateKey(key?.id ?? '', { disabled: true })
  client.send({ type: 'response.create' })
  await client.until('response.done')
  expect(await client.until('"error"')).toContain('disabled')
  expect((await client.goodbye).code).toBe(1008)
})

test('messages are bounded on both sides', async () => {
  using fake = startFake((_text, send) => send('x'.repeat(3_000)))
  await using weir = await startGateway(`${providerAt(fake.url)}realtime: { message_limit: 2KiB }\n`)
  const { url } = weir.listen()
  using large = await open(`${url}/v1/realtime?model=up/m`, bearer(weir))
  large.socket.send('y'.repeat(2_049))
  expect(await large.until('"error"')).toContain('2048 bytes')
  expect((await large.goodbye).code).toBe(1009)
  using small = await open(`${url}/v1/realtime?model=up/m`, bearer(weir))
  small.socket.send('go')
  expect((await small.goodbye).code).toBe(1011)
  await settled(weir)
  expect(fake.received).toEqual(['go'])
})

const PIECES = 1_600

test('a client that does not read slows its provider, and loses nothing', async () => {
  const piece = 'z'.repeat(100_000)
  using fake = startFake((_text, send) => {
    for (let index = 0; index < PIECES; index++) send(`${index} ${piece}`)
  })
  await using weir = await startGateway(providerAt(fake.url))
  const client = await open(`${weir.listen().url}/v1/realtime?model=up/m`, bearer(weir))
  client.socket.pause()
  client.socket.send('flood')
  while (fake.received.length === 0) await Bun.sleep(1)
  // Of 160 MB the greater part stays where it comes from: what the gateway and the connections hold is bounded.
  await Bun.sleep(300)
  expect(fake.untakenBytes()).toBeGreaterThan(80_000_000)
  client.socket.resume()
  while (client.messages.length < PIECES) await Bun.sleep(5)
  expect(client.messages.map((text) => Number(text.slice(0, text.indexOf(' '))))).toEqual(
    Array.from({ length: PIECES }, (_, index) => index),
  )
  client.socket.close()
  await settled(weir)
}, 20_000)

test('nonsense of either side is passed on or let be, never the end of the gateway', async () => {
  using fake = startFake((text, send) => {
    send(new Uint8Array([0xff, 0xfe, 0]))
    send('{"type":"response.done"')
    send('{"type":"response.done","response":7}')
    send('{"type":"response.done","response":{"usage":{"input_tokens":1e300,"output_tokens":-5}}}')
    send(text)
  })
  await using weir = await startGateway(providerAt(fake.url))
  const client = await open(`${weir.listen().url}/v1/realtime?model=up/m`, bearer(weir))
  for (const text of ['', '{', '[]', '\u0000', '{"type":"session.update"}', 'end']) client.socket.send(text)
  await client.until('end')
  client.socket.close()
  await settled(weir)
  expect((await weir.call('/healthz')).status).toBe(200)
  expect(weir.log()).not.toContain('"internal"')
})

test('sixty sessions at once, a third of them cut off: every answer that was heard is booked, and nothing is left behind', async () => {
  await using weir = await startGateway(FAST)
  const { url } = weir.listen()
  let heard = 0
  await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      const client = await open(`${url}/v1/realtime?model=sim/talk`, bearer(weir))
      for (let turn = 0; turn < 3; turn++) {
        client.send({ type: 'response.create' })
        await client.until('response.done')
        heard++
        client.messages.length = 0
      }
      client.send({ type: 'response.create' })
      if (index % 3 === 0) client.socket.terminate()
      else client.socket.close()
    }),
  )
  await settled(weir)
  const spend = await weir.store.spend({ by: ['status'], bucket: null, from: 0, to: 8e15 })
  const complete = spend.find(({ group }) => group.status === 'complete')
  expect(heard).toBe(180)
  expect(complete?.usage.audioOut).toBeGreaterThan(180)
  // Three answers that were heard, and one turn more, whatever became of it.
  expect(await weir.store.countEntries()).toBeGreaterThanOrEqual(240)
  expect(await weir.store.countEntries()).toBeLessThanOrEqual(300)
  expect(weir.gateway.limiter.inFlight('key')).toBe(0)
  expect(await weir.store.openIntents({ deadlineBefore: Number.MAX_SAFE_INTEGER, limit: 9 })).toEqual([])
})

test('frames that are none cut the connection, and nothing is left behind', async () => {
  using fake = startFake()
  await using weir = await startGateway(providerAt(fake.url))
  const { port } = weir.listen()
  const random = randomOf('frames')
  const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)))
  const hostile = [
    // Not masked, reserved bits, a control frame of 70 000 bytes, an unknown opcode, a length of 2^63, text that is no UTF-8.
    Buffer.from([0x81, 0x02, 0x68, 0x69]),
    Buffer.from([0xf1, 0x80, 0, 0, 0, 0]),
    Buffer.from([0x89, 0xfe, 0xff, 0xff, 0, 0, 0, 0]),
    Buffer.from([0x83, 0x80, 0, 0, 0, 0]),
    Buffer.from([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
    Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe]),
    ...Array.from({ length: 40 }, () => bytes(64)),
  ]
  for (const frame of hostile) {
    const socket = connect(port, '127.0.0.1')
    const ended = new Promise<void>((resolve) => void socket.once('close', () => resolve()))
    socket.on('error', () => {})
    const switched = new Promise<void>((resolve) => void socket.once('data', () => resolve()))
    socket.write(
      `GET /v1/realtime?model=up/m HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${weir.key}\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    )
    await switched
    socket.end(frame)
    await ended
  }
  await settled(weir)
  expect(fake.opened).toHaveLength(hostile.length)
  while (fake.closed.length < hostile.length) await Bun.sleep(2)
  expect(weir.gateway.limiter.inFlight('key')).toBe(0)
  expect(await weir.store.countEntries()).toBe(hostile.length)
  expect(weir.log()).not.toContain('"internal"')
})

test('after kill -9 what was told is in the ledger, and the turn that was under way is booked at its estimate', async () => {
  using folder = temporaryFolder()
  using fake = startFake((text, send) => {
    send(CREATED)
    if (text.includes('first')) send(DONE(USAGE))
  })
  writeFileSync(path.join(folder.path, 'weir.yaml'), providerAt(fake.url))
  {
    await using first = startProcess({ folder: folder.path })
    const { url } = await first.ready()
    const key = /virtual key +(\S+)/.exec(first.stdout())?.[1] ?? ''
    using client = await open(`${url}/v1/realtime?model=up/m`, { headers: { authorization: `Bearer ${key}` } })
    client.send({ type: 'response.create', first: true })
    await client.until('response.done')
    client.send({ type: 'response.create', second: true })
    while (client.messages.filter((text) => text.includes('response.created')).length < 2) await Bun.sleep(2)
    first.kill('SIGKILL')
    await first.ended
  }
  await using second = startProcess({ folder: folder.path })
  await second.ready()
  const store = openSqliteStore({ path: path.join(folder.path, 'data', 'weir.db'), sync: 'process' })
  const spend = await store.spend({ by: ['status'], bucket: null, from: 0, to: 8e15 })
  expect(new Map(spend.map(({ group, requests }) => [group.status, requests]))).toEqual(
    new Map([
      ['complete', 1],
      ['recovered', 1],
    ]),
  )
  expect(spend.find(({ group }) => group.status === 'complete')?.usage).toMatchObject({ output: 30, audioOut: 91 })
  expect(await store.openIntents({ deadlineBefore: Number.MAX_SAFE_INTEGER, limit: 9 })).toEqual([])
  await store.close()
}, 30_000)

describe('in driven time', () => {
  const within = `${FAST}realtime: { idle: 5m, session: 20m, sessions: 1 }\n`

  test('a session that nobody uses ends, and so does one that lasts too long', async () => {
    const clock = drivenClock()
    await using weir = await startGateway(within, { clock })
    const { url } = weir.listen()
    using idle = await open(`${url}/v1/realtime?model=sim/talk`, bearer(weir))
    await idle.until('session.created')
    expect(await refusal(`${url}/v1/realtime?model=sim/talk`, bearer(weir).headers)).toEqual([503, 'overloaded'])
    for (let minute = 0; minute < 5; minute++) clock.advance(60_000)
    expect(await idle.until('"error"')).toContain('session_expired')
    expect((await idle.goodbye).code).toBe(1000)
    await settled(weir)
    using long = await open(`${url}/v1/realtime?model=sim/talk`, bearer(weir))
    for (let minute = 0; minute < 20; minute++) {
      long.send({ type: 'input_audio_buffer.clear' })
      await long.until('input_audio_buffer.cleared')
      long.messages.length = 0
      clock.advance(60_000)
    }
    expect((await long.goodbye).reason).toContain('1200000 ms')
  })

  test('a provider that answers no ping is given up', async () => {
    const clock = drivenClock()
    using fake = startFake()
    await using weir = await startGateway(providerAt(fake.url), { clock })
    using client = await open(`${weir.listen().url}/v1/realtime?model=up/m`, bearer(weir))
    // Driven faster than any pong could come.
    for (let tick = 0; tick < 5; tick++) clock.advance(20_000)
    expect(await client.until('"error"')).toContain('not there any more')
    expect((await client.goodbye).code).toBe(1011)
  })
})

test('a gateway that shuts down says goodbye: at once where nobody answers, else after the answer', async () => {
  using fake = startFake((_text, send) => send(CREATED))
  await using weir = await startGateway(providerAt(fake.url))
  const { url } = weir.listen()
  using silent = await open(`${url}/v1/realtime?model=up/m`, bearer(weir))
  using busy = await open(`${url}/v1/realtime?model=up/m`, bearer(weir))
  busy.send({ type: 'response.create' })
  await busy.until('response.created')
  weir.gateway.drain()
  expect(await silent.goodbye).toEqual({ code: 1001, reason: 'This gateway is shutting down.' })
  expect(busy.socket.readyState).toBe(WebSocket.OPEN)
  fake.send(DONE(USAGE))
  await busy.until('response.done')
  expect((await busy.goodbye).code).toBe(1001)
  await settled(weir)
  expect(await refusal(`${url}/v1/realtime?model=up/m`, bearer(weir).headers)).toEqual([503, 'draining'])
})

test('a handshake that nobody completes gives its place back', async () => {
  const clock = drivenClock()
  await using weir = await startGateway(FAST, { clock })
  // As a function of a request the gateway has no listener that could switch.
  const response = await weir.call('/v1/realtime?model=sim/talk', undefined, { headers: { upgrade: 'websocket' } })
  expect([response.status, weir.gateway.load.inFlight]).toEqual([426, 1])
  clock.advance(10_000)
  await settled(weir)
  expect(weir.gateway.limiter.inFlight('key')).toBe(0)
})

describe('Gemini Live', () => {
  const PATH = '/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent'
  const yaml = (url: string): string =>
    `providers: { gemini: { base_url: "${url}/v1beta", keys: [gemini-secret], models: { live: { price: { input: 1, output: 2, audio_in: 3, audio_out: 4 } } } } }`
  const METADATA = {
    promptTokenCount: 12,
    responseTokenCount: 30,
    totalTokenCount: 42,
    promptTokensDetails: [{ modality: 'AUDIO', tokenCount: 10 }],
    responseTokensDetails: [{ modality: 'AUDIO', tokenCount: 25 }],
  }

  function startLive(): Fake {
    return startFake((text, send) => {
      const say = (message: object): void => send(Buffer.from(JSON.stringify(message)))
      if (text.includes('"setup"')) return say({ setupComplete: {} })
      say({ serverContent: { modelTurn: { parts: [{ text: 'hi' }] } } })
      say({ serverContent: { turnComplete: true }, usageMetadata: METADATA })
    })
  }

  test('the setup names the model; a turn’s usage is an entry', async () => {
    using fake = startLive()
    await using weir = await startGateway(yaml(fake.url))
    const client = await open(`${weir.listen().url}${PATH}?key=${weir.key}`)
    client.send({ setup: { model: 'models/gemini/live', generationConfig: { responseModalities: ['AUDIO'] } } })
    await client.until('setupComplete')
    expect(fake.opened[0]?.path).toBe(PATH)
    expect(fake.opened[0]?.headers.get('x-goog-api-key')).toBe('gemini-secret')
    expect(JSON.parse(fake.received[0] ?? '')).toEqual({
      setup: { model: 'models/live', generationConfig: { responseModalities: ['AUDIO'] } },
    })
    client.send({ clientContent: { turns: [], turnComplete: true } })
    await client.until('turnComplete')
    const [record] = (await weir.store.listRequests({ cursor: null, limit: 1 })).data
    expect(record).toMatchObject({ target: 'gemini/live', finishReason: 'turn_complete' })
    expect(record?.usage).toMatchObject({ input: 2, audioIn: 10, output: 5, audioOut: 25 })
    expect(record?.costNanoUsd).toBe(142_000n)
    client.socket.close()
    await settled(weir)
  })

  test('Google’s own SDK talks through it', async () => {
    using fake = startLive()
    await using weir = await startGateway(yaml(fake.url))
    const ai = new GoogleGenAI({ apiKey: weir.key, httpOptions: { baseUrl: weir.listen().url } })
    const messages: LiveServerMessage[] = []
    const turn = Promise.withResolvers<void>()
    const session = await ai.live.connect({
      model: 'gemini/live',
      callbacks: {
        onmessage(message) {
          messages.push(message)
          if (message.serverContent?.turnComplete === true) turn.resolve()
        },
        onerror: (event) => turn.reject(new Error(event.message)),
      },
    })
    session.sendClientContent({ turns: 'hello' })
    await turn.promise
    expect(messages.some(({ setupComplete }) => setupComplete !== undefined)).toBe(true)
    expect(messages.at(-1)?.usageMetadata).toMatchObject({ promptTokenCount: 12 })
    session.close()
    await settled(weir)
    expect((await weir.store.listRequests({ cursor: null, limit: 9 })).data.at(-1)?.usage).toMatchObject({
      audioOut: 25,
    })
  })

  test.each([
    ['another message first', { clientContent: {} }, 1007],
    ['an unknown model', { setup: { model: 'models/none/x' } }, 1008],
  ])('%s ends the session with a goodbye that says why', async (_what, first, code) => {
    using fake = startLive()
    await using weir = await startGateway(yaml(fake.url))
    using client = await open(`${weir.listen().url}${PATH}?key=${weir.key}`)
    client.send(first)
    const goodbye = await client.goodbye
    expect(goodbye.code).toBe(code)
    expect(goodbye.reason.length).toBeGreaterThan(10)
    await settled(weir)
    expect(client.messages).toEqual([])
  })

  test('a client that sets nothing up is sent away, and leaves nothing behind', async () => {
    const clock = drivenClock()
    await using weir = await startGateway(FAST, { clock })
    using client = await open(`${weir.listen().url}${PATH}?key=${weir.key}`)
    clock.advance(10_000)
    expect((await client.goodbye).code).toBe(1008)
    await settled(weir)
    expect(weir.gateway.limiter.inFlight('key')).toBe(0)
  })
})

describe('what was said is written down by another model', () => {
  const PRICED = (url: string): string => `
providers:
  up:
    preset: openai-compatible
    base_url: ${url}/v1
    keys: [upstream-secret-value]
    models:
      m: { price: { input: 1, output: 2 } }
      scribe: { price: { input: 3, output: 5, audio_in: 7 } }
`
  const HEARD = {
    type: 'tokens',
    input_tokens: 110,
    input_token_details: { text_tokens: 10, audio_tokens: 100 },
    output_tokens: 20,
  }
  const updated = (session: object): string => JSON.stringify({ type: 'session.updated', event_id: 'e', session })
  const completed = (usage: object | null = HEARD): string =>
    JSON.stringify({
      type: 'conversation.item.input_audio_transcription.completed',
      item_id: 'i',
      transcript: 'Hello weir',
      ...(usage === null ? {} : { usage }),
    })
  /** 10 × $3 + 100 × $7 + 20 × $5 a million. */
  const SCRIBE_COST = 830_000n

  test.each([
    [{ type: 'realtime', audio: { input: { transcription: { model: 'scribe' } } } }, SCRIBE_COST],
    [{ input_audio_transcription: { model: 'scribe' } }, SCRIBE_COST],
    // Of a model that has no price the session’s own is taken: 110 × $1 + 20 × $2.
    [{ type: 'realtime', audio: { input: { transcription: { model: 'nobody' } } } }, 150_000n],
    [{ type: 'realtime' }, 150_000n],
  ])('and booked with the turn, at that model’s price (%p)', async (session, beside) => {
    using fake = startFake((_text, send) => {
      send(updated(session))
      send(CREATED)
      send(completed())
      send(DONE({ input_tokens: 1_000, output_tokens: 500 }))
    })
    await using weir = await startGateway(PRICED(fake.url))
    using client = await open(`${weir.listen().url}/v1/realtime?model=up/m`, bearer(weir))
    client.send({ type: 'session.update', session })
    await client.until('response.done')
    const [entry] = (await weir.store.listRequests({ cursor: null, limit: 10 })).data
    expect(entry).toMatchObject({
      target: 'up/m',
      costNanoUsd: 2_000_000n + beside,
      usage: { input: 1_000, output: 500, audioIn: 0 },
      attempts: [
        { consumed: { usage: { input: 10, audioIn: 100, output: 20 }, costNanoUsd: beside } },
        { target: 'up/m' },
      ],
    })
    // What the client named is not what the session's own model is renamed to.
    expect(fake.received[0]).toContain(JSON.stringify(session).slice(1, -1))
  })

  test('also in a turn in which nobody answers', async () => {
    using fake = startFake((_text, send) => {
      send(updated({ type: 'realtime', audio: { input: { transcription: { model: 'scribe' } } } }))
      send(completed())
    })
    await using weir = await startGateway(PRICED(fake.url))
    const client = await open(`${weir.listen().url}/v1/realtime?model=up/m`, bearer(weir))
    client.send({ type: 'input_audio_buffer.commit' })
    await client.until('completed')
    client.socket.close()
    await settled(weir)
    expect((await weir.store.listRequests({ cursor: null, limit: 10 })).data).toMatchObject([
      { target: 'up/scribe', costNanoUsd: SCRIBE_COST },
    ])
  })

  test('by the second, where the provider counts so', async () => {
    using fake = startFake((_text, send) => {
      send(updated({ type: 'realtime', audio: { input: { transcription: { model: 'scribe' } } } }))
      send(completed({ type: 'duration', seconds: 12.5 }))
      send(DONE({ input_tokens: 1, output_tokens: 1 }))
    })
    await using weir = await startGateway(PRICED(fake.url).replace('audio_in: 7', 'seconds: 100'))
    using client = await open(`${weir.listen().url}/v1/realtime?model=up/m`, bearer(weir))
    client.send({ type: 'input_audio_buffer.commit' })
    await client.until('response.done')
    const [entry] = (await weir.store.listRequests({ cursor: null, limit: 1 })).data
    expect(entry?.attempts[0]?.consumed).toMatchObject({ usage: { seconds: 12.5 }, costNanoUsd: 1_250_000n })
  })

  test.each([
    [
      'session.update',
      {
        type: 'transcription',
        audio: { input: { format: { type: 'audio/pcm' }, transcription: { model: 'hear', language: 'de' } } },
      },
    ],
    ['transcription_session.update', { input_audio_format: 'pcm16', input_audio_transcription: { model: 'hear' } }],
  ])('a session that does nothing else names its model in %s, and each piece is a turn', async (type, session) => {
    using fake = startFake((text, send) => {
      const event = JSON.parse(text) as { type: string; session: object }
      if (event.type === type) send(JSON.stringify({ type: `${type}d`, session: event.session }))
      else if (event.type === 'input_audio_buffer.commit') send(completed())
    })
    await using weir = await startGateway(`${PRICED(fake.url)}routes: { hear: { targets: [up/scribe] } }\n`)
    using client = await open(`${weir.listen().url}/v1/realtime?intent=transcription`, bearer(weir))
    client.send({ type, session })
    client.send({ type: 'input_audio_buffer.commit' })
    client.send({ type: 'input_audio_buffer.commit' })
    await client.until('completed')
    expect(fake.opened.map(({ path: asked }) => asked)).toEqual(['/v1/realtime?intent=transcription'])
    expect(JSON.parse(fake.received[0] ?? '')).toEqual(
      JSON.parse(JSON.stringify({ type, session }).replace('"hear"', '"scribe"')),
    )
    while (client.messages.filter((text) => text.includes('completed')).length < 2) await Bun.sleep(1)
    const entries = (await weir.store.listRequests({ cursor: null, limit: 10 })).data
    expect(entries.map(({ target, costNanoUsd }) => [target, costNanoUsd])).toEqual([
      ['up/scribe', SCRIBE_COST],
      ['up/scribe', SCRIBE_COST],
    ])
  })

  test('a session that does nothing else and names no model is told what to send', async () => {
    using fake = startFake()
    await using weir = await startGateway(PRICED(fake.url))
    using client = await open(`${weir.listen().url}/v1/realtime?intent=transcription`, bearer(weir))
    client.send({ type: 'input_audio_buffer.append', audio: '' })
    expect(await client.until('error')).toContain('session.audio.input.transcription.model')
    expect((await client.goodbye).code).toBe(1007)
    expect(fake.opened).toEqual([])
  })

  test('the simulator does so, too', async () => {
    await using weir = await startGateway(FAST)
    using client = await open(`${weir.listen().url}/v1/realtime?model=sim/talk`, bearer(weir))
    client.send({ type: 'session.update', session: { audio: { input: { transcription: { model: 'talk' } } } } })
    client.send({ type: 'input_audio_buffer.append', audio: Buffer.alloc(48_000).toString('base64') })
    client.send({ type: 'input_audio_buffer.commit' })
    expect(await client.until('transcription.completed')).toContain('"audio_tokens":10')
  })
})
