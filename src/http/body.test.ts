import { expect, test } from 'bun:test'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { systemClock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import { createByteBudget, readJsonBody } from './body.ts'
import type { BodyBounds } from './body.ts'

const BOUNDS: BodyBounds = { bytes: 10_000, timeoutMs: 60_000, json: { depth: 32, keys: 500 } }

function post(body: Bun.BodyInit | null, headers: Record<string, string> = {}): Request {
  return new Request('http://gateway/v1/chat/completions', { method: 'POST', body, headers })
}

async function failure(request: Request, bounds = BOUNDS, budget = createByteBudget(() => 1e9)): Promise<GatewayError> {
  const error = await Promise.try(readJsonBody, request, bounds, budget, systemClock).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(GatewayError)
  expect(budget.held).toBe(0)
  return error as GatewayError
}

test('a plain body is read as text, value and members', async () => {
  const budget = createByteBudget(() => 1_000)
  const body = await readJsonBody(post('{"model":"m", "n":1}'), BOUNDS, budget, systemClock)
  expect(body.text).toBe('{"model":"m", "n":1}')
  expect(body.value).toEqual({ model: 'm', n: 1 })
  expect(body.members.names()).toEqual(['model', 'n'])
  expect(budget.held).toBe(body.heldBytes)
})

for (const [encoding, compress] of [
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
] as const) {
  test(`a ${encoding} body is inflated`, async () => {
    const bytes = compress(Buffer.from('{"model":"m"}'))
    const body = await readJsonBody(
      post(new Uint8Array(bytes), { 'content-encoding': encoding }),
      BOUNDS,
      createByteBudget(() => 1e6),
      systemClock,
    )
    expect(body.value).toEqual({ model: 'm' })
  })

  test(`a ${encoding} bomb is refused at the bound`, async () => {
    const bytes = compress(Buffer.from(`{"model":"${'a'.repeat(5_000_000)}"}`))
    expect(bytes.length).toBeLessThan(10_000)
    const error = await failure(post(new Uint8Array(bytes), { 'content-encoding': encoding }))
    expect(error.code).toBe('request_too_large')
  })

  test(`what is not ${encoding} is told so`, async () => {
    const error = await failure(post('{"model":"m"}', { 'content-encoding': encoding }))
    expect(error.message).toContain(`not valid ${encoding}`)
  })
}

test('an unknown encoding is refused, names of object members included', async () => {
  expect((await failure(post('x', { 'content-encoding': 'lzma' }))).detail.param).toBe('content-encoding')
  expect((await failure(post('x', { 'content-encoding': 'constructor' }))).code).toBe('request_malformed')
})

for (const [title, body, code, words] of [
  ['truncated JSON', '{"model":', 'request_malformed', 'not valid JSON'],
  ['an array', '[1]', 'request_malformed', 'must be a JSON object'],
  ['a string', '"x"', 'request_malformed', 'must be a JSON object'],
  ['invalid UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), 'request_malformed', 'UTF-8'],
  ['too much nesting', `{"a":${'['.repeat(40)}${']'.repeat(40)}}`, 'request_malformed', 'nested deeper'],
  [
    'too many members',
    `{${Array.from({ length: 600 }, (_, i) => `"a${i}":1`).join(',')}}`,
    'request_malformed',
    'more than 500',
  ],
  ['a member that stands twice', '{"model":"a","model":"b"}', 'request_malformed', 'stands twice'],
  ['an empty body', '', 'request_malformed', ''],
] as const)
  test(`${title} is refused with a clear word`, async () => {
    const error = await failure(post(body))
    expect(error.code).toBe(code)
    expect(error.message).toContain(words)
  })

test('no body at all is refused', async () => {
  expect((await failure(post(null))).message).toContain('no body')
})

test('an announced length beyond the bound is refused before a byte is read', async () => {
  expect((await failure(post('x'.repeat(20_000), { 'content-length': '20000' }))).code).toBe('request_too_large')
})

test('a chunked body is cut at the bound', async () => {
  let pulled = 0
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled++
      controller.enqueue(new Uint8Array(1_000))
    },
  })
  expect((await failure(post(endless))).code).toBe('request_too_large')
  expect(pulled).toBeLessThan(20)
})

test('a sender that stalls is cut at the deadline', async () => {
  let strike = (): void => {}
  const clock = {
    ...systemClock,
    after: (_ms: number, callback: () => void) => {
      strike = callback
      return () => {}
    },
  }
  const stalled = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new Uint8Array([123])) })
  const budget = createByteBudget(() => 1e6)
  const reading = Promise.try(readJsonBody, post(stalled), BOUNDS, budget, clock).catch((error: unknown) => error)
  await Promise.resolve()
  strike()
  expect(await reading).toMatchObject({ code: 'request_too_slow', status: 408 })
})

test('bytes beyond the gateway’s own bound shed the request', async () => {
  const budget = createByteBudget(() => 100)
  const error = await failure(post(`{"model":"${'m'.repeat(200)}"}`), BOUNDS, budget)
  expect(error.code).toBe('overloaded')
  expect(error.status).toBe(503)
})
