// Files that requests name by their ids, in the words of OpenAI's chat and Responses and of Anthropic's messages: where they
// stand, and the same place with the file's content. Only what is said in the conversation is looked at: what a tool is
// called with may name files too, and is nobody's business here.
import { isObject } from '../core/json.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import { stringOf } from '../core/json-read.ts'

export type FileContent = {
  readonly filename: string
  readonly mediaType: string
  /** Base64. */
  readonly data: string
}

/** Fields in which a conversation stands, and those that hold further pieces. */
const CONVERSATIONS = ['messages', 'input'] as const
const NESTED = ['content', 'output', 'source', 'file'] as const

/** Every id that the conversation names, once. */
export function fileIdsIn(body: JsonObject): readonly string[] {
  const ids = new Set<string>()
  withPlaces(body, (place) => {
    const id = stringOf(place, 'file_id')
    if (id !== null) ids.add(id)
    return place
  })
  return [...ids]
}

/** The fields of a body that change when these files stand in it as their content; empty where none does. */
export function fieldsWithContents(
  body: JsonObject,
  contents: ReadonlyMap<string, FileContent>,
): Readonly<Record<string, JsonValue>> {
  return withPlaces(body, (place) => {
    const content = contents.get(stringOf(place, 'file_id') ?? '')
    return content === undefined ? place : withContent(place, content)
  })
}

function withPlaces(body: JsonObject, change: (place: JsonObject) => JsonObject): Readonly<Record<string, JsonValue>> {
  const fields: Record<string, JsonValue> = {}
  for (const name of CONVERSATIONS) {
    const value = body[name]
    if (!Array.isArray(value)) continue
    const changed = changedIn(value as JsonValue, change)
    if (changed !== value) fields[name] = changed
  }
  return fields
}

/** The very value where nothing in it has changed. */
function changedIn(value: JsonValue, change: (place: JsonObject) => JsonObject): JsonValue {
  if (Array.isArray(value)) {
    const items = value as readonly JsonValue[]
    const changed = items.map((item) => changedIn(item, change))
    return changed.some((item, index) => item !== items[index]) ? changed : value
  }
  if (!isObject(value)) return value
  let object: JsonObject = value
  for (const name of NESTED) {
    const inner = value[name]
    if (typeof inner !== 'object' || inner === null) continue
    const changed = changedIn(inner, change)
    if (changed !== inner) object = { ...object, [name]: changed }
  }
  return value['file_id'] === undefined ? object : change(object)
}

/** A place that names a file, with its content in the words of its format. */
function withContent(place: JsonObject, { filename, mediaType, data }: FileContent): JsonObject {
  const { file_id: _id, ...rest } = place
  const url = `data:${mediaType};base64,${data}`
  switch (place['type']) {
    case 'input_image':
      return { ...rest, image_url: url }
    case 'input_file':
      return { filename, ...rest, file_data: url }
    // The source of one of Anthropic's blocks.
    case 'file':
      return mediaType.startsWith('text/')
        ? { type: 'text', media_type: 'text/plain', data: Buffer.from(data, 'base64').toString('utf8') }
        : { type: 'base64', media_type: mediaType, data }
    // The `file` of one of OpenAI's parts.
    case undefined:
      return { filename, ...rest, file_data: url }
    default:
      return place
  }
}
