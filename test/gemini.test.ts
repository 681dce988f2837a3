// Gemini's API as clients see it: its own SDK unchanged, plain HTTP, before Google itself and before other vendors' models.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { ApiError, FunctionCallingConfigMode, GoogleGenAI, Type } from '@google/genai'
import type { FunctionDeclaration } from '@google/genai'
import { chunks, completion, eventStream, FAST_SIMULATOR, providerAt, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway } from './gateway.ts'

let weir: TestGateway
let baseUrl: string
let client: GoogleGenAI

beforeAll(async () => {
  weir = await startGateway(FAST_SIMULATOR)
  baseUrl = weir.listen().url
  client = clientOf(weir.key)
})

afterAll(() => weir[Symbol.asyncDispose]())

/** A client with nothing set but base URL and key. */
function clientOf(apiKey: string, url = baseUrl): GoogleGenAI {
  return new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url } })
}

const ask = (contents: string, model = 'sim/small') => ({ model, contents, config: { maxOutputTokens: 400 } })

const WEATHER: FunctionDeclaration = {
  name: 'get_weather',
  description: 'The weather of a city',
  parameters: {
    type: Type.OBJECT,
    properties: { city: { type: Type.STRING }, unit: { type: Type.STRING, enum: ['celsius', 'fahrenheit'] } },
    required: ['city', 'unit'],
  },
}

async function errorOf(call: PromiseLike<unknown>): Promise<unknown> {
  return Promise.resolve(call).then(
    () => expect.unreachable('the call succeeded'),
    (error: unknown) => error,
  )
}

test('generateContent answers with text, an end and usage, and is in the books', async () => {
  const answer = await client.models.generateContent(ask('[[sim output="Grüße aus dem Wehr 🌊"]]'))
  expect(answer.text).toBe('Grüße aus dem Wehr 🌊')
  expect(answer.candidates?.[0]?.finishReason as string).toBe('STOP')
  expect(answer.modelVersion).toBe('sim/small')
  expect(answer.usageMetadata?.promptTokenCount).toBeGreaterThan(0)
  expect(answer.usageMetadata?.candidatesTokenCount).toBeGreaterThan(0)
  const id = answer.sdkHttpResponse?.headers?.['x-weir-request-id'] ?? ''
  expect(await weir.store.getRequest(id)).toMatchObject({
    status: 200,
    target: 'sim/small',
    usage: { output: answer.usageMetadata?.candidatesTokenCount },
    dimensions: { dialect: 'gemini', requestedModel: 'sim/small' },
  })
})

test('the instruction, stop sequences and the bound of tokens are obeyed', async () => {
  const stopped = await client.models.generateContent({
    model: 'sim/small',
    contents: '[[sim output="one two three"]]',
    config: { systemInstruction: 'Be brief.', stopSequences: [' three'] },
  })
  expect(stopped.text).toBe('one two')
  const short = await client.models.generateContent({
    model: 'sim/small',
    contents: '[[sim tokens=50]]',
    config: { maxOutputTokens: 5 },
  })
  expect(short.candidates?.[0]?.finishReason as string).toBe('MAX_TOKENS')
  expect(short.usageMetadata?.candidatesTokenCount).toBe(5)
})

test('a stream says the same, and its usage at the end', async () => {
  const whole = await client.models.generateContent(ask('What is a weir?'))
  let text = ''
  let last
  for await (const chunk of await client.models.generateContentStream(ask('What is a weir?'))) {
    text += chunk.text ?? ''
    last = chunk
  }
  expect(text).toBe(whole.text ?? '')
  expect(last?.candidates?.[0]?.finishReason as string).toBe('STOP')
  expect(last?.usageMetadata?.candidatesTokenCount).toBe(whole.usageMetadata?.candidatesTokenCount)
})

test('functions are called and their results understood, whole and streamed', async () => {
  const request = {
    model: 'sim/small',
    contents: 'Weather in Lyon?',
    config: {
      tools: [{ functionDeclarations: [WEATHER] }],
      toolConfig: { functionCallingConfig: { mode: FunctionCallingConfigMode.ANY } },
    },
  }
  const called = { name: 'get_weather', args: { city: expect.any(String), unit: expect.any(String) } }
  const answer = await client.models.generateContent(request)
  expect(answer.functionCalls).toMatchObject([called])
  const streamed = []
  for await (const chunk of await client.models.generateContentStream(request))
    streamed.push(...(chunk.functionCalls ?? []))
  expect(streamed).toMatchObject([called])
  const next = await client.models.generateContent({
    model: 'sim/small',
    contents: [
      { role: 'user', parts: [{ text: 'Weather in Lyon?' }] },
      answer.candidates?.[0]?.content ?? {},
      {
        role: 'user',
        parts: [{ functionResponse: { name: 'get_weather', response: { output: 'Sunny, 21 degrees' } } }],
      },
    ],
    config: { tools: [{ functionDeclarations: [WEATHER] }] },
  })
  expect(next.text?.length).toBeGreaterThan(0)
})

test('countTokens gives a number', async () => {
  const count = async (contents: string) =>
    (await client.models.countTokens({ model: 'sim/small', contents })).totalTokens ?? 0
  expect(await count('Hello')).toBeGreaterThan(0)
  expect(await count('Hello to everybody in this long sentence.')).toBeGreaterThan(await count('Hello'))
})

test('models.list pages through every model of the key, and models.get shows one', async () => {
  const names: (string | undefined)[] = []
  for await (const { name } of await client.models.list({ config: { pageSize: 2 } })) names.push(name)
  expect(names).toContain('models/sim/small')
  expect(names.length).toBe(weir.gateway.snapshot.catalogue.list().length)
  expect(new Set(names).size).toBe(names.length)
  expect(await client.models.get({ model: 'sim/small' })).toMatchObject({ name: 'models/sim/small' })
  expect(await errorOf(client.models.get({ model: 'sim/smal' }))).toMatchObject({ status: 404 })
})

test('errors are raised as the SDK’s own exceptions, in Google’s words', async () => {
  const limited = clientOf(await weir.issue({ limits: { rpm: 1, tpm: null, concurrency: null } }))
  await limited.models.generateContent(ask('x'))
  const cases = [
    [() => clientOf('wk_wrong').models.generateContent(ask('x')), 401, 'UNAUTHENTICATED'],
    [() => client.models.generateContent(ask('x', 'nope/nope')), 404, 'NOT_FOUND'],
    [() => client.models.generateContent({ ...ask('x'), config: { maxOutputTokens: -1 } }), 400, 'INVALID_ARGUMENT'],
    [() => limited.models.generateContent(ask('x')), 429, 'RESOURCE_EXHAUSTED'],
    [() => limited.models.generateContentStream(ask('x')), 429, 'RESOURCE_EXHAUSTED'],
    [() => client.models.generateContent(ask('[[sim fault=error_500]]')), 502, 'UNAVAILABLE'],
  ] as const
  for (const [call, status, word] of cases) {
    const error = await errorOf(call())
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ status, message: expect.stringContaining(`"status":"${word}"`) })
  }
})

const BODY = { contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] }
type Chunk = {
  readonly modelVersion: string
  readonly usageMetadata?: object
  readonly candidates: { content: { parts: { text: string }[]; role: string }; finishReason?: string; index: number }[]
}
const CHUNKS: readonly Chunk[] = [
  { candidates: [{ content: { parts: [{ text: 'Hel' }], role: 'model' }, index: 0 }], modelVersion: 'm' },
  {
    candidates: [{ content: { parts: [{ text: 'lo' }], role: 'model' }, finishReason: 'STOP', index: 0 }],
    usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 2, totalTokenCount: 6 },
    modelVersion: 'm',
  },
]
const ANSWER = {
  candidates: [{ content: { parts: [{ text: 'Hello' }], role: 'model' }, finishReason: 'STOP', index: 0 }],
  usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 2, totalTokenCount: 6 },
  modelVersion: 'm',
  future: { kept: true },
}
/** As Google writes it: CRLF between events. */
const EVENTS = CHUNKS.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`).join('')

function google(url: string): string {
  return `
providers:
  google: { preset: gemini, base_url: "${url}/v1beta", keys: [google-secret-value], models: { m: { price: { input: 1, output: 2 } } } }
`
}

test('before Google itself, bodies and answers pass byte for byte, and keys do not', async () => {
  using upstream = startUpstream((request, _number, body) => {
    if (request.url.includes(':streamGenerateContent')) return eventStream(EVENTS)
    if (request.url.includes(':countTokens')) return Response.json({ totalTokens: 3 })
    if (request.url.includes('mbedContent'))
      return Response.json(
        body.includes('"requests"') ? { embeddings: [{ values: [1] }] } : { embedding: { values: [1] } },
      )
    return new Response(JSON.stringify(ANSWER, null, 2), { headers: { 'content-type': 'application/json' } })
  })
  await using gateway = await startGateway(google(upstream.url))
  const call = (method: string, body: object | string, query = '') =>
    gateway.call(`/v1beta/models/google/m:${method}?key=${gateway.key}${query}`, body, { key: null })
  const sent = JSON.stringify({ ...BODY, futureField: [1] }, null, 1)
  const whole = await call('generateContent', sent)
  expect(await whole.text()).toBe(JSON.stringify(ANSWER, null, 2))
  expect(whole.headers.get('x-weir-cost-usd')).toBe('0.000008')
  const [received] = upstream.received
  expect(received?.path).toBe('/v1beta/models/m:generateContent')
  expect(received?.body).toBe(sent)
  expect(received?.headers.get('x-goog-api-key')).toBe('google-secret-value')
  const streamed = await call('streamGenerateContent', sent, '&alt=sse')
  expect(streamed.headers.get('content-type')).toStartWith('text/event-stream')
  expect(await streamed.text()).toBe(EVENTS)
  expect(await (await call('countTokens', BODY)).json()).toEqual({ totalTokens: 3 })
  const content = { parts: [{ text: 'a' }] }
  expect(await (await call('embedContent', { content })).json()).toEqual({ embedding: { values: [1] } })
  const requests = [{ model: 'models/google/m', content }]
  expect(await (await call('batchEmbedContents', { requests })).json()).toEqual({ embeddings: [{ values: [1] }] })
  expect(JSON.parse(upstream.received.at(-1)?.body ?? '')).toEqual({ requests: [{ model: 'models/m', content }] })
  for (const { headers, body } of upstream.received)
    expect(JSON.stringify([...headers]) + body).not.toContain(gateway.key)
  expect(gateway.log()).not.toContain(gateway.key)
})

test('a stream without `alt=sse` is one JSON array, whoever answers', async () => {
  using upstream = startUpstream(() => eventStream(EVENTS))
  using other = startUpstream(() => eventStream(chunks(['Hel', 'lo']).join('')))
  await using gateway = await startGateway(
    `${google(upstream.url)}${providerAt(other.url).replace('\nproviders:\n', '')}`,
  )
  for (const model of ['google/m', 'up%2Fm']) {
    const answer = await gateway.call(`/v1beta/models/${model}:streamGenerateContent`, BODY)
    expect(answer.headers.get('content-type')).toStartWith('application/json')
    const items = (await answer.json()) as Chunk[]
    expect(items.flatMap(({ candidates }) => candidates[0]?.content.parts.map(({ text }) => text)).join('')).toBe(
      'Hello',
    )
    expect(items.at(-1)?.candidates[0]?.finishReason).toBe('STOP')
  }
})

test('an OpenAI-compatible host is asked in its own words; what breaks is told in Google’s', async () => {
  using upstream = startUpstream((_request, number) => {
    if (number === 1) return Response.json(completion('Hello'))
    const [first = '', second = ''] = chunks(['Hel', 'lo'])
    return eventStream(first + second)
  })
  await using gateway = await startGateway(providerAt(upstream.url))
  const whole = await gateway.call('/v1beta/models/up/m:generateContent', BODY)
  expect(await whole.json()).toMatchObject({
    candidates: [{ content: { parts: [{ text: 'Hello' }], role: 'model' }, finishReason: 'STOP' }],
    usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5 },
  })
  expect(JSON.parse(upstream.received[0]?.body ?? '')).toMatchObject({
    model: 'm',
    messages: [{ role: 'user', content: 'Hi' }],
  })
  const broken = await (await gateway.call('/v1beta/models/up/m:streamGenerateContent?alt=sse', BODY)).text()
  expect(broken).toContain('"status":"UNAVAILABLE"')
  const array = await gateway.call('/v1beta/models/up/m:streamGenerateContent', BODY)
  const items = (await array.json()) as { error?: { status: string } }[]
  expect(items.length).toBeGreaterThan(1)
  expect(items.at(-1)?.error?.status).toBe('UNAVAILABLE')
  const seen = await errorOf(
    (async () => {
      const own = clientOf(gateway.key, gateway.listen().url)
      for await (const chunk of await own.models.generateContentStream(ask('x', 'up/m'))) expect(chunk).toBeDefined()
    })(),
  )
  expect(seen).toBeInstanceOf(Error)
})

test('Gemini’s models are there for OpenAI’s and Anthropic’s clients, and fall back to others', async () => {
  using upstream = startUpstream((request, _number, body) => {
    if (body.includes('Busy'))
      return Response.json({ error: { code: 503, message: 'busy', status: 'UNAVAILABLE' } }, { status: 503 })
    return request.url.includes(':stream') ? eventStream(EVENTS) : Response.json(ANSWER)
  })
  using other = startUpstream(() => Response.json(completion('From another')))
  const routes = 'routes: { both: { targets: [google/m, up/m] } }'
  await using gateway = await startGateway(
    google(upstream.url) + providerAt(other.url, routes).replace('\nproviders:\n', ''),
  )
  const question = { model: 'both', max_tokens: 50, messages: [{ role: 'user', content: 'Hi' }] }
  const chat = await gateway.call('/v1/chat/completions', question)
  expect(chat.headers.get('x-weir-target')).toBe('google/m')
  expect(await chat.json()).toMatchObject({
    choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 4, completion_tokens: 2 },
  })
  expect(upstream.received[0]?.path).toBe('/v1beta/models/m:generateContent')
  expect(JSON.parse(upstream.received[0]?.body ?? '')).toMatchObject({
    ...BODY,
    generationConfig: { maxOutputTokens: 50 },
  })
  const streamed = await (await gateway.call('/v1/messages', { ...question, stream: true })).text()
  expect(streamed).toContain('"text":"Hel"')
  expect(streamed).toContain('event: message_stop')
  const busy = await gateway.call('/v1beta/models/both:generateContent', { contents: [{ parts: [{ text: 'Busy' }] }] })
  expect(busy.headers.get('x-weir-target')).toBe('up/m')
  // Once more where it is, then elsewhere.
  expect(busy.headers.get('x-weir-attempts')).toBe('3')
  expect(await busy.json()).toMatchObject({ candidates: [{ content: { parts: [{ text: 'From another' }] } }] })
})

test('an array that breaks before anything could be told is an array all the same', async () => {
  const call = { index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '{"a":' } }
  const choice = { index: 0, delta: { role: 'assistant', tool_calls: [call] }, finish_reason: null }
  const head = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' }
  using upstream = startUpstream(() => eventStream(`data: ${JSON.stringify({ ...head, choices: [choice] })}\n\n`))
  await using gateway = await startGateway(providerAt(upstream.url))
  const answer = await gateway.call('/v1beta/models/up/m:streamGenerateContent', BODY)
  expect(await answer.json()).toMatchObject([{ modelVersion: 'up/m' }, { error: { status: 'UNAVAILABLE' } }])
})

test.each([
  ['POST', '/v1beta/models/sim/small', 405, 'UNIMPLEMENTED'],
  ['POST', '/v1beta/models/sim/small:predict', 405, 'UNIMPLEMENTED'],
  ['POST', '/v1beta/models/sim/small:embedContent', 400, 'INVALID_ARGUMENT'],
  ['POST', '/v1beta/nothing', 404, 'NOT_FOUND'],
  ['PUT', '/v1beta/models/sim/small:generateContent', 405, 'UNIMPLEMENTED'],
  ['GET', '/v1beta/models/sim/none', 404, 'NOT_FOUND'],
] as const)('%s %s is refused in Google’s shape', async (method, path, status, word) => {
  const answer = await weir.call(path, method === 'GET' ? undefined : { content: { parts: [] } }, { method })
  expect(answer.status).toBe(status)
  expect(await answer.json()).toMatchObject({ error: { code: status, status: word } })
})

test('each address tells the methods that it takes', async () => {
  const allowOf = async (path: string) => {
    const answer = await weir.call(path, undefined, { method: 'OPTIONS' })
    return [answer.status, answer.headers.get('allow')]
  }
  expect(await allowOf('/v1beta/models')).toEqual([204, 'GET, HEAD, OPTIONS'])
  expect(await allowOf('/v1beta/models/sim/small')).toEqual([204, 'GET, HEAD, OPTIONS'])
  expect(await allowOf('/v1beta/models/sim/small:countTokens/')).toEqual([204, 'POST, GET, HEAD, OPTIONS'])
})

test('a key may be held to embeddings, and its models', async () => {
  const key = await weir.issue({ endpoints: ['embeddings'] })
  const refused = await weir.call('/v1beta/models/sim/small:generateContent', BODY, { key })
  expect(refused.status).toBe(403)
  expect(await refused.json()).toMatchObject({ error: { status: 'PERMISSION_DENIED' } })
  const narrow = await weir.issue({ models: ['sim/large'] })
  const list = await weir.call('/v1beta/models', undefined, { key: null, headers: { 'x-goog-api-key': narrow } })
  expect(await list.json()).toMatchObject({ models: [{ name: 'models/sim/large' }] })
})
