// Globs over names that strangers write: `*` matches any run of characters, `?` exactly one.
type Test = (name: string) => boolean

/** A test of whether a name matches one of the globs. */
export function globTest(globs: readonly string[]): Test {
  if (globs.includes('*')) return () => true
  const exact = new Set(globs.filter((glob) => !/[*?]/.test(glob)))
  const patterns = globs.filter((glob) => /[*?]/.test(glob)).map(compileGlob)
  return (name) => exact.has(name) || patterns.some((matches) => matches(name))
}

// Names come from strangers, so no regular expression: `*a*a*a*b` would backtrack for seconds on a long name. The
// leftmost place of each piece between two stars is always good enough, so one pass decides.
function compileGlob(glob: string): Test {
  const pieces = glob.split('*')
  const head = pieces[0] ?? ''
  const tail = pieces.at(-1) ?? ''
  const middle = pieces.slice(1, -1)
  return (name) => {
    if (pieces.length === 1) return name.length === head.length && fits(name, 0, head)
    if (name.length < head.length + tail.length || !fits(name, 0, head)) return false
    const end = name.length - tail.length
    if (!fits(name, end, tail)) return false
    let from = head.length
    for (const piece of middle) {
      const found = find(name, piece, from, end)
      if (found < 0) return false
      from = found + piece.length
    }
    return true
  }
}

function find(name: string, piece: string, from: number, end: number): number {
  if (!piece.includes('?')) {
    const found = name.indexOf(piece, from)
    return found + piece.length <= end ? found : -1
  }
  for (let at = from; at + piece.length <= end; at++) if (fits(name, at, piece)) return at
  return -1
}

function fits(name: string, at: number, piece: string): boolean {
  if (!piece.includes('?')) return name.startsWith(piece, at)
  for (let index = 0; index < piece.length; index++)
    if (piece[index] !== '?' && piece[index] !== name[at + index]) return false
  return true
}
