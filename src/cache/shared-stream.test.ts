import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { KeptPiece } from '../core/kept-answer.ts'
import { drivenClock } from '../providers/simulator/driven-clock.ts'
import { shareStream, type SharedStream, type StreamReader } from './shared-stream.ts'

/** A source that counts what is taken of it, and what was told at its end. */
function shared(
  sizes: readonly number[],
  bounds: { heldBytes: number; leadBytes: number; roomBytes?: number },
  failsAt = -1,
) {
  const clock = drivenClock()
  const seen: { taken: number; room: number; kept: readonly KeptPiece[] | null | undefined } = {
    taken: 0,
    room: 0,
    kept: undefined,
  }
  async function* source(): AsyncGenerator<Uint8Array> {
    for (const [index, size] of sizes.entries()) {
      if (index === failsAt) throw new Error('cut')
      seen.taken++
      yield new Uint8Array(size).fill(index)
    }
  }
  const stream = shareStream(source(), {
    clock,
    bounds: { ...bounds, patienceMs: 10_000 },
    hold: (bytes) => {
      if (seen.room + bytes > (bounds.roomBytes ?? Infinity)) return false
      seen.room += bytes
      return true
    },
    free: (bytes) => void (seen.room -= bytes),
    isOver: () => seen.taken === sizes.length,
    onOver: async (kept) => {
      expect(seen.kept).toBeUndefined()
      seen.kept = kept
    },
  })
  return { stream, clock, seen }
}

function joined(stream: SharedStream): StreamReader {
  const reader = stream.join()
  if (reader === null) throw new Error('nobody can join')
  return reader
}

async function readAll(reader: StreamReader): Promise<number[]> {
  const sizes: number[] = []
  for (;;) {
    const piece = await reader.next()
    if (piece === null) return sizes
    sizes.push(piece.bytes.length)
    if (piece.last) return sizes
  }
}

const failureOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve()
}

test('every reader gets every piece, whenever it comes and however the pieces are cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }),
      fc.nat(5),
      async (sizes, late) => {
        const { stream, seen } = shared(sizes, { heldBytes: 10_000, leadBytes: 64 })
        const first = joined(stream)
        const early: number[] = []
        for (let count = 0; count < Math.min(late, sizes.length - 1); count++)
          early.push((await first.next())?.bytes.length ?? -1)
        const second = joined(stream)
        const [rest, all] = await Promise.all([readAll(first), readAll(second)])
        expect([...early, ...rest]).toEqual(sizes)
        expect(all).toEqual(sizes)
        first.leave()
        second.leave()
        await turns()
        expect([seen.room, stream.heldBytes]).toEqual([0, 0])
        expect(seen.kept?.map(({ bytes }) => bytes.length)).toEqual(sizes)
      },
    ),
  )
})

test('the source is read no further ahead of its only reader than the bound, for ever', async () => {
  const { stream, seen, clock } = shared(
    Array.from({ length: 100 }, () => 10),
    { heldBytes: 10_000, leadBytes: 50 },
  )
  const reader = joined(stream)
  await turns()
  clock.advance(60_000)
  await turns()
  expect(seen.taken).toBe(6)
  expect(await readAll(reader)).toHaveLength(100)
})

test('a reader that stays behind holds the others up, and is left behind after a while', async () => {
  const { stream, seen, clock } = shared(
    Array.from({ length: 100 }, () => 10),
    { heldBytes: 10_000, leadBytes: 50 },
  )
  const slow = joined(stream)
  const quick = joined(stream)
  const all = readAll(quick)
  await turns()
  expect(seen.taken).toBe(6)
  clock.advance(10_000)
  expect(await all).toHaveLength(100)
  expect(await failureOf(slow.next())).toContain('too far behind')
})

test('a reader that leaves holds nobody up', async () => {
  const { stream } = shared(
    Array.from({ length: 100 }, () => 10),
    { heldBytes: 10_000, leadBytes: 50 },
  )
  const leaver = joined(stream)
  const stayer = joined(stream)
  leaver.leave()
  expect(await readAll(stayer)).toHaveLength(100)
})

test('beyond the bound nothing is kept, memory stays within it, and nobody can join', async () => {
  const { stream, seen } = shared(
    Array.from({ length: 1_000 }, () => 10),
    { heldBytes: 100, leadBytes: 50 },
  )
  const reader = joined(stream)
  let most = 0
  for (let count = 0; count < 1_000; count++) {
    await reader.next()
    most = Math.max(most, stream.heldBytes)
  }
  expect(most).toBeLessThanOrEqual(160)
  expect(stream.join()).toBeNull()
  expect(seen.kept).toBeNull()
})

test('where the gateway has no room for it, an answer is given and not kept', async () => {
  const { stream, seen } = shared([10, 10, 10], { heldBytes: 100, leadBytes: 50, roomBytes: 15 })
  expect(await readAll(joined(stream))).toEqual([10, 10, 10])
  expect([seen.kept, seen.room]).toEqual([null, 0])
})

test('with nobody left the source is read to its end', async () => {
  const { stream, seen } = shared([1, 2, 3], { heldBytes: 100, leadBytes: 1 })
  joined(stream).leave()
  await turns()
  expect(seen.kept).toHaveLength(3)
})

test('what breaks the source breaks every reader, and nothing is kept', async () => {
  const { stream, seen } = shared([1, 2, 3], { heldBytes: 100, leadBytes: 100 }, 2)
  const readers = [joined(stream), joined(stream)]
  for (const reader of readers) expect(await failureOf(readAll(reader))).toBe('cut')
  expect(seen.kept).toBeNull()
})
