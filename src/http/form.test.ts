import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { systemClock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import { writeForm } from '../core/form.ts'
import type { FormPart } from '../core/form.ts'
import { createByteBudget } from './body.ts'
import type { BodyBounds } from './body.ts'
import { readForm } from './form.ts'

const BOUNDS: BodyBounds = { bytes: 2_000_000, timeoutMs: 60_000, json: { depth: 32, keys: 500 } }

function post(body: string | Uint8Array, contentType = 'multipart/form-data; boundary=XX'): Request {
  return new Request('http://gateway/v1/audio/transcriptions', {
    method: 'POST',
    body: body as Uint8Array<ArrayBuffer>,
    headers: { 'content-type': contentType },
  })
}

const read = (request: Request, bounds = BOUNDS, budget = createByteBudget(() => 1e9)) =>
  readForm(request, bounds, budget, systemClock)

function field(name: string, value: string): string {
  return `--XX\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
}

test('a form is read as its parts in order, and as fields', async () => {
  const body = `${field('model', 'whisper-1')}${field('timestamp_granularities[]', 'word')}${field('timestamp_granularities[]', 'segment')}--XX\r\nContent-Disposition: form-data; name="file"; filename="a b.mp3"\r\nContent-Type: audio/mpeg\r\n\r\n\u0001\u0002\r\n--XX--\r\n`
  const { parts, value, heldBytes } = await read(post(body))
  expect(parts.map(({ type, name }) => `${type} ${name}`)).toEqual([
    'text model',
    'text timestamp_granularities[]',
    'text timestamp_granularities[]',
    'file file',
  ])
  expect(value).toEqual({
    model: 'whisper-1',
    timestamp_granularities: ['word', 'segment'],
    file: { filename: 'a b.mp3', media_type: 'audio/mpeg', size: 2 },
  })
  expect(heldBytes).toBe(2 * body.length)
})

const REFUSED: readonly (readonly [string, Request, BodyBounds, string, RegExp])[] = [
  ['a body of another kind', post('{}', 'multipart/mixed; boundary=XX'), BOUNDS, 'request_malformed', /takes a form/],
  ['a form without a boundary', post('{}', 'multipart/form-data'), BOUNDS, 'request_malformed', /boundary/],
  ['an empty form', post('--XX--\r\n'), BOUNDS, 'request_malformed', /empty/],
  ['a form that is cut', post(field('model', 'm')), BOUNDS, 'request_malformed', /refused/],
  ['bytes that are no form', post('hello, this is no form'), BOUNDS, 'request_malformed', /refused/],
  ['too many parts', post(`${field('a[]', 'x').repeat(129)}--XX--`), BOUNDS, 'request_malformed', /refused/],
  ['a long head', post(`${field('a'.repeat(5_000), 'x')}--XX--`), BOUNDS, 'request_malformed', /header size/],
  ['a long name', post(`${field('a'.repeat(600), 'x')}--XX--`), BOUNDS, 'request_malformed', /512/],
  [
    'a part without a name',
    post('--XX\r\nContent-Type: text/plain\r\n\r\nx\r\n--XX--'),
    BOUNDS,
    'request_malformed',
    /name/,
  ],
  [
    'a text as long as a file',
    post(`${field('prompt', 'x'.repeat(1_048_577))}--XX--`),
    BOUNDS,
    'request_malformed',
    /longer/,
  ],
  [
    'a field that stands twice',
    post(`${field('model', 'a')}${field('model', 'b')}--XX--`),
    BOUNDS,
    'request_malformed',
    /twice/,
  ],
  [
    'a text that is no text',
    post(
      Buffer.concat([
        Buffer.from('--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\n'),
        Buffer.from([0xff, 0xfe]),
        Buffer.from('\r\n--XX--'),
      ]),
    ),
    BOUNDS,
    'request_malformed',
    /UTF-8/,
  ],
  [
    'a body larger than the bound',
    post(`${field('a', 'x'.repeat(200))}--XX--`),
    { ...BOUNDS, bytes: 100 },
    'request_too_large',
    /larger/,
  ],
]

test.each(REFUSED)('%s is refused, and nothing stays held', async (_, request, bounds, code, message) => {
  const budget = createByteBudget(() => 1e9)
  const error = await read(request, bounds, budget).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(GatewayError)
  expect((error as GatewayError).code).toBe(code as GatewayError['code'])
  expect((error as GatewayError).message).toMatch(message)
  expect(budget.held).toBe(0)
})

const part: fc.Arbitrary<FormPart> = fc.oneof(
  fc.record({
    type: fc.constant('text' as const),
    name: fc.stringMatching(/^[a-z]{1,8}\[\]$/),
    value: fc.string({ unit: 'grapheme' }),
  }),
  fc.record({
    type: fc.constant('file' as const),
    name: fc.stringMatching(/^[a-z]{1,8}$/),
    filename: fc.stringMatching(/^[\w .-]{1,20}$/).filter((name) => name.trim() === name),
    mediaType: fc.constantFrom('audio/mpeg', 'image/png', 'application/octet-stream'),
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      // What looks like the end of a part.
      fc
        .constantFrom('\r\n--weir-form-5e0fd3c1a94b7286\r\n', '--weir-form-5e0fd3c1a94b7286-1--', '\r\n\r\n--')
        .map((text) => new Uint8Array(Buffer.from(text))),
    ),
  }),
)

test('whatever is written as a form is read as the same parts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 6 }), async (parts) => {
      const { bytes, contentType } = writeForm(parts)
      const again = await read(post(bytes, contentType))
      expect(again.parts.map((one) => (one.type === 'file' ? { ...one, bytes: [...one.bytes] } : one))).toEqual(
        parts.map((one) => (one.type === 'file' ? { ...one, bytes: [...one.bytes] } : one)) as never,
      )
    }),
    { numRuns: 100 },
  )
})

test('any bytes are a form or are refused as none', async () => {
  const scrap = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc
      .constantFrom('--XX', '--XX--', '\r\n', '\r\n\r\n', 'Content-Disposition: form-data; name="a"', 'filename="', ';')
      .map((text) => Buffer.from(text)),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(scrap, { maxLength: 12 }), async (scraps) => {
      const budget = createByteBudget(() => 1e9)
      const result = await read(post(Buffer.concat(scraps)), BOUNDS, budget).catch((thrown: unknown) => thrown)
      if (!(result instanceof GatewayError)) expect((result as { parts: unknown[] }).parts.length).toBeGreaterThan(0)
      else expect([result.code, budget.held]).toEqual(['request_malformed', 0])
    }),
    { numRuns: 300, examples: [[[Buffer.from('--XX\0\0\x80\r\n\r\n\r\n--XX', 'latin1')]]] },
  )
})

test.each(['nonsense', 'audio/mp\u00fc', ''])('a file of the type %j is one of any type', async (type) => {
  const body = `--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: ${type}\r\n\r\nx\r\n--XX--`
  const { parts } = await read(post(body))
  expect(parts[0]).toMatchObject({ type: 'file', mediaType: 'application/octet-stream' })
})
