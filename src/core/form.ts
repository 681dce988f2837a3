// A form (multipart/form-data, RFC 7578): its parts as they came, and the bytes that they are written as.
import type { JsonObject, JsonValue } from './json.ts'

type TextPart = { readonly type: 'text'; readonly name: string; readonly value: string }
export type UploadedPart = {
  readonly type: 'file'
  readonly name: string
  readonly filename: string
  readonly mediaType: string
  readonly bytes: Uint8Array
}
export type FormPart = TextPart | UploadedPart

/** A body that is no JSON text. */
export type BytesBody = { readonly bytes: Uint8Array; readonly contentType: string }

/** JSON holds no bytes, so that the two cannot be mistaken for each other. */
export function isBytesBody(body: JsonObject | BytesBody): body is BytesBody {
  return body['bytes'] instanceof Uint8Array
}

/** The name of a field, as the list that it is a part of is called: clients write `image[]` for one of several. */
export function fieldName({ name }: FormPart): string {
  return name.endsWith('[]') ? name.slice(0, -2) : name
}

/**
 * The fields as an object, for those who look at a form as at a JSON body: texts as strings, of a file only what it is
 * called, its type and its length. What is written as a list, or stands several times, is an array.
 */
export function formFields(parts: readonly FormPart[]): JsonObject {
  const fields = new Map<string, JsonValue>()
  for (const part of parts) {
    const name = fieldName(part)
    const value: JsonValue =
      part.type === 'text'
        ? part.value
        : { filename: part.filename, media_type: part.mediaType, size: part.bytes.length }
    const earlier = fields.get(name)
    if (Array.isArray(earlier)) fields.set(name, [...(earlier as readonly JsonValue[]), value])
    else if (earlier !== undefined) fields.set(name, [earlier, value])
    else fields.set(name, part.name.endsWith('[]') ? [value] : value)
  }
  return Object.fromEntries(fields)
}

/** The files of a field, in order. */
export function filesOf(parts: readonly FormPart[], name: string): readonly UploadedPart[] {
  return parts.filter((part) => part.type === 'file').filter((part) => fieldName(part) === name)
}

/** The form as the bytes of a body. Its boundary stands in none of its parts; the same form gives the same bytes. */
export function writeForm(parts: readonly FormPart[]): BytesBody {
  const contents = parts.map((part) => (part.type === 'text' ? Buffer.from(part.value, 'utf8') : part.bytes))
  let boundary = 'weir-form-5e0fd3c1a94b7286'
  for (let count = 1; contents.some((bytes) => holds(bytes, boundary)); count++)
    boundary = `weir-form-5e0fd3c1a94b7286-${count}`
  const pieces: Uint8Array[] = []
  for (const [index, part] of parts.entries()) {
    pieces.push(Buffer.from(`--${boundary}\r\n${headOf(part)}\r\n\r\n`, 'utf8'))
    pieces.push(contents[index] as Uint8Array, Buffer.from('\r\n', 'latin1'))
  }
  pieces.push(Buffer.from(`--${boundary}--\r\n`, 'latin1'))
  return { bytes: Buffer.concat(pieces), contentType: `multipart/form-data; boundary=${boundary}` }
}

function holds(bytes: Uint8Array, text: string): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(text, 0, 'latin1')
}

function headOf(part: FormPart): string {
  const name = `Content-Disposition: form-data; name="${quoted(part.name)}"`
  if (part.type === 'text') return name
  return `${name}; filename="${quoted(part.filename)}"\r\nContent-Type: ${part.mediaType}`
}

/** As browsers write names that would end the quotes or the line. */
function quoted(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}
