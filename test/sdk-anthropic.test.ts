// Anthropic's own SDK for Node, unchanged, as a client of a listening gateway: before another vendor's model, and before Claude.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import Anthropic, {
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from '@anthropic-ai/sdk'
import { eventStream, FAST_SIMULATOR, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway } from './gateway.ts'

let weir: TestGateway
let baseURL: string
let client: Anthropic

beforeAll(async () => {
  weir = await startGateway(FAST_SIMULATOR)
  baseURL = weir.listen().url
  client = clientOf(weir.key)
})

afterAll(() => weir[Symbol.asyncDispose]())

/** A client with nothing set but base URL and key. Without retries, unless a test is about them. */
function clientOf(apiKey: string, url = baseURL, maxRetries = 0): Anthropic {
  return new Anthropic({ baseURL: url, apiKey, maxRetries, authToken: null })
}

function ask(content: string, model = 'sim/small'): Anthropic.MessageCreateParamsNonStreaming {
  return { model, max_tokens: 400, messages: [{ role: 'user', content }] }
}

const WEATHER: Anthropic.Tool = {
  name: 'get_weather',
  description: 'The weather of a city',
  input_schema: {
    type: 'object',
    properties: { city: { type: 'string' }, unit: { type: 'string', enum: ['celsius', 'fahrenheit'] } },
    required: ['city', 'unit'],
    additionalProperties: false,
  },
}

async function errorOf(call: PromiseLike<unknown>): Promise<unknown> {
  return Promise.resolve(call).then(
    () => expect.unreachable('the call succeeded'),
    (error: unknown) => error,
  )
}

function textOf(message: Anthropic.Message): string {
  return message.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
}

test('messages.create answers with a message, a stop reason and usage', async () => {
  const answer = await client.messages.create(ask('[[sim output="Grüße aus dem Wehr 🌊"]]'))
  expect(answer).toMatchObject({ type: 'message', role: 'assistant', model: 'sim/small', stop_reason: 'end_turn' })
  expect(answer.content).toEqual([{ type: 'text', text: 'Grüße aus dem Wehr 🌊' }] as never)
  expect(answer.usage.input_tokens).toBeGreaterThan(0)
  expect(answer.usage.output_tokens).toBeGreaterThan(0)
  expect(answer._request_id).toMatch(/^req_/)
  expect(await weir.store.getRequest(answer._request_id ?? '')).toMatchObject({
    status: 200,
    target: 'sim/small',
    dimensions: { dialect: 'anthropic-messages' },
  })
})

test('system, stop sequences and the bound of tokens are obeyed', async () => {
  const stopped = await client.messages.create({
    ...ask('[[sim output="one two three"]]'),
    system: 'Be brief.',
    stop_sequences: [' three'],
  })
  expect(textOf(stopped)).toBe('one two')
  const short = await client.messages.create({ ...ask('[[sim tokens=50]]'), max_tokens: 5 })
  expect(short.stop_reason).toBe('max_tokens')
  expect(short.usage.output_tokens).toBe(5)
})

test('the stream helper assembles the same message, with its usage', async () => {
  const whole = await client.messages.create(ask('What is a weir?'))
  const stream = client.messages.stream(ask('What is a weir?'))
  let deltas = ''
  stream.on('text', (delta) => (deltas += delta))
  const final = await stream.finalMessage()
  expect(deltas).toBe(textOf(whole))
  expect(final.content).toEqual(whole.content as never)
  expect(final.stop_reason).toBe('end_turn')
  expect(final.usage.output_tokens).toBe(whole.usage.output_tokens)
})

test('tools are called and their results understood, whole and streamed', async () => {
  const request = {
    ...ask('Weather in Lyon?'),
    tools: [WEATHER],
    tool_choice: { type: 'tool', name: 'get_weather' },
  } as const
  const streamed = await client.messages.stream({ ...request, tools: [WEATHER] }).finalMessage()
  const answer = await client.messages.create({ ...request, tools: [WEATHER] })
  for (const message of [streamed, answer]) {
    expect(message.stop_reason).toBe('tool_use')
    expect(message.content.at(-1)).toMatchObject({
      type: 'tool_use',
      name: 'get_weather',
      input: { city: expect.any(String), unit: expect.stringMatching(/celsius|fahrenheit/) },
    })
  }
  const call = answer.content.find((block) => block.type === 'tool_use')
  const next = await client.messages.create({
    ...ask(''),
    tools: [WEATHER],
    messages: [
      { role: 'user', content: 'Weather in Lyon?' },
      { role: 'assistant', content: answer.content },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: call?.id ?? '', content: 'Sunny, 21 degrees' }] },
    ],
  })
  expect(next.stop_reason).toBe('end_turn')
  expect(textOf(next).length).toBeGreaterThan(0)
})

test('thoughts of another vendor’s model are shown as thinking', async () => {
  const answer = await client.messages.create({
    ...ask('Why?', 'sim/reasoner'),
    max_tokens: 4_000,
    thinking: { type: 'enabled', budget_tokens: 1_024 },
  })
  expect(textOf(answer).length).toBeGreaterThan(0)
  expect(answer.usage.output_tokens).toBeGreaterThan(0)
})

test('countTokens gives a number', async () => {
  const short = await client.messages.countTokens({
    model: 'sim/small',
    messages: [{ role: 'user', content: 'Hello' }],
  })
  const long = await client.messages.countTokens({
    model: 'sim/small',
    system: 'Be kind to everybody.',
    tools: [WEATHER],
    messages: [{ role: 'user', content: 'Hello' }],
  })
  expect(short.input_tokens).toBeGreaterThan(0)
  expect(long.input_tokens).toBeGreaterThan(short.input_tokens)
})

test('models.list pages through every model of the key, and models.retrieve shows one', async () => {
  const ids: string[] = []
  for await (const model of client.models.list({ limit: 2 })) ids.push(model.id)
  expect(ids).toContain('sim/small')
  expect(new Set(ids).size).toBe(ids.length)
  expect(await client.models.retrieve('sim/small')).toMatchObject({ type: 'model', id: 'sim/small' })
})

test('errors are raised as the SDK’s own exceptions', async () => {
  expect(await errorOf(clientOf('wk_wrong').messages.create(ask('x')))).toBeInstanceOf(AuthenticationError)
  expect(await errorOf(client.messages.create(ask('x', 'nope/nope')))).toBeInstanceOf(NotFoundError)
  const malformed = await errorOf(client.messages.create({ ...ask('x'), messages: [] }))
  expect(malformed).toBeInstanceOf(BadRequestError)
  expect(malformed).toMatchObject({
    status: 400,
    type: 'invalid_request_error',
    requestID: expect.stringMatching(/^req_/),
  })
  const limited = clientOf(await weir.issue({ limits: { rpm: 1, tpm: null, concurrency: null } }))
  await limited.messages.create(ask('x'))
  expect(await errorOf(limited.messages.create(ask('x')))).toBeInstanceOf(RateLimitError)
  expect(await errorOf(client.messages.create(ask('[[sim fault=error_500]]')))).toBeInstanceOf(InternalServerError)
})

test('a stream can be aborted, and is closed in the books', async () => {
  const stream = client.messages.stream({ ...ask('[[sim tokens=4000 gap_ms=2]]'), max_tokens: 4_000 })
  let seen = 0
  stream.on('text', () => {
    if (++seen === 3) stream.abort()
  })
  expect(await errorOf(stream.finalMessage())).toBeInstanceOf(APIUserAbortError)
  const until = performance.now() + 5_000
  while (weir.gateway.load.inFlight > 0 && performance.now() < until) await Bun.sleep(5)
  expect(weir.gateway.load.inFlight).toBe(0)
})

const ANSWER = {
  id: 'msg_01',
  type: 'message',
  role: 'assistant',
  model: 'claude',
  content: [
    { type: 'thinking', thinking: 'Hm.', signature: 'c2ln' },
    { type: 'text', text: 'Hello' },
  ],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 10, output_tokens: 5 },
}

const EVENTS: readonly object[] = [
  {
    type: 'message_start',
    message: { ...ANSWER, content: [], stop_reason: null, usage: { input_tokens: 10, output_tokens: 1 } },
  },
  { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'Hm.' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'c2ln' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
  { type: 'ping' },
  { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'Hello' } },
  { type: 'content_block_stop', index: 1 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 5 } },
  { type: 'message_stop' },
]

function sse(events: readonly object[]): Response {
  return eventStream(
    events.map((event) => `event: ${(event as { type: string }).type}\ndata: ${JSON.stringify(event)}\n\n`).join(''),
  )
}

test('before Claude itself: messages, streams with thoughts, beta headers, counts and errors', async () => {
  using claude = startUpstream((request, _number, body) => {
    if (request.url.endsWith('/count_tokens')) return Response.json({ input_tokens: 3 })
    if (body.includes('too much'))
      return Response.json(
        { type: 'error', error: { type: 'invalid_request_error', message: 'too much' } },
        { status: 400 },
      )
    return body.includes('"stream":true') ? sse(EVENTS) : Response.json(ANSWER)
  })
  await using gateway = await startGateway(`
providers:
  claude: { preset: anthropic, base_url: "${claude.url}", keys: [claude-secret-value], models: { m: {} } }
`)
  const own = clientOf(gateway.key, gateway.listen().url)
  const answer = await own.messages.create(ask('Hi', 'claude/m'), { headers: { 'anthropic-beta': 'a-2026' } })
  expect(answer).toMatchObject(ANSWER)
  expect(claude.received[0]?.headers.get('anthropic-beta')).toBe('a-2026')
  expect(JSON.parse(claude.received[0]?.body ?? '')).toEqual({ ...ask('Hi', 'm') })
  const final = await own.messages.stream(ask('Hi', 'claude/m')).finalMessage()
  expect(final.content).toEqual(ANSWER.content as never)
  expect(final.usage).toMatchObject({ input_tokens: 10, output_tokens: 5 })
  const beta = await own.beta.messages.create({ ...ask('Hi', 'claude/m'), betas: ['b-2026'] })
  expect(beta.content).toMatchObject(ANSWER.content)
  expect(claude.received.at(-1)?.headers.get('anthropic-beta')).toBe('b-2026')
  expect(
    await own.messages.countTokens({ model: 'claude/m', messages: [{ role: 'user', content: 'Hi' }] }),
  ).toMatchObject({ input_tokens: 3 })
  const error = await errorOf(own.messages.create(ask('too much', 'claude/m')))
  expect(error).toBeInstanceOf(BadRequestError)
  expect(error).toMatchObject({ message: expect.stringContaining('too much') })
})
