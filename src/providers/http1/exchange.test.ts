import { expect, test } from 'bun:test'
import { nextPiece } from '../incoming.ts'
import { Exchange } from './exchange.ts'

const PIECE_BYTES = 100_000

/** An exchange with so many pieces that nobody has read, and what it has told its connection. */
function unread(pieces: number): { exchange: Exchange; told: string[] } {
  const told: string[] = []
  const carrier = {
    pause: () => void told.push('pause'),
    resume: () => void told.push('resume'),
    destroy: () => void told.push('destroy'),
  }
  const waiting = { answered: () => undefined, failed: () => undefined }
  const exchange = new Exchange(false, carrier, waiting)
  for (let piece = 0; piece < pieces; piece++) exchange.onBody(new Uint8Array(PIECE_BYTES))
  return { exchange, told }
}

async function readAll(exchange: Exchange, pieces: number): Promise<void> {
  for (let piece = 0; piece < pieces; piece++) expect((await nextPiece(exchange))?.length).toBe(PIECE_BYTES)
}

test('what is not read pauses the connection, once, and reading it lets the connection go on', async () => {
  const { exchange, told } = unread(4)
  expect(told).toEqual(['pause'])
  await readAll(exchange, 4)
  expect(told).toEqual(['pause', 'resume'])
})

test('an answer that has ended leaves its connection alone, which may carry the next answer already', async () => {
  const { exchange, told } = unread(4)
  exchange.onEnd()
  await readAll(exchange, 4)
  expect(await nextPiece(exchange)).toBeNull()
  exchange.cancel()
  expect(told).toEqual(['pause'])
})
