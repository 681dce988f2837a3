// Anthropic's clients and Anthropic's API: nothing between them is changed that need not be.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { eventStream, startGateway, startUpstream } from './gateway.ts'

const MESSAGES = '/v1/messages'
const VERSION = { 'anthropic-version': '2023-06-01' }
const ASK = { model: 'claude/m', max_tokens: 100, messages: [{ role: 'user', content: 'Hi' }] }

function claudeAt(url: string, more = ''): string {
  return `
providers:
  claude: { preset: anthropic, base_url: "${url}", keys: [claude-secret-value], models: { m: { price: { input: 1, output: 2, cache_read: 0.1, cache_write: 1.25 } } } }
  up: { preset: openai-compatible, base_url: "${url}/v1", keys: [upstream-secret-value], models: { m: {} } }
${more}`
}

const ANSWER = `{"id":"msg_1", "type":"message","role":"assistant","content":[{"type":"text","text":"é"},{"type":"future_block","x":[1, 2]}],
 "stop_reason":"end_turn","x_unknown": 9007199254740993,"usage":{"input_tokens":100,"cache_read_input_tokens":1000,"cache_creation_input_tokens":200,"output_tokens":50}}`

const json = (body: string): Response => new Response(body, { headers: { 'content-type': 'application/json' } })

test('a request with 40 unknown fields reaches Claude with all of them, and its answer comes back byte for byte', async () => {
  using claude = startUpstream(() => json(ANSWER))
  await using weir = await startGateway(claudeAt(claude.url))
  const unknown = Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [`future_${index}`, { deep: [index, 'ü', null, 1.5e-7], '': true }]),
  )
  const text = `{ "max_tokens" : 100, "weir": {"tags": ["a"]}, ${JSON.stringify(unknown).slice(1, -1)}, "big": 9007199254740993,\n "messages":[{"role":"user","content":[{"type":"text","text":"Hi","cache_control":{"type":"ephemeral","ttl":"1h"}}]}], "model": "claude/m"}`
  const response = await weir.call(MESSAGES, text, {
    headers: { ...VERSION, 'anthropic-beta': 'context-1m-2025-08-07,other', 'x-stainless-os': 'Linux', cookie: 'a=b' },
  })
  expect(await response.text()).toBe(ANSWER)
  expect(response.headers.get('x-weir-warnings')).toBeNull()
  const [sent] = claude.received
  expect(sent?.body).toBe(text.replace('"weir": {"tags": ["a"]},', '').replace('"claude/m"', '"m"'))
  expect(sent?.path).toBe('/v1/messages')
  expect(sent?.headers.get('anthropic-version')).toBe('2023-06-01')
  expect(sent?.headers.get('anthropic-beta')).toBe('context-1m-2025-08-07,other')
  expect(sent?.headers.get('x-api-key')).toBe('claude-secret-value')
  for (const name of ['authorization', 'cookie', 'x-stainless-os']) expect(sent?.headers.get(name)).toBeNull()
  // 100 × $1 + 1000 × $0.1 + 200 × $1.25 + 50 × $2 per million.
  expect(await weir.store.getEntry(response.headers.get('x-weir-request-id') ?? '')).toMatchObject({
    usage: { input: 100, cacheRead: 1_000, cacheWrite5m: 200, output: 50 },
    usageSource: 'reported',
    costNanoUsd: 550_000n,
  })
  expect(await weir.store.getRequest(response.headers.get('x-weir-request-id') ?? '')).toMatchObject({
    finishReason: 'stop',
  })
})

const EVENTS = [
  'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","content":[],"usage":{"input_tokens":100,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_1h_input_tokens":20},"output_tokens":1}}}\n\n',
  'event: ping\ndata: {"type": "ping"}\n\n',
  'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}\n\n',
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm é"}}\n\n',
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}\n\n',
  'event: future_event\ndata: {"type":"future_event","x":1}\n\n',
  'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n',
  'event: content_block_start\ndata: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}\n\n',
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{}"}}\n\n',
  'event: content_block_stop\ndata: {"type":"content_block_stop","index":1}\n\n',
  'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":40}}\n\n',
  'event: message_stop\ndata: {"type":"message_stop"}\n\n',
]

test('a stream comes through byte for byte wherever it is cut; its usage is that of the start and of the end', async () => {
  const bytes = new TextEncoder().encode(EVENTS.join(''))
  let cuts: readonly number[] = []
  using claude = startUpstream(() =>
    eventStream(
      new ReadableStream({
        start(controller) {
          const places = [
            0,
            ...cuts.map((cut) => Math.floor(cut * bytes.length)).toSorted((a, b) => a - b),
            bytes.length,
          ]
          for (const [index, place] of places.entries())
            if (index > 0) controller.enqueue(bytes.slice(places[index - 1], place))
          controller.close()
        },
      }),
    ),
  )
  await using weir = await startGateway(claudeAt(claude.url))
  await fc.assert(
    fc.asyncProperty(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 }), async (random) => {
      cuts = random
      const response = await weir.call(MESSAGES, { ...ASK, stream: true })
      expect(await response.text()).toBe(EVENTS.join(''))
      const id = response.headers.get('x-weir-request-id') ?? ''
      expect(await weir.store.getEntry(id)).toMatchObject({
        status: 'complete',
        usage: { input: 100, cacheWrite5m: 10, cacheWrite1h: 20, output: 40 },
        usageSource: 'reported',
      })
      expect(await weir.store.getRequest(id)).toMatchObject({
        finishReason: 'tool_calls',
        rawUsage: expect.stringContaining('ephemeral_1h_input_tokens'),
      })
    }),
    { numRuns: 20 },
  )
})

test('a stream without its message_stop is broken, and what came out of it is paid for', async () => {
  using claude = startUpstream(() => eventStream(EVENTS.slice(0, 4).join('')))
  await using weir = await startGateway(claudeAt(claude.url))
  const response = await weir.call(MESSAGES, { ...ASK, stream: true })
  const text = await response.text()
  expect(text).toStartWith(EVENTS.slice(0, 4).join(''))
  expect(JSON.parse(text.trim().split('\ndata: ').at(-1) ?? '')).toMatchObject({
    type: 'error',
    error: { type: 'api_error' },
  })
  expect(await weir.store.getEntry(response.headers.get('x-weir-request-id') ?? '')).toMatchObject({
    status: 'aborted',
    usage: { input: 100, output: 2 },
    usageSource: 'estimated',
  })
})

const BROKEN: readonly (readonly [title: string, stream: boolean, answer: () => Response])[] = [
  ['nothing', false, () => json('')],
  ['no JSON', false, () => json('{')],
  ['a list', false, () => json('[]')],
  ['an error in a 200', false, () => json('{"type":"error","error":{"type":"api_error","message":"no"}}')],
  ['no content', false, () => json('{"type":"message"}')],
  [
    'an error before the first word',
    true,
    () => eventStream(`${EVENTS[0]}event: error\ndata: {"type":"error","error":{"message":"no"}}\n\n`),
  ],
  ['no word at all', true, () => eventStream(`${EVENTS[0]}${EVENTS.at(-1)}`)],
  ['events of something else', true, () => eventStream('data: <html>\n\n')],
  ['events of no objects', true, () => eventStream('data: 1\n\n')],
]
test.each(BROKEN)('a target that answers with %s is as good as none (stream: %p)', async (_title, stream, answer) => {
  using claude = startUpstream(answer)
  await using weir = await startGateway(claudeAt(claude.url))
  const response = await weir.call(MESSAGES, { ...ASK, stream })
  expect(response.status).toBe(502)
  expect(await response.json()).toMatchObject({
    type: 'error',
    error: { type: 'api_error', weir: { attempts: [{ outcome: 'broken' }] } },
  })
})

test('a whole answer that tells no usage is estimated by its characters', async () => {
  using claude = startUpstream(() =>
    json(`{"content":[{"type":"text","text":"${'x'.repeat(40)}"},{"type":"tool_use","name":"abcd","input":{}}]}`),
  )
  await using weir = await startGateway(claudeAt(claude.url))
  const response = await weir.call(MESSAGES, ASK)
  expect(await weir.store.getEntry(response.headers.get('x-weir-request-id') ?? '')).toMatchObject({
    usageSource: 'estimated',
    usage: { output: 12 },
  })
})

test('tokens are counted by Claude itself, free of charge', async () => {
  using claude = startUpstream(() => json('{ "input_tokens": 14 }'))
  await using weir = await startGateway(claudeAt(claude.url))
  const response = await weir.call(
    `${MESSAGES}/count_tokens`,
    { model: 'claude/m', messages: ASK.messages },
    { headers: VERSION },
  )
  expect(await response.text()).toBe('{ "input_tokens": 14 }')
  expect(claude.received[0]?.path).toBe('/v1/messages/count_tokens')
  expect(response.headers.get('x-weir-warnings')).toBeNull()
  expect(response.headers.get('x-weir-cost-usd')).toBe('0')
  using silent = startUpstream(() => json('{}'))
  await using other = await startGateway(claudeAt(silent.url))
  expect((await other.call(`${MESSAGES}/count_tokens`, ASK)).status).toBe(502)
})

test('for other models they are estimated, and the answer says so', async () => {
  await using weir = await startGateway(claudeAt('http://127.0.0.1:1'))
  const count = async (body: object): Promise<number> => {
    const response = await weir.call(`${MESSAGES}/count_tokens`, { ...ASK, model: 'up/m', ...body })
    expect(response.headers.get('x-weir-warnings')).toContain('estimate')
    return ((await response.json()) as { input_tokens: number }).input_tokens
  }
  const plain = await count({})
  expect(plain).toBeGreaterThan(0)
  expect(await count({ system: 'Be kind to everybody you meet.' })).toBeGreaterThan(plain)
  expect(
    await count({ tools: [{ name: 'f', description: 'Does it.', input_schema: { type: 'object' } }] }),
  ).toBeGreaterThan(plain)
  const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'A'.repeat(100_000) } }
  const seen = await count({ messages: [{ role: 'user', content: [image, { type: 'text', text: 'Hi' }] }] })
  expect(seen).toBe(plain + 1_600)
  const used = { type: 'tool_use', id: 't', name: 'f', input: { query: 'a long enough question' } }
  expect(await count({ messages: [...ASK.messages, { role: 'assistant', content: [used] }] })).toBeGreaterThan(
    plain + 5,
  )
})

test('a key that may chat may ask in Anthropic’s format, and one that may not may not', async () => {
  using claude = startUpstream(() => json(ANSWER))
  await using weir = await startGateway(claudeAt(claude.url))
  const chat = await weir.issue({ endpoints: ['chat'] })
  const embeddings = await weir.issue({ endpoints: ['embeddings'] })
  expect((await weir.call(MESSAGES, ASK, { key: null, headers: { 'x-api-key': chat } })).status).toBe(200)
  const refused = await weir.call(MESSAGES, ASK, { key: embeddings })
  expect(refused.status).toBe(403)
  expect(await refused.json()).toMatchObject({
    type: 'error',
    error: { type: 'permission_error', weir: { code: 'endpoint_not_allowed' } },
  })
  const nobody = await weir.call(MESSAGES, ASK, { key: null })
  expect(await nobody.json()).toMatchObject({ error: { type: 'authentication_error' } })
})

test('models are listed in Anthropic’s form for its clients, page by page', async () => {
  await using weir = await startGateway(
    `${claudeAt('http://127.0.0.1:1')}routes: { a: { targets: [claude/m] }, b: { targets: [up/m] } }`,
  )
  type Page = { data: { id: string }[]; first_id: string; last_id: string; has_more: boolean }
  const page = async (query = ''): Promise<Page> =>
    (await (await weir.call(`/v1/models${query}`, undefined, { headers: VERSION })).json()) as Page
  const whole = await page('?limit=1000')
  const ids = whole.data.map(({ id }) => id)
  expect(whole).toMatchObject({ has_more: false, first_id: ids[0], last_id: ids.at(-1) })
  expect(whole.data[0]).toEqual({
    type: 'model',
    id: 'a',
    display_name: 'a',
    created_at: expect.stringMatching(/^2\d{3}-.*Z$/),
  } as never)
  expect((await page()).data.length).toBe(20)
  expect(await page('?limit=2')).toMatchObject({ data: [{ id: ids[0] }, { id: ids[1] }], has_more: true })
  expect(await page(`?limit=2&after_id=${ids[1]}`)).toMatchObject({ data: [{ id: ids[2] }, { id: ids[3] }] })
  expect(await page(`?limit=1&before_id=${ids[1]}`)).toMatchObject({ data: [{ id: ids[0] }], has_more: false })
  expect((await page('?limit=x')).data.length).toBe(20)
  const one = await weir.call('/v1/models/claude%2Fm', undefined, { headers: VERSION })
  expect(await one.json()).toMatchObject({ type: 'model', id: 'claude/m' })
  const none = await weir.call('/v1/models/nope', undefined, { headers: VERSION })
  expect(await none.json()).toMatchObject({ type: 'error', error: { type: 'not_found_error' } })
})

test('a base URL may name the version or not, and hosts may lack the count', async () => {
  using claude = startUpstream(() => json(ANSWER))
  await using weir = await startGateway(`
providers:
  one: { preset: anthropic, base_url: "${claude.url}/v1", keys: [a-first-secret], models: { m: {} } }
  two: { preset: anthropic, base_url: "${claude.url}/anthropic", keys: [a-second-secret], headers: { anthropic-version: "2030-01-01" }, models: { m: {} } }
`)
  for (const model of ['one/m', 'two/m']) expect((await weir.call(MESSAGES, { ...ASK, model })).status).toBe(200)
  expect(claude.received.map(({ path }) => path)).toEqual(['/v1/messages', '/anthropic/v1/messages'])
  expect(claude.received.map(({ headers }) => headers.get('anthropic-version'))).toEqual(['2023-06-01', '2030-01-01'])
})
