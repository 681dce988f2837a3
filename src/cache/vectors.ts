// Which kept question is nearest in meaning: vectors by what must be the same around them, compared one by one.
//
// Bounds: `perSpace` vectors in one space and `inAll` in memory; the oldest go first. A space is read from the store when it
// is first asked for, and forgotten as a whole when others need its room.
import { LRUCache } from 'lru-cache'

export type Near = { readonly key: string; readonly similarity: number }
export type KeyedVector = { readonly key: string; readonly vector: Float32Array }

const VECTOR_BOUNDS = { perSpace: 2_000, inAll: 10_000 } as const

export interface VectorIndex {
  /** The nearest of a space; null: it is empty. */
  nearest(space: string, vector: Float32Array): Promise<Near | null>
  /** Adds one to a space, if it is in memory. */
  add(space: string, entry: KeyedVector): void
  remove(space: string, key: string): void
}

/** @param load the vectors of a space, newest first, at most `limit` */
export function createVectorIndex(
  load: (space: string, limit: number) => Promise<readonly KeyedVector[]>,
  bounds: { readonly perSpace: number; readonly inAll: number } = VECTOR_BOUNDS,
): VectorIndex {
  const spaces = new LRUCache<string, Map<string, Float32Array>>({
    maxSize: bounds.inAll,
    // What a space may grow to, so that the sum stays within its bound whatever is added.
    sizeCalculation: () => bounds.perSpace,
  })

  async function vectorsOf(space: string): Promise<Map<string, Float32Array>> {
    const known = spaces.get(space)
    if (known !== undefined) return known
    const loaded = await load(space, bounds.perSpace)
    // Another request may have read it meanwhile, and added to it.
    const now = spaces.get(space)
    if (now !== undefined) return now
    const vectors = new Map(loaded.toReversed().map(({ key, vector }) => [key, vector]))
    spaces.set(space, vectors)
    return vectors
  }

  return {
    async nearest(space, vector) {
      let best: Near | null = null
      for (const [key, other] of await vectorsOf(space)) {
        if (other.length !== vector.length) continue
        const similarity = dot(vector, other)
        if (best === null || similarity > best.similarity) best = { key, similarity }
      }
      return best
    },
    add(space, { key, vector }) {
      const vectors = spaces.get(space)
      if (vectors === undefined) return
      vectors.delete(key)
      vectors.set(key, vector)
      const [oldest] = vectors.keys()
      if (vectors.size > bounds.perSpace && oldest !== undefined) vectors.delete(oldest)
    },
    remove(space, key) {
      spaces.get(space)?.delete(key)
    },
  }
}

/** Of length 1, so that a product of two is the cosine of their angle. Null: it has no direction. */
export function unitVector(numbers: readonly number[]): Float32Array | null {
  const vector = Float32Array.from(numbers)
  const length = Math.sqrt(dot(vector, vector))
  if (!Number.isFinite(length) || length === 0) return null
  for (let index = 0; index < vector.length; index++) vector[index]! /= length
  return vector
}

function dot(one: Float32Array, other: Float32Array): number {
  let sum = 0
  for (let index = 0; index < one.length; index++) sum += one[index]! * other[index]!
  return sum
}
