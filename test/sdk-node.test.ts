// OpenAI's own SDK for Node, unchanged, as a client of a listening gateway: the strongest black-box test of the dialect.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import OpenAI, {
  APIConnectionError,
  APIConnectionTimeoutError,
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from 'openai'
import { zodResponseFormat } from 'openai/helpers/zod'
import { z } from 'zod'
import { completion, FAST_SIMULATOR, providerAt, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway } from './gateway.ts'

let weir: TestGateway
let baseURL: string
let client: OpenAI

beforeAll(async () => {
  weir = await startGateway(FAST_SIMULATOR)
  baseURL = `${weir.listen().url}/v1`
  client = clientOf(weir.key)
})

afterAll(() => weir[Symbol.asyncDispose]())

/** A client with nothing set but what the README says: base URL and key. Without retries, unless a test is about them. */
function clientOf(apiKey: string, more: { maxRetries?: number; timeout?: number; baseURL?: string } = {}): OpenAI {
  return new OpenAI({ baseURL, apiKey, maxRetries: 0, ...more })
}

function ask(content: string, model = 'sim/small') {
  return { model, messages: [{ role: 'user' as const, content }] }
}

const WEATHER = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'The weather of a city',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, unit: { enum: ['celsius', 'fahrenheit'] } },
      required: ['city', 'unit'],
      additionalProperties: false,
    },
  },
}

/** The error that a call must end with. */
async function errorOf(call: PromiseLike<unknown>): Promise<unknown> {
  return Promise.resolve(call).then(
    () => expect.unreachable('the call succeeded'),
    (error: unknown) => error,
  )
}

test('models.list names every model of the key, and models.retrieve shows one', async () => {
  const ids: string[] = []
  for await (const model of client.models.list()) ids.push(model.id)
  expect(ids).toContain('sim/small')
  expect(ids).toContain('sim/embed')
  // The slash of the name travels percent-encoded.
  expect(await client.models.retrieve('sim/small')).toMatchObject({ id: 'sim/small', object: 'model', owned_by: 'sim' })
  expect(await errorOf(client.models.retrieve('sim/smal'))).toBeInstanceOf(NotFoundError)
})

test('chat.completions.create answers with a message, a finish reason and usage', async () => {
  const answer = await client.chat.completions.create(ask('[[sim output="Grüße aus dem Wehr 🌊"]]'))
  expect(answer.object).toBe('chat.completion')
  expect(answer.choices[0]?.message).toMatchObject({ role: 'assistant', content: 'Grüße aus dem Wehr 🌊' })
  expect(answer.choices[0]?.finish_reason).toBe('stop')
  const usage = answer.usage!
  expect(usage.completion_tokens).toBeGreaterThan(0)
  expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens)
})

test('n choices, a stop text and a token bound are obeyed', async () => {
  const several = await client.chat.completions.create({ ...ask('Tell me something'), n: 3 })
  expect(several.choices.map(({ index }) => index)).toEqual([0, 1, 2])
  const short = await client.chat.completions.create({ ...ask('[[sim tokens=50]]'), max_completion_tokens: 5 })
  expect(short.choices[0]?.finish_reason).toBe('length')
  expect(short.usage?.completion_tokens).toBe(5)
  const stopped = await client.chat.completions.create({ ...ask('[[sim output="one two three"]]'), stop: [' three'] })
  expect(stopped.choices[0]?.message.content).toBe('one two')
})

test('withResponse() shows the gateway’s headers, and _request_id is the id of its request log', async () => {
  const { data, response } = await client.chat.completions.create(ask('Hello')).withResponse()
  expect(data.choices.length).toBe(1)
  expect(response.headers.get('x-weir-target')).toBe('sim/small')
  expect(response.headers.get('x-weir-attempts')).toBe('1')
  expect(Number(response.headers.get('x-weir-cost-usd'))).toBeGreaterThan(0)
  const id = response.headers.get('x-weir-request-id')
  expect(id).toMatch(/^req_/)
  expect(data).toMatchObject({ _request_id: id })
  expect(await client.get(`/requests/${id}`)).toMatchObject({ id, status: 200, target: 'sim/small' })
})

test('a stream yields the same text as the whole answer, and its usage when asked for', async () => {
  const whole = await client.chat.completions.create(ask('What is a weir?'))
  const stream = await client.chat.completions.create({
    ...ask('What is a weir?'),
    stream: true,
    stream_options: { include_usage: true },
  })
  let text = ''
  let finish: string | null = null
  let usage: OpenAI.CompletionUsage | null = null
  let chunks = 0
  for await (const chunk of stream) {
    chunks++
    const choice = chunk.choices[0]
    text += choice?.delta.content ?? ''
    finish = choice?.finish_reason ?? finish
    if (chunk.usage) usage = chunk.usage
  }
  expect(text).toBe(whole.choices[0]?.message.content ?? '')
  expect(finish).toBe('stop')
  expect(usage).toEqual(whole.usage!)
  expect(chunks).toBeGreaterThan(3)
})

test('a stream without include_usage has no usage chunk, as OpenAI does it', async () => {
  const stream = await client.chat.completions.create({ ...ask('Hello'), stream: true })
  for await (const chunk of stream) {
    expect(chunk.usage ?? null).toBeNull()
    expect(chunk.choices.length).toBe(1)
  }
})

test('the stream helper assembles the message', async () => {
  const runner = client.chat.completions.stream({ ...ask('Hello there'), stream_options: { include_usage: true } })
  let deltas = ''
  runner.on('content', (delta) => (deltas += delta))
  const final = await runner.finalChatCompletion()
  expect(deltas.length).toBeGreaterThan(0)
  expect(final.choices[0]?.message.content).toBe(deltas)
  expect((await runner.totalUsage()).total_tokens).toBeGreaterThan(0)
})

test('a tool is called, its result goes back, and the answer comes', async () => {
  const question = { role: 'user' as const, content: 'What is the weather in Graz?' }
  const first = await client.chat.completions.create({ model: 'sim/small', messages: [question], tools: [WEATHER] })
  const message = first.choices[0]!.message
  expect(first.choices[0]?.finish_reason).toBe('tool_calls')
  const call = message.tool_calls![0]!
  if (call.type !== 'function') throw new Error('not a function call')
  expect(call.function.name).toBe('get_weather')
  expect(Object.keys(JSON.parse(call.function.arguments) as object).sort()).toEqual(['city', 'unit'])
  const second = await client.chat.completions.create({
    model: 'sim/small',
    messages: [question, message, { role: 'tool', tool_call_id: call.id, content: '{"degrees": 21}' }],
    tools: [WEATHER],
  })
  expect(second.choices[0]?.finish_reason).toBe('stop')
  expect(second.choices[0]?.message.content).toBeTruthy()
})

test('a streamed tool call arrives in pieces that make valid JSON', async () => {
  const runner = client.chat.completions.stream({ ...ask('What is the weather in Graz?'), tools: [WEATHER] })
  let pieces = 0
  runner.on('tool_calls.function.arguments.delta', () => pieces++)
  const final = await runner.finalChatCompletion()
  const call = final.choices[0]?.message.tool_calls?.[0]
  expect(call).toMatchObject({ type: 'function', function: { name: 'get_weather' } })
  expect(JSON.parse(call!.function.arguments)).toHaveProperty('city')
  expect(pieces).toBeGreaterThan(1)
  expect(final.choices[0]?.finish_reason).toBe('tool_calls')
})

for (const stream of [false, true])
  test(`the runTools helper goes round by itself${stream ? ', streamed' : ''}`, async () => {
    const asked: unknown[] = []
    const tool = {
      type: 'function' as const,
      function: {
        ...WEATHER.function,
        parse: JSON.parse,
        function: (given: unknown) => {
          asked.push(given)
          return '{"degrees": 21}'
        },
      },
    }
    const runner = client.chat.completions.runTools({
      ...ask('What is the weather in Graz?'),
      tools: [tool],
      ...(stream ? { stream: true as const } : {}),
    } as never)
    expect(await runner.finalContent()).toBeTruthy()
    expect(asked.length).toBe(1)
    expect(asked[0]).toHaveProperty('city')
  })

const Person = z.object({ name: z.string(), age: z.int(), hobbies: z.array(z.enum(['chess', 'rowing'])) })

test('structured output parses into the type that was asked for, whole and streamed', async () => {
  const request = { ...ask('Describe a person'), response_format: zodResponseFormat(Person, 'person') }
  const whole = await client.chat.completions.parse(request)
  expect(Person.safeParse(whole.choices[0]?.message.parsed).success).toBe(true)
  const streamed = await client.chat.completions.stream(request).finalChatCompletion()
  expect(streamed.choices[0]?.message.parsed).toEqual(whole.choices[0]?.message.parsed)
})

test('embeddings are the same as floats and in the SDK’s default, base64', async () => {
  const input = ['a low dam', 'a river']
  // By default the SDK asks for base64 and decodes it.
  const packed = await client.embeddings.create({ model: 'sim/embed', input })
  const plain = await client.embeddings.create({ model: 'sim/embed', input, encoding_format: 'float' })
  expect(packed.data.length).toBe(2)
  for (const [index, { embedding }] of packed.data.entries()) {
    expect(embedding.length).toBe(1536)
    for (const [position, value] of embedding.entries())
      expect(value).toBeCloseTo(plain.data[index]!.embedding[position]!, 6)
  }
  expect(packed.usage.total_tokens).toBeGreaterThan(0)
  const short = await client.embeddings.create({ model: 'sim/embed', input: 'x', dimensions: 64 })
  expect(short.data[0]?.embedding.length).toBe(64)
})

test('legacy completions answer whole and streamed', async () => {
  const asked = { model: 'sim/small', prompt: 'Once upon a time', max_tokens: 12 }
  const whole = await client.completions.create(asked)
  expect(whole.choices[0]?.text).toBeTruthy()
  let text = ''
  for await (const chunk of await client.completions.create({ ...asked, stream: true }))
    text += chunk.choices[0]?.text ?? ''
  expect(text).toBe(whole.choices[0]!.text)
})

type ErrorClass = new (...args: never[]) => Error
const TYPED: readonly (readonly [
  title: string,
  error: ErrorClass,
  status: number,
  code: string,
  (weir: TestGateway) => Promise<unknown>,
])[] = [
  [
    'an unknown key',
    AuthenticationError,
    401,
    'invalid_api_key',
    () => clientOf('sk-weir-nobody').chat.completions.create(ask('Hi')),
  ],
  [
    'an unknown model',
    NotFoundError,
    404,
    'model_not_found',
    () => client.chat.completions.create(ask('Hi', 'sim/none')),
  ],
  [
    'a request that the gateway cannot read',
    BadRequestError,
    400,
    'request_malformed',
    () => client.chat.completions.create({ model: 'sim/small', messages: 'Hi' as never }),
  ],
  [
    'a request that the provider refuses',
    BadRequestError,
    400,
    'decimal_above_max_value',
    () => client.chat.completions.create({ ...ask('Hi'), temperature: 5 }),
  ],
  [
    'a prompt that is too long',
    BadRequestError,
    400,
    'context_length_exceeded',
    () => client.chat.completions.create(ask('[[sim fault=context_400]]')),
  ],
  [
    'a model that the key may not use',
    PermissionDeniedError,
    403,
    'model_not_allowed',
    async (weir) => clientOf(await weir.issue({ models: ['sim/embed'] })).chat.completions.create(ask('Hi')),
  ],
  [
    'an endpoint that the key may not use',
    PermissionDeniedError,
    403,
    'endpoint_not_allowed',
    async (weir) => clientOf(await weir.issue({ endpoints: ['embeddings'] })).chat.completions.create(ask('Hi')),
  ],
  [
    'a provider that fails',
    InternalServerError,
    502,
    'all_targets_failed',
    () => client.chat.completions.create(ask('[[sim fault=error_500]]')),
  ],
  [
    'a provider whose key is bad',
    InternalServerError,
    502,
    'all_targets_failed',
    () => client.chat.completions.create(ask('[[sim fault=unauthorized]]')),
  ],
]
for (const [title, type, status, code, call] of TYPED)
  test(`${title} is a ${type.name} of the SDK`, async () => {
    const error = await errorOf(call(weir))
    expect(error).toBeInstanceOf(type)
    const known = error as APIError
    expect(known.status).toBe(status)
    expect(known.code).toBe(code)
    expect(known.message.length).toBeGreaterThan(10)
    expect(known.requestID).toMatch(/^req_/)
  })

test('a rate limit is a RateLimitError that says when to come back', async () => {
  const limited = clientOf(await weir.issue({ limits: { rpm: 1 } }))
  const { response } = await limited.chat.completions.create(ask('Hi')).withResponse()
  expect(response.headers.get('x-ratelimit-limit-requests')).toBe('1')
  expect(response.headers.get('x-ratelimit-remaining-requests')).toBe('0')
  const error = await errorOf(limited.chat.completions.create(ask('Hi')))
  expect(error).toBeInstanceOf(RateLimitError)
  const { headers, code } = error as RateLimitError
  expect(code).toBe('rate_limit_exceeded')
  const waitS = Number(headers.get('retry-after'))
  expect(waitS).toBeGreaterThan(50)
  // A minute, and the second that the window is cautious by.
  expect(waitS).toBeLessThanOrEqual(61)
})

test('an error inside a stream is raised by the SDK, not swallowed', async () => {
  const stream = await client.chat.completions.create({ ...ask('[[sim fault=cut tokens=40]]'), stream: true })
  const error = await errorOf(
    (async () => {
      for await (const chunk of stream) expect(chunk.choices.length).toBe(1)
    })(),
  )
  expect(error).toBeInstanceOf(APIError)
  expect((error as APIError).code).toBe('all_targets_failed')
})

test('the SDK’s own timeout is an APIConnectionTimeoutError, and frees the place in flight', async () => {
  const error = await errorOf(clientOf(weir.key, { timeout: 60 }).chat.completions.create(ask('[[sim ttft_ms=30000]]')))
  expect(error).toBeInstanceOf(APIConnectionTimeoutError)
  await idle()
})

test('nobody listening is an APIConnectionError', async () => {
  const error = await errorOf(clientOf(weir.key, { baseURL: 'http://127.0.0.1:1/v1' }).models.list())
  expect(error).toBeInstanceOf(APIConnectionError)
})

test('an aborted stream ends at once and frees the place in flight', async () => {
  const stream = await client.chat.completions.create({ ...ask('[[sim tokens=5000 gap_ms=5]]'), stream: true })
  let seen = 0
  for await (const _chunk of stream) if (++seen === 3) stream.controller.abort()
  expect(seen).toBeLessThan(1000)
  await idle()
})

test('a break out of the loop ends the stream too', async () => {
  const stream = await client.chat.completions.create({ ...ask('[[sim tokens=5000 gap_ms=5]]'), stream: true })
  for await (const _chunk of stream) break
  await idle()
})

/** Resolves when nothing is in flight; the test's own deadline bounds it. */
async function idle(): Promise<void> {
  while (weir.gateway.load.inFlight > 0) await new Promise((resolve) => setImmediate(resolve))
  expect(weir.gateway.limiter.inFlight('key')).toBe(0)
}

test('retries honour the time that the provider asked for', async () => {
  using upstream = startUpstream((_request, number) =>
    number === 1
      ? Response.json(
          { error: { message: 'slow down', code: 'rate_limit_exceeded' } },
          { status: 429, headers: { 'retry-after-ms': '700' } },
        )
      : Response.json(completion('at last')),
  )
  await using other = await startGateway(providerAt(upstream.url))
  const retrying = new OpenAI({ baseURL: `${other.listen().url}/v1`, apiKey: other.key, maxRetries: 1 })
  const startedMs = performance.now()
  const answer = await retrying.chat.completions.create(ask('Hi', 'up/m'))
  expect(answer.choices[0]?.message.content).toBe('at last')
  expect(upstream.received.length).toBe(2)
  // Left to itself the SDK would have come back within 500 ms.
  expect(performance.now() - startedMs).toBeGreaterThan(690)
})

test('what would only be refused again is not retried', async () => {
  let calls = 0
  const counting = new OpenAI({
    baseURL,
    apiKey: weir.key,
    maxRetries: 3,
    fetch: (input, init) => {
      calls++
      return fetch(input, init)
    },
  })
  await errorOf(counting.chat.completions.create(ask('Hi', 'sim/none')))
  expect(calls).toBe(1)
})
