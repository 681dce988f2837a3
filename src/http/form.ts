// Reading a form (multipart/form-data) within bounds: bytes and time as for any body, and parts, their heads and texts.
import type { ClientRequest } from '../core/client-request.ts'
import { MultipartParseError, parseMultipart } from '@remix-run/multipart-parser'
import type { MultipartPart } from '@remix-run/multipart-parser'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import { fieldName, formFields } from '../core/form.ts'
import type { FormPart } from '../core/form.ts'
import type { JsonObject } from '../core/json.ts'
import { readRawBody } from './body.ts'
import type { BodyBounds, ByteBudget } from './body.ts'

/** More than any endpoint has fields, and than pictures may be sent with one request. */
const MAX_PARTS = 128
const MAX_HEAD_BYTES = 4_096
/** A text is looked at, logged and counted; what is longer is sent as a file. */
const MAX_TEXT_BYTES = 1024 * 1024
const MAX_NAME_LENGTH = 512

export type FormBody = {
  readonly parts: readonly FormPart[]
  /** The fields as `formFields` gives them. */
  readonly value: JsonObject
  /** Bytes taken from the budget; whoever has the body frees them at the end of the request. */
  readonly heldBytes: number
}

export function isForm(request: ClientRequest): boolean {
  return /^multipart\//i.test(request.headers.get('content-type') ?? '')
}

/** Throws what `readRawBody` throws, and `request_malformed` where the body is no form. */
export async function readForm(
  request: ClientRequest,
  bounds: BodyBounds,
  budget: ByteBudget,
  clock: Clock,
): Promise<FormBody> {
  const boundary = boundaryOf(request.headers.get('content-type') ?? '')
  const { bytes, heldBytes } = await readRawBody(request, bounds, budget, clock)
  try {
    const parts = partsOf(bytes, boundary, bounds)
    // It is written again for a provider, and then there twice.
    budget.hold(bytes.length)
    return { parts, value: formFields(parts), heldBytes: heldBytes + bytes.length }
  } catch (error) {
    budget.free(heldBytes)
    if (error instanceof MultipartParseError) throw malformed(`The form is refused: ${error.message}.`)
    // What `Headers` throws where the head of a part holds a NUL or the like.
    throw error instanceof TypeError ? malformed('The form is refused: the head of a part is none.') : error
  }
}

function boundaryOf(contentType: string): string {
  const match = /^multipart\/form-data *;(?:.*;)? *boundary=(?:"([^"]{1,70})"|([^;"\s]{1,70}))/i.exec(contentType)
  const boundary = match?.[1] ?? match?.[2]
  if (boundary !== undefined && /^[\x20-\x7e]*[\x21-\x7e]$/.test(boundary)) return boundary
  throw malformed('This endpoint takes a form: multipart/form-data with a boundary.', 'content-type')
}

function partsOf(bytes: Uint8Array, boundary: string, bounds: BodyBounds): readonly FormPart[] {
  const parts: FormPart[] = []
  const texts = new Set<string>()
  for (const raw of parseMultipart(bytes, {
    boundary,
    maxHeaderSize: MAX_HEAD_BYTES,
    maxFileSize: bounds.bytes,
    maxParts: MAX_PARTS,
    maxTotalSize: bounds.bytes,
  })) {
    const part = partOf(raw)
    parts.push(part)
    if (part.type === 'file' || part.name.endsWith('[]')) continue
    // Parsers disagree on which one counts: it could mean one thing to our checks and another to the provider.
    if (texts.has(part.name)) throw malformed(`The field ${shown(part.name)} stands twice.`, fieldName(part))
    texts.add(part.name)
  }
  if (parts.length === 0) throw malformed('The form is empty.')
  return parts
}

const MEDIA_TYPE = /^[\w.+-]{1,100}\/[\w.+-]{1,100}$/
const UTF8 = new TextDecoder('utf-8', { fatal: true })

function partOf(raw: MultipartPart): FormPart {
  const { name, filename } = raw
  if (name === undefined || name === '' || name.length > MAX_NAME_LENGTH)
    throw malformed(`A part of the form has no name, or one of more than ${MAX_NAME_LENGTH} characters.`)
  // It goes on as a header, of a part or of a whole body.
  const mediaType = MEDIA_TYPE.test(raw.mediaType ?? '') ? String(raw.mediaType) : 'application/octet-stream'
  if (filename !== undefined)
    return { type: 'file', name, filename: filename.slice(0, MAX_NAME_LENGTH), mediaType, bytes: contentOf(raw) }
  if (raw.size > MAX_TEXT_BYTES)
    throw malformed(`The field ${shown(name)} is longer than ${MAX_TEXT_BYTES} bytes.`, name)
  try {
    return { type: 'text', name, value: UTF8.decode(contentOf(raw)) }
  } catch {
    throw malformed(`The field ${shown(name)} is not valid UTF-8; a file needs a file name.`, name)
  }
}

/** A view of the body, where the part lies in it in one piece: a file should not be there twice. */
function contentOf(raw: MultipartPart): Uint8Array {
  const [only] = raw.content
  return raw.content.length === 1 && only !== undefined ? only : raw.bytes
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 64))
}

function malformed(message: string, param?: string): GatewayError {
  return new GatewayError('request_malformed', { message, ...(param === undefined ? {} : { param }) })
}
