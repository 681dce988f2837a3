import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { base64Bytes, isOfKind, mediaTypeOfBytes, plainBase64, plainMediaType } from './media.ts'

for (const [type, head] of [
  ['image/png', '\x89PNG\r\n\x1a\n\0\0\0'],
  ['image/jpeg', '\xff\xd8\xff\xe0'],
  ['image/gif', 'GIF89a'],
  ['image/webp', 'RIFF\0\0\0\0WEBPVP8 '],
  ['image/heic', '\0\0\0\x18ftypheic'],
  ['image/avif', '\0\0\0\x18ftypavif'],
  ['video/mp4', '\0\0\0\x18ftypisom'],
  ['video/quicktime', '\0\0\0\x18ftypqt  '],
  ['audio/mp4', '\0\0\0\x18ftypM4A '],
  ['audio/wav', 'RIFF\0\0\0\0WAVEfmt '],
  ['audio/mpeg', 'ID3\x04'],
  ['application/pdf', '%PDF-1.7'],
  [null, '<html>'],
  [null, ''],
] as const)
  test(`${JSON.stringify(head)} is ${type ?? 'of no known format'}`, () =>
    expect(mediaTypeOfBytes(Buffer.from(head, 'latin1'))).toBe(type))

test('media types are compared without their parameters and under one name', () => {
  expect(plainMediaType('Image/JPG; q=1')).toBe('image/jpeg')
  expect(isOfKind('image', 'image/png')).toBe(true)
  expect(isOfKind('image', 'application/pdf')).toBe(false)
  expect(isOfKind('audio', 'video/mp4')).toBe(true)
  expect(isOfKind('file', 'application/pdf')).toBe(true)
})

test('base64 of any bytes is base64, also in the alphabet of URLs, in lines and without padding', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
      const plain = Buffer.from(bytes).toString('base64')
      expect(plainBase64(plain)).toBe(plain)
      expect(plainBase64(Buffer.from(bytes).toString('base64url'))).toBe(plain)
      expect(plainBase64(plain.replace(/(.{7})/g, '$1\r\n'))).toBe(plain)
      expect(base64Bytes(plain)).toBeGreaterThanOrEqual(bytes.length)
    }),
  )
})

test.each(['', 'a', 'a b=', 'äöü=', '====', 'AA=A', '{"a":1}'])('%j is no base64', (text) =>
  expect(plainBase64(text)).toBeNull(),
)
