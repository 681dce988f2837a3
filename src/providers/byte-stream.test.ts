import { expect, test } from 'bun:test'
import { nextOf } from './answer-stream.ts'
import { createByteStream } from './byte-stream.ts'

async function* sourceOf(...pieces: readonly (string | Error)[]): AsyncGenerator<Uint8Array, undefined> {
  for (const piece of pieces) {
    if (piece instanceof Error) throw piece
    yield new TextEncoder().encode(piece)
  }
}

test('bytes are handed out as they come, and an empty last piece says that the end is sound', async () => {
  const stream = createByteStream({ source: sourceOf('ab', 'c') })
  await stream.open()
  const pieces: (readonly [string, boolean])[] = []
  for (let piece = await nextOf(stream); piece !== null; piece = await nextOf(stream))
    pieces.push([new TextDecoder().decode(piece.bytes), piece.last])
  expect(pieces).toEqual([
    ['ab', false],
    ['c', false],
    ['', true],
  ])
})

test('an answer without bytes is none', async () => {
  expect(createByteStream({ source: sourceOf() }).open()).rejects.toThrow('the answer is empty')
})

test('a break before the first bytes is told before anything is committed, a later one when it comes', async () => {
  expect(createByteStream({ source: sourceOf(new Error('reset')) }).open()).rejects.toThrow('reset')
  const stream = createByteStream({ source: sourceOf('ab', new Error('reset')) })
  await stream.open()
  expect((await nextOf(stream))?.bytes.length).toBe(2)
  expect(nextOf(stream)).rejects.toThrow('reset')
})
