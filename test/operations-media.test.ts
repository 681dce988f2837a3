// Pictures and sound in the translated lane: what is sent to each vendor, and what its answer becomes.
import { describe, expect, test } from 'bun:test'
import { systemClock } from '../src/core/clock.ts'
import type { JsonObject } from '../src/core/json.ts'
import { createByteBudget } from '../src/http/body.ts'
import { readForm } from '../src/http/form.ts'
import { startGateway, startUpstream } from './gateway.ts'
import type { TestGateway, Upstream } from './gateway.ts'

const PICTURE = 'iVBORw0KGgo='

function gatewayTo(url: string, preset: string, model: string, more = ''): Promise<TestGateway> {
  return startGateway(`
providers:
  up:
    preset: ${preset}
    ${preset === 'vertex' ? 'project: p' : ''}
    base_url: ${url}
    keys: [upstream-secret-value]
    models: { "${model}": { price: { images: 40000, characters: 15, seconds: 100 } } }
${more}`)
}

async function booked(gateway: TestGateway): Promise<JsonObject> {
  await gateway.gateway.journal.flush()
  const record = (await gateway.store.listRequests({ limit: 1, cursor: null })).data[0]
  return Object.fromEntries(Object.entries(record?.usage ?? {}).filter(([, amount]) => amount !== 0))
}

/** A form that was received, as its fields; of a file its bytes in base64. */
async function fieldsOf(received: Upstream['received'][number] | undefined): Promise<JsonObject> {
  const request = new Request('http://up/', {
    method: 'POST',
    body: received?.bytes as Uint8Array<ArrayBuffer>,
    headers: { 'content-type': received?.headers.get('content-type') ?? '' },
  })
  const bounds = { bytes: 1e8, timeoutMs: 10_000, json: { depth: 32, keys: 1_000 } }
  const { parts } = await readForm(
    request,
    bounds,
    createByteBudget(() => 1e9),
    systemClock,
  )
  return Object.fromEntries(
    parts.map((part) => [part.name, part.type === 'text' ? part.value : Buffer.from(part.bytes).toString('base64')]),
  )
}

type Painter = {
  readonly preset: string
  readonly model: string
  readonly ask: JsonObject
  readonly path: string
  /** The body, or the fields of a form. */
  readonly sent: JsonObject
  readonly isForm?: true
  readonly answer: JsonObject
  readonly data: readonly JsonObject[]
  readonly usage: JsonObject
  readonly warning: RegExp | null
  /** Asked for, it cannot be had; null: there is no such thing. */
  readonly refused: JsonObject | null
}

const PAINTERS: readonly Painter[] = [
  {
    preset: 'gemini',
    model: 'imagen-4.0-generate-001',
    ask: { n: 2, size: '1536x1024', output_format: 'jpeg' },
    path: '/models/imagen-4.0-generate-001:predict',
    sent: {
      instances: [{ prompt: 'a weir' }],
      parameters: { sampleCount: 2, aspectRatio: '4:3', outputOptions: { mimeType: 'image/jpeg' } },
    },
    answer: {
      predictions: [
        { mimeType: 'image/jpeg', bytesBase64Encoded: PICTURE },
        { mimeType: 'image/jpeg', bytesBase64Encoded: PICTURE },
      ],
    },
    data: [{ b64_json: PICTURE }, { b64_json: PICTURE }],
    usage: { images: 2, requests: 1 },
    warning: /ratio counts/,
    refused: { output_format: 'webp' },
  },
  {
    preset: 'vertex',
    model: 'gemini-2.5-flash-image',
    ask: { size: '1024x1792' },
    path: '/models/gemini-2.5-flash-image:generateContent',
    sent: {
      contents: [{ role: 'user', parts: [{ text: 'a weir' }] }],
      generationConfig: { responseModalities: ['TEXT', 'IMAGE'], imageConfig: { aspectRatio: '9:16' } },
    },
    answer: {
      candidates: [
        {
          content: { parts: [{ text: 'Here it is.' }, { inlineData: { mimeType: 'image/png', data: PICTURE } }] },
          finishReason: 'STOP',
        },
      ],
      usageMetadata: {
        promptTokenCount: 3,
        candidatesTokenCount: 1_290,
        totalTokenCount: 1_293,
        candidatesTokensDetails: [{ modality: 'IMAGE', tokenCount: 1_290 }],
      },
    },
    data: [{ b64_json: PICTURE }],
    usage: { input: 3, imageOut: 1_290, images: 1, requests: 1 },
    warning: /ratio counts/,
    refused: null,
  },
  {
    preset: 'bedrock',
    model: 'amazon.nova-canvas-v1:0',
    ask: { n: 2, size: '1024x1024', quality: 'hd', seed: 7, negative_prompt: 'boats', response_format: 'url' },
    path: '/model/amazon.nova-canvas-v1%3A0/invoke',
    sent: {
      taskType: 'TEXT_IMAGE',
      textToImageParams: { text: 'a weir', negativeText: 'boats' },
      imageGenerationConfig: { numberOfImages: 2, width: 1024, height: 1024, quality: 'premium', seed: 7 },
    },
    answer: { images: [PICTURE] },
    data: [{ url: `data:image/png;base64,${PICTURE}` }],
    usage: { images: 1, requests: 1 },
    warning: null,
    refused: null,
  },
  {
    preset: 'bedrock',
    model: 'stability.sd3-5-large-v1:0',
    ask: { size: '1344x768' },
    path: '/model/stability.sd3-5-large-v1%3A0/invoke',
    sent: { prompt: 'a weir', aspect_ratio: '16:9' },
    answer: { seeds: [1], finish_reasons: [null], images: [PICTURE] },
    data: [{ b64_json: PICTURE }],
    usage: { images: 1, requests: 1 },
    warning: /ratio counts/,
    refused: null,
  },
  {
    preset: 'stability',
    model: 'sd3.5-large',
    ask: { output_format: 'webp', quality: 'high' },
    path: '/v2beta/stable-image/generate/sd3',
    sent: { prompt: 'a weir', model: 'sd3.5-large', output_format: 'webp' },
    isForm: true,
    answer: { image: PICTURE, finish_reason: 'SUCCESS', seed: 1 },
    data: [{ b64_json: PICTURE }],
    usage: { images: 1, requests: 1 },
    warning: /quality/,
    refused: null,
  },
  {
    preset: 'replicate',
    model: 'black-forest-labs/flux-schnell',
    ask: { n: 2, output_format: 'jpeg' },
    path: '/models/black-forest-labs/flux-schnell/predictions',
    sent: { input: { prompt: 'a weir', num_outputs: 2, output_format: 'jpg' } },
    answer: {
      id: 'p',
      status: 'succeeded',
      output: ['https://example.com/1.jpg', 'https://example.com/2.jpg'],
      error: null,
    },
    data: [{ url: 'https://example.com/1.jpg' }, { url: 'https://example.com/2.jpg' }],
    usage: { images: 2, requests: 1 },
    warning: null,
    refused: { response_format: 'b64_json' },
  },
  {
    preset: 'fal',
    model: 'fal-ai/flux/dev',
    ask: { size: '512x256', response_format: 'b64_json' },
    path: '/fal-ai/flux/dev',
    sent: { prompt: 'a weir', num_images: 1, image_size: { width: 512, height: 256 }, sync_mode: true },
    answer: { images: [{ url: `data:image/png;base64,${PICTURE}`, content_type: 'image/png' }], seed: 1 },
    data: [{ b64_json: PICTURE }],
    usage: { images: 1, requests: 1 },
    warning: null,
    refused: null,
  },
]

describe.each(PAINTERS)('pictures of $preset ($model)', (painter) => {
  const model = `up/${painter.model}`

  test('are asked for in its own words, and told in OpenAI’s', async () => {
    using upstream = startUpstream(() => Response.json(painter.answer))
    await using gateway = await gatewayTo(upstream.url, painter.preset, painter.model)
    const response = await gateway.call('/v1/images/generations', { model, prompt: 'a weir', ...painter.ask })
    expect(await response.json()).toMatchObject({ created: expect.any(Number), data: [...painter.data] })
    const sent = upstream.received[0]
    expect(sent?.path).toBe(painter.path)
    expect(painter.isForm === true ? await fieldsOf(sent) : (JSON.parse(sent?.body ?? '') as JsonObject)).toEqual(
      painter.sent,
    )
    expect(await booked(gateway)).toEqual(painter.usage)
    if (painter.warning === null) expect(response.headers.get('x-weir-warnings')).toBeNull()
    else expect(response.headers.get('x-weir-warnings')).toMatch(painter.warning)
  })

  test('an answer without a picture is broken', async () => {
    using upstream = startUpstream(() => Response.json({}))
    await using gateway = await gatewayTo(upstream.url, painter.preset, painter.model)
    const response = await gateway.call('/v1/images/generations', { model, prompt: 'a weir' })
    expect(response.status).toBe(502)
  })

  if (painter.refused === null) return
  test('what it cannot do is refused', async () => {
    using upstream = startUpstream(() => Response.json(painter.answer))
    await using gateway = await gatewayTo(upstream.url, painter.preset, painter.model)
    const response = await gateway.call('/v1/images/generations', { model, prompt: 'a weir', ...painter.refused })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { weir: { code: 'unsupported' } } })
    expect(upstream.received.length).toBe(0)
  })
})

function editForm(model: string, more: Readonly<Record<string, string>> = {}): FormData {
  const form = new FormData()
  form.append('model', model)
  form.append('prompt', 'more water')
  form.append('image', new File([Buffer.from(PICTURE, 'base64')], 'in.png', { type: 'image/png' }))
  for (const [name, value] of Object.entries(more)) form.append(name, value)
  return form
}

test('a picture is edited by Gemini, by fal and by Stability', async () => {
  using gemini = startUpstream(() =>
    Response.json({ candidates: [{ content: { parts: [{ inlineData: { mimeType: 'image/png', data: PICTURE } }] } }] }),
  )
  await using first = await gatewayTo(gemini.url, 'gemini', 'gemini-2.5-flash-image')
  const edited = await first.call('/v1/images/edits', editForm('up/gemini-2.5-flash-image'))
  expect(await edited.json()).toMatchObject({ data: [{ b64_json: PICTURE }] })
  expect((JSON.parse(gemini.received[0]?.body ?? '') as { contents: { parts: unknown }[] }).contents[0]?.parts).toEqual(
    [{ inlineData: { mimeType: 'image/png', data: PICTURE } }, { text: 'more water' }],
  )
  using fal = startUpstream(() => Response.json({ images: [{ url: 'https://example.com/1.png' }] }))
  await using second = await gatewayTo(fal.url, 'fal', 'fal-ai/kontext')
  await second.call('/v1/images/edits', editForm('up/fal-ai/kontext'))
  expect(JSON.parse(fal.received[0]?.body ?? '')).toMatchObject({ image_url: `data:image/png;base64,${PICTURE}` })
  using stability = startUpstream(() => Response.json({ image: PICTURE }))
  await using third = await gatewayTo(stability.url, 'stability', 'sd3.5-large')
  await third.call('/v1/images/edits', editForm('up/sd3.5-large'))
  expect(await fieldsOf(stability.received[0])).toMatchObject({ mode: 'image-to-image', image: PICTURE })
})

test('a stream of pictures has one event for each, also where the vendor answers whole', async () => {
  using upstream = startUpstream(() => Response.json({ images: [PICTURE, PICTURE] }))
  await using gateway = await gatewayTo(upstream.url, 'bedrock', 'amazon.titan-image-generator-v2:0')
  const ask = { model: 'up/amazon.titan-image-generator-v2:0', prompt: 'a weir', n: 2, stream: true }
  const response = await gateway.call('/v1/images/generations', ask)
  expect(response.headers.get('content-type')).toContain('text/event-stream')
  const events = (await response.text()).trim().split('\n\n')
  expect(events.map((event) => event.split('\n')[0])).toEqual([
    'event: image_generation.completed',
    'event: image_generation.completed',
  ])
})

test('what a vendor says instead of a picture is told', async () => {
  using upstream = startUpstream(() =>
    Response.json({ predictions: [{ raiFilteredReason: 'The prompt was filtered.' }] }),
  )
  await using gateway = await gatewayTo(upstream.url, 'gemini', 'imagen-4.0-generate-001')
  await gateway.call('/v1/images/generations', { model: 'up/imagen-4.0-generate-001', prompt: 'x' })
  const record = (await gateway.store.listRequests({ limit: 1, cursor: null })).data[0]
  expect(record?.attempts[0]?.message).toContain('The prompt was filtered.')
})

/** Sound in pieces. */
function sound(...pieces: readonly string[]): Response {
  let at = 0
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = pieces[at++]
      if (piece === undefined) return controller.close()
      controller.enqueue(new Uint8Array(Buffer.from(piece)))
    },
  })
  return new Response(body, { headers: { 'content-type': 'audio/mpeg' } })
}

const SPEAKERS = [
  {
    preset: 'elevenlabs',
    model: 'eleven_multilingual_v2',
    url: '/text-to-speech/v1ce/stream?output_format=mp3_44100_128',
    sent: { text: 'Hello there', model_id: 'eleven_multilingual_v2', voice_settings: { speed: 1.2 } },
    header: ['xi-api-key', 'upstream-secret-value'],
    warning: /speed/,
  },
  {
    preset: 'deepgram',
    model: 'aura-2-thalia-en',
    url: '/speak?model=aura-2-thalia-en&encoding=mp3',
    sent: { text: 'Hello there' },
    header: ['authorization', 'Token upstream-secret-value'],
    warning: /voice of its own/,
  },
] as const

describe.each(SPEAKERS)('speech of $preset', (speaker) => {
  const ask = { model: `up/${speaker.model}`, input: 'Hello there', voice: 'v1ce', speed: 2 }

  test('is passed on as it comes, and booked by its characters', async () => {
    const urls: string[] = []
    using upstream = startUpstream((request) => {
      const { pathname, search } = new URL(request.url)
      urls.push(pathname + search)
      return sound('ID3', 'one', 'two')
    })
    await using gateway = await gatewayTo(upstream.url, speaker.preset, speaker.model)
    const response = await gateway.call('/v1/audio/speech', ask)
    expect(response.headers.get('content-type')).toBe('audio/mpeg')
    expect(response.headers.get('x-weir-warnings')).toMatch(speaker.warning)
    expect(await response.text()).toBe('ID3onetwo')
    expect(urls).toEqual([speaker.url])
    expect(JSON.parse(upstream.received[0]?.body ?? '')).toEqual(speaker.sent)
    expect(upstream.received[0]?.headers.get(speaker.header[0])).toBe(speaker.header[1])
    expect(await booked(gateway)).toMatchObject({ characters: 11 })
  })

  test('comes as events where they are asked for', async () => {
    using upstream = startUpstream(() => sound('ID3', 'one'))
    await using gateway = await gatewayTo(upstream.url, speaker.preset, speaker.model)
    const response = await gateway.call('/v1/audio/speech', { ...ask, stream_format: 'sse' })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    const events = (await response.text())
      .trim()
      .split('\n\n')
      .map((line) => JSON.parse(line.slice(6)) as { type: string; audio?: string })
    expect(Buffer.concat(events.map(({ audio }) => Buffer.from(audio ?? '', 'base64'))).toString()).toBe('ID3one')
    expect(events.at(-1)?.type).toBe('speech.audio.done')
  })

  test('an error in a 200 moves on to the next target', async () => {
    using tired = startUpstream(() => Response.json({ detail: { message: 'tired' } }))
    using sound2 = startUpstream(() => sound('fine'))
    const second = `  other: { preset: ${speaker.preset}, base_url: "${sound2.url}", keys: [k12345678], models: { "${speaker.model}": {} } }\nroutes: { voice: { targets: [ "up/${speaker.model}", "other/${speaker.model}" ] } }`
    await using gateway = await gatewayTo(tired.url, speaker.preset, speaker.model, second)
    const response = await gateway.call('/v1/audio/speech', { ...ask, model: 'voice' })
    expect(await response.text()).toBe('fine')
    expect(response.headers.get('x-weir-target')).toBe(`other/${speaker.model}`)
  })
})

test('ElevenLabs makes no flac, and says what it makes', async () => {
  await using gateway = await gatewayTo('http://127.0.0.1:9', 'elevenlabs', 'e')
  const response = await gateway.call('/v1/audio/speech', {
    model: 'up/e',
    input: 'a',
    voice: 'v',
    response_format: 'flac',
  })
  expect(response.status).toBe(400)
  expect(JSON.stringify(await response.json())).toContain('mp3, opus and pcm')
})

test('Gemini’s samples become a WAV file', async () => {
  const samples = Buffer.from([1, 0, 2, 0, 3, 0])
  const part = { inlineData: { mimeType: 'audio/L16;codec=pcm;rate=16000', data: samples.toString('base64') } }
  const usageMetadata = {
    promptTokenCount: 4,
    candidatesTokenCount: 25,
    totalTokenCount: 29,
    candidatesTokensDetails: [{ modality: 'AUDIO', tokenCount: 25 }],
  }
  using upstream = startUpstream(() => Response.json({ candidates: [{ content: { parts: [part] } }], usageMetadata }))
  await using gateway = await gatewayTo(upstream.url, 'gemini', 'gemini-2.5-flash-preview-tts')
  const ask = {
    model: 'up/gemini-2.5-flash-preview-tts',
    input: 'Hello',
    voice: 'Kore',
    instructions: 'Say cheerfully',
  }
  const response = await gateway.call('/v1/audio/speech', { ...ask, response_format: 'wav' })
  const wav = Buffer.from(await response.arrayBuffer())
  expect([response.headers.get('content-type'), wav.subarray(0, 4).toString(), wav.readUInt32LE(24)]).toEqual([
    'audio/wav',
    'RIFF',
    16_000,
  ])
  expect(wav.subarray(44).equals(samples)).toBe(true)
  expect(JSON.parse(upstream.received[0]?.body ?? '')).toEqual({
    contents: [{ role: 'user', parts: [{ text: 'Say cheerfully: Hello' }] }],
    generationConfig: {
      responseModalities: ['AUDIO'],
      speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Kore' } } },
    },
  })
  expect(await booked(gateway)).toEqual({ input: 4, audioOut: 25, requests: 1 })
  const mp3 = await gateway.call('/v1/audio/speech', ask)
  expect(mp3.status).toBe(400)
})

function spoken(model: string, more: Readonly<Record<string, string>> = {}): FormData {
  const form = new FormData()
  form.append('file', new File([new Uint8Array([9, 8, 7]).buffer], 'a.mp3', { type: 'audio/mpeg' }))
  form.append('model', model)
  for (const [name, value] of Object.entries(more)) form.append(name, value)
  return form
}

const LISTENERS = [
  {
    preset: 'elevenlabs',
    model: 'scribe_v1',
    answer: {
      language_code: 'eng',
      text: 'Hello there. Bye.',
      words: [
        { text: 'Hello', start: 0, end: 0.5, type: 'word', speaker_id: 'speaker_0' },
        { text: ' ', start: 0.5, end: 0.6, type: 'spacing' },
        { text: 'there.', start: 0.6, end: 1, type: 'word', speaker_id: 'speaker_0' },
        { text: 'Bye.', start: 1.5, end: 2.25, type: 'word', speaker_id: 'speaker_1' },
      ],
    },
    language: 'eng',
  },
  {
    preset: 'deepgram',
    model: 'nova-3',
    answer: {
      metadata: { duration: 2.25 },
      results: {
        channels: [
          {
            detected_language: 'en',
            alternatives: [
              {
                transcript: 'Hello there. Bye.',
                words: [
                  { word: 'hello', punctuated_word: 'Hello', start: 0, end: 0.5 },
                  { word: 'there', punctuated_word: 'there.', start: 0.6, end: 1 },
                  { word: 'bye', punctuated_word: 'Bye.', start: 1.5, end: 2.25 },
                ],
              },
            ],
          },
        ],
        utterances: [
          { transcript: 'Hello there.', start: 0, end: 1, speaker: 0 },
          { transcript: 'Bye.', start: 1.5, end: 2.25, speaker: 1 },
        ],
      },
    },
    language: 'en',
  },
] as const

describe.each(LISTENERS)('transcriptions of $preset', ({ preset, model, answer, language }) => {
  const asked = async (
    more: Readonly<Record<string, string>>,
  ): Promise<{ response: Response; sent: Upstream['received'][number] | undefined; usage: JsonObject }> => {
    using upstream = startUpstream(() => Response.json(answer))
    await using gateway = await gatewayTo(upstream.url, preset, model)
    const came = await gateway.call('/v1/audio/transcriptions', spoken(`up/${model}`, more))
    const response = new Response(await came.arrayBuffer(), came)
    return { response, sent: upstream.received[0], usage: await booked(gateway) }
  }

  test('as JSON, booked by the second', async () => {
    const { response, usage } = await asked({ language: 'en' })
    expect(await response.json()).toEqual({ text: 'Hello there. Bye.', usage: { type: 'duration', seconds: 3 } })
    expect(usage).toEqual({ seconds: 2.25, requests: 1 })
  })

  test('with words and segments', async () => {
    const { response } = await asked({ response_format: 'verbose_json', 'timestamp_granularities[]': 'word' })
    expect(await response.json()).toMatchObject({
      task: 'transcribe',
      language,
      duration: 2.25,
      segments: [
        { id: 0, start: 0, end: 1, text: 'Hello there.' },
        { id: 1, start: 1.5, end: 2.25, text: 'Bye.' },
      ],
      words: [{ word: 'Hello', start: 0 }, { word: 'there.' }, { word: 'Bye.', end: 2.25 }],
    })
  })

  test('as subtitles', async () => {
    const vtt = await (await asked({ response_format: 'vtt' })).response.text()
    expect(vtt).toBe('WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello there.\n\n00:00:01.500 --> 00:00:02.250\nBye.\n\n')
    const srt = await (await asked({ response_format: 'srt' })).response.text()
    expect(srt).toStartWith('1\n00:00:00,000 --> 00:00:01,000\nHello there.\n\n2\n')
  })

  test('with who said what', async () => {
    const { response } = await asked({ response_format: 'diarized_json' })
    const { segments } = (await response.json()) as { segments: { speaker: string }[] }
    expect(new Set(segments.map(({ speaker }) => speaker)).size).toBe(2)
  })

  test('as a stream of one piece', async () => {
    const { response } = await asked({ stream: 'true' })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    expect(await response.text()).toContain('"type":"transcript.text.done","text":"Hello there. Bye."')
  })

  test('a translation, a wrong format and a missing file are refused', async () => {
    using upstream = startUpstream(() => Response.json(answer))
    await using gateway = await gatewayTo(upstream.url, preset, model)
    for (const [path, body, code] of [
      ['/v1/audio/translations', spoken(`up/${model}`), 'unsupported'],
      ['/v1/audio/transcriptions', spoken(`up/${model}`, { response_format: 'xml' }), 'request_malformed'],
      ['/v1/audio/transcriptions', spoken(`up/${model}`, { temperature: 'hot' }), 'request_malformed'],
    ] as const) {
      const response = await gateway.call(path, body)
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ error: { weir: { code } } })
    }
    expect(upstream.received.length).toBe(0)
  })
})

test('the sound goes to ElevenLabs in a form, and to Deepgram as the body', async () => {
  using eleven = startUpstream(() => Response.json(LISTENERS[0].answer))
  await using first = await gatewayTo(eleven.url, 'elevenlabs', 'scribe_v1')
  await first.call('/v1/audio/transcriptions', spoken('up/scribe_v1', { language: 'de' }))
  expect(await fieldsOf(eleven.received[0])).toEqual({
    model_id: 'scribe_v1',
    language_code: 'de',
    timestamps_granularity: 'word',
    tag_audio_events: 'false',
    file: 'CQgH',
  })
  const urls: string[] = []
  using deepgram = startUpstream((request) => {
    urls.push(new URL(request.url).search)
    return Response.json(LISTENERS[1].answer)
  })
  await using second = await gatewayTo(deepgram.url, 'deepgram', 'nova-3')
  await second.call('/v1/audio/transcriptions', spoken('up/nova-3', { language: 'de' }))
  expect([...(deepgram.received[0]?.bytes ?? [])]).toEqual([9, 8, 7])
  expect(deepgram.received[0]?.headers.get('content-type')).toBe('audio/mpeg')
  expect(urls).toEqual(['?model=nova-3&smart_format=true&utterances=true&language=de'])
})

const HEARD = {
  id: 'job-1',
  status: 'completed',
  text: 'Hello there. Bye.',
  language_code: 'en',
  audio_duration: 3,
  words: [
    { text: 'Hello', start: 0, end: 500, speaker: 'A' },
    { text: 'there.', start: 600, end: 1_000, speaker: 'A' },
    { text: 'Bye.', start: 1_500, end: 2_250, speaker: 'B' },
  ],
  utterances: null,
}

/** AssemblyAI with one job, which is done at its n-th look. */
function assembly(looks: number, done: JsonObject = HEARD): Upstream {
  let looked = 0
  return startUpstream((request) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/upload') return Response.json({ upload_url: 'https://cdn.example/1' })
    if (request.method === 'POST') return Response.json({ id: 'job-1', status: 'queued' })
    return Response.json(++looked < looks ? { id: 'job-1', status: 'processing' } : done)
  })
}

test('AssemblyAI’s job is made, and looked at until it is done', async () => {
  using upstream = assembly(2)
  await using gateway = await gatewayTo(upstream.url, 'assemblyai', 'universal')
  const ask = spoken('up/universal', { response_format: 'diarized_json' })
  const response = await gateway.call('/v1/audio/transcriptions', ask)
  expect(await response.json()).toMatchObject({
    text: 'Hello there. Bye.',
    duration: 3,
    segments: [
      { speaker: 'A', start: 0, end: 1, text: 'Hello there.' },
      { speaker: 'B', start: 1.5, end: 2.25 },
    ],
  })
  expect(upstream.received.map(({ path }) => path)).toEqual([
    '/upload',
    '/transcript',
    '/transcript/job-1',
    '/transcript/job-1',
  ])
  expect([...(upstream.received[0]?.bytes ?? [])]).toEqual([9, 8, 7])
  expect(JSON.parse(upstream.received[1]?.body ?? '')).toEqual({
    audio_url: 'https://cdn.example/1',
    speech_model: 'universal',
    language_detection: true,
    speaker_labels: true,
  })
  for (const { headers } of upstream.received) expect(headers.get('authorization')).toBe('upstream-secret-value')
  expect(await booked(gateway)).toEqual({ seconds: 3, requests: 1 })
})

test('a job that fails tells why, and one that is never done ends with the request’s time', async () => {
  using failing = assembly(1, { id: 'job-1', status: 'error', error: 'the sound is silent' })
  await using first = await gatewayTo(failing.url, 'assemblyai', 'universal')
  expect((await first.call('/v1/audio/transcriptions', spoken('up/universal'))).status).toBe(502)
  const record = (await first.store.listRequests({ limit: 1, cursor: null })).data[0]
  expect(record?.attempts[0]?.message).toContain('the sound is silent')
  using endless = assembly(1_000)
  await using second = await gatewayTo(endless.url, 'assemblyai', 'universal', 'timeouts: { total: 900ms }')
  const response = await second.call('/v1/audio/transcriptions', spoken('up/universal'))
  expect(response.status).toBe(504)
  expect(endless.received.length).toBeLessThan(8)
})

test('a client that leaves is not waited for', async () => {
  using upstream = assembly(1_000)
  await using gateway = await gatewayTo(upstream.url, 'assemblyai', 'universal')
  const leaving = new AbortController()
  const asked = gateway.call('/v1/audio/transcriptions', spoken('up/universal'), { signal: leaving.signal })
  while (upstream.received.length < 3) await Bun.sleep(5)
  leaving.abort()
  await asked.catch(() => undefined)
  const looks = upstream.received.length
  await Bun.sleep(700)
  expect(upstream.received.length).toBe(looks)
  expect(gateway.gateway.load.inFlight).toBe(0)
})

test('Replicate’s picture is looked at again when it takes longer than a minute', async () => {
  using upstream = startUpstream((request) =>
    request.method === 'POST'
      ? Response.json({ id: 'p1', status: 'processing', output: null })
      : Response.json({ id: 'p1', status: 'succeeded', output: 'https://example.com/1.png' }),
  )
  await using gateway = await gatewayTo(upstream.url, 'replicate', 'maker/model')
  const response = await gateway.call('/v1/images/generations', { model: 'up/maker/model', prompt: 'a weir' })
  expect(await response.json()).toMatchObject({ data: [{ url: 'https://example.com/1.png' }] })
  expect(upstream.received.map(({ path }) => path)).toEqual(['/models/maker/model/predictions', '/predictions/p1'])
})

test('more pictures than a model makes at once are asked for in several requests, each with a seed of its own', async () => {
  using upstream = startUpstream((_, number) =>
    Response.json({
      candidates: [{ content: { parts: [{ inlineData: { mimeType: 'image/png', data: `AAA${number}` } }] } }],
      usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 10, totalTokenCount: 13 },
    }),
  )
  await using gateway = await gatewayTo(upstream.url, 'gemini', 'gemini-2.5-flash-image')
  const ask = { model: 'up/gemini-2.5-flash-image', prompt: 'a weir', n: 3, seed: 7 }
  const response = await gateway.call('/v1/images/generations', ask)
  const { data } = (await response.json()) as { data: { b64_json: string }[] }
  expect(data.map(({ b64_json }) => b64_json).toSorted()).toEqual(['AAA1', 'AAA2', 'AAA3'])
  const seeds = upstream.received.map(
    ({ body }) => (JSON.parse(body) as { generationConfig: { seed: number } }).generationConfig.seed,
  )
  expect(new Set(seeds)).toEqual(new Set([7, 8, 9]))
  expect(await booked(gateway)).toEqual({ input: 9, output: 30, images: 3, requests: 3 })
})

test('Imagen makes four pictures in a request', async () => {
  using upstream = startUpstream((_, __, body) => {
    const { parameters } = JSON.parse(body) as { parameters: { sampleCount: number } }
    const one = { mimeType: 'image/png', bytesBase64Encoded: PICTURE }
    return Response.json({ predictions: Array.from({ length: parameters.sampleCount }, () => one) })
  })
  await using gateway = await gatewayTo(upstream.url, 'gemini', 'imagen-4.0-generate-001')
  const response = await gateway.call('/v1/images/generations', {
    model: 'up/imagen-4.0-generate-001',
    prompt: 'a weir',
    n: 6,
  })
  expect(((await response.json()) as { data: unknown[] }).data.length).toBe(6)
  expect(upstream.received.length).toBe(2)
  expect(await booked(gateway)).toEqual({ images: 6, requests: 2 })
})

test('a voice of any characters stays a part of the address', async () => {
  const paths: string[] = []
  using upstream = startUpstream((request) => {
    paths.push(new URL(request.url).pathname)
    return sound('x')
  })
  await using gateway = await gatewayTo(upstream.url, 'elevenlabs', 'e')
  const say = async (voice: string): Promise<number> =>
    (await gateway.call('/v1/audio/speech', { model: 'up/e', input: 'a', voice })).status
  expect([await say('../../a?b#c'), await say('\ud800'), await say('..'), await say('')]).toEqual([200, 200, 400, 400])
  expect(paths).toEqual(['/text-to-speech/..%2F..%2Fa%3Fb%23c/stream', '/text-to-speech/%EF%BF%BD/stream'])
})
