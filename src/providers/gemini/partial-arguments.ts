// Arguments of a function call that come in pieces, each with the JSON path of its place (Vertex's
// `streamFunctionCallArguments`): put together into the object that they are.
// https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { stringOf } from '../../core/json-read.ts'

/** Without a prototype, so that `__proto__` is a name like any other. */
type Node = { [name: string]: Slot }
type Slot = JsonValue | Node | Slot[]

const MAX_DEPTH = 64
const SEGMENT = /\.([^.[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/gy

export class PartialArguments {
  readonly #root: Node = newNode()

  /** A piece whose place makes no sense is left out. */
  add(piece: JsonObject): void {
    const path = pathOf(stringOf(piece, 'jsonPath') ?? '')
    const value = valueOf(piece)
    if (path === null || value === undefined) return
    const last = path.length - 1
    let at: Node | Slot[] = this.#root
    for (const [index, key] of path.entries()) {
      if (index === last) return set(at, key, value)
      const next = child(at, key, typeof path[index + 1] === 'number')
      if (next === null) return
      at = next
    }
  }

  /** All of it as JSON text. */
  json(): string {
    return JSON.stringify(this.#root)
  }
}

function newNode(): Node {
  return Object.create(null) as Node
}

/** `$.recipe.steps[8]['a b']` as its names and indices; null when it is no path. */
function pathOf(text: string): readonly (string | number)[] | null {
  const path: (string | number)[] = []
  SEGMENT.lastIndex = 1
  if (!text.startsWith('$')) return null
  while (SEGMENT.lastIndex < text.length) {
    const match = SEGMENT.exec(text)
    if (match === null || path.length === MAX_DEPTH) return null
    const [, name, index, single, double] = match
    path.push(index === undefined ? (name ?? (single ?? double ?? '').replace(/\\(.)/g, '$1')) : Number(index))
  }
  return path.length === 0 ? null : path
}

function valueOf(piece: JsonObject): JsonValue | undefined {
  const { stringValue, numberValue, boolValue } = piece
  if (typeof stringValue === 'string') return stringValue
  if (typeof numberValue === 'number') return numberValue
  if (typeof boolValue === 'boolean') return boolValue
  return 'nullValue' in piece ? null : undefined
}

function slotOf(at: Node | Slot[], key: string | number): Slot | undefined {
  return Array.isArray(at) ? at[Number(key)] : at[String(key)]
}

/** Texts grow; anything else replaces. A list grows only at its end: an index from nowhere would be a list of holes. */
function set(at: Node | Slot[], key: string | number, value: Slot): void {
  const had = slotOf(at, key)
  const next = typeof had === 'string' && typeof value === 'string' ? had + value : value
  if (!Array.isArray(at)) at[String(key)] = next
  else if (typeof key === 'number' && key <= at.length) at[key] = next
}

function child(at: Node | Slot[], key: string | number, isList: boolean): Node | Slot[] | null {
  const had = slotOf(at, key)
  if (Array.isArray(had) || (typeof had === 'object' && had !== null)) return had as Node | Slot[]
  const made = isList ? [] : newNode()
  set(at, key, made)
  return slotOf(at, key) === made ? made : null
}
