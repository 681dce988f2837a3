// Header lines as they came on a connection of our own (RFC 9112, section 5): found by their places, read when asked for.
import type { HeaderSource } from './headers.ts'

const CARRIAGE_RETURN = 13
const LINE_FEED = 10
const COLON = 58
/** By character code: whether it may stand in the name of a header. */
const IS_NAME = new Uint8Array(256)
for (const character of "!#$%&'*+.^_`|~-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
  IS_NAME[character.charCodeAt(0)] = 1

/**
 * Header lines by their places in the text: of the many headers of a head few are asked for, and most of those that are asked
 * for are not there, which costs nothing but a look at lengths.
 */
export class ReceivedHeaders implements HeaderSource {
  readonly #text: string
  readonly #lowered: string
  /** Four places for each line: the name's start and end, the value's start and end. */
  readonly #places: readonly number[]

  constructor(text: string, places: readonly number[]) {
    this.#text = text
    this.#lowered = text.toLowerCase()
    this.#places = places
  }

  get(name: string): string | null {
    const places = this.#places
    let value: string | null = null
    for (let at = 0; at < places.length; at += 4) {
      const start = places[at]!
      if (places[at + 1]! - start !== name.length || !this.#lowered.startsWith(name, start)) continue
      const one = this.#text.slice(places[at + 2], places[at + 3]).trim()
      value = value === null ? one : `${value}, ${one}`
    }
    return value
  }

  *[Symbol.iterator](): Generator<[string, string]> {
    const names = new Set<string>()
    for (let at = 0; at < this.#places.length; at += 4)
      names.add(this.#lowered.slice(this.#places[at], this.#places[at + 1]))
    for (const name of names) {
      const value = this.get(name)
      if (value !== null) yield [name, value]
    }
  }
}

/**
 * Where the names and values of the header lines from `start` on stand, four places for each line; null where one is no header. A line
 * that begins with a space would continue the one before: obsolete, and read differently by different programs. A NUL, a bare carriage
 * return or line feed has no meaning in a value, and other programs may see the end of a line there.
 */
export function headerPlaces(text: string, start: number): number[] | null {
  const places: number[] = []
  let at = start
  for (;;) {
    const nameStart = at
    while (IS_NAME[text.charCodeAt(at)] === 1) at++
    if (at === nameStart || text.charCodeAt(at) !== COLON) return null
    const nameEnd = at++
    const valueStart = at
    let code = text.charCodeAt(at)
    // Beyond the end of the text it is no number.
    while (code > CARRIAGE_RETURN || (code !== CARRIAGE_RETURN && code !== LINE_FEED && code > 0))
      code = text.charCodeAt(++at)
    places.push(nameStart, nameEnd, valueStart, at)
    if (at === text.length) return places
    if (code !== CARRIAGE_RETURN || text.charCodeAt(at + 1) !== LINE_FEED) return null
    at += 2
  }
}
