// Files as OpenAI's API takes and shows them.
import { GatewayError } from '../core/error.ts'
import { FILE_PURPOSES } from '../core/file.ts'
import type { FilePurpose, StoredFile } from '../core/file.ts'
import type { FormPart } from '../core/form.ts'
import type { JsonObject } from '../core/json.ts'

/** A form that uploads a file. `keptMs`: how long it is to be kept; null where it does not say. */
export type Upload = {
  readonly filename: string
  readonly purpose: FilePurpose
  readonly bytes: Uint8Array
  readonly keptMs: number | null
}

/** What OpenAI allows for `expires_after`, s. */
const SHORTEST_S = 3_600
const LONGEST_S = 2_592_000
const KNOWN_FIELDS = new Set(['file', 'purpose', 'expires_after[anchor]', 'expires_after[seconds]'])

/** Throws `request_malformed`. */
export function readUpload(parts: readonly FormPart[]): Upload {
  const texts = new Map(parts.flatMap((part) => (part.type === 'text' ? [[part.name, part.value] as const] : [])))
  for (const { name } of parts)
    if (!KNOWN_FIELDS.has(name)) throw wrong(`There is no field \`${name.slice(0, 64)}\`.`, name)
  const uploaded = parts.filter((part) => part.type === 'file')
  const [file] = uploaded
  if (file?.name !== 'file' || uploaded.length > 1) throw wrong('The form takes one `file`, with a file name.', 'file')
  const said = texts.get('purpose')
  const purpose = FILE_PURPOSES.find((one) => one === said)
  if (purpose === undefined) throw wrong(`\`purpose\` must be one of ${FILE_PURPOSES.join(', ')}.`, 'purpose')
  const filename = file.filename === '' ? 'file' : file.filename
  return { filename, purpose, bytes: file.bytes, keptMs: keptMsOf(texts) }
}

function keptMsOf(texts: ReadonlyMap<string, string>): number | null {
  const anchor = texts.get('expires_after[anchor]')
  const seconds = texts.get('expires_after[seconds]')
  return anchor === undefined && seconds === undefined ? null : expiryMs(anchor, seconds, 'expires_after')
}

/** `expires_after` in ms. Throws `request_malformed`. */
export function expiryMs(anchor: unknown, seconds: unknown, param: string): number {
  if (anchor !== 'created_at') throw wrong(`\`${param}.anchor\` must be \`created_at\`.`, param)
  const count = Number(seconds)
  if (Number.isInteger(count) && count >= SHORTEST_S && count <= LONGEST_S) return count * 1_000
  throw wrong(`\`${param}.seconds\` must be a whole number from ${SHORTEST_S} to ${LONGEST_S}.`, param)
}

export function fileJson(file: StoredFile): JsonObject {
  return {
    id: file.id,
    object: 'file',
    bytes: file.bytes,
    created_at: seconds(file.createdAt),
    expires_at: seconds(file.expiresAt),
    filename: file.filename,
    purpose: file.purpose,
    status: 'processed',
  }
}

export function deletedFileJson(id: string): JsonObject {
  return { id, object: 'file', deleted: true }
}

/** A page of a list. */
export function pageJson(data: readonly JsonObject[], hasMore: boolean): JsonObject {
  return {
    object: 'list',
    data,
    first_id: data[0]?.['id'] ?? '',
    last_id: data.at(-1)?.['id'] ?? '',
    has_more: hasMore,
  }
}

export type ListQuery = {
  readonly cursor: string | null
  readonly limit: number
  readonly order: 'asc' | 'desc'
}

/** `after`, `limit` and `order` of a list. Throws `request_malformed`. */
export function readListQuery(query: URLSearchParams, most: number, usual: number): ListQuery {
  const limit = Number(query.get('limit') ?? usual)
  if (!Number.isInteger(limit) || limit < 1 || limit > most)
    throw wrong(`\`limit\` must be a whole number from 1 to ${most}.`, 'limit')
  const order = query.get('order') ?? 'desc'
  if (order !== 'asc' && order !== 'desc') throw wrong('`order` must be `asc` or `desc`.', 'order')
  return { cursor: query.get('after'), limit, order }
}

/** The error for a file that is not there, has expired, or belongs to somebody else: the three look the same. */
export function fileNotFound(id: string, param?: string): GatewayError {
  return new GatewayError('not_found', {
    message: `There is no file \`${id.slice(0, 128)}\` here.`,
    ...(param === undefined ? {} : { param }),
  })
}

export function seconds(ms: number): number {
  return Math.floor(ms / 1_000)
}

function wrong(message: string, param: string): GatewayError {
  return new GatewayError('request_malformed', { message, param })
}
