// How many entries a cache that forgets what was used least may hold.

/**
 * Options of an `lru-cache` that holds at most so many entries. Its `max` would lay out a place for each of them at once
 * (224 KB for 10 000, of which most gateways fill a few dozen); counted by a size of one each, the bound is the same and
 * the cache grows with what it holds.
 */
export function atMost(entries: number): { readonly maxSize: number; readonly sizeCalculation: () => number } {
  return { maxSize: entries, sizeCalculation: one }
}

function one(): number {
  return 1
}
