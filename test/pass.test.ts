// Pass-through: a provider's own API with our key in, its credential out, and everything that happens in the books.
import { expect, test } from 'bun:test'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import type { Entry } from '../src/core/ledger.ts'
import { chunks, completion, eventStream, FAST_SIMULATOR, providerAt, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway } from './gateway.ts'

const CHAT = '/pass/up/chat/completions'

async function entryOf(weir: TestGateway, response: Response): Promise<Entry | null> {
  await response.arrayBuffer()
  return weir.store.getEntry(response.headers.get('x-weir-request-id') ?? '')
}

test('any method, path, query and body reach the provider as they are; the key stays, the credential goes', async () => {
  const methods: string[] = []
  using upstream = startUpstream((request) => {
    methods.push(`${request.method} ${request.url.slice(request.url.indexOf('/', 8))}`)
    return Response.json(
      { ok: true },
      { headers: { etag: '"1"', 'set-cookie': 'a=b', 'openai-organization': 'org-1', 'x-request-id': 'up-1' } },
    )
  })
  await using weir = await startGateway(providerAt(upstream.url))
  const body = '{"purpose": "x",  "n": 12345678901234567890}'
  const headers = {
    'content-type': 'application/json',
    'openai-beta': 'assistants=v2',
    'openai-organization': 'org-2',
    cookie: 'c=d',
    'x-weir-tags': 'a',
    'x-forwarded-for': '1.2.3.4',
  }
  const response = await weir.call('/pass/up/v1/files/file-1?limit=2', body, { method: 'PATCH', headers })
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({ ok: true })
  expect(response.headers.get('etag')).toBe('"1"')
  expect(response.headers.get('x-upstream-request-id')).toBe('up-1')
  for (const name of ['set-cookie', 'openai-organization']) expect(response.headers.get(name)).toBeNull()
  const [received] = upstream.received
  expect(received?.body).toBe(body)
  expect(received?.headers.get('authorization')).toBe('Bearer upstream-secret-value')
  expect(received?.headers.get('openai-beta')).toBe('assistants=v2')
  for (const name of ['openai-organization', 'cookie', 'x-weir-tags', 'x-forwarded-for'])
    expect(received?.headers.get(name)).toBeNull()
  for (const method of ['GET', 'PUT', 'DELETE'])
    await (await weir.call('/pass/up/files/file-1', undefined, { method })).text()
  expect(methods).toEqual([
    'PATCH /v1/files/file-1?limit=2',
    'GET /v1/files/file-1',
    'PUT /v1/files/file-1',
    'DELETE /v1/files/file-1',
  ])
  expect(weir.log()).not.toContain('upstream-secret-value')
})

test('what an answer says of itself is booked at the price of its model, with its path in the log', async () => {
  using upstream = startUpstream((_request, _number, body) =>
    body.includes('"stream":true') ? eventStream(chunks(['a', 'b']).join('')) : Response.json(completion()),
  )
  await using weir = await startGateway(providerAt(upstream.url))
  for (const stream of [false, true]) {
    const response = await weir.call(
      CHAT,
      { model: 'm', messages: [], stream },
      { headers: { 'content-type': 'application/json' } },
    )
    const id = response.headers.get('x-weir-request-id') ?? ''
    const entry = await entryOf(weir, response)
    expect(entry).toMatchObject({
      status: 'complete',
      provider: 'up',
      model: 'm',
      usageSource: 'reported',
      unpriced: false,
    })
    expect(entry?.dimensions).toMatchObject({ operation: 'pass', requestedModel: 'm', route: 'up', dialect: 'pass' })
    expect(entry?.costNanoUsd).toBe(stream ? 10_000n + 4_000n : 10_000n + 10_000n)
    expect(await weir.store.getRequest(id)).toMatchObject({ path: `POST ${CHAT.slice('/pass/up'.length)}`, stream })
    expect(await (await weir.call(`/v1/requests/${id}`)).json()).toMatchObject({ path: 'POST /chat/completions' })
  }
  expect(weir.log()).toContain('"path":"POST /chat/completions"')
  expect(await weir.store.countEntries()).toBe(2)
})

test('what says nothing costs the price of a request; what only looks costs nothing', async () => {
  using upstream = startUpstream(() => Response.json({ id: 'x' }))
  const yaml = (pass: string): string => providerAt(upstream.url).replace('keys:', `${pass}\n    keys:`)
  await using priced = await startGateway(yaml('pass: { price_per_request: 0.02 }'))
  const post = await entryOf(priced, await priced.call('/pass/up/fine_tuning/jobs', {}))
  expect(post).toMatchObject({ costNanoUsd: 20_000_000n, unpriced: false, model: '(pass)' })
  expect(post?.usage.requests).toBe(1)
  expect(await entryOf(priced, await priced.call('/pass/up/models'))).toMatchObject({
    costNanoUsd: 0n,
    unpriced: false,
  })
  const named = await priced.call(
    '/pass/up/images',
    { model: 'm' },
    { headers: { 'content-type': 'application/json' } },
  )
  expect(await entryOf(priced, named)).toMatchObject({ costNanoUsd: 20_000_000n })
  await using unpriced = await startGateway(yaml(''))
  expect(await entryOf(unpriced, await unpriced.call('/pass/up/x', {}))).toMatchObject({
    costNanoUsd: 0n,
    unpriced: true,
  })
  await using refusing = await startGateway(`${yaml('')}unpriced: refuse\n`)
  expect((await refusing.call('/pass/up/x', {})).headers.get('x-weir-error')).toBe('unpriced_model')
  expect((await refusing.call('/pass/up/models')).status).toBe(200)
})

test('the provider’s refusals come back as they are, and have used nothing; a bad credential is not the client’s fault', async () => {
  using upstream = startUpstream((request) => {
    if (request.url.endsWith('/bad')) return Response.json({ error: { message: 'bad key' } }, { status: 401 })
    return new Response('{"error": {"message": "too much"}}', {
      status: 429,
      headers: { 'content-type': 'application/json', 'retry-after': '9' },
    })
  })
  await using weir = await startGateway(providerAt(upstream.url))
  const response = await weir.call(CHAT, { model: 'm' }, { headers: { 'content-type': 'application/json' } })
  expect([response.status, response.headers.get('retry-after')]).toEqual([429, '9'])
  const id = response.headers.get('x-weir-request-id') ?? ''
  expect(await response.text()).toBe('{"error": {"message": "too much"}}')
  expect(await weir.store.getEntry(id)).toMatchObject({ status: 'failed', costNanoUsd: 0n })
  const bad = await weir.call('/pass/up/bad', {})
  expect([bad.status, bad.headers.get('x-weir-error')]).toEqual([502, 'all_targets_failed'])
})

test.each([
  ['another family', { endpoints: ['chat'] }, CHAT, { model: 'm' }, 403, 'endpoint_not_allowed'],
  ['its family', { endpoints: ['pass'] }, CHAT, { model: 'm' }, 200, null],
  ['its model', { models: ['up/m'] }, CHAT, { model: 'm' }, 200, null],
  ['another model', { models: ['up/n'] }, CHAT, { model: 'm' }, 403, 'model_not_allowed'],
  ['a model that is not named', { models: ['up/m'] }, '/pass/up/files', undefined, 403, 'model_not_allowed'],
  ['a provider that is not there', {}, '/pass/down/files', undefined, 404, 'not_found'],
  ['no path', {}, '/pass/up', undefined, 404, 'not_found'],
  ['a step up', {}, '/pass/up/%2e%2e%2fadmin', undefined, 400, 'request_malformed'],
  ['no end user', { requireEndUser: true }, CHAT, { model: 'm' }, 400, 'end_user_required'],
] as const)('%s: %j', async (_what, key, path, body, status, code) => {
  using upstream = startUpstream(() => Response.json(completion()))
  await using weir = await startGateway(providerAt(upstream.url))
  const secret = await weir.issue(key)
  const response = await weir.call(path, body, { key: secret, headers: { 'content-type': 'application/json' } })
  expect([response.status, response.headers.get('x-weir-error')]).toEqual([status, code])
  if (code === 'request_malformed') expect(weir.log()).toContain(`"path":"GET ${path}"`)
  expect(upstream.received).toHaveLength(status === 200 ? 1 : 0)
  await response.arrayBuffer()
  expect(weir.gateway.load.inFlight).toBe(0)
})

test('limits hold, bodies are bounded, and other providers’ addresses are guarded', async () => {
  using upstream = startUpstream(() => Response.json({}))
  const yaml = `${providerAt(upstream.url)}  far: { preset: openai-compatible, base_url: "http://127.0.0.1:1/v1", keys: [far-secret-value], allow_private: false }\nserver: { body_limits: { pass: 1KiB } }\n`
  await using weir = await startGateway(yaml)
  const secret = await weir.issue({ limits: { rpm: 1 } })
  expect((await weir.call('/pass/up/models', undefined, { key: secret })).status).toBe(200)
  expect((await weir.call('/pass/up/models', undefined, { key: secret })).headers.get('x-weir-error')).toBe(
    'rate_limited',
  )
  expect((await weir.call('/pass/up/x', 'x'.repeat(1_025))).headers.get('x-weir-error')).toBe('request_too_large')
  const guarded = await weir.call('/pass/far/models')
  expect(guarded.headers.get('x-weir-error')).toBe('all_targets_failed')
  expect(weir.log()).toContain('private addresses are not allowed')
})

test('a client that leaves ends the upstream; what is half said is booked as aborted', async () => {
  const state = { isCancelled: false }
  using upstream = startUpstream(() =>
    eventStream(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode(chunks(['a', 'b']).slice(0, 3).join(''))),
        cancel: () => void (state.isCancelled = true),
      }),
    ),
  )
  await using weir = await startGateway(providerAt(upstream.url))
  const leaving = new AbortController()
  const { url } = weir.listen()
  const response = await fetch(`${url}${CHAT}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${weir.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', stream: true }),
    signal: leaving.signal,
  })
  await response.body?.getReader().read()
  leaving.abort()
  while (!state.isCancelled || weir.gateway.load.inFlight > 0) await Bun.sleep(2)
  await weir.gateway.journal.flush()
  const entry = await weir.store.getEntry(response.headers.get('x-weir-request-id') ?? '')
  expect(entry).toMatchObject({ status: 'aborted', usageSource: 'estimated' })
  expect(entry?.usage.output).toBe(3)
})

test('an upstream that breaks off breaks the answer off, never ends it soundly', async () => {
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n${'x'.repeat(1_000)}`)
      setTimeout(() => socket.destroy(), 20)
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await using weir = await startGateway(providerAt(`http://127.0.0.1:${port}`))
  const response = await weir.call('/pass/up/files/file-1/content')
  expect(await response.arrayBuffer().catch(() => 'broken')).toBe('broken')
  expect(await weir.store.getEntry(response.headers.get('x-weir-request-id') ?? '')).toMatchObject({
    status: 'aborted',
  })
  server.close()
})

test('official SDKs work through it: OpenAI’s on the simulator, Anthropic’s on a provider of its own', async () => {
  await using weir = await startGateway(FAST_SIMULATOR)
  const { url } = weir.listen()
  const openai = new OpenAI({ apiKey: weir.key, baseURL: `${url}/pass/sim`, maxRetries: 0 })
  const stream = await openai.chat.completions.create({
    model: 'small',
    messages: [{ role: 'user', content: 'hi' }],
    stream: true,
    stream_options: { include_usage: true },
  })
  let tokens = 0
  for await (const { usage } of stream) tokens += usage?.completion_tokens ?? 0
  expect(tokens).toBeGreaterThan(0)
  using upstream = startUpstream((request) =>
    Response.json({
      type: 'message',
      path: new URL(request.url).pathname,
      version: request.headers.get('anthropic-version'),
      key: request.headers.get('x-api-key'),
      usage: { input_tokens: 3, output_tokens: 4 },
    }),
  )
  await using other = await startGateway(
    `providers: { anthropic: { base_url: "${upstream.url}", keys: [anthropic-secret] } }`,
  )
  const anthropic = new Anthropic({ apiKey: other.key, baseURL: `${other.listen().url}/pass/anthropic`, maxRetries: 0 })
  const message = await anthropic.messages.create({
    model: 'claude-haiku-4-5',
    max_tokens: 9,
    messages: [{ role: 'user', content: 'hi' }],
  })
  expect(message as unknown).toMatchObject({
    path: '/v1/messages',
    version: expect.stringMatching(/^20/) as string,
    key: 'anthropic-secret',
  })
  const [line] = (await other.store.listRequests({ cursor: null, limit: 1 })).data
  expect(line).toMatchObject({ target: 'anthropic/claude-haiku-4-5', usage: { input: 3, output: 4 } })
  expect(line?.costNanoUsd).toBeGreaterThan(0n)
})
