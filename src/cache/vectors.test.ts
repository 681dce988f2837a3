import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { createVectorIndex, unitVector, type KeyedVector } from './vectors.ts'

const unit = (...numbers: number[]): Float32Array => unitVector(numbers) ?? new Float32Array()
const direction = fc
  .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 })
  .filter((numbers) => Math.hypot(...numbers) > 0.01)

test('the nearest is the one with the largest cosine, and a question is nearest to itself', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(direction, { minLength: 1, maxLength: 20 }), direction, async (kept, asked) => {
      const entries = kept.map((numbers, index) => ({ key: `${index}`, vector: unit(...numbers) }))
      const index = createVectorIndex(async () => entries)
      const near = await index.nearest('s', unit(...asked))
      const cosine = (other: number[]): number =>
        other.reduce((sum, number, place) => sum + number * (asked[place] ?? 0), 0) /
        (Math.hypot(...other) * Math.hypot(...asked))
      expect(near?.similarity).toBeCloseTo(Math.max(...kept.map(cosine)), 5)
      index.add('s', { key: 'self', vector: unit(...asked) })
      expect((await index.nearest('s', unit(...asked)))?.similarity).toBeCloseTo(1, 5)
    }),
  )
})

test('spaces know nothing of each other', async () => {
  const kept: Readonly<Record<string, KeyedVector>> = { a: { key: 'one', vector: unit(1, 0) } }
  const index = createVectorIndex(async (space) => (kept[space] === undefined ? [] : [kept[space]]))
  expect((await index.nearest('a', unit(1, 0)))?.key).toBe('one')
  expect(await index.nearest('b', unit(1, 0))).toBeNull()
})

test('a space has its bound, all have theirs, and what was forgotten is read again', async () => {
  let loads = 0
  const index = createVectorIndex(
    async () => {
      loads++
      return []
    },
    { perSpace: 3, inAll: 6 },
  )
  await index.nearest('a', unit(1, 0))
  for (const key of ['1', '2', '3', '4']) index.add('a', { key, vector: unit(key === '1' ? 1 : 0, 1) })
  expect((await index.nearest('a', unit(1, 0)))?.similarity).toBeCloseTo(0, 5)
  for (const space of ['b', 'c']) await index.nearest(space, unit(1, 0))
  expect(loads).toBe(3)
  await index.nearest('a', unit(1, 0))
  expect(loads).toBe(4)
})

test('one that is removed is found no more', async () => {
  const index = createVectorIndex(async () => [{ key: 'one', vector: unit(1, 0) }])
  await index.nearest('a', unit(1, 0))
  index.remove('a', 'one')
  expect(await index.nearest('a', unit(1, 0))).toBeNull()
})

test('vectors of another length are of another model, and those without direction are none', async () => {
  const index = createVectorIndex(async () => [{ key: 'one', vector: unit(1, 0, 0) }])
  expect(await index.nearest('a', unit(1, 0))).toBeNull()
  expect(unitVector([0, 0])).toBeNull()
  expect(unitVector([Number.NaN, 1])).toBeNull()
})
