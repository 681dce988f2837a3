import { expect, test } from 'bun:test'
import { chunks, completion, eventStream, providerAt, QUESTION, startGateway, startUpstream } from './gateway.ts'

test('a chat goes up with the provider’s key and comes back byte for byte, priced and logged', async () => {
  const answer = `{"choices": [{"message":{"content":"é", "x_unknown": 9007199254740993}, "finish_reason":"stop"}],\n "usage":{"prompt_tokens":1000,"completion_tokens":500,"total_tokens":1500}}`
  using upstream = startUpstream(
    () =>
      new Response(answer, {
        headers: { 'content-type': 'application/json', 'set-cookie': 'a=b', 'openai-organization': 'org-secret' },
      }),
  )
  await using weir = await startGateway(providerAt(upstream.url))
  const response = await weir.call(
    '/v1/chat/completions',
    { ...QUESTION, seed: 1, weir: { tags: ['night'] } },
    { headers: { cookie: 'session=1', 'openai-organization': 'mine', 'x-request-id': 'abc' } },
  )
  expect(response.status).toBe(200)
  expect(await response.text()).toBe(answer)
  const headers = Object.fromEntries(response.headers)
  expect(headers['x-weir-target']).toBe('up/m')
  // 1000 × $1 + 500 × $2 per million.
  expect(headers['x-weir-cost-usd']).toBe('0.002')
  expect(headers['x-client-request-id']).toBe('abc')
  for (const name of ['set-cookie', 'openai-organization']) expect(headers[name]).toBeUndefined()
  const [sent] = upstream.received
  expect(sent?.path).toBe('/v1/chat/completions')
  expect(JSON.parse(sent?.body ?? '')).toEqual({ model: 'm', messages: QUESTION.messages, seed: 1 })
  expect(sent?.headers.get('authorization')).toBe('Bearer upstream-secret-value')
  for (const name of ['cookie', 'openai-organization', 'x-request-id']) expect(sent?.headers.get(name)).toBeNull()
  const id = headers['x-weir-request-id'] ?? ''
  expect(await weir.store.getEntry(id)).toMatchObject({
    status: 'complete',
    costNanoUsd: 2_000_000n,
    usageSource: 'reported',
    dimensions: { tags: ['night'] },
  })
  const own = (await (await weir.call(`/v1/requests/${id}`)).json()) as Record<string, unknown>
  expect(own).toMatchObject({ id, status: 200, cost_usd: '0.002', client_request_id: 'abc', tags: ['night'] })
  expect((await weir.call(`/v1/requests/${id}`, undefined, { key: await weir.issue({}) })).status).toBe(404)
})

for (const asked of [true, false])
  test(`a stream comes through byte for byte, its usage chunk ${asked ? 'shown to who asked' : 'hidden from who did not ask'}`, async () => {
    const events = chunks(['a', 'b', 'c'])
    using upstream = startUpstream(() => eventStream(events.join('')))
    await using weir = await startGateway(providerAt(upstream.url))
    const response = await weir.call('/v1/chat/completions', {
      ...QUESTION,
      stream: true,
      ...(asked ? { stream_options: { include_usage: true } } : {}),
    })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    expect(await response.text()).toBe(events.filter((event) => asked || !event.includes('"usage"')).join(''))
    expect(JSON.parse(upstream.received[0]?.body ?? '')).toMatchObject({ stream_options: { include_usage: true } })
    const entry = await weir.store.getEntry(response.headers.get('x-weir-request-id') ?? '')
    expect(entry).toMatchObject({ status: 'complete', usage: { input: 10, output: 3 }, costNanoUsd: 16_000n })
  })

test('the entry is durable before the client sees the end of the stream', async () => {
  using upstream = startUpstream(() => eventStream(chunks(['a']).join('')))
  await using weir = await startGateway(providerAt(upstream.url))
  const response = await weir.call('/v1/chat/completions', { ...QUESTION, stream: true })
  const id = response.headers.get('x-weir-request-id') ?? ''
  const reader = response.body!.getReader()
  let text = ''
  while (!text.includes('[DONE]')) text += new TextDecoder().decode((await reader.read()).value)
  expect(await weir.store.getEntry(id)).not.toBeNull()
})

test('a target that fails is not seen by the client: the next one answers', async () => {
  using broken = startUpstream((_request, number) =>
    number === 1
      ? new Response('busy', { status: 503 })
      : eventStream('data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n'),
  )
  using healthy = startUpstream((_request, _number, body) =>
    body.includes('"stream":true') ? eventStream(chunks(['ok']).join('')) : Response.json(completion('ok')),
  )
  await using weir = await startGateway(`
providers:
  one: { preset: openai-compatible, base_url: "${broken.url}/v1", keys: [a-first-secret], models: { m: {} } }
  two: { preset: openai-compatible, base_url: "${healthy.url}/v1", keys: [a-second-secret], models: { m: {} } }
routes:
  chat: { targets: [one/m, two/m] }
`)
  for (const stream of [false, true]) {
    const response = await weir.call('/v1/chat/completions', { ...QUESTION, model: 'chat', stream })
    expect(response.status).toBe(200)
    expect(response.headers.get('x-weir-target')).toBe('two/m')
    // A 503 is given a second chance where it is; a stream without a word is not.
    expect(response.headers.get('x-weir-attempts')).toBe(stream ? '2' : '3')
    expect(await response.text()).toContain('ok')
  }
})

test('when every target fails the error lists each attempt', async () => {
  using broken = startUpstream(() => new Response('<html>', { status: 200 }))
  await using weir = await startGateway(providerAt(broken.url))
  const response = await weir.call('/v1/chat/completions', QUESTION)
  expect(response.status).toBe(502)
  const { error } = (await response.json()) as { error: { weir: { code: string; attempts: object[] } } }
  expect(error.weir.code).toBe('all_targets_failed')
  expect(error.weir.attempts).toMatchObject([{ target: 'up/m', outcome: 'broken', status: 200 }])
  const entry = await weir.store.getEntry(response.headers.get('x-weir-request-id') ?? '')
  expect(entry).toMatchObject({ status: 'failed', costNanoUsd: 0n })
})

test('what is wrong with the request itself comes back with the provider’s words and no second try', async () => {
  using upstream = startUpstream(() =>
    Response.json(
      {
        error: {
          message: 'temperature is too hot',
          type: 'invalid_request_error',
          code: 'bad_temperature',
          param: 'temperature',
        },
      },
      { status: 400 },
    ),
  )
  await using weir = await startGateway(providerAt(upstream.url))
  const response = await weir.call('/v1/chat/completions', QUESTION)
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({
    error: { message: 'temperature is too hot', code: 'bad_temperature', weir: { code: 'upstream_rejected' } },
  })
  expect(upstream.received.length).toBe(1)
})

test('a provider’s bad key is never shown to a client as its own', async () => {
  using upstream = startUpstream(() =>
    Response.json(
      { error: { message: 'Incorrect API key provided: upstream-secret-value', code: 'invalid_api_key' } },
      { status: 401 },
    ),
  )
  await using weir = await startGateway(providerAt(upstream.url))
  const response = await weir.call('/v1/chat/completions', QUESTION)
  expect(response.status).toBe(502)
  expect(await response.text()).not.toContain('upstream-secret')
  expect(weir.log()).not.toContain('upstream-secret')
})

test('a stream that breaks after it began ends with an error event and the terminator', async () => {
  using upstream = startUpstream(() => eventStream(chunks(['a', 'b']).slice(0, 3).join('')))
  await using weir = await startGateway(providerAt(upstream.url))
  const response = await weir.call('/v1/chat/completions', { ...QUESTION, stream: true })
  const text = await response.text()
  const events = text.trim().split('\n\n')
  expect(events.at(-1)).toBe('data: [DONE]')
  expect(JSON.parse(events.at(-2)?.slice(6) ?? '')).toMatchObject({ error: { weir: { code: 'all_targets_failed' } } })
  const record = await weir.store.getRequest(response.headers.get('x-weir-request-id') ?? '')
  expect(record).toMatchObject({ status: 502, errorCode: 'all_targets_failed', usageSource: 'estimated' })
})

test('a client that leaves cancels the upstream within 100 ms and pays for what was produced', async () => {
  const cancelled = Promise.withResolvers<number>()
  using upstream = startUpstream(() => {
    let timer: Timer | undefined
    return eventStream(
      new ReadableStream({
        start(controller) {
          const [role, text] = chunks(['0123456789abcdef'])
          controller.enqueue(new TextEncoder().encode(role))
          timer = setInterval(() => controller.enqueue(new TextEncoder().encode(text)), 5)
        },
        cancel() {
          clearInterval(timer)
          cancelled.resolve(performance.now())
        },
      }),
    )
  })
  await using weir = await startGateway(providerAt(upstream.url))
  const listener = weir.listen()
  const abort = new AbortController()
  const response = await fetch(`${listener.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${weir.key}` },
    body: JSON.stringify({ ...QUESTION, stream: true }),
    signal: abort.signal,
  })
  const id = response.headers.get('x-weir-request-id') ?? ''
  const reader = response.body!.getReader()
  let seen = 0
  while (seen < 5) seen += new TextDecoder().decode((await reader.read()).value).split('data:').length - 1
  const leftAt = performance.now()
  abort.abort()
  expect((await cancelled.promise) - leftAt).toBeLessThan(100)
  await weir.gateway.journal.flush()
  const entry = await weir.store.getEntry(id)
  expect(entry).toMatchObject({ status: 'aborted', usageSource: 'estimated' })
  expect(entry!.usage.output).toBeGreaterThanOrEqual(4 * 4)
  expect(weir.gateway.limiter.inFlight('key')).toBe(0)
  expect(weir.gateway.load.inFlight).toBe(0)
})

test('a client that leaves before a whole answer came cancels the upstream too', async () => {
  const arrived = Promise.withResolvers<void>()
  const cancelled = Promise.withResolvers<void>()
  using upstream = startUpstream((request) => {
    request.signal.addEventListener('abort', () => cancelled.resolve())
    arrived.resolve()
    return new Promise(() => {})
  })
  await using weir = await startGateway(providerAt(upstream.url))
  const abort = new AbortController()
  const asked = weir.call('/v1/chat/completions', QUESTION, { signal: abort.signal })
  await arrived.promise
  abort.abort()
  await cancelled.promise
  expect((await asked).status).toBe(499)
  expect(weir.gateway.limiter.inFlight('key')).toBe(0)
})
