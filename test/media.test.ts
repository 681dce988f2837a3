// Pictures and files that a request names by address, at providers that fetch nothing.
import { afterAll, beforeEach, expect, test } from 'bun:test'
import type { JsonObject } from '../src/core/json.ts'
import { completion, startGateway, startUpstream } from './gateway.ts'

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
const DATA = PNG.toString('base64')
const PDF = '%PDF-1.4\n%%EOF'

const pictures = startUpstream((request) => {
  const { pathname } = new URL(request.url)
  switch (pathname) {
    case '/a.png':
    case '/b.png':
      return new Response(PNG, { headers: { 'content-type': 'image/jpeg' } })
    case '/a.pdf':
      return new Response(PDF, { headers: { 'content-type': 'application/pdf' } })
    default:
      return new Response('no', { status: 404 })
  }
})
const GEMINI = {
  candidates: [{ content: { role: 'model', parts: [{ text: 'A dot.' }] }, finishReason: 'STOP' }],
  usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 3, totalTokenCount: 8 },
}
const OLLAMA = { message: { role: 'assistant', content: 'A dot.' }, done: true, done_reason: 'stop' }
let geminiFails = false
const models = startUpstream((request) => {
  const { pathname } = new URL(request.url)
  if (pathname.includes(':generateContent'))
    return geminiFails ? new Response('{}', { status: 500 }) : Response.json(GEMINI)
  return Response.json(pathname === '/api/chat' ? OLLAMA : completion('A dot.'))
})
const CONFIG = (media: string): string => `
media: { ${media} }
server: { max_bytes_held: 2MiB }
providers:
  google: { preset: gemini, base_url: "${models.url}/v1beta", keys: [google-key-value] }
  own: { preset: ollama-native, base_url: "${models.url}" }
  fetching: { preset: openai-compatible, base_url: "${models.url}/v1", keys: [] }
  carried: { preset: openai-compatible, base_url: "${models.url}/v1", keys: [], quirks: { media_urls: false } }
routes:
  both: { targets: [google/g, own/m] }
`
const weir = await startGateway(CONFIG('allow_private: true, max_size: 64KiB, max_files: 2'))
const guarded = await startGateway(CONFIG(''))
const off = await startGateway(CONFIG('fetch: false'))
afterAll(async () => {
  for (const gateway of [weir, guarded, off]) await gateway[Symbol.asyncDispose]()
  for (const upstream of [pictures, models]) upstream[Symbol.dispose]()
})
beforeEach(() => {
  pictures.received.length = 0
  models.received.length = 0
  geminiFails = false
})

const at = (path: string): string => `${pictures.url}${path}`
const image = (url: string): JsonObject => ({ type: 'image_url', image_url: { url } })
const ask = (model: string, ...parts: readonly JsonObject[]): JsonObject => ({
  model,
  messages: [{ role: 'user', content: [{ type: 'text', text: 'What is it?' }, ...parts] }],
})
const sent = (): string => models.received.at(-1)?.body ?? ''
const post = (body: JsonObject, gateway = weir) => gateway.call('/v1/chat/completions', body)

test('Gemini gets the content, called by what it is', async () => {
  expect((await post(ask('google/g', image(at('/a.png'))))).status).toBe(200)
  expect(JSON.parse(sent()).contents[0].parts[1]).toEqual({ inlineData: { mimeType: 'image/png', data: DATA } })
})

test('Ollama does, too', async () => {
  expect((await post(ask('own/m', image(at('/a.png'))))).status).toBe(200)
  expect(JSON.parse(sent()).messages[0].images).toEqual([DATA])
})

test('a file of Anthropic’s format by its address is fetched for Gemini', async () => {
  const document = { type: 'document', source: { type: 'url', url: at('/a.pdf') } }
  const answer = await weir.call('/v1/messages', { ...ask('google/g', document), max_tokens: 5 })
  expect(answer.status).toBe(200)
  expect(sent()).toContain(`{"mimeType":"application/pdf","data":"${Buffer.from(PDF).toString('base64')}"}`)
})

test('a picture is fetched once, whatever number of targets is tried', async () => {
  geminiFails = true
  const answer = await post(ask('both', image(at('/a.png')), image(at('/a.png'))))
  expect([answer.status, answer.headers.get('x-weir-target')]).toEqual([200, 'own/m'])
  expect(pictures.received).toHaveLength(1)
})

test('a provider that fetches gets the address', async () => {
  const body = ask('fetching/m', image(at('/a.png')))
  expect((await post(body)).status).toBe(200)
  expect(sent()).toContain(at('/a.png'))
  expect(pictures.received).toHaveLength(0)
})

test('an OpenAI-compatible host that does not fetch gets the content', async () => {
  expect((await post(ask('carried/m', image(at('/a.png'))))).status).toBe(200)
  expect(sent()).toContain(`data:image/png;base64,${DATA}`)
  expect((await post(ask('carried/m'))).status).toBe(200)
})

for (const [title, parts, words] of [
  [
    'is not there',
    [image(at('/none.png?secret=1'))],
    /The image at \S+\/none\.png cannot be used: its host answered 404/,
  ],
  ['is of another kind', [image(at('/a.pdf'))], /of the media type application\/pdf/],
  ['is one too many', [image(at('/a.png')), image(at('/b.png')), image(at('/c.png'))], /names more than 2/],
] as const)
  test(`what ${title} is told, and nobody is asked`, async () => {
    const answer = await post(ask('both', ...parts))
    const text = await answer.text()
    expect([answer.status, text]).toEqual([400, expect.stringMatching(words)])
    expect(text).not.toContain('secret=1')
    expect(models.received).toHaveLength(0)
  })

test('addresses of private networks are not fetched, unless the operator says so', async () => {
  const answer = await post(ask('google/g', image(at('/a.png'))), guarded)
  expect([answer.status, await answer.text()]).toEqual([
    400,
    expect.stringContaining('private addresses are not allowed'),
  ])
  expect(pictures.received).toHaveLength(0)
})

test('where nothing is fetched, what has to be is refused as before', async () => {
  const answer = await post(ask('own/m', image(at('/a.png'))), off)
  expect(answer.status).toBe(400)
  expect(pictures.received).toHaveLength(0)
})

for (const [title, url, status, words] of [
  ['no base64', 'data:image/png;base64,%%%', 400, 'The image is no base64.'],
  ['more than is taken', `data:image/png;base64,${'A'.repeat(100_000)}`, 413, 'bytes; 65536 are taken'],
  ['of another kind', `data:image/png;base64,${Buffer.from(PDF).toString('base64')}`, 400, 'application/pdf'],
] as const)
  test(`a picture in the request that is ${title} is refused`, async () => {
    const answer = await post(ask('google/g', image(url)))
    expect([answer.status, await answer.text()]).toEqual([status, expect.stringContaining(words)])
  })

test('a picture in the request that is called by another name is called by its own', async () => {
  expect((await post(ask('google/g', image(`data:image/jpeg;base64,${DATA}`)))).status).toBe(200)
  expect(sent()).toContain('"mimeType":"image/png"')
})

test('what was held for pictures is free again', async () => {
  for (let round = 0; round < 30; round++) await post(ask('google/g', image(at('/a.png'))))
  expect((await post(ask('google/g', image(at('/a.png'))))).status).toBe(200)
  expect(await weir.gateway.metrics.text()).toMatch(/weir_bytes_held 0\n|weir_held_bytes 0\n/)
})
