// Header lines as they came on a connection of our own (RFC 9112, section 5): found by their places, read when asked for.
import type { HeaderSource } from './headers.ts'

const TAB = 9
const SPACE = 32
const COLON = 58
/** By character code: whether it may stand in the name of a header. */
const IS_NAME = new Uint8Array(256)
for (const character of "!#$%&'*+.^_`|~-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
  IS_NAME[character.charCodeAt(0)] = 1

/** By character code: the code in lower case. Beyond it nothing has another case that may stand in the name of a header. */
const LOWER = Uint8Array.from({ length: 256 }, (_, code) => (code >= 65 && code <= 90 ? code + 32 : code))

/**
 * Header lines by their places in the text: of the many headers of a head few are asked for, and most of those that are asked
 * for are not there. Some fifty are asked for in a request, so that has to cost next to nothing.
 */
export class ReceivedHeaders implements HeaderSource {
  readonly #text: string
  /** Four places for each line: the name's start and end, the value's start and end without the spaces around it. */
  readonly #places: readonly number[]
  /** A bit for each name that is there, by its length and its ends: where its bit is missing, a name is. */
  readonly #marks: number

  constructor(text: string, places: readonly number[]) {
    this.#text = text
    this.#places = places
    let marks = 0
    for (let at = 0; at < places.length; at += 4) marks |= markOf(text, places[at]!, places[at + 1]!)
    this.#marks = marks
  }

  get(name: string): string | null {
    if ((this.#marks & markOf(name, 0, name.length)) === 0) return null
    const places = this.#places
    let value: string | null = null
    for (let at = 0; at < places.length; at += 4) {
      const start = places[at]!
      if (places[at + 1]! - start !== name.length || !this.#isNamed(start, name)) continue
      const one = this.#text.slice(places[at + 2], places[at + 3])
      value = value === null ? one : `${value}, ${one}`
    }
    return value
  }

  #isNamed(start: number, name: string): boolean {
    for (let index = 0; index < name.length; index++)
      if (LOWER[this.#text.charCodeAt(start + index)] !== name.charCodeAt(index)) return false
    return true
  }

  *[Symbol.iterator](): Generator<[string, string]> {
    const names = new Set<string>()
    for (let at = 0; at < this.#places.length; at += 4)
      names.add(this.#text.slice(this.#places[at], this.#places[at + 1]).toLowerCase())
    for (const name of names) {
      const value = this.get(name)
      if (value !== null) yield [name, value]
    }
  }
}

/** One of 32 bits. */
function markOf(text: string, start: number, end: number): number {
  return 1 << (5 * (end - start) + 3 * LOWER[text.charCodeAt(start)]! + LOWER[text.charCodeAt(end - 1)]!)
}

/**
 * Where the names and values of the header lines from `start` on stand, four places for each line; null where one is no header. A line
 * that begins with a space would continue the one before: obsolete, and read differently by different programs. A NUL, a bare carriage
 * return or line feed has no meaning in a value, and other programs may see the end of a line there.
 */
export function headerPlaces(text: string, start: number): number[] | null {
  if (text.indexOf('\0', start) >= 0) return null
  const places: number[] = []
  let at = start
  for (;;) {
    const nameStart = at
    while (at < text.length && IS_NAME[text.charCodeAt(at)] === 1) at++
    if (at === nameStart || at === text.length || text.charCodeAt(at) !== COLON) return null
    const nameEnd = at++
    // Looked for and not walked to: values are long.
    const feed = text.indexOf('\n', at)
    const end = feed < 0 ? text.length : feed - 1
    const firstReturn = text.indexOf('\r', at)
    if (feed < 0 ? firstReturn >= 0 : firstReturn !== end) return null
    let valueEnd = end
    while (isSpace(text.charCodeAt(at)) && at < valueEnd) at++
    while (valueEnd > at && isSpace(text.charCodeAt(valueEnd - 1))) valueEnd--
    places.push(nameStart, nameEnd, at, valueEnd)
    if (feed < 0) return places
    at = feed + 1
  }
}

function isSpace(code: number): boolean {
  return code === SPACE || code === TAB
}
