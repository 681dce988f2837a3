// JSON as text: bounds before parsing, and edits of top-level members that leave every other byte as it was.

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject
export type JsonObject = { readonly [name: string]: JsonValue | undefined }

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Where a top-level member stands in the text: `start` at its name's quote, `valueStart`–`valueEnd` around its value. */
export type Member = { readonly start: number; readonly valueStart: number; readonly valueEnd: number }

/** JSON without line breaks: between its tokens they mean nothing, and inside its texts there are none. */
export function jsonLine(json: string): string {
  return json.replace(/[\r\n]+/g, ' ')
}

export type JsonScan = {
  /** Top-level members by name; empty when the text is no object. */
  readonly members: ReadonlyMap<string, Member>
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

/**
 * One pass over the text: nesting and member count against their bounds, and the places of the top-level members.
 * It does not validate: `JSON.parse` does that afterwards, and the places mean something only if it succeeds.
 * A top-level name that stands twice is a problem: parsers disagree on which one counts, so it could mean one thing to
 * our checks and another to the provider.
 */
export function scanJson(text: string, bounds: JsonBounds): JsonScan {
  const members = new Map<string, Member>()
  let depth = 0
  let parts = 0
  let isRootObject = false
  let nameStart = -1
  let nameEnd = -1
  let valueStart = -1
  let problem: string | null = null
  const close = (end: number): void => {
    if (valueStart < 0) return
    const name = memberName(text, nameStart, nameEnd)
    if (members.has(name)) problem ??= `the member ${JSON.stringify(name.slice(0, 64))} stands twice`
    let valueEnd = end
    while (valueEnd > valueStart && isSpace(text.charCodeAt(valueEnd - 1))) valueEnd--
    members.set(name, { start: nameStart, valueStart, valueEnd })
    valueStart = -1
  }
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
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
        if (depth === 0) isRootObject = text.charCodeAt(index) === OPEN_BRACE
        if (++depth > bounds.depth) return { members, problem: `it is nested deeper than ${bounds.depth} levels` }
        // Lists count, too: 32 MiB of `[],[],…` would become a gigabyte of them.
        if (++parts > bounds.keys) return { members, problem: tooMany(bounds) }
        break
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        if (depth === 1 && isRootObject) close(index)
        depth--
        break
      case COLON:
        if (++parts > bounds.keys) return { members, problem: tooMany(bounds) }
        if (depth === 1 && isRootObject && valueStart < 0) {
          valueStart = index + 1
          while (isSpace(text.charCodeAt(valueStart))) valueStart++
        }
        break
      case COMMA:
        if (depth === 1 && isRootObject) close(index)
        break
    }
  }
  return { members, problem }
}

function tooMany({ keys }: JsonBounds): string {
  return `it has more than ${keys} members, objects and lists`
}

function memberName(text: string, start: number, end: number): string {
  const plain = text.slice(start + 1, end)
  if (!plain.includes('\\')) return plain
  try {
    // Written with escapes, a name must still be known as what it says.
    return JSON.parse(text.slice(start, end + 1)) as string
  } catch {
    return plain
  }
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

/**
 * Sets and removes top-level members of an object's text; everything else stays byte for byte.
 * @param edits member name → its new value as JSON text, or null to remove it
 */
export function editMembers(
  text: string,
  members: ReadonlyMap<string, Member>,
  edits: Readonly<Record<string, string | null>>,
): string {
  const names = Object.keys(edits)
  if (names.length === 0) return text
  // From the end to the start, so that earlier places stay right.
  const present = names
    .filter((name) => members.has(name))
    .sort((a, b) => (members.get(b)?.start ?? 0) - (members.get(a)?.start ?? 0))
  let result = text
  let left = members.size
  for (const name of present) {
    const member = members.get(name)
    const value = edits[name]
    if (member === undefined || value === undefined) continue
    if (value === null) {
      result = removeSpan(result, member)
      left--
    } else result = result.slice(0, member.valueStart) + value + result.slice(member.valueEnd)
  }
  const added = names.filter((name) => !members.has(name) && edits[name] !== null)
  if (added.length === 0) return result
  const open = result.indexOf('{') + 1
  const additions = added.map((name) => `${JSON.stringify(name)}:${edits[name]}`).join(',')
  return `${result.slice(0, open)}${additions}${left > 0 ? ',' : ''}${result.slice(open)}`
}

function removeSpan(text: string, member: Member): string {
  let end = member.valueEnd
  while (isSpace(text.charCodeAt(end))) end++
  if (text.charCodeAt(end) === COMMA) return text.slice(0, member.start) + text.slice(end + 1)
  // The last member: the comma before it goes too.
  let start = member.start
  while (isSpace(text.charCodeAt(start - 1))) start--
  if (text.charCodeAt(start - 1) === COMMA) start--
  return text.slice(0, start) + text.slice(end)
}
