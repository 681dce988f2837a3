// The catalogue of models as callers meet it: what no target can do is refused with a word about who can.
import { afterAll, expect, test } from 'bun:test'
import { completion, startGateway, startUpstream } from './gateway.ts'

const PIXEL = 'data:image/png;base64,iVBORw0KGgo='
const SCHEMA = { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object' } } }

const upstream = startUpstream((_request, _number, body) => {
  const { model } = JSON.parse(body) as { model: string }
  return Response.json({ ...completion(`I am ${model}`), model })
})
const weir = await startGateway(`
providers:
  up:
    preset: openai-compatible
    base_url: ${upstream.url}/v1
    keys: [upstream-secret-value]
    models:
      blind: { context: 1000, max_output: 200, abilities: { vision: false, tools: false, audio_in: false, json_schema: false } }
      seeing: { context: 200000, title: Seeing, abilities: { vision: true, tools: true, json_schema: true }, price: { input: 0.15, output: 0.6 } }
      unknown: {}
      embedder: { kind: embedding }
      old: { retired_on: 2020-01-01, successor: seeing }
      distant: { retired_on: 2999-01-01 }
routes:
  both: { targets: [up/blind, up/seeing] }
  blind-only: { targets: [up/blind] }
`)
afterAll(async () => {
  await weir[Symbol.asyncDispose]()
  upstream[Symbol.dispose]()
})

const say = (text: string) => [{ role: 'user', content: text }]
const show = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: PIXEL } }] }]
const TOOLS = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]

for (const [title, body, target] of [
  ['words go to the first target', { messages: say('hello') }, 'up/blind'],
  ['a word about images is none', { messages: say('an "image_url" and a pdf with audio') }, 'up/blind'],
  ['a picture goes to who sees', { messages: show }, 'up/seeing'],
  ['tools go to who calls them', { messages: say('hi'), tools: TOOLS }, 'up/seeing'],
  ['tools that may not be called are none', { messages: say('hi'), tools: TOOLS, tool_choice: 'none' }, 'up/blind'],
  ['a schema goes to who keeps to it', { messages: say('hi'), response_format: SCHEMA }, 'up/seeing'],
  ['a long text goes to who has room for it', { messages: say('word '.repeat(2_000)) }, 'up/seeing'],
  ['the answer needs room too', { messages: say('word '.repeat(1_100)), max_tokens: 200 }, 'up/seeing'],
  [
    'much JSON about few words is no long text',
    { messages: say('hi'), metadata: { a: 'x'.repeat(3_000) } },
    'up/blind',
  ],
] as const)
  test(title, async () => {
    const answer = await weir.call('/v1/chat/completions', { model: 'both', ...body })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('x-weir-target')).toBe(target)
  })

test('of a model that nobody knows everything is believed', async () => {
  const body = { model: 'up/unknown', messages: show, tools: TOOLS, response_format: SCHEMA }
  expect((await weir.call('/v1/chat/completions', body)).status).toBe(200)
})

for (const [title, path, body, words] of [
  ['no vision', '/v1/chat/completions', { messages: show }, 'up/blind reads no images'],
  ['no tools', '/v1/chat/completions', { messages: say('hi'), tools: TOOLS }, 'up/blind calls no tools'],
  [
    'too long',
    '/v1/chat/completions',
    { messages: say('word '.repeat(5_000)) },
    /takes 1000 tokens, and this request has at least \d+/,
  ],
  [
    'in Anthropic’s format',
    '/v1/messages',
    {
      max_tokens: 5,
      messages: [
        {
          role: 'user',
          content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } }],
        },
      ],
    },
    'reads no images',
  ],
  [
    'in OpenAI’s Responses',
    '/v1/responses',
    { input: [{ role: 'user', content: [{ type: 'input_image', image_url: PIXEL }] }] },
    'reads no images',
  ],
] as const)
  test(`${title}: refused before anybody is asked, with the models that can`, async () => {
    const seen = upstream.received.length
    const answer = await weir.call(path, { model: 'blind-only', ...body })
    expect(answer.status).toBe(400)
    const text = await answer.text()
    expect(text).toMatch(words)
    expect(text).toContain('Models of this key that can: both, up/seeing.')
    expect(upstream.received.length).toBe(seen)
  })

test('only models that the key may use are named', async () => {
  const key = await weir.issue({ models: ['blind-only', 'up/blind'] })
  const answer = await weir.call('/v1/chat/completions', { model: 'blind-only', messages: show }, { key })
  expect(await answer.text()).toContain('No model of this key is known to do it.')
})

test('a model for embeddings does not chat, and one for chat does not embed', async () => {
  const chat = await weir.call('/v1/chat/completions', { model: 'up/embedder', messages: say('hi') })
  expect([chat.status, await chat.text()]).toEqual([400, expect.stringContaining('is a model for embeddings')])
})

test('a model that is withdrawn warns whoever uses it; a distant day is no news', async () => {
  const warningOf = async (model: string) =>
    (await weir.call('/v1/chat/completions', { model, messages: say('hi') })).headers.get('x-weir-warnings')
  expect(await warningOf('up/old')).toBe(
    'up/old is withdrawn by its vendor since 2020-01-01. Its vendor names seeing in its place.',
  )
  expect(await warningOf('up/distant')).toBeNull()
})

test('each format lists what is known of a model', async () => {
  const get = async (headers: Record<string, string>) =>
    (await weir.call('/v1/models/up%2Fseeing', undefined, { headers })).json()
  expect(await get({})).toMatchObject({
    id: 'up/seeing',
    object: 'model',
    owned_by: 'up',
    name: 'Seeing',
    context_length: 200_000,
    abilities: { vision: true, tools: true, json_schema: true },
    pricing: { prompt: '0.00000015', completion: '0.0000006' },
  })
  expect(await get({ 'anthropic-version': '2023-06-01' })).toMatchObject({
    type: 'model',
    display_name: 'Seeing',
    max_input_tokens: 200_000,
  })
  const gemini = await weir.call('/v1beta/models/up%2Fseeing', undefined, {
    key: null,
    headers: { 'x-goog-api-key': weir.key },
  })
  expect(await gemini.json()).toMatchObject({ name: 'models/up/seeing', inputTokenLimit: 200_000 })
})

test('a route can what one of its targets can', async () => {
  const { abilities, pricing } = (await (await weir.call('/v1/models/both')).json()) as Record<string, object>
  expect(abilities).toEqual({ vision: true, tools: true, json_schema: true })
  expect(pricing).toBeUndefined()
})
