// Callers that want to hurt: bombs, floods, lies. Each gets a proper error, and nothing of it stays behind.
import { expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { GatewayError } from '../src/core/error.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import { completion, providerAt, QUESTION, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway } from './gateway.ts'
import { expectAtRest, refusalOf } from './documented.ts'
import { startProcess, temporaryFolder } from './process.ts'

const CHAT = '/v1/chat/completions'

const MIB = 1024 * 1024
const SPACES = new Uint8Array(200 * MIB).fill(32)
const BOMBS: readonly (readonly [name: string, bytes: Uint8Array])[] = [
  ['gzip', gzipSync(SPACES)],
  ['br', brotliCompressSync(SPACES.subarray(0, 64 * MIB), { params: { 0: 1 } })],
  ['zstd', zstdCompressSync(SPACES)],
]

test('bombs in a body are refused at the bound, many at once', async () => {
  using upstream = startUpstream(() => Response.json(completion()))
  await using weir = await startGateway(providerAt(upstream.url))
  for (const [encoding, bytes] of BOMBS) {
    expect(bytes.length).toBeLessThan(MIB)
    const sent = Array.from({ length: 8 }, () => post(weir, bytes, { 'content-encoding': encoding }))
    for (const response of await Promise.all(sent)) expect(await refusalOf(response)).toBe('request_too_large')
  }
  expect(upstream.received).toEqual([])
  await expectAtRest(weir)
})

test('encodings that are unknown, doubled, wrong or cut are refused', async () => {
  using upstream = startUpstream(() => Response.json(completion()))
  await using weir = await startGateway(providerAt(upstream.url))
  const plain = new TextEncoder().encode(JSON.stringify(QUESTION))
  const packed = gzipSync(plain)
  const wrong: readonly (readonly [string, Uint8Array])[] = [
    ['gzip', plain],
    ['gzip', packed.subarray(0, packed.length - 9)],
    ['gzip', new Uint8Array(0)],
    ['br', packed],
    ['zstd', packed],
    ['deflate', packed],
    ['gzip, gzip', gzipSync(packed)],
    ['compress', packed],
    ['constructor', packed],
    ['identity, gzip', packed],
  ]
  for (const [encoding, bytes] of wrong)
    expect([encoding, await refusalOf(await post(weir, bytes, { 'content-encoding': encoding }))]).toEqual([
      encoding,
      'request_malformed',
    ])
  for (const [encoding, bytes] of [
    ['gzip', packed],
    ['GZip', packed],
    ['identity', plain],
    ['', plain],
  ] as const)
    expect((await post(weir, bytes, { 'content-encoding': encoding })).status).toBe(200)
  await expectAtRest(weir)
})

test('a content type that says something else changes nothing', async () => {
  using upstream = startUpstream(() => Response.json(completion()))
  await using weir = await startGateway(providerAt(upstream.url))
  for (const type of [
    'text/plain',
    'application/xml',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-16',
    '*/*',
    'x'.repeat(5_000),
  ])
    expect(
      (await post(weir, new TextEncoder().encode(JSON.stringify(QUESTION)), { 'content-type': type })).status,
    ).toBe(200)
  expect(new Set(upstream.received.map(({ headers }) => headers.get('content-type')))).toEqual(
    new Set(['application/json']),
  )
})

test('bodies beyond what the gateway may hold are shed, and later ones are not', async () => {
  const go = Promise.withResolvers<void>()
  using upstream = startUpstream(async () => {
    await go.promise
    return Response.json(completion())
  })
  await using weir = await startGateway(providerAt(upstream.url, 'server: { max_bytes_held: 1MiB }\n'))
  const big = { ...QUESTION, messages: [{ role: 'user', content: 'x'.repeat(300_000) }] }
  const sent = Array.from({ length: 10 }, () => weir.call(CHAT, big))
  while (weir.gateway.load.inFlight > 3) await Bun.sleep(1)
  go.resolve()
  const codes = await Promise.all(
    sent.map(async (response) => ((await response).status === 200 ? 'ok' : refusalOf(await response))),
  )
  expect(codes.filter((code) => code === 'ok').length).toBe(3)
  expect(codes.filter((code) => code === 'overloaded').length).toBe(7)
  await expectAtRest(weir)
  expect((await weir.call(CHAT, big)).status).toBe(200)
})

test('more requests than the gateway takes are shed with a word on when to come back', async () => {
  const go = Promise.withResolvers<void>()
  using upstream = startUpstream(async () => {
    await go.promise
    return Response.json(completion())
  })
  await using weir = await startGateway(providerAt(upstream.url, 'server: { max_in_flight: 5 }\n'))
  const sent = Array.from({ length: 12 }, () => weir.call(CHAT, QUESTION))
  while (weir.gateway.load.inFlight > 5) await Bun.sleep(1)
  go.resolve()
  const responses = await Promise.all(sent)
  const shed = responses.filter(({ status }) => status !== 200)
  expect(shed.length).toBe(7)
  for (const response of shed) {
    expect(response.headers.get('retry-after')).toBe('1')
    expect(await refusalOf(response)).toBe('overloaded')
  }
  await expectAtRest(weir)
})

test('a bound of 2^53 tokens neither breaks the books nor holds up the requests beside it', async () => {
  using upstream = startUpstream(() => Response.json(completion('ok')))
  await using weir = await startGateway(providerAt(upstream.url).replace('output: 2 }', 'output: 2000000 }'))
  const absurd = { ...QUESTION, max_tokens: Number.MAX_SAFE_INTEGER, n: Number.MAX_SAFE_INTEGER }
  const responses = await Promise.all([absurd, QUESTION, absurd, QUESTION].map((body) => weir.call(CHAT, body)))
  expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200])
  expect(weir.log()).not.toContain('ledger_commit_failed')
  await expectAtRest(weir)
})

test('while the store is away a request is refused at once, and is booked when it is back', async () => {
  using upstream = startUpstream(() => Response.json(completion('ok')))
  const real = openSqliteStore({ path: ':memory:', sync: 'process' })
  let away = false
  const store = {
    ...real,
    commit: (batch: Parameters<typeof real.commit>[0]) =>
      away ? Promise.reject(new GatewayError('store_unavailable')) : real.commit(batch),
  }
  await using weir = await startGateway(providerAt(upstream.url), { store })
  expect((await weir.call(CHAT, QUESTION)).status).toBe(200)
  away = true
  const refused = await weir.call(CHAT, QUESTION)
  expect(await refusalOf(refused)).toBe('store_unavailable')
  expect(await refusalOf(await weir.call(CHAT, { ...QUESTION, model: 'none' }))).toBe('model_unknown')
  expect(upstream.received.length).toBe(1)
  away = false
  await expectAtRest(weir)
  expect(await weir.store.getRequest(refused.headers.get('x-weir-request-id') ?? '')).toMatchObject({
    status: 503,
    errorCode: 'store_unavailable',
  })
  expect((await weir.call(CHAT, QUESTION)).status).toBe(200)
})

test.skipIf(!existsSync('/proc/self/status'))(
  'after a flood of the largest and worst bodies the process is as small as it was',
  async () => {
    using folder = temporaryFolder()
    await using weir = startProcess({ folder: folder.path })
    const { url } = await weir.ready()
    const [, key = ''] = /virtual key +(\S+)/.exec(weir.stdout()) ?? []
    const residentMib = (): number =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${weir.pid}/status`, 'utf8'))?.[1]) / 1024
    const send = async (
      body: string | Uint8Array<ArrayBuffer>,
      headers: Record<string, string> = {},
    ): Promise<string> =>
      refusalOf(
        await fetch(`${url}${CHAT}`, { method: 'POST', headers: { authorization: `Bearer ${key}`, ...headers }, body }),
      )
    const around = (text: string): string => `{"model":"none","messages":["hi"],"more":${text}}`
    expect(await send(around('0'))).toBe('model_unknown')
    const restMib = residentMib()
    const worst: readonly (readonly [
      body: string | Uint8Array<ArrayBuffer>,
      code: string,
      headers?: Record<string, string>,
    ])[] = [
      [around(`"${'x'.repeat(30_000_000)}"`), 'model_unknown'],
      [around(`"${'漢'.repeat(10_000_000)}"`), 'model_unknown'],
      [around(`[${'[],'.repeat(10_000_000)}[]]`), 'request_malformed'],
      [around(`[${'{},'.repeat(10_000_000)}{}]`), 'request_malformed'],
      [around(`[${'0,'.repeat(15_000_000)}0]`), 'model_unknown'],
      [around(`[${'"ab",'.repeat(6_000_000)}0]`), 'model_unknown'],
      [gzipSync(SPACES), 'request_too_large', { 'content-encoding': 'gzip' }],
      [gzipSync(SPACES.subarray(0, 30 * MIB)), 'request_malformed', { 'content-encoding': 'gzip' }],
    ]
    let peakMib = 0
    for (const [body, code, headers] of worst) {
      const codes = await Promise.all(Array.from({ length: 4 }, () => send(body, headers)))
      expect(codes).toEqual([code, code, code, code])
      peakMib = Math.max(peakMib, residentMib())
    }
    // Without the bound on lists and objects a single body of them takes a gigabyte.
    expect(peakMib).toBeLessThan(restMib + 1_200)
    // Bun's collector is in no hurry where little happens: up to 22 s were measured.
    const until = performance.now() + 45_000
    while (residentMib() > restMib + 80 && performance.now() < until) await Bun.sleep(50)
    expect(residentMib()).toBeLessThanOrEqual(restMib + 80)
  },
  90_000,
)

async function post(weir: TestGateway, body: Uint8Array, headers: Record<string, string>): Promise<Response> {
  return weir.gateway.fetch(
    new Request(`http://gateway${CHAT}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${weir.key}`, ...headers },
      body: body as Uint8Array<ArrayBuffer>,
    }),
  )
}
