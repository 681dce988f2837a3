// Official SDKs for Node at the endpoints beside chat: OpenAI's for all of them, the AI SDK and Google's for what they have.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createGoogle } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { GoogleGenAI } from '@google/genai'
import { embedMany, generateImage, generateSpeech, transcribe } from 'ai'
import OpenAI, { BadRequestError, NotFoundError, toFile } from 'openai'
import { startGateway } from './gateway.ts'
import type { TestGateway } from './gateway.ts'

let weir: TestGateway
let client: OpenAI

beforeAll(async () => {
  weir = await startGateway()
  client = new OpenAI({ baseURL: `${weir.listen().url}/v1`, apiKey: weir.key, maxRetries: 0 })
})

afterAll(() => weir[Symbol.asyncDispose]())

const sound = () => toFile(new Uint8Array(80_000), 'hello.mp3', { type: 'audio/mpeg' })

/** What was booked of the last request: usage that is not 0, and the cost in nano-dollars. */
async function booked(): Promise<unknown> {
  await weir.gateway.journal.flush()
  const record = (await weir.store.listRequests({ limit: 1, cursor: null })).data[0]
  const usage = Object.fromEntries(Object.entries(record?.usage ?? {}).filter(([, amount]) => amount !== 0))
  return [usage, record?.costNanoUsd]
}

test('pictures are made, and booked by the piece', async () => {
  const images = await client.images.generate({ model: 'sim/draw', prompt: 'a weir at dawn', n: 2, size: '256x256' })
  expect(
    images.data?.map(({ b64_json }) =>
      Buffer.from(b64_json ?? '', 'base64')
        .subarray(1, 4)
        .toString(),
    ),
  ).toEqual(['PNG', 'PNG'])
  expect(await booked()).toMatchObject([{ images: 2 }, 80_000_000n])
})

test('pictures are streamed', async () => {
  const stream = await client.images.generate({
    model: 'sim/draw',
    prompt: 'a weir',
    stream: true,
    partial_images: 1,
    size: '256x256',
  })
  const types: string[] = []
  for await (const event of stream) types.push(event.type)
  expect(types).toEqual(['image_generation.partial_image', 'image_generation.completed'])
  expect(await booked()).toMatchObject([{ images: 1 }, 40_000_000n])
})

test('pictures are edited and varied', async () => {
  const image = await toFile(new Uint8Array([1, 2, 3]), 'in.png', { type: 'image/png' })
  const edited = await client.images.edit({
    model: 'sim/draw',
    image: [image, image],
    prompt: 'more water',
    size: '256x256',
  })
  expect(edited.usage?.input_tokens_details.image_tokens).toBe(646)
  const varied = await client.images.createVariation({
    model: 'sim/draw',
    image,
    size: '256x256',
    response_format: 'url',
  })
  expect(varied.data?.[0]?.url).toStartWith('data:image/png')
})

test('speech comes as bytes in the format that was asked for, as they are made', async () => {
  const response = await client.audio.speech.create({
    model: 'sim/speak',
    voice: 'alloy',
    input: 'The river is high.',
    response_format: 'wav',
  })
  expect(response.headers.get('content-type')).toBe('audio/wav')
  const bytes = Buffer.from(await response.arrayBuffer())
  expect(bytes.subarray(0, 4).toString()).toBe('RIFF')
  expect(await booked()).toMatchObject([{ characters: 18 }, 270_000n])
})

test('a transcription is had in every form', async () => {
  const json = await client.audio.transcriptions.create({ model: 'sim/hear', file: await sound() })
  expect(json.text.split(' ').length).toBe(12)
  expect(await booked()).toEqual([{ seconds: 5, requests: 1 }, 500_000n])
  const verbose = await client.audio.transcriptions.create({
    model: 'sim/hear',
    file: await sound(),
    response_format: 'verbose_json',
    timestamp_granularities: ['word'],
  })
  expect([verbose.duration, verbose.words?.length]).toEqual([5, 12])
  const subtitles = await client.audio.transcriptions.create({
    model: 'sim/hear',
    file: await sound(),
    response_format: 'vtt',
  })
  expect(subtitles).toStartWith('WEBVTT')
  const translated = await client.audio.translations.create({ model: 'sim/hear', file: await sound() })
  expect(translated.text.length).toBeGreaterThan(10)
})

test('a transcription is streamed', async () => {
  const stream = await client.audio.transcriptions.create({ model: 'sim/hear', file: await sound(), stream: true })
  let text = ''
  let last = ''
  for await (const event of stream) {
    if (event.type === 'transcript.text.delta') text += event.delta
    if (event.type === 'transcript.text.done') last = event.text
  }
  expect(text).toBe(last)
  expect(text.length).toBeGreaterThan(10)
})

test('a moderation flags what it knows', async () => {
  const { results } = await client.moderations.create({ model: 'sim/moderate', input: ['stab it', 'water it'] })
  expect(results.map(({ flagged }) => flagged)).toEqual([true, false])
})

test('embeddings are read from base64, which the SDK asks for by itself', async () => {
  const one = await client.embeddings.create({ model: 'sim/embed', input: 'water', dimensions: 8 })
  const same = await client.embeddings.create({
    model: 'sim/embed',
    input: 'water',
    dimensions: 8,
    encoding_format: 'float',
  })
  expect(one.data[0]?.embedding.length).toBe(8)
  for (const [index, value] of (one.data[0]?.embedding ?? []).entries())
    expect(value).toBeCloseTo(same.data[0]?.embedding[index] ?? 9, 6)
})

test('what is wrong is a typed exception', async () => {
  const wrong = await client.audio.transcriptions
    .create({ model: 'sim/hear', file: await sound(), response_format: 'xml' as never })
    .catch((error: unknown) => error)
  expect(wrong).toBeInstanceOf(BadRequestError)
  expect((wrong as BadRequestError).message).toContain("'xml'")
  const unknown = await client.images.generate({ prompt: 'no model is named' }).catch((error: unknown) => error)
  expect(unknown).toBeInstanceOf(NotFoundError)
  expect((unknown as NotFoundError).message).toContain('dall-e-2')
})

test('the AI SDK makes pictures and sound, hears, and embeds', async () => {
  const openai = createOpenAI({ baseURL: client.baseURL, apiKey: weir.key })
  const { images } = await generateImage({ model: openai.image('sim/draw'), prompt: 'a weir', n: 2, size: '256x256' })
  expect(images.map(({ mediaType }) => mediaType)).toEqual(['image/png', 'image/png'])
  const { audio } = await generateSpeech({ model: openai.speech('sim/speak'), text: 'Hello', outputFormat: 'wav' })
  expect(Buffer.from(audio.uint8Array.subarray(0, 4)).toString()).toBe('RIFF')
  const heard = await transcribe({ model: openai.transcription('sim/hear'), audio: audio.uint8Array })
  expect(heard.text.length).toBeGreaterThan(2)
  const { embeddings } = await embedMany({ model: openai.embedding('sim/embed'), values: ['a', 'b'] })
  expect(embeddings.map(({ length }) => length)).toEqual([1_536, 1_536])
})

test('Google’s SDK, and the AI SDK as Google’s, embed with a model of an OpenAI-compatible host', async () => {
  const url = new URL(client.baseURL).origin
  const genai = new GoogleGenAI({ apiKey: weir.key, httpOptions: { baseUrl: url } })
  const one = await genai.models.embedContent({
    model: 'sim/embed',
    contents: ['water', 'stone'],
    config: { outputDimensionality: 8 },
  })
  expect(one.embeddings?.map(({ values }) => values?.length)).toEqual([8, 8])
  const google = createGoogle({ baseURL: `${url}/v1beta`, apiKey: weir.key })
  const { embeddings } = await embedMany({
    model: google.embedding('sim/embed'),
    values: ['water', 'stone'],
    providerOptions: { google: { outputDimensionality: 8 } },
  })
  for (const [index, vector] of embeddings.entries())
    expect(vector.map((value) => Math.fround(value))).toEqual((one.embeddings?.[index]?.values ?? []).map(Math.fround))
})
