import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { HEAD_ROOM, writeChunkSize, writeReplyHead } from './reply-head.ts'
import type { ReplyHead } from './reply-head.ts'

const NOW = Date.UTC(2026, 10, 28, 7, 0, 1)

function written(head: Partial<ReplyHead>, now = NOW): string {
  const to = Buffer.alloc(2 * HEAD_ROOM)
  const end = writeReplyHead(to, { status: 200, headers: {}, length: 5, isLast: false, ...head }, now)
  return to.toString('latin1', 0, end)
}

test('a head has its status, its headers, the date, and says how its body ends', () => {
  expect(written({ headers: { 'content-type': 'application/json', 'x-ü': 'é' } })).toBe(
    'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-ü: é\r\ndate: Sat, 28 Nov 2026 07:00:01 GMT\r\ncontent-length: 5\r\n\r\n',
  )
  expect(written({ status: 429, length: null, isLast: true }, NOW + 1_000)).toBe(
    'HTTP/1.1 429 Too Many Requests\r\nconnection: close\r\ndate: Sat, 28 Nov 2026 07:00:02 GMT\r\ntransfer-encoding: chunked\r\n\r\n',
  )
  expect(written({ status: 529 })).toStartWith('HTTP/1.1 529 \r\n')
  expect(written({ isLast: true, headers: { connection: 'close' } }).match(/connection/g)).toHaveLength(1)
})

test('no value can end its line', () => {
  for (const value of ['a\r\nx: b', 'a\nb', 'a\rb', 'a\0b', 'a\u007Fb', '世界'])
    expect(() => written({ headers: { x: value } })).toThrow('The value of the header `x` cannot be sent.')
})

test('a head that is too large is no head', () => {
  expect(() => written({ headers: { x: 'a'.repeat(HEAD_ROOM) } })).toThrow('The head of an answer is too large.')
})

test('whatever is written can be read again, and is what was to be said', () => {
  const value = fc.string({
    unit: fc
      .integer({ min: 33, max: 255 })
      .filter((code) => code !== 127)
      .map((code) => String.fromCharCode(code)),
  })
  const name = fc.string({ unit: fc.constantFrom('a', 'b', 'x', 'z', '-', '0'), minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(fc.dictionary(name, value), fc.integer({ min: 200, max: 599 }), (headers, status) => {
      const lines = written({ status, headers }).split('\r\n')
      expect(lines[0]).toStartWith(`HTTP/1.1 ${status} `)
      expect(lines.slice(1, -4)).toEqual(Object.entries(headers).map(([key, text]) => `${key}: ${text}`))
    }),
  )
})

test('the size of a chunk is written as RFC 9112 says, whatever it is', () => {
  const to = Buffer.alloc(32)
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 40 }), fc.integer({ min: 0, max: 5 }), (bytes, at) => {
      expect(to.toString('latin1', at, writeChunkSize(to, at, bytes))).toBe(`${bytes.toString(16)}\r\n`)
    }),
  )
})
