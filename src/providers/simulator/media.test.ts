// What the simulator says beside chat: the same for the same request, in forms that a real client can read.
import { describe, expect, test } from 'bun:test'
import { inflateSync } from 'node:zlib'
import { drivenClock } from './driven-clock.ts'
import { createSimulator } from './simulator.ts'

type Json = Record<string, unknown>

function setUp(seed = 1) {
  const clock = drivenClock()
  const simulator = createSimulator({ clock, seed })
  const ask = (path: string, body: Json | FormData): Promise<Response> =>
    clock.run(
      simulator
        .fetch(
          new Request(`http://sim/v1${path}`, {
            method: 'POST',
            body: body instanceof FormData ? body : JSON.stringify(body),
          }),
        )
        .then(async (response) => new Response(await response.arrayBuffer(), response)),
    )
  return { ask, json: async (path: string, body: Json | FormData) => (await ask(path, body)).json() as Promise<Json> }
}

function form(fields: Readonly<Record<string, string>>, file = 'file', bytes = new Uint8Array(80_000)): FormData {
  const made = new FormData()
  made.append(file, new File([bytes.buffer], 'a.bin', { type: 'application/octet-stream' }))
  for (const [name, value] of Object.entries(fields)) made.append(name, value)
  return made
}

describe('speech', () => {
  const ASK = { model: 'speak', input: 'The river is high today, and the weir holds.', voice: 'alloy' }

  test('MP3 is a row of sound frames, WAV and PCM hold samples for as long as the text takes', async () => {
    const { ask } = setUp()
    const mp3 = await ask('/audio/speech', ASK)
    expect(mp3.headers.get('content-type')).toBe('audio/mpeg')
    const frames = Buffer.from(await mp3.arrayBuffer())
    expect(frames.length % 144).toBe(0)
    for (let at = 0; at < frames.length; at += 144) expect(frames.subarray(at, at + 4).toString('hex')).toBe('fffb18c0')
    const wav = Buffer.from(await (await ask('/audio/speech', { ...ASK, response_format: 'wav' })).arrayBuffer())
    expect(wav.subarray(0, 4).toString()).toBe('RIFF')
    expect(wav.readUInt32LE(40)).toBe(wav.length - 44)
    const pcm = await (await ask('/audio/speech', { ...ASK, response_format: 'pcm' })).arrayBuffer()
    expect(pcm.byteLength).toBe(wav.length - 44)
    expect(pcm.byteLength / 48_000).toBeCloseTo(ASK.input.length / 15, 2)
  })

  test('events hold the same sound as the bytes', async () => {
    const { ask } = setUp()
    const bytes = Buffer.from(await (await ask('/audio/speech', ASK)).arrayBuffer())
    const text = await (await ask('/audio/speech', { ...ASK, stream_format: 'sse' })).text()
    const events = text
      .trim()
      .split('\n\n')
      .map((line) => JSON.parse(line.slice('data: '.length)) as { type: string; audio?: string; usage?: object })
    expect(Buffer.concat(events.map(({ audio }) => Buffer.from(audio ?? '', 'base64'))).equals(bytes)).toBe(true)
    expect(events.at(-1)).toMatchObject({ type: 'speech.audio.done', usage: { input_tokens: 11 } })
  })

  test('a cut breaks off in the middle, and an error comes as one', async () => {
    const { ask } = setUp()
    const cut = { ...ASK, input: `${ASK.input} [[sim fault=cut]]` }
    expect(ask('/audio/speech', cut)).rejects.toThrow('broken off')
    const error = await ask('/audio/speech', { ...ASK, input: 'Hello [[sim fault=error_500]]' })
    expect(error.status).toBe(500)
  })
})

describe('transcription', () => {
  test('is the same for the same file, and has as many words as fit into its length', async () => {
    const { json } = setUp()
    const short = await json('/audio/transcriptions', form({ model: 'hear' }))
    expect(await json('/audio/transcriptions', form({ model: 'hear' }))).toEqual(short)
    const other = await json('/audio/transcriptions', form({ model: 'hear' }, 'file', new Uint8Array(80_000).fill(1)))
    expect(other['text']).not.toBe(short['text'])
    expect((short['text'] as string).split(' ').length).toBe(12)
    expect(short['usage']).toEqual({ type: 'duration', seconds: 5 })
  })

  test.each([
    ['srt', /^1\n00:00:00,000 --> 00:00:\d\d,\d{3}\n\S/],
    ['vtt', /^WEBVTT\n\n00:00:00\.000 --> /],
    ['text', /^\S[^{}]*\n$/],
  ])('%s is a text', async (format, pattern) => {
    const response = await setUp().ask('/audio/transcriptions', form({ model: 'hear', response_format: format }))
    expect(response.headers.get('content-type')).toContain('text/plain')
    expect(await response.text()).toMatch(pattern)
  })

  test('a stream says the same words as the whole answer', async () => {
    const { ask, json } = setUp()
    const whole = await json('/audio/transcriptions', form({ model: 'hear' }))
    const text = await (await ask('/audio/transcriptions', form({ model: 'hear', stream: 'true' }))).text()
    const events = text
      .trim()
      .split('\n\n')
      .map((line) => JSON.parse(line.slice('data: '.length)) as Json)
    expect(events.map(({ delta }) => (typeof delta === 'string' ? delta : '')).join('')).toBe(whole['text'] as string)
    expect(events.at(-1)).toMatchObject({ type: 'transcript.text.done', text: whole['text'] })
  })
})

describe('images', () => {
  test('a picture is a PNG of the size that was asked for', async () => {
    const { data } = (await setUp().json('/images/generations', {
      model: 'draw',
      prompt: 'a weir',
      size: '64x32',
      n: 2,
    })) as unknown as {
      data: { b64_json: string }[]
    }
    expect(data.length).toBe(2)
    expect(data[0]?.b64_json).not.toBe(data[1]?.b64_json)
    const png = Buffer.from(data[0]?.b64_json ?? '', 'base64')
    expect(png.subarray(1, 4).toString()).toBe('PNG')
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([64, 32])
    const at = png.indexOf('IDAT')
    expect(inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4))).length).toBe((64 / 8 + 1) * 32)
  })

  test('edits and variations take pictures, and count them', async () => {
    const { json } = setUp()
    const edit = await json('/images/edits', form({ model: 'draw', prompt: 'more water', size: '64x64' }, 'image[]'))
    expect(edit['usage']).toMatchObject({ input_tokens_details: { image_tokens: 323 } })
    expect(
      await json('/images/variations', form({ model: 'draw', size: '64x64', response_format: 'url' }, 'image')),
    ).toMatchObject({
      data: [{ url: expect.stringMatching(/^data:image\/png;base64,/) }],
    })
  })
})

test('a text is flagged for its words', async () => {
  const { results } = (await setUp().json('/moderations', {
    input: ['hello there', 'I want to stab it'],
  })) as unknown as {
    results: { flagged: boolean; categories: Json; category_scores: Json }[]
  }
  expect(results.map(({ flagged }) => flagged)).toEqual([false, true])
  expect(results[1]?.categories['violence']).toBe(true)
  expect(results[1]?.category_scores['violence']).toBe(0.92)
})

test('documents that share words with the query come first', async () => {
  const answer = (await setUp().json('/rerank', {
    model: 'rank',
    query: 'how high is the river',
    documents: ['bread and butter', { text: 'the river is high' }, 'high mountains'],
    top_n: 2,
    return_documents: true,
  })) as unknown as { results: { index: number; relevance_score: number; document: object }[]; meta: object }
  expect(answer.results.map(({ index }) => index)).toEqual([1, 2])
  expect(answer.results[0]?.document).toEqual({ text: 'the river is high' })
  expect(answer.meta).toMatchObject({ billed_units: { search_units: 1 } })
})

const WRONG: readonly (readonly [string, Json | FormData, number, string | null])[] = [
  ['/audio/speech', { model: 'speak', voice: 'a' }, 400, 'input'],
  ['/audio/speech', { model: 'speak', input: 'a' }, 400, 'voice'],
  ['/audio/speech', { model: 'speak', input: 'a', voice: 'a', response_format: 'flac' }, 400, 'response_format'],
  ['/audio/speech', { model: 'small', input: 'a', voice: 'a' }, 404, 'model'],
  ['/audio/transcriptions', form({ model: 'hear' }, 'sound'), 400, 'file'],
  ['/audio/transcriptions', form({ model: 'hear', response_format: 'xml' }), 400, 'response_format'],
  ['/images/generations', { model: 'draw' }, 400, 'prompt'],
  ['/images/generations', { model: 'draw', prompt: 'a', size: '9999x1' }, 400, 'size'],
  ['/images/edits', { model: 'draw', prompt: 'a' }, 400, 'image'],
  ['/moderations', { model: 'moderate' }, 400, 'input'],
  ['/moderations', { model: 'moderate', input: [1] }, 400, 'input[0]'],
  ['/rerank', { model: 'rank', documents: ['a'] }, 400, 'query'],
  ['/rerank', { model: 'rank', query: 'a', documents: [] }, 400, 'documents'],
  ['/rerank', { model: 'rank', query: 'a', documents: [1] }, 400, 'documents[0]'],
]

test.each(WRONG)('%s refuses %j', async (path, body, status, param) => {
  const response = await setUp().ask(path, body)
  expect(response.status).toBe(status)
  expect(await response.json()).toMatchObject({ error: { param } })
})
