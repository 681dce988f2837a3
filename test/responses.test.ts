// OpenAI's Responses through a whole gateway, with OpenAI's own SDK: translated, native, kept.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import OpenAI, { APIError, NotFoundError, PermissionDeniedError } from 'openai'
import { systemClock } from '../src/core/clock.ts'
import { completion, eventStream, FAST_SIMULATOR, providerAt, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway } from './gateway.ts'

let weir: TestGateway
let client: OpenAI

beforeAll(async () => {
  weir = await startGateway(FAST_SIMULATOR)
  client = clientOf(weir, weir.key)
})

afterAll(() => weir[Symbol.asyncDispose]())

/** The SDK with nothing set but URL and key, calling the gateway as a function. */
function clientOf(gateway: TestGateway, apiKey: string): OpenAI {
  return new OpenAI({
    baseURL: 'http://gateway/v1',
    apiKey,
    maxRetries: 0,
    fetch: (url, init) => gateway.gateway.fetch(new Request(url as string, init)),
  })
}

async function errorOf(call: PromiseLike<unknown>): Promise<APIError> {
  const error = await Promise.resolve(call).then(
    () => expect.unreachable('the call succeeded'),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(APIError)
  return error as APIError
}

const MODEL = 'sim/small'

test('a response of a model that only chats, whole', async () => {
  const response = await client.responses.create({
    model: MODEL,
    input: '[[sim output="Guten Tag"]]',
    metadata: { a: 'b' },
  })
  expect(response).toMatchObject({ object: 'response', status: 'completed', model: MODEL, metadata: { a: 'b' } })
  expect(response.output_text).toBe('Guten Tag')
  expect(response.usage!.output_tokens).toBeGreaterThan(0)
  expect(response._request_id).toStartWith('req_')
})

test('the stream of a response, and what is kept of it', async () => {
  const stream = client.responses.stream({ model: MODEL, input: '[[sim output="one two three"]]' })
  let text = ''
  stream.on('response.output_text.delta', (event) => void (text += event.delta))
  const response = await stream.finalResponse()
  expect(text).toBe('one two three')
  // The stream ends when the response is kept, not some time after.
  const kept = await client.responses.retrieve(response.id)
  expect(kept.output_text).toBe('one two three')
  expect(kept.usage).toEqual(response.usage)
})

const WEATHER = {
  type: 'function' as const,
  name: 'get_weather',
  strict: true,
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
}

test('a tool is called, and the next request goes on from the response that called it', async () => {
  using up = startUpstream((_request, number) =>
    Response.json(
      number > 1
        ? completion('Sunny.')
        : {
            ...completion(),
            choices: [
              {
                index: 0,
                finish_reason: 'tool_calls',
                message: {
                  role: 'assistant',
                  content: null,
                  tool_calls: [
                    { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Ulm"}' } },
                  ],
                },
              },
            ],
          },
    ),
  )
  await using gateway = await startGateway(providerAt(up.url))
  const sdk = clientOf(gateway, gateway.key)
  const first = await sdk.responses.create({ model: 'up/m', input: 'How is the weather in Ulm?', tools: [WEATHER] })
  const call = first.output.find((item) => item.type === 'function_call')!
  expect(call).toMatchObject({ name: 'get_weather', arguments: '{"city":"Ulm"}' })
  const second = await sdk.responses.create({
    model: 'up/m',
    previous_response_id: first.id,
    input: [{ type: 'function_call_output', call_id: call.call_id, output: 'sun' }],
    tools: [WEATHER],
  })
  expect(second.output_text).toBe('Sunny.')
  expect(second.previous_response_id).toBe(first.id)
  await sdk.responses.create({ model: 'up/m', previous_response_id: second.id, input: 'Thanks' })
  const sent = up.received.map(({ body }) => (JSON.parse(body) as { messages: { role: string }[] }).messages)
  expect(sent.map((messages) => messages.map(({ role }) => role))).toEqual([
    ['user'],
    ['user', 'assistant', 'tool'],
    ['user', 'assistant', 'tool', 'assistant', 'user'],
  ])
  expect(sent[1]?.[2]).toMatchObject({ tool_call_id: 'call_1', content: 'sun' })
  // The first two turns are shown as their own request sent them.
  const items = await sdk.responses.inputItems.list(second.id)
  expect(items.data).toMatchObject([{ type: 'function_call_output', call_id: 'call_1', output: 'sun' }])
})

test('the simulator calls a tool in a stream and answers with its result', async () => {
  const tools = [WEATHER]
  const first = await client.responses.stream({ model: MODEL, input: 'What is the weather?', tools }).finalResponse()
  const call = first.output.find((item) => item.type === 'function_call')!
  expect(Object.keys(JSON.parse(call.arguments) as object)).toEqual(['city'])
  const second = await client.responses.create({
    model: MODEL,
    previous_response_id: first.id,
    input: [{ type: 'function_call_output', call_id: call.call_id, output: '{"degrees": 21}' }],
    tools,
  })
  expect(second.output.map(({ type }) => type)).toEqual(['message'])
  expect(second.usage!.input_tokens).toBeGreaterThan(first.usage!.input_tokens)
})

test('an item that is referred to is put in its place', async () => {
  using up = startUpstream(() => Response.json(completion('Sunny.')))
  await using gateway = await startGateway(providerAt(up.url))
  const sdk = clientOf(gateway, gateway.key)
  const first = await sdk.responses.create({ model: 'up/m', input: 'a' })
  const item = first.output[0] as { id: string }
  const input = [
    { type: 'item_reference' as const, id: item.id },
    { role: 'user' as const, content: 'and now?' },
  ]
  const second = await sdk.responses.create({ model: 'up/m', input })
  expect(JSON.parse(up.received[1]!.body).messages).toMatchObject([
    { role: 'assistant', content: 'Sunny.' },
    { role: 'user', content: 'and now?' },
  ])
  // What is kept is the item, not the reference to it.
  const items = await sdk.responses.inputItems.list(second.id, { order: 'asc' })
  expect(items.data[0]).toMatchObject({ type: 'message', role: 'assistant', id: item.id })
  const lost = await errorOf(
    sdk.responses.create({ model: 'up/m', input: [{ type: 'item_reference', id: 'msg_none' }] }),
  )
  expect([lost.status, lost.param]).toEqual([400, 'input'])
  expect(up.received.length).toBe(2)
})

test('input items come in pages, newest first unless asked otherwise', async () => {
  const input = ['a', 'b', 'c'].map((content) => ({ role: 'user' as const, content }))
  const { id } = await client.responses.create({ model: MODEL, input })
  const texts: unknown[] = []
  for await (const item of client.responses.inputItems.list(id, { limit: 2, order: 'asc' })) texts.push(item)
  expect(texts).toMatchObject(['a', 'b', 'c'].map((text) => ({ content: [{ type: 'input_text', text }] })))
  const newest = await client.responses.inputItems.list(id, { limit: 1 })
  expect(newest).toMatchObject({ has_more: true, data: [{ content: [{ text: 'c' }] }] })
  for (const query of ['limit=0', 'limit=101', 'limit=x', 'order=up', 'after=none'])
    expect([query, (await weir.call(`/v1/responses/${id}/input_items?${query}`)).status]).toEqual([query, 400])
})

test('a response is deleted once, and is then as if it had never been', async () => {
  const { id } = await client.responses.create({ model: MODEL, input: 'a' })
  expect(await (await weir.call(`/v1/responses/${id}`, undefined, { method: 'DELETE' })).json()).toEqual({
    id,
    object: 'response',
    deleted: true,
  })
  const calls = [
    () => client.responses.retrieve(id),
    () => client.responses.delete(id),
    () => client.responses.cancel(id),
    () => client.responses.inputItems.list(id),
    () => client.responses.create({ model: MODEL, input: 'b', previous_response_id: id }),
  ]
  for (const call of calls) expect(await errorOf(call())).toBeInstanceOf(NotFoundError)
})

test('`store: false` keeps nothing', async () => {
  const response = await client.responses.create({ model: MODEL, input: 'a', store: false })
  expect((response as unknown as { store: boolean }).store).toBe(false)
  expect(await errorOf(client.responses.retrieve(response.id))).toBeInstanceOf(NotFoundError)
})

test('an operator may have nothing kept, whatever a request says', async () => {
  await using gateway = await startGateway(`responses: { retention: 0s }\n${FAST_SIMULATOR}`)
  const sdk = clientOf(gateway, gateway.key)
  const { id } = await sdk.responses.create({ model: MODEL, input: 'a', store: true })
  expect(await errorOf(sdk.responses.retrieve(id))).toBeInstanceOf(NotFoundError)
})

test('a response is not there after its time, nor what goes on from it', async () => {
  let skippedMs = 0
  const clock = { ...systemClock, now: () => Date.now() + skippedMs }
  await using gateway = await startGateway(`responses: { retention: 1h }\n${FAST_SIMULATOR}`, { clock })
  const sdk = clientOf(gateway, gateway.key)
  const { id } = await sdk.responses.create({ model: MODEL, input: 'a' })
  skippedMs = 3_500_000
  const { id: next } = await sdk.responses.create({ model: MODEL, input: 'b', previous_response_id: id })
  skippedMs = 3_700_000
  expect((await sdk.responses.retrieve(next)).id).toBe(next)
  expect(await errorOf(sdk.responses.retrieve(id))).toBeInstanceOf(NotFoundError)
  const late = sdk.responses.create({ model: MODEL, input: 'c', previous_response_id: next })
  expect(await errorOf(late)).toBeInstanceOf(NotFoundError)
})

test('what another key has made is not there', async () => {
  const { id, output } = await client.responses.create({ model: MODEL, input: 'a' })
  const other = clientOf(weir, await weir.issue({}))
  const calls = [
    () => other.responses.retrieve(id),
    () => other.responses.delete(id),
    () => other.responses.cancel(id),
    () => other.responses.inputItems.list(id),
    () => other.responses.create({ model: MODEL, input: 'b', previous_response_id: id }),
  ]
  for (const call of calls) expect((await errorOf(call())).status).toBe(404)
  const reference = [{ type: 'item_reference' as const, id: (output[0] as { id: string }).id }]
  expect((await errorOf(other.responses.create({ model: MODEL, input: reference }))).status).toBe(400)
  expect((await client.responses.retrieve(id)).id).toBe(id)
})

test('a key without the family `responses` may do none of it', async () => {
  const { id } = await client.responses.create({ model: MODEL, input: 'a' })
  const chatting = clientOf(weir, await weir.issue({ endpoints: ['chat'] }))
  expect(await errorOf(chatting.responses.create({ model: MODEL, input: 'a' }))).toBeInstanceOf(PermissionDeniedError)
  expect(await errorOf(chatting.responses.retrieve(id))).toBeInstanceOf(PermissionDeniedError)
  const responding = clientOf(weir, await weir.issue({ endpoints: ['responses'] }))
  expect((await responding.responses.create({ model: MODEL, input: 'a' })).status).toBe('completed')
})

test('nothing is made in the background, so nothing is cancelled or streamed again', async () => {
  const refused = await errorOf(client.responses.create({ model: MODEL, input: 'a', background: true }))
  expect([refused.status, refused.code, refused.param]).toEqual([400, 'unsupported', 'background'])
  const { id } = await client.responses.create({ model: MODEL, input: 'a' })
  expect((await errorOf(client.responses.cancel(id))).status).toBe(400)
  expect((await errorOf(client.responses.retrieve(id, { stream: true }))).status).toBe(400)
})

test('a store that cannot keep a response costs nobody the answer', async () => {
  await using gateway = await startGateway(FAST_SIMULATOR)
  gateway.store.putResponse = () => Promise.reject(new Error('the disk is full'))
  const response = await clientOf(gateway, gateway.key).responses.create({ model: MODEL, input: 'a' })
  expect(response.status).toBe('completed')
  expect(gateway.log()).toContain('response_not_kept')
})

// The native lane: a provider that speaks Responses.

const NATIVE_ID = 'resp_68c2f0a1'
const NATIVE = `{ "id":"${NATIVE_ID}", "object":"response","status":"completed","model":"gpt-x","future":1.50,
  "output":[{"type":"message","id":"msg_9","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hi","annotations":[]}]}],
  "usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5} }`
const NATIVE_EVENTS = [
  `event: response.created\r\ndata: {"type":"response.created","response":{"id":"${NATIVE_ID}","output":[]}}\r\n\r\n`,
  'data: {"type":"response.output_text.delta","delta":"Hi","future":[1, 2]}\n\n',
  `data: {"type":"response.completed","response":${NATIVE.replaceAll('\n', '')}}\n\n`,
].join('')

function openaiAt(url: string): string {
  return `
providers:
  up: { preset: openai, base_url: ${url}/v1, keys: [upstream-secret-value], models: { m: {} } }
  chat: { preset: openai-compatible, base_url: ${url}/chat/v1, keys: [upstream-secret-value], models: { m: {} } }
`
}

function nativeUpstream() {
  return startUpstream((request, _number, body) => {
    if (!request.url.endsWith('/responses')) return Response.json(completion('Hello'))
    return body.includes('"stream"')
      ? eventStream(NATIVE_EVENTS)
      : new Response(NATIVE, { headers: { 'content-type': 'application/json' } })
  })
}

test('a provider that speaks Responses is asked and answers byte for byte', async () => {
  using up = nativeUpstream()
  await using gateway = await startGateway(openaiAt(up.url))
  const asked = '{ "input":"x", "model":"m" , "previous_response_id":"resp_theirs","future":[1, 2.50] }'
  const answer = await gateway.call('/v1/responses', asked.replace('"m"', '"up/m"'))
  expect([answer.status, await answer.text()]).toEqual([200, NATIVE])
  expect(up.received[0]).toMatchObject({ path: '/v1/responses', body: asked })
  const streamed = await gateway.call('/v1/responses', { model: 'up/m', input: 'x', stream: true })
  expect(await streamed.text()).toBe(NATIVE_EVENTS)
  // Both were accounted for as the provider counted.
  const record = await (await gateway.call(`/v1/requests/${streamed.headers.get('x-weir-request-id')}`)).json()
  expect(record).toMatchObject({ usage: { input: 3, output: 2 }, usage_source: 'reported' })
})

test.each([false, true])('what a provider answered is kept under its own id (stream: %p)', async (stream) => {
  using up = nativeUpstream()
  await using gateway = await startGateway(openaiAt(up.url))
  const sdk = clientOf(gateway, gateway.key)
  const body = { model: 'up/m', input: 'x' }
  await (await gateway.call('/v1/responses', stream ? { ...body, stream } : body)).text()
  expect(await (await gateway.call(`/v1/responses/${NATIVE_ID}`)).json()).toEqual(JSON.parse(NATIVE))
  // Its own provider goes on from it by itself …
  await sdk.responses.create({ model: 'up/m', input: 'y', previous_response_id: NATIVE_ID })
  expect(JSON.parse(up.received[1]!.body)).toMatchObject({ previous_response_id: NATIVE_ID, input: 'y' })
  // … and another is told what was said.
  const elsewhere = await sdk.responses.create({ model: 'chat/m', input: 'z', previous_response_id: NATIVE_ID })
  expect(JSON.parse(up.received[2]!.body).messages).toMatchObject([
    { role: 'user', content: 'x' },
    { role: 'assistant', content: 'Hi' },
    { role: 'user', content: 'z' },
  ])
  expect(elsewhere.output_text).toBe('Hello')
  // A conversation that began elsewhere comes to the provider whole.
  await sdk.responses.create({ model: 'up/m', input: 'again', previous_response_id: elsewhere.id })
  const sent = JSON.parse(up.received[3]!.body) as { input: { role: string }[] }
  expect(sent).not.toHaveProperty('previous_response_id')
  expect(sent.input.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant', 'user'])
  const unknown = { model: 'chat/m', input: 'y', previous_response_id: 'resp_theirs' }
  expect((await errorOf(sdk.responses.create(unknown))).status).toBe(404)
})

test('chats go to a provider that serves only Responses', async () => {
  using up = nativeUpstream()
  await using gateway = await startGateway(
    providerAt(up.url).replace(
      'preset: openai-compatible',
      'preset: openai-compatible\n    quirks: { responses: only }',
    ),
  )
  const messages = [{ role: 'user' as const, content: 'Say hello' }]
  const sdk = clientOf(gateway, gateway.key)
  const answer = await sdk.chat.completions.create({ model: 'up/m', messages })
  expect(answer.choices[0]?.message.content).toBe('Hi')
  expect(up.received[0]!.path).toBe('/v1/responses')
  let text = ''
  for await (const chunk of await sdk.chat.completions.create({ model: 'up/m', messages, stream: true }))
    text += chunk.choices[0]?.delta.content ?? ''
  expect(text).toBe('Hi')
})

test('a conversation that its provider keeps goes nowhere else', async () => {
  using up = startUpstream(() => Response.json({ ...(JSON.parse(NATIVE) as object), conversation: { id: 'conv_1' } }))
  await using gateway = await startGateway(openaiAt(up.url))
  const sdk = clientOf(gateway, gateway.key)
  await sdk.responses.create({ model: 'up/m', input: 'x', conversation: 'conv_1' })
  const elsewhere = { model: 'chat/m', input: 'y', previous_response_id: NATIVE_ID }
  expect(await errorOf(sdk.responses.create(elsewhere))).toMatchObject({ status: 400, code: 'unsupported' })
  expect(up.received.length).toBe(1)
})

test('more references than anybody needs are refused', async () => {
  const input = Array.from({ length: 1_001 }, () => ({ type: 'item_reference' as const, id: 'msg_1' }))
  expect(await errorOf(client.responses.create({ model: MODEL, input }))).toMatchObject({ status: 400, param: 'input' })
})

test('no provider decides about ids that are ours', async () => {
  const taken = `resp_req_${'0'.repeat(22)}`
  using up = startUpstream(() => Response.json(JSON.parse(NATIVE.replace(NATIVE_ID, taken))))
  await using gateway = await startGateway(openaiAt(up.url))
  expect((await gateway.call('/v1/responses', { model: 'up/m', input: 'x' })).status).toBe(200)
  expect((await gateway.call(`/v1/responses/${taken}`)).status).toBe(404)
})

test('a conversation that has grown beyond the limit of a body is refused', async () => {
  using up = startUpstream(() => Response.json(completion('Hello')))
  await using gateway = await startGateway(`server: { body_limit: 2KB }\n${providerAt(up.url)}`)
  const ask = (previous?: string): Promise<Response> =>
    gateway.call('/v1/responses', { model: 'up/m', input: 'x'.repeat(1_200), previous_response_id: previous })
  const first = (await (await ask()).json()) as { id: string }
  const second = await ask(first.id)
  expect([second.status, await second.json()]).toMatchObject([413, { error: { param: 'previous_response_id' } }])
})
