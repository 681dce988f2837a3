import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { headerPlaces, ReceivedHeaders } from './received-headers.ts'

const START = 'GET / HTTP/1.1\r\n'

function read(lines: string): ReceivedHeaders | null {
  const text = START + lines
  const places = headerPlaces(text, START.length)
  return places === null ? null : new ReceivedHeaders(text, places)
}

const NAME = fc.constantFrom(
  'host',
  'Host',
  'accept',
  'X-Api-Key',
  'x-api-kez',
  'x_api_key',
  'te',
  'a',
  '!#$%&',
  'q'.repeat(40),
)
const VALUE = fc.string({ unit: fc.constantFrom('a', ':', ' ', '\t', '"', ',', 'é', '\u00a0', 'Z'), maxLength: 12 })

test('headers are found by their names in any case, without the spaces around them, equal ones in their order', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(NAME, VALUE), { minLength: 1, maxLength: 12 }), NAME, (lines, asked) => {
      const headers = read(lines.map(([name, value]) => `${name}:${value}`).join('\r\n'))
      const name = asked.toLowerCase()
      const values = lines.flatMap(([own, value]) =>
        own.toLowerCase() === name ? [value.replaceAll(/^[ \t]+|[ \t]+$/g, '')] : [],
      )
      expect(headers?.get(name)).toBe(values.length === 0 ? null : values.join(', '))
      expect(headers === null ? [] : Array.from(headers, ([own]) => own)).toEqual([
        ...new Set(lines.map(([own]) => own.toLowerCase())),
      ])
    }),
    { numRuns: 2_000 },
  )
})

test('lines are headers where a pattern of RFC 9112 says that each is one', () => {
  const line = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\0\r\n]*$/
  const text = fc.string({
    unit: fc.constantFrom('a', 'B', '-', ':', ' ', '\r\n', '\r', '\n', '\0', 'é', '\t'),
    maxLength: 16,
  })
  fc.assert(
    fc.property(
      fc.oneof(
        text,
        text.map((rest) => `a:1\r\n${rest}`),
      ),
      (lines) => {
        const isGood = lines.split('\r\n').every((one) => line.test(one))
        expect(read(lines) !== null).toBe(isGood)
      },
    ),
    { numRuns: 5_000 },
  )
})

for (const [title, lines] of [
  ['a bare line feed', 'a: 1\nb: 2'],
  ['a bare carriage return', 'a: 1\rb: 2'],
  ['a NUL', 'a: 1\0'],
  ['a line that goes on from the one before', 'a: 1\r\n b: 2'],
  ['a space before the colon', 'a : 1'],
  ['a line without a colon', 'a: 1\r\nb'],
  ['no name', ': 1'],
  ['an end in the middle of a line end', 'a: 1\r'],
] as const)
  test(`${title} is no header`, () => expect(read(lines)).toBeNull())

test('what lies before the lines is not looked at', () => {
  const text = 'GET /\0\n HTTP/1.1\r\na:1'
  const start = text.indexOf('a:1')
  expect(headerPlaces(text, start)).toEqual([start, start + 1, start + 2, start + 3])
})
