// Loops: a model that says the same over and over until something stops it. Linear in a bounded part of the text.

/** Characters of the end that are searched for a period. */
const TAIL = 4_096
/** A run shorter than this, or of fewer turns, is a list, a table or a ruler. */
const MIN_TURNS = 6
const MIN_RUN = 600
/** A loop that stopped by itself has to be longer: somebody may have asked for it. */
const MIN_FINISHED_RUN = 2_000
/** Lines that are looked at, and the least length of one that counts. */
const MAX_LINES = 2_000
const MIN_LINE = 40
const MIN_EQUAL_LINES = 8

/** `isCut`: the text ends because its bound was reached, as loops do. */
export function isLoop(text: string, isCut: boolean): boolean {
  return longestRun(text.slice(-TAIL)) >= (isCut ? MIN_RUN : MIN_FINISHED_RUN) || hasEqualLines(text)
}

/** Length of the longest part at the end that is one thing, `MIN_TURNS` times or more; 0: there is none. */
function longestRun(tail: string): number {
  const matches = prefixMatches(tail)
  let longest = 0
  for (let period = 1; period * MIN_TURNS <= tail.length; period++) {
    const run = matches[period]! + period
    if (run >= period * MIN_TURNS && run > longest) longest = run
  }
  return longest
}

/** The Z-function of the text read backwards: at i, how many characters before position i from the end equal those at the end. */
function prefixMatches(text: string): Int32Array {
  const { length } = text
  const at = (index: number): number => text.charCodeAt(length - 1 - index)
  const matches = new Int32Array(length)
  let from = 0
  let to = 0
  for (let index = 1; index < length; index++) {
    let matched = index < to ? Math.min(to - index, matches[index - from]!) : 0
    while (index + matched < length && at(matched) === at(index + matched)) matched++
    matches[index] = matched
    if (index + matched > to) {
      from = index
      to = index + matched
    }
  }
  return matches
}

/** Half of the text or more is one long line, again and again. */
function hasEqualLines(text: string): boolean {
  if (text.length < MIN_LINE * MIN_EQUAL_LINES) return false
  const counts = new Map<string, number>()
  let looked = 0
  let characters = 0
  let from = 0
  while (looked < MAX_LINES && from < text.length) {
    const end = text.indexOf('\n', from)
    const to = end < 0 ? text.length : end
    const line = text.slice(from, Math.min(to, from + TAIL)).trim()
    characters += line.length
    if (line.length >= MIN_LINE) counts.set(line, (counts.get(line) ?? 0) + 1)
    from = to + 1
    looked++
  }
  for (const [line, count] of counts) if (count >= MIN_EQUAL_LINES && count * line.length * 2 >= characters) return true
  return false
}
