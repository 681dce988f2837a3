// JSON as text: bounds before parsing, and edits of top-level members that leave every other byte as it was.

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject
export type JsonObject = { readonly [name: string]: JsonValue | undefined }

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** JSON without line breaks: between its tokens they mean nothing, and inside its texts there are none. */
export function jsonLine(json: string): string {
  return json.replace(/[\r\n]+/g, ' ')
}

/** A text that was looked through once. */
export type JsonScan = {
  readonly members: Members
  /** First bound that the text breaks, or null. */
  readonly problem: string | null
}

export type JsonBounds = {
  readonly depth: number
  /** Most members, objects and lists together. */
  readonly keys: number
}

const QUOTE = 34
const BACKSLASH = 92
const OPEN_BRACE = 123
const CLOSE_BRACE = 125
const OPEN_BRACKET = 91
const CLOSE_BRACKET = 93
const COLON = 58
const COMMA = 44

/** Numbers of a member in `#places`: where its name's quotes stand, and where its value begins and ends. */
const PER_MEMBER = 4
/** So many names are compared with each other faster than a set of them is made. */
const FEW_MEMBERS = 24

/**
 * The top-level members of an object's text, in its order; none when the text is no object. Kept as places in the text: hardly
 * any name is ever asked for, and a map of them would be most of what reading a request leaves for the collector.
 */
export class Members {
  readonly #text: string
  readonly #places: readonly number[]
  /** A name is written with escapes: only then is a name something else than what stands between its quotes. */
  readonly #isEscaped: boolean

  constructor(text: string, places: readonly number[], isEscaped: boolean) {
    this.#text = text
    this.#places = places
    this.#isEscaped = isEscaped
  }

  get size(): number {
    return this.#places.length / PER_MEMBER
  }

  has(name: string): boolean {
    return this.#indexOf(name) >= 0
  }

  names(): string[] {
    return Array.from({ length: this.size }, (_, index) => this.#nameAt(index))
  }

  /** JSON of a member's value as it stands in the text; null: there is no such member. */
  valueText(name: string): string | null {
    const index = this.#indexOf(name)
    return index < 0 ? null : this.#text.slice(this.#valueStart(index), this.#valueEnd(index))
  }

  /** The first name that stands twice; null: none does. */
  get repeated(): string | null {
    const { size } = this
    if (size <= FEW_MEMBERS && !this.#isEscaped) {
      for (let later = 1; later < size; later++)
        for (let index = 0; index < later; index++) if (this.#isSameName(index, later)) return this.#nameAt(later)
      return null
    }
    const seen = new Set<string>()
    for (let index = 0; index < size; index++) {
      const name = this.#nameAt(index)
      if (seen.has(name)) return name
      seen.add(name)
    }
    return null
  }

  /**
   * The text with members set or removed; everything else stays byte for byte.
   * @param edits member name → its new value as JSON text, or null to remove it
   */
  edited(edits: Readonly<Record<string, string | null>>): string {
    let result = this.#text
    let left = this.size
    // From the end to the start, so that earlier places stay right.
    for (let index = left - 1; index >= 0; index--) {
      const value = this.#editOf(index, edits)
      if (value === undefined) continue
      if (value === null) {
        result = removeSpan(result, this.#places[index * PER_MEMBER]!, this.#valueEnd(index))
        left--
      } else result = result.slice(0, this.#valueStart(index)) + value + result.slice(this.#valueEnd(index))
    }
    let additions = ''
    for (const name in edits) {
      const value = edits[name]
      if (typeof value !== 'string' || this.has(name)) continue
      additions += `${additions === '' ? '' : ','}${JSON.stringify(name)}:${value}`
    }
    if (additions === '') return result
    const open = result.indexOf('{') + 1
    return `${result.slice(0, open)}${additions}${left > 0 ? ',' : ''}${result.slice(open)}`
  }

  /** Undefined: it stays as it is. */
  #editOf(index: number, edits: Readonly<Record<string, string | null>>): string | null | undefined {
    for (const name in edits) if (this.#isNamed(index, name)) return edits[name]
    return undefined
  }

  #indexOf(name: string): number {
    for (let index = this.size - 1; index >= 0; index--) if (this.#isNamed(index, name)) return index
    return -1
  }

  #isNamed(index: number, name: string): boolean {
    if (this.#isEscaped) return this.#nameAt(index) === name
    const start = this.#places[index * PER_MEMBER]! + 1
    return this.#places[index * PER_MEMBER + 1]! - start === name.length && this.#text.startsWith(name, start)
  }

  #isSameName(one: number, other: number): boolean {
    const start = this.#places[one * PER_MEMBER]! + 1
    const otherStart = this.#places[other * PER_MEMBER]! + 1
    const length = this.#places[one * PER_MEMBER + 1]! - start
    if (length !== this.#places[other * PER_MEMBER + 1]! - otherStart) return false
    for (let at = 0; at < length; at++)
      if (this.#text.charCodeAt(start + at) !== this.#text.charCodeAt(otherStart + at)) return false
    return true
  }

  #nameAt(index: number): string {
    const start = this.#places[index * PER_MEMBER]!
    const end = this.#places[index * PER_MEMBER + 1]!
    const plain = this.#text.slice(start + 1, end)
    if (!this.#isEscaped || !plain.includes('\\')) return plain
    try {
      // Written with escapes, a name must still be known as what it says.
      return JSON.parse(this.#text.slice(start, end + 1)) as string
    } catch {
      return plain
    }
  }

  #valueStart(index: number): number {
    return this.#places[index * PER_MEMBER + 2]!
  }

  #valueEnd(index: number): number {
    return this.#places[index * PER_MEMBER + 3]!
  }
}

/** Of what is no JSON text. */
export const NO_MEMBERS = new Members('', [], false)

/**
 * One pass over the text: nesting and member count against their bounds, and the places of the top-level members.
 * It does not validate: `JSON.parse` does that afterwards, and the places mean something only if it succeeds.
 * A top-level name that stands twice is a problem: parsers disagree on which one counts, so it could mean one thing to
 * our checks and another to the provider.
 */
export function scanJson(text: string, bounds: JsonBounds): JsonScan {
  const places: number[] = []
  let depth = 0
  let parts = 0
  let isRootObject = false
  let isEscaped = false
  let nameStart = -1
  let nameEnd = -1
  let valueStart = -1
  let tooMuch: string | null = null
  for (let index = 0; index < text.length && tooMuch === null; index++) {
    const code = text.charCodeAt(index)
    switch (code) {
      case QUOTE: {
        const end = stringEnd(text, index)
        if (depth === 1 && valueStart < 0) {
          nameStart = index
          nameEnd = end
        }
        index = end
        break
      }
      case OPEN_BRACE:
      case OPEN_BRACKET:
        if (depth === 0) isRootObject = code === OPEN_BRACE
        if (++depth > bounds.depth) tooMuch = `it is nested deeper than ${bounds.depth} levels`
        // Lists count, too: 32 MiB of `[],[],…` would become a gigabyte of them.
        else if (++parts > bounds.keys) tooMuch = tooMany(bounds)
        break
      case COLON:
        if (++parts > bounds.keys) tooMuch = tooMany(bounds)
        else if (depth === 1 && isRootObject && valueStart < 0) {
          valueStart = index + 1
          while (isSpace(text.charCodeAt(valueStart))) valueStart++
        }
        break
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
      case COMMA:
        if (depth === 1 && isRootObject && valueStart >= 0) {
          let valueEnd = index
          while (valueEnd > valueStart && isSpace(text.charCodeAt(valueEnd - 1))) valueEnd--
          places.push(nameStart, nameEnd, valueStart, valueEnd)
          isEscaped ||= hasEscape(text, nameStart, nameEnd)
          valueStart = -1
        }
        if (code !== COMMA) depth--
        break
    }
  }
  const members = new Members(text, places, isEscaped)
  return { members, problem: tooMuch ?? twice(members.repeated) }
}

function twice(name: string | null): string | null {
  return name === null ? null : `the member ${JSON.stringify(name.slice(0, 64))} stands twice`
}

function tooMany({ keys }: JsonBounds): string {
  return `it has more than ${keys} members, objects and lists`
}

function hasEscape(text: string, start: number, end: number): boolean {
  for (let index = start; index < end; index++) if (text.charCodeAt(index) === BACKSLASH) return true
  return false
}

function stringEnd(text: string, start: number): number {
  let end = start
  for (;;) {
    end = text.indexOf('"', end + 1)
    if (end < 0) return text.length
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return end
  }
}

function isSpace(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9
}

function removeSpan(text: string, from: number, to: number): string {
  let end = to
  while (isSpace(text.charCodeAt(end))) end++
  if (text.charCodeAt(end) === COMMA) return text.slice(0, from) + text.slice(end + 1)
  // The last member: the comma before it goes too.
  let start = from
  while (isSpace(text.charCodeAt(start - 1))) start--
  if (text.charCodeAt(start - 1) === COMMA) start--
  return text.slice(0, start) + text.slice(end)
}
