// Joins the text of a continuation to what was there before, without losing or repeating any of it.
//
// A model that goes on from a begun answer of its own (prefill) writes the very next character; only the white space at the
// seam may be doubled, because some providers refuse a begun answer that ends in it. A model that is asked to go on may repeat
// the last words, begin the last word again, or begin from the start: its first characters are held until that is clear.

/** How the continuation was asked for. */
export type SeamKind = 'prefill' | 'asked'

export interface TextSeam {
  /** What of the next piece is new. */
  push(piece: string): string
  /** What is still held, when the text ends. */
  flush(): string
}

/** Characters that decide: longer repetitions than this are found by their beginning. */
const HELD_CHARACTERS = 96
const LONGEST_OVERLAP = 400
/** Shorter than this, an overlap may be chance. */
const TELLING_CHARACTERS = 10
const SHORTEST_WORD = 3

export function textSeam(before: string, kind: SeamKind): TextSeam {
  let held = ''
  let isDecided = false

  function decide(isEnd: boolean): string {
    const found = kind === 'prefill' ? afterSpace(before, held, isEnd) : afterRepetition(before, held, isEnd)
    if (found === null) return ''
    isDecided = true
    held = ''
    return found
  }

  return {
    push(piece) {
      if (isDecided) return piece
      held += piece
      return decide(false)
    },
    flush: () => (isDecided ? '' : decide(true)),
  }
}

/** Null: more has to be seen. */
function afterSpace(before: string, held: string, isEnd: boolean): string | null {
  const space = /\s*$/.exec(before)?.[0] ?? ''
  if (space === '') return held
  const text = held.trimStart()
  if (text === '' && !isEnd) return null
  const again = held.slice(0, held.length - text.length)
  // As much of the white space as is new: a model may have meant more of it than there was.
  return again.startsWith(space) ? again.slice(space.length) + text : text
}

function afterRepetition(before: string, held: string, isEnd: boolean): string | null {
  const same = commonStart(before, held)
  if (same === before.length) return held.slice(same)
  if (!isEnd && (same === held.length || held.length < HELD_CHARACTERS)) return null
  // All of it stands among the last words: they are still being repeated.
  if (!isEnd && before.slice(-LONGEST_OVERLAP).includes(held)) return null
  for (let length = Math.min(held.length, before.length, LONGEST_OVERLAP); length >= TELLING_CHARACTERS; length--)
    if (isTelling(held.slice(0, length)) && before.endsWith(held.slice(0, length))) return held.slice(length)
  const word = /\p{L}+$/u.exec(before)?.[0] ?? ''
  const isBegunAgain = word.length >= SHORTEST_WORD && held.startsWith(word) && /^\p{L}/u.test(held.slice(word.length))
  return isBegunAgain ? held.slice(word.length) : held
}

/** Words, not a ruler or a table's edge: those repeat by themselves. */
function isTelling(text: string): boolean {
  return /\p{L}\s+\S*\p{L}/u.test(text) && new Set(text).size >= 5
}

function commonStart(one: string, other: string): number {
  const most = Math.min(one.length, other.length)
  let length = 0
  while (length < most && one.charCodeAt(length) === other.charCodeAt(length)) length++
  return length
}
