import { expect, test } from 'bun:test'
import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { SseSplitter } from './sse.ts'

const encoder = new TextEncoder()

function split(bytes: Uint8Array, cuts: readonly number[]): { text: string; data: string[] } {
  const splitter = new SseSplitter(1_000_000)
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  const data: string[] = []
  const relayed: Uint8Array[] = []
  const take = (batch: ReturnType<SseSplitter['push']>): void => {
    if (batch === null) return
    relayed.push(batch.bytes.slice())
    for (const event of batch.events) data.push(Buffer.from(event.data, 'latin1').toString('utf8'))
  }
  let from = 0
  for (const place of [...places, bytes.length]) {
    take(splitter.push(bytes.slice(from, place)))
    from = place
  }
  take(splitter.finish())
  return { text: Buffer.concat(relayed).toString('utf8'), data }
}

function parsed(text: string): string[] {
  const data: string[] = []
  const parser = createParser({ onEvent: (event) => data.push(event.data) })
  parser.feed(text)
  return data
}

const line = fc.string({ unit: fc.constantFrom('a', 'é', '漢', '😀', ' ', '{', '"', ':', 'x'), maxLength: 12 })
const event = fc.record({
  comment: fc.boolean(),
  type: fc.option(fc.constantFrom('ping', 'delta')),
  lines: fc.array(line, { minLength: 1, maxLength: 3 }),
})

for (const [title, newline] of [
  ['LF', '\n'],
  ['CRLF', '\r\n'],
] as const)
  test(`any re-chunking of a stream with ${title} gives the same events and the same bytes as a standard parser`, () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 12 }), (events, cuts) => {
        const text = events
          .map(({ comment, type, lines }) =>
            [
              ...(comment ? [': keep-alive'] : []),
              ...(type === null ? [] : [`event: ${type}`]),
              ...lines.map((one) => `data: ${one}`),
              '',
              '',
            ].join(newline),
          )
          .join('')
        const result = split(encoder.encode(text), cuts)
        expect(result.text).toBe(text)
        expect(result.data).toEqual(parsed(text))
      }),
      { numRuns: 1_000 },
    )
  })

test('an event without its blank line counts at the end of the stream', () => {
  expect(split(encoder.encode('data: 1\n\ndata: [DONE]'), [])).toEqual({
    text: 'data: 1\n\ndata: [DONE]',
    data: ['1', '[DONE]'],
  })
})

test('lone carriage returns end lines too', () => {
  expect(split(encoder.encode('data: 1\r\rdata: 2\r\r'), [3, 8]).data).toEqual(['1', '2'])
})

test('an event that never ends is refused at its bound', () => {
  const splitter = new SseSplitter(100)
  expect(() => splitter.push(encoder.encode(`data: ${'x'.repeat(200)}`))).toThrow(RangeError)
})

test('the place of each event in the bytes is exact', () => {
  const bytes = encoder.encode('data: é\n\n: ping\n\ndata: 2\n\n')
  const batch = new SseSplitter(1_000).push(bytes)
  expect(batch?.events.map(({ start, end }) => Buffer.from(bytes.slice(start, end)).toString())).toEqual([
    'data: é\n\n: ping\n\n',
    'data: 2\n\n',
  ])
})
