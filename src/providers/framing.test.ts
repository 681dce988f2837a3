import { expect, test } from 'bun:test'
import { EventStreamCodec } from '@smithy/eventstream-codec'
import fc from 'fast-check'
import { createFraming, FramingError } from './framing.ts'
import type { FramedEvent, Framing, FramingKind } from './framing.ts'

const encoder = new TextEncoder()
const codec = new EventStreamCodec(
  (bytes) => new TextDecoder().decode(bytes as Uint8Array),
  (text) => encoder.encode(text),
)

function message(headers: Record<string, string>, body: string): Uint8Array {
  const values = Object.entries(headers).map(([name, value]) => [name, { type: 'string' as const, value }])
  return codec.encode({ headers: Object.fromEntries(values), body: encoder.encode(body) })
}

/** What is whole has one event only. */
type CutKind = Exclude<FramingKind, 'whole'>

const WRITERS: { readonly [kind in CutKind]: (event: FramedEvent) => Uint8Array } = {
  sse: ({ type, data }) => encoder.encode(`${type === '' ? '' : `event: ${type}\n`}data: ${data}\n\n`),
  'aws-event-stream': ({ type, data }) => message({ ':message-type': 'event', ':event-type': type }, data),
  'json-lines': ({ data }) => encoder.encode(`${data}\n`),
}

/** Everything that comes out when the bytes are cut at these places. */
function cut(
  framing: Framing,
  bytes: Uint8Array,
  cuts: readonly number[],
): { events: FramedEvent[]; bytes: Uint8Array } {
  const places = [...new Set(cuts.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  const batches = []
  let from = 0
  for (const place of [...places, bytes.length]) {
    batches.push(framing.push(bytes.slice(from, place)))
    from = place
  }
  batches.push(framing.finish())
  const found = batches.filter((batch) => batch !== null)
  return { events: found.flatMap((batch) => batch.events), bytes: Buffer.concat(found.map((batch) => batch.bytes)) }
}

const text = fc.string({ unit: fc.constantFrom('a', 'é', '漢', '😀', '"', '\\', '{'), maxLength: 20 })

for (const kind of ['sse', 'aws-event-stream', 'json-lines'] as const)
  test(`any re-chunking of ${kind} gives the same events, and their bytes untouched`, () => {
    const event = fc.record({
      type: kind === 'json-lines' ? fc.constant('') : fc.constantFrom('delta', 'stop'),
      data: text.map((value) => JSON.stringify({ value })),
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 12 }), (events, cuts) => {
        const bytes = Buffer.concat(events.map(WRITERS[kind]))
        const found = cut(createFraming(kind, 10_000), bytes, cuts)
        expect(found.events).toEqual(events)
        expect(Buffer.from(found.bytes).equals(bytes)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

test.each(['sse', 'aws-event-stream', 'json-lines'] as const)(
  'an event of %s larger than the bound is refused',
  (kind) => {
    const bytes = WRITERS[kind]({ type: 'x', data: JSON.stringify('y'.repeat(2_000)) })
    expect(() => createFraming(kind, 1_000).push(bytes.slice(0, 1_500))).toThrow(RangeError)
    expect(createFraming(kind, 3_000).push(bytes.slice(0, 1_500))).toBeNull()
  },
)

test('many small pieces of one message are joined once it is there', () => {
  const bytes = message({ ':message-type': 'event', ':event-type': 'x' }, '"y"')
  const framing = createFraming('aws-event-stream', 10_000)
  const found = Array.from(bytes, (_, index) => framing.push(bytes.slice(index, index + 1)))
  expect(found.slice(0, -1).every((batch) => batch === null)).toBe(true)
  expect(found.at(-1)?.events).toEqual([{ type: 'x', data: '"y"' }])
})

test('an exception of AWS has its name in its type', () => {
  const framing = createFraming('aws-event-stream', 10_000)
  const bytes = message(
    { ':message-type': 'exception', ':exception-type': 'throttlingException' },
    '{"message":"slow"}',
  )
  expect(framing.push(bytes)?.events).toEqual([{ type: 'exception:throttlingException', data: '{"message":"slow"}' }])
})

test('an error of AWS without a payload has its message in the data', () => {
  const framing = createFraming('aws-event-stream', 10_000)
  const bytes = message({ ':message-type': 'error', ':error-code': 'InternalError', ':error-message': 'oops' }, '')
  expect(framing.push(bytes)?.events).toEqual([{ type: 'exception:InternalError', data: '{"message":"oops"}' }])
})

test('damaged messages are told apart from bad data', () => {
  const sound = message({ ':message-type': 'event', ':event-type': 'x' }, '{}')
  for (let index = 4; index < sound.length; index++) {
    const damaged = sound.slice()
    damaged[index] = (damaged[index] ?? 0) ^ 0xff
    expect(() => createFraming('aws-event-stream', 10_000).push(damaged)).toThrow(FramingError)
  }
  expect(() => createFraming('aws-event-stream', 10_000).push(new Uint8Array(12))).toThrow(FramingError)
  const half = createFraming('aws-event-stream', 10_000)
  expect(half.push(sound.slice(0, 20))).toBeNull()
  expect(() => half.finish()).toThrow('in the middle of a message')
})

test('bytes that are no event stream at all are told as such', () =>
  expect(() => createFraming('aws-event-stream', 1_000_000).push(encoder.encode('<html><body>…'))).toThrow(
    /larger than|damaged/,
  ))

test('blank lines are nothing, and the last line needs no end', () => {
  const framing = createFraming('json-lines', 1_000)
  expect(framing.push(encoder.encode('\r\n{"a":1}\r\n\n{"b"'))?.events).toEqual([{ type: '', data: '{"a":1}' }])
  expect(framing.push(encoder.encode(':2}'))).toBeNull()
  expect(framing.finish()?.events).toEqual([{ type: '', data: '{"b":2}' }])
  expect(framing.finish()).toBeNull()
})

test('what is whole is one event, at its end, and bounded', () => {
  const framing = createFraming('whole', 10)
  expect([framing.push(encoder.encode('{"a":')), framing.push(encoder.encode('1}'))]).toEqual([null, null])
  expect(framing.finish()?.events).toEqual([{ type: '', data: '{"a":1}' }])
  expect(framing.finish()).toBeNull()
  expect(() => createFraming('whole', 10).push(new Uint8Array(11))).toThrow(RangeError)
})
