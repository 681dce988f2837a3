// The names that somebody may have meant: nearest by edit distance.

/** Edits (insert, delete, replace, swap of neighbours) that turn one text into the other; above `bound` it answers `bound + 1`. */
export function editDistance(from: string, to: string, bound: number): number {
  if (Math.abs(from.length - to.length) > bound) return bound + 1
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    let best = row
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1))
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1])
        cost = Math.min(cost, beforeLast[column - 2]! + 1)
      current.push(cost)
      if (cost < best) best = cost
    }
    if (best > bound) return bound + 1
    beforeLast = last
    last = current
  }
  return Math.min(last[to.length]!, bound + 1)
}

// One typing mistake in a short word, two in a usual one, three in a long one: more is another word.
function tolerance(name: string): number {
  if (name.length <= 4) return 1
  return name.length <= 10 ? 2 : 3
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[-_ ]/g, '')
}

/** Candidates that `name` may stand for, nearest first, at most `limit`. Case, dashes and underscores do not count. */
export function nearestNames(name: string, candidates: Iterable<string>, limit = 3): string[] {
  const wanted = plain(name)
  // Nobody mistypes a thousand characters; the bound keeps a hostile name cheap.
  if (wanted === '' || wanted.length > 100) return []
  const bound = tolerance(wanted)
  const found: { candidate: string; distance: number }[] = []
  for (const candidate of candidates) {
    const other = plain(candidate)
    const starts = wanted.length >= 3 && (other.startsWith(wanted) || (other.length >= 3 && wanted.startsWith(other)))
    const distance = starts ? Math.min(1, editDistance(wanted, other, 1)) : editDistance(wanted, other, bound)
    if (distance <= bound) found.push({ candidate, distance })
  }
  return found
    .toSorted((one, two) => one.distance - two.distance)
    .slice(0, limit)
    .map((row) => row.candidate)
}

/** "Did you mean …?", or null when nothing is near. */
export function didYouMean(name: string, candidates: Iterable<string>): string | null {
  const names = nearestNames(name, candidates)
  if (names.length === 0) return null
  const last = names.at(-1)!
  return `Did you mean ${names.length === 1 ? last : `${names.slice(0, -1).join(', ')} or ${last}`}?`
}
