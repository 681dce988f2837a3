// Endpoints beside chat in the native lane: forms, sound, pictures, moderations and rerank through an OpenAI-compatible host.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import path from 'node:path'
import { systemClock } from '../src/core/clock.ts'
import { createByteBudget } from '../src/http/body.ts'
import { readForm } from '../src/http/form.ts'
import { eventStream, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway, Upstream } from './gateway.ts'

const BOUNDS = { bytes: 1e8, timeoutMs: 10_000, json: { depth: 32, keys: 1_000 } }

const PRICES = `
providers:
  up:
    preset: openai-compatible
    base_url: URL/v1
    keys: [upstream-secret-value]
    models:
      m: { price: { input: 1, output: 2 } }
      tts: { price: { characters: 15 } }
      whisper: { price: { seconds: 100 } }
      draw: { price: { images: 40000 } }
      gpt-image: { price: { input: 5, image_in: 10, image_out: 40 } }
      rank: { price: { searches: 2000 } }
`

function gatewayTo(upstream: Upstream): Promise<TestGateway> {
  return startGateway(PRICES.replace('URL', upstream.url))
}

/** The last entry's usage (what is not 0), source and cost. */
async function booked(gateway: TestGateway): Promise<unknown> {
  await gateway.gateway.journal.flush()
  const page = await gateway.store.listRequests({ limit: 1, cursor: null })
  const record = page.data[0]
  const usage = Object.fromEntries(Object.entries(record?.usage ?? {}).filter(([, amount]) => amount !== 0))
  return { usage, source: record?.usageSource, costNanoUsd: record?.costNanoUsd }
}

/** Sound in pieces; it waits for a promise among them. */
function speech(...pieces: readonly (string | Error | Promise<void>)[]): Response {
  let at = 0
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      let piece = pieces[at++]
      if (piece instanceof Promise) {
        await piece
        piece = pieces[at++] as string | Error | undefined
      }
      if (piece === undefined) return controller.close()
      if (piece instanceof Error) return controller.error(piece)
      controller.enqueue(new Uint8Array(Buffer.from(piece, 'latin1')))
    },
  })
  return new Response(body, { headers: { 'content-type': 'audio/mpeg' } })
}

function audioForm(more: Readonly<Record<string, string>> = {}): FormData {
  const form = new FormData()
  form.append('file', new File([new Uint8Array([0, 255, 13, 10, 7]).buffer], 'hello.mp3', { type: 'audio/mpeg' }))
  form.append('model', 'up/whisper')
  for (const [name, value] of Object.entries(more)) form.append(name, value)
  return form
}

test('speech is relayed as the bytes that came, and booked by its characters', async () => {
  using upstream = startUpstream(() => speech('ID3\u0001', '\u00ff\u00fb', 'end'))
  await using gateway = await gatewayTo(upstream)
  const response = await gateway.call('/v1/audio/speech', {
    model: 'up/tts',
    input: 'Grüße 👋',
    voice: 'alloy',
    future: 1,
  })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('audio/mpeg')
  expect(Buffer.from(await response.arrayBuffer()).toString('latin1')).toBe('ID3\u0001\u00ff\u00fbend')
  expect(upstream.received[0]?.path).toBe('/v1/audio/speech')
  expect(JSON.parse(upstream.received[0]?.body ?? '')).toEqual({
    model: 'tts',
    input: 'Grüße 👋',
    voice: 'alloy',
    future: 1,
  })
  expect(await booked(gateway)).toMatchObject({ usage: { characters: 7 }, source: 'estimated', costNanoUsd: 105_000n })
})

test('speech as events tells its own usage', async () => {
  const events = [
    { type: 'speech.audio.delta', audio: 'AAA=' },
    { type: 'speech.audio.done', usage: { input_tokens: 14, output_tokens: 101, total_tokens: 115 } },
  ].map((event) => `data: ${JSON.stringify(event)}\n\n`)
  using upstream = startUpstream(() => eventStream(events.join('')))
  await using gateway = await gatewayTo(upstream)
  const response = await gateway.call('/v1/audio/speech', {
    model: 'up/m',
    input: 'Hi',
    voice: 'alloy',
    stream_format: 'sse',
  })
  expect(await response.text()).toBe(events.join(''))
  expect(await booked(gateway)).toEqual({
    usage: { input: 14, audioOut: 101, requests: 1 },
    source: 'reported',
    costNanoUsd: 216_000n,
  })
})

test('sound that breaks off breaks the connection off, and its entry is written', async () => {
  const heard = Promise.withResolvers<void>()
  using upstream = startUpstream(() => speech('ID3 the beginning', heard.promise, new Error('gone')))
  await using gateway = await gatewayTo(upstream)
  const { port } = gateway.listen()
  const body = JSON.stringify({ model: 'up/tts', input: 'Hello', voice: 'alloy' })
  const raw = await new Promise<string>((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () =>
      socket.write(
        `POST /v1/audio/speech HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer ${gateway.key}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      ),
    )
    let text = ''
    socket.on('data', (data: Buffer) => {
      text += data.toString('latin1')
      if (text.includes('beginning')) heard.resolve()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
  })
  expect(raw).toContain('ID3 the beginning')
  // The chunk that ends a sound body is missing.
  expect(raw).not.toContain('\r\n0\r\n\r\n')
  expect(await booked(gateway)).toMatchObject({ usage: { characters: 5 } })
  expect(gateway.gateway.load.inFlight).toBe(0)
})

test('a page or an error where sound should be moves on, and is told when nobody is left', async () => {
  using upstream = startUpstream(() => Response.json({ error: { message: 'voice is tired' } }))
  await using gateway = await gatewayTo(upstream)
  const response = await gateway.call('/v1/audio/speech', { model: 'up/tts', input: 'Hello', voice: 'alloy' })
  expect(response.status).toBe(502)
  expect(JSON.stringify(await response.json())).toContain('broken')
})

test('a transcription goes on as the same form, with the model renamed and nothing else changed', async () => {
  using upstream = startUpstream(() => Response.json({ text: 'Hello.', usage: { type: 'duration', seconds: 3 } }))
  await using gateway = await gatewayTo(upstream)
  const form = audioForm({ language: 'de', 'timestamp_granularities[]': 'word', future_field: 'kept "as is"' })
  const response = await gateway.call('/v1/audio/transcriptions', form)
  expect(await response.json()).toEqual({ text: 'Hello.', usage: { type: 'duration', seconds: 3 } })
  const received = upstream.received[0]!
  const parsed = await readForm(
    new Request('http://up/', {
      method: 'POST',
      body: received.bytes as Uint8Array<ArrayBuffer>,
      headers: { 'content-type': received.headers.get('content-type') ?? '' },
    }),
    BOUNDS,
    createByteBudget(() => 1e9),
    systemClock,
  )
  expect(
    Object.fromEntries(
      parsed.parts.map((part) => [
        part.name,
        part.type === 'text' ? part.value : [part.filename, part.mediaType, ...part.bytes],
      ]),
    ),
  ).toEqual({
    model: 'whisper',
    language: 'de',
    'timestamp_granularities[]': 'word',
    future_field: 'kept "as is"',
    file: ['hello.mp3', 'audio/mpeg', 0, 255, 13, 10, 7],
  })
  expect(await booked(gateway)).toEqual({
    usage: { seconds: 3, requests: 1 },
    source: 'reported',
    costNanoUsd: 300_000n,
  })
})

test('subtitles are relayed as the text that they are', async () => {
  using upstream = startUpstream(
    () => new Response('WEBVTT\n\n00:00.000 --> 00:02.000\nHello.\n', { headers: { 'content-type': 'text/vtt' } }),
  )
  await using gateway = await gatewayTo(upstream)
  const response = await gateway.call('/v1/audio/translations', audioForm({ response_format: 'vtt' }))
  expect(response.headers.get('content-type')).toBe('text/vtt')
  expect(await response.text()).toStartWith('WEBVTT')
  expect(upstream.received[0]?.path).toBe('/v1/audio/translations')
  expect(await booked(gateway)).toMatchObject({ usage: { seconds: 1 }, source: 'estimated' })
})

test.each(['transcriptions', 'translations'])(
  '%s are streamed, and a model that answers whole though a stream was asked for is not broken',
  async (task) => {
    const events = [
      { type: 'transcript.text.delta', delta: 'Hel' },
      { type: 'transcript.text.delta', delta: 'lo.' },
      {
        type: 'transcript.text.done',
        text: 'Hello.',
        usage: {
          type: 'tokens',
          input_tokens: 30,
          input_token_details: { audio_tokens: 28, text_tokens: 2 },
          output_tokens: 4,
          total_tokens: 34,
        },
      },
    ].map((event) => `data: ${JSON.stringify(event)}\n\n`)
    using upstream = startUpstream((_, number) =>
      number === 1 ? eventStream(events.join('')) : Response.json({ text: 'Hello.' }),
    )
    await using gateway = await gatewayTo(upstream)
    const streamed = await gateway.call(`/v1/audio/${task}`, audioForm({ stream: 'true' }))
    expect(streamed.headers.get('content-type')).toBe('text/event-stream')
    expect(await streamed.text()).toBe(events.join(''))
    expect(await booked(gateway)).toMatchObject({ usage: { input: 2, audioIn: 28, output: 4 }, source: 'reported' })
    const whole = await gateway.call(`/v1/audio/${task}`, audioForm({ stream: 'true' }))
    expect(await whole.json()).toEqual({ text: 'Hello.' })
  },
)

test('pictures are booked by the piece, or by their tokens', async () => {
  const usage = {
    input_tokens: 60,
    input_tokens_details: { text_tokens: 10, image_tokens: 50 },
    output_tokens: 1_000,
    total_tokens: 1_060,
  }
  using upstream = startUpstream((_, number) =>
    Response.json({
      created: 1,
      data: [{ b64_json: 'AA==' }, { b64_json: 'AA==' }],
      ...(number === 1 ? {} : { usage }),
    }),
  )
  await using gateway = await gatewayTo(upstream)
  await (await gateway.call('/v1/images/generations', { model: 'up/draw', prompt: 'a weir', n: 2 })).json()
  expect(await booked(gateway)).toEqual({
    usage: { images: 2, requests: 1 },
    source: 'reported',
    costNanoUsd: 80_000_000n,
  })
  const form = new FormData()
  form.append('model', 'up/gpt-image')
  form.append('prompt', 'more water')
  form.append('n', '2')
  for (const name of ['one.png', 'two.png']) form.append('image[]', new File(['x'], name, { type: 'image/png' }))
  await (await gateway.call('/v1/images/edits', form)).json()
  expect(upstream.received[1]?.path).toBe('/v1/images/edits')
  expect(upstream.received[1]?.body.match(/name="image\[\]"/g)?.length).toBe(2)
  expect(await booked(gateway)).toMatchObject({
    usage: { input: 10, imageIn: 50, imageOut: 1_000, images: 2 },
    costNanoUsd: 40_550_000n,
  })
})

test('pictures that are streamed are counted as they are completed', async () => {
  const events = [
    { type: 'image_generation.partial_image', b64_json: 'AA==', partial_image_index: 0 },
    { type: 'image_generation.completed', b64_json: 'AA==', usage: { input_tokens: 5, output_tokens: 100 } },
    { type: 'image_generation.completed', b64_json: 'AA==', usage: { input_tokens: 5, output_tokens: 100 } },
  ].map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  using upstream = startUpstream(() => eventStream(events.join('')))
  await using gateway = await gatewayTo(upstream)
  const response = await gateway.call('/v1/images/generations', {
    model: 'up/gpt-image',
    prompt: 'a weir',
    stream: true,
    n: 2,
  })
  expect(await response.text()).toBe(events.join(''))
  expect(await booked(gateway)).toMatchObject({ usage: { input: 10, imageOut: 200, images: 2 }, source: 'reported' })
})

test('moderations and rerank go through as they are', async () => {
  using upstream = startUpstream((request) =>
    request.url.endsWith('rerank')
      ? Response.json({ results: [{ index: 0, relevance_score: 0.5 }], meta: { billed_units: { search_units: 2 } } })
      : Response.json({ id: 'modr-1', model: 'm', results: [{ flagged: false }] }),
  )
  await using gateway = await gatewayTo(upstream)
  const moderation = await gateway.call('/v1/moderations', { model: 'up/m', input: 'hello' })
  expect(await moderation.json()).toEqual({ id: 'modr-1', model: 'm', results: [{ flagged: false }] })
  for (const path of ['/v1/rerank', '/v2/rerank']) {
    const rerank = await gateway.call(path, { model: 'up/rank', query: 'q', documents: ['a', 'b'], future: true })
    expect(rerank.status).toBe(200)
    expect(await booked(gateway)).toEqual({
      usage: { searches: 2, requests: 1 },
      source: 'reported',
      costNanoUsd: 4_000_000n,
    })
  }
  expect(upstream.received.map(({ path }) => path)).toEqual(['/v1/moderations', '/v1/rerank', '/v1/rerank'])
})

const BAD: readonly (readonly [string, string, unknown, RegExp])[] = [
  ['speech without a voice', '/v1/audio/speech', { model: 'up/tts', input: 'x' }, /`voice` is missing/],
  ['speech without words', '/v1/audio/speech', { model: 'up/tts', input: '', voice: 'a' }, /`input` is empty/],
  [
    'speech in an unknown form',
    '/v1/audio/speech',
    { model: 'up/tts', input: 'x', voice: 'a', stream_format: 'ws' },
    /stream_format/,
  ],
  ['a transcription of nothing', '/v1/audio/transcriptions', { model: 'up/whisper' }, /`file` is missing/],
  ['no pictures', '/v1/images/generations', { model: 'up/draw', prompt: 'x', n: 0 }, /`n` must be from 1/],
  ['a picture of nothing', '/v1/images/generations', { model: 'up/draw' }, /`prompt` is missing/],
  ['a variation of nothing', '/v1/images/variations', { model: 'up/draw' }, /`image` is missing/],
  ['a moderation of nothing', '/v1/moderations', { model: 'up/m' }, /`input` is missing/],
  ['rerank without documents', '/v1/rerank', { model: 'up/rank', query: 'q', documents: [] }, /`documents` is empty/],
  ['rerank that keeps nothing', '/v2/rerank', { model: 'up/rank', query: 'q', documents: ['a'], top_n: 0 }, /`top_n`/],
]

test.each(BAD)('%s is refused with the field that is wrong', async (_, path, body, message) => {
  await using gateway = await startGateway()
  const response = await gateway.call(path, body)
  expect(response.status).toBe(400)
  const { error } = (await response.json()) as { error: { message: string; param: string } }
  expect(error.message).toMatch(message)
  expect(error.param).not.toBeNull()
})

test('a picture may take longer than the first token of a chat', async () => {
  using upstream = startUpstream(async () => {
    await Bun.sleep(120)
    return Response.json({ data: [{ b64_json: 'AA==' }] })
  })
  await using gateway = await startGateway(
    `timeouts: { first_token: 40ms, total: 5s }\n${PRICES.replace('URL', upstream.url)}`,
  )
  const picture = await gateway.call('/v1/images/generations', { model: 'up/draw', prompt: 'a weir' })
  expect(picture.status).toBe(200)
  const moderation = await gateway.call('/v1/moderations', { model: 'up/m', input: 'a weir' })
  expect(moderation.status).toBe(504)
})

test('a fallback sends the same form to the next target', async () => {
  using tired = startUpstream(() => Response.json({ error: { message: 'overloaded' } }, { status: 503 }))
  using fresh = startUpstream(() => Response.json({ text: 'Hello.' }))
  const other = `  other: { preset: openai-compatible, base_url: "${fresh.url}/v1", keys: [k12345678], models: { w: {} } }\nroutes: { hear: { targets: [ up/whisper, other/w ], retries: 0 } }\n`
  await using gateway = await startGateway(PRICES.replace('URL', tired.url) + other)
  const form = audioForm()
  form.set('model', 'hear')
  const response = await gateway.call('/v1/audio/transcriptions', form)
  expect(await response.json()).toEqual({ text: 'Hello.' })
  const [first, second] = [tired.received[0]?.body ?? '', fresh.received[0]?.body ?? '']
  expect(first).toContain('whisper')
  expect(second.replace('\r\nw\r\n', '\r\nwhisper\r\n')).toBe(first)
})

const caseOf = (name: string): string => readFileSync(path.join(import.meta.dirname, 'cases', name), 'utf8')
const TEXT = JSON.parse(caseOf('groq-transcription-text.json')) as {
  status: number
  headers: Record<string, string>
  body: string
}

/** What was recorded at OpenAI, Mistral and Groq: relayed byte by byte, and booked by what it says. */
const RECORDED: readonly (readonly [
  name: string,
  path: string,
  answer: () => Response,
  ask: unknown,
  usage: unknown,
])[] = [
  [
    'a transcription of OpenAI’s with its words',
    '/v1/audio/transcriptions',
    () => new Response(caseOf('openai-transcription.json'), { headers: { 'content-type': 'application/json' } }),
    audioForm({ response_format: 'verbose_json' }),
    { usage: { seconds: 37, requests: 1 }, source: 'reported' },
  ],
  [
    'a transcription of Mistral’s, by the second and by the token',
    '/v1/audio/transcriptions',
    () => new Response(caseOf('mistral-transcription.json'), { headers: { 'content-type': 'application/json' } }),
    audioForm(),
    { usage: { input: 13, output: 151, seconds: 36, requests: 1 }, source: 'reported' },
  ],
  [
    'a transcription of Groq’s as a text',
    '/v1/audio/transcriptions',
    () => new Response(TEXT.body, { status: TEXT.status, headers: TEXT.headers }),
    audioForm({ response_format: 'text' }),
    { usage: { seconds: 1 }, source: 'estimated' },
  ],
  [
    'embeddings of OpenAI’s',
    '/v1/embeddings',
    () => new Response(caseOf('openai-embedding.json'), { headers: { 'content-type': 'application/json' } }),
    { model: 'up/m', input: ['sunny day', 'rainy day'] },
    { usage: { input: 12, requests: 1 }, source: 'reported' },
  ],
]

test.each(RECORDED)('%s', async (_, endpoint, answer, ask, usage) => {
  using upstream = startUpstream(answer)
  await using gateway = await gatewayTo(upstream)
  const response = await gateway.call(endpoint, ask)
  expect(await response.text()).toBe(await answer().text())
  expect(await booked(gateway)).toMatchObject(usage as object)
})

test('an error of OpenAI’s images is told in its own words', async () => {
  using upstream = startUpstream(() => new Response(caseOf('openai-image-error.json'), { status: 400 }))
  await using gateway = await gatewayTo(upstream)
  const response = await gateway.call('/v1/images/generations', {
    model: 'up/gpt-image',
    prompt: 'x',
    response_format: 'url',
  })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({
    error: { message: "Unknown parameter: 'response_format'.", code: 'unknown_parameter' },
  })
})

const ENDPOINTS = [
  ['/v1/embeddings', 'embed'],
  ['/v1/moderations', 'moderate'],
  ['/v1/rerank', 'rank'],
  ['/v2/rerank', 'rank'],
  ['/v1/images/generations', 'draw'],
  ['/v1/images/edits', 'draw'],
  ['/v1/images/variations', 'draw'],
  ['/v1/audio/speech', 'speak'],
  ['/v1/audio/transcriptions', 'hear'],
  ['/v1/audio/translations', 'hear'],
] as const

test('whatever is sent to these endpoints is answered or refused, as JSON or as a form', async () => {
  await using gateway = await startGateway()
  const name = fc.constantFrom(
    ...'input voice prompt n size image mask file query documents top_n response_format stream stream_format speed user weir temperature language dimensions'.split(
      ' ',
    ),
  )
  const leaf = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.integer({ min: -2, max: 3 }),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom<unknown>('wav', 'true', '64x64', ['a', 'b'], {}, [{ text: 'a' }]),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...ENDPOINTS),
      fc.dictionary(name, leaf, { maxKeys: 6 }),
      fc.boolean(),
      async ([endpoint, model], fields, asForm) => {
        const body = {
          model: `sim/${model}`,
          input: 'a',
          voice: 'v',
          prompt: 'p',
          size: '64x64',
          query: 'q',
          documents: ['d'],
          ...fields,
        }
        const form = new FormData()
        form.append('file', new File([new Uint8Array(9_000)], 'a.mp3'))
        form.append('image', new File(['x'], 'a.png', { type: 'image/png' }))
        for (const [key, value] of Object.entries(body))
          if (key !== 'file' && key !== 'image')
            form.append(key, typeof value === 'string' ? value : JSON.stringify(value))
        const response = await gateway.call(endpoint, asForm ? form : body)
        await response.arrayBuffer()
        if (response.status !== 200) expect(response.status).toBe(400)
      },
    ),
    { numRuns: 150 },
  )
  expect(gateway.gateway.load.inFlight).toBe(0)
})
