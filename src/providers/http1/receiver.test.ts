import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { MalformedAnswer } from './head.ts'
import type { Head } from './head.ts'
import { Receiver } from './receiver.ts'

type Seen = { head: Head | null; body: string; ended: boolean; left: number }

/** What a receiver makes of bytes that come in these pieces, and of the end of the connection after them. */
function receive(pieces: readonly Buffer[], method = 'POST'): Seen {
  const seen: Seen = { head: null, body: '', ended: false, left: 0 }
  const receiver = new Receiver(method, {
    onHead: (head) => (seen.head = head),
    onBody: (bytes) => (seen.body += Buffer.from(bytes).toString('latin1')),
    onEnd: () => (seen.ended = true),
  })
  for (const piece of pieces) seen.left += receiver.hasEnded ? piece.length : receiver.push(piece)
  receiver.close()
  return seen
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [...at, bytes.length].map((end, index) => bytes.subarray(index === 0 ? 0 : at[index - 1], end))
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

const bodies = fc.array(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), { maxLength: 8 })

test('an answer reads the same however its bytes are cut, in every framing', () => {
  fc.assert(
    fc.property(
      bodies,
      fc.constantFrom('length', 'chunked', 'close'),
      fc.boolean(),
      fc.array(fc.nat(4_000), { maxLength: 20 }),
      (parts, framing, isLate, places) => {
        const pieces = parts.map((part) => Buffer.from(part).toString('latin1'))
        const body = pieces.join('')
        const chunked = `${pieces.map((piece) => `${piece.length.toString(16)};x=y\r\n${piece}\r\n`).join('')}0\r\nt: 1\r\n\r\n`
        const header = {
          length: `content-length: ${body.length}`,
          chunked: 'transfer-encoding: chunked',
          close: 'x: y',
        }
        const interim = isLate ? 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n' : ''
        const wire = latin1(
          `${interim}HTTP/1.1 200 OK\r\nset-cookie: a\r\nSet-Cookie: b\r\n${header[framing]}\r\n\r\n${framing === 'chunked' ? chunked : body}`,
        )
        const seen = receive(cut(wire, places))
        expect(seen.head?.status).toBe(200)
        expect(seen.head?.headers.get('set-cookie')).toBe('a, b')
        expect(seen.head?.keepsAlive).toBe(framing !== 'close')
        expect(seen).toMatchObject({ body, ended: true, left: 0 })
      },
    ),
  )
})

test('bytes behind an answer are not part of it', () => {
  const seen = receive([latin1('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK')])
  expect(seen).toMatchObject({ body: 'ok', ended: true, left: 15 })
})

for (const [what, wire] of [
  ['a body shorter than its length', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok'],
  ['chunks without the last one', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n'],
  ['a head without its end', 'HTTP/1.1 200 OK\r\ncontent-le'],
  ['nothing but an interim answer', 'HTTP/1.1 100 Continue\r\n\r\n'],
] as const)
  test(`${what} has not ended when the connection does`, () => {
    expect(receive([latin1(wire)]).ended).toBe(false)
  })

for (const [what, head, method] of [
  ['204', 'HTTP/1.1 204 No Content\r\ncontent-length: 5', 'POST'],
  ['304', 'HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked', 'GET'],
  ['the answer to HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 5', 'HEAD'],
] as const)
  test(`${what} has no body, whatever its headers say`, () => {
    expect(receive([latin1(`${head}\r\n\r\n`)], method)).toMatchObject({ body: '', ended: true, left: 0 })
  })

test('whether a connection may be used again follows version and header', () => {
  const keeps = (head: string): boolean | undefined =>
    receive([latin1(`${head}\r\ncontent-length: 0\r\n\r\n`)]).head?.keepsAlive
  expect(keeps('HTTP/1.1 200 OK')).toBe(true)
  expect(keeps('HTTP/1.1 200 OK\r\nConnection: Close')).toBe(false)
  expect(keeps('HTTP/1.0 200 OK')).toBe(false)
  expect(keeps('HTTP/1.0 200 OK\r\nconnection: keep-alive')).toBe(true)
})

const OK = 'HTTP/1.1 200 OK\r\n'
for (const [what, wire] of [
  ['a greeting of another protocol', '220 mail.example.test ESMTP\r\n\r\n'],
  ['another protocol without an empty line', 'SSH-2.0-OpenSSH'],
  ['HTTP/2', 'HTTP/2 200\r\n\r\n'],
  ['a status that is no number', 'HTTP/1.1 2x0 OK\r\n\r\n'],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ['a status below 100', 'HTTP/1.1 099 OK\r\n\r\n'],
  ['another version', 'HTTP/1.2 200 OK\r\n\r\n'],
  ['a status cut short', 'HTTP/1.1 20\r\n\r\n'],
  ['a change of protocol', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n'],
  ['a header without a colon', `${OK}content-length 5\r\n\r\n`],
  ['a space before the colon', `${OK}content-length : 5\r\n\r\n`],
  ['a folded header', `${OK}x: a\r\n b\r\n\r\n`],
  ['a bare line feed in a value', `${OK}x: a\nb: c\r\n\r\n`],
  ['a NUL in a value', `${OK}x: a\0b\r\n\r\n`],
  ['two different lengths', `${OK}content-length: 5\r\ncontent-length: 6\r\n\r\n`],
  ['a negative length', `${OK}content-length: -1\r\n\r\n`],
  ['a length with a sign', `${OK}content-length: +5\r\n\r\n`],
  ['an unknown transfer coding', `${OK}transfer-encoding: gzip, chunked\r\n\r\n`],
  ['a chunk without a size', `${OK}transfer-encoding: chunked\r\n\r\nxyz\r\n`],
  ['a chunk size with a sign', `${OK}transfer-encoding: chunked\r\n\r\n-2\r\nok\r\n`],
  ['a chunk size that no memory holds', `${OK}transfer-encoding: chunked\r\n\r\n${'f'.repeat(17)}\r\n`],
  ['a chunk that is longer than it says', `${OK}transfer-encoding: chunked\r\n\r\n1\r\nok\r\n`],
  ['a head without end', `${OK}x: ${'y'.repeat(300_000)}`],
  ['trailers without end', `${OK}transfer-encoding: chunked\r\n\r\n0\r\n${'x: y\r\n'.repeat(20_000)}`],
] as const)
  test(`${what} is no answer`, () => {
    expect(() => receive([latin1(wire)])).toThrow(MalformedAnswer)
  })

test('an answer with a length and chunks is read as chunks, and its connection not used again', () => {
  const seen = receive([latin1(`${OK}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`)])
  expect(seen).toMatchObject({ body: 'ok', ended: true })
  expect(seen.head?.keepsAlive).toBe(false)
})

test('bytes of any kind are an answer, no answer, or not yet one: nothing else happens', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 }), (pieces) => {
      try {
        receive([latin1(OK), ...pieces.map((piece) => Buffer.from(piece))])
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedAnswer)
      }
    }),
  )
})
