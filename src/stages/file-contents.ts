// Files of the gateway's own that a request names by their ids, put in as their content: no provider knows them, and every
// provider that reads such a thing at all reads it then.
import type { Call } from '../core/call.ts'
import { GatewayError } from '../core/error.ts'
import { OWN_FILE_ID, ownerOf } from '../core/file.ts'
import type { StoredFile } from '../core/file.ts'
import { fullInput } from '../core/formats/responses-history.ts'
import { scanJson } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import { mediaTypeOfBytes, mediaTypeOfName } from '../core/media.ts'
import { fieldsWithContents, fileIdsIn } from '../dialects/file-references.ts'
import type { FileContent } from '../dialects/file-references.ts'
import { fileNotFound } from '../dialects/openai-files.ts'
import type { FileStore } from '../store/store.ts'

export type FileContentTools = {
  readonly files: Pick<FileStore, 'getFile' | 'readFile'>
  readonly key: { readonly id: string; readonly teamId: string | null }
  readonly now: number
  readonly maxFiles: number
  /** Of one file. */
  readonly maxBytes: number
  /** Accounts for bytes that are held until the request is over. Throws `overloaded`. */
  readonly hold: (bytes: number) => void
}

const UNBOUNDED = { depth: Number.MAX_SAFE_INTEGER, keys: Number.MAX_SAFE_INTEGER }
/** Dialects whose requests name files so. */
const NAMING: ReadonlySet<string> = new Set(['openai-chat', 'openai-responses', 'anthropic-messages'])

/** Whether a call may name a file of the gateway's: nearly none does, and the others pay no more than this look. */
export function namesOwnFiles({ dialect, text }: Pick<Call, 'dialect' | 'text'>): boolean {
  return NAMING.has(dialect) && text.includes('"file_id"') && OWN_FILE_ID.test(text)
}

/** Throws `not_found` for a file that is not there, `request_too_large` for one, or for more of them, than may be sent along. */
export async function withFileContents(call: Call, tools: FileContentTools): Promise<Call> {
  const ids = fileIdsIn(call.body).filter((id) => OWN_FILE_ID.test(JSON.stringify(id)))
  if (ids.length === 0) return call
  if (ids.length > tools.maxFiles)
    throw new GatewayError('request_too_large', {
      message: `The request names ${ids.length} files; ${tools.maxFiles} may be sent along (\`media.max_files\`).`,
    })
  const contents = new Map<string, FileContent>()
  for (const id of ids) contents.set(id, await contentOf(id, tools))
  const fields = fieldsWithContents(call.body, contents)
  const body: JsonObject = { ...call.body, ...fields }
  const text = call.members.edited(
    Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, JSON.stringify(value)])),
  )
  tools.hold(text.length)
  const changed: Call = { ...call, text, body, members: scanJson(text, UNBOUNDED).members }
  return call.operation === 'responses' ? { ...changed, history: historyOf(call, body, contents) } : changed
}

/** What is kept of a response says which files were named, and not what was in them. */
function historyOf(
  { history, body: sent }: Call,
  body: JsonObject,
  contents: ReadonlyMap<string, FileContent>,
): NonNullable<Call['history']> {
  if (history === undefined) return { sent, said: fullInput([], sent['input']).items, whole: body }
  const { whole } = history
  return whole instanceof GatewayError
    ? history
    : { ...history, whole: { ...whole, ...fieldsWithContents(whole, contents) } }
}

async function contentOf(id: string, { files, key, now, maxBytes, hold }: FileContentTools): Promise<FileContent> {
  const file = await files.getFile(id, { owner: ownerOf(key), now })
  if (file === null) throw fileNotFound(id, 'file_id')
  if (file.bytes > maxBytes)
    throw new GatewayError('request_too_large', {
      message: `The file \`${id}\` has ${file.bytes} bytes; ${maxBytes} may be sent along (\`media.max_size\`).`,
      param: 'file_id',
    })
  hold(file.bytes)
  const bytes = await bytesOf(file, files)
  return { filename: file.filename, mediaType: mediaTypeOf(file, bytes), data: bytes.toString('base64') }
}

async function bytesOf(file: StoredFile, files: Pick<FileStore, 'readFile'>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for (let length = 0; length < file.bytes;) {
    const piece = await files.readFile(file.id, pieces.length)
    if (piece === null) throw fileNotFound(file.id, 'file_id')
    pieces.push(piece)
    length += piece.length
  }
  return Buffer.concat(pieces)
}

/** By what it begins with, else by its name; of the rest, what is UTF-8 is plain text. */
function mediaTypeOf({ filename }: StoredFile, bytes: Buffer): string {
  const known = mediaTypeOfBytes(bytes) ?? mediaTypeOfName(filename)
  if (known !== null) return known
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return 'text/plain'
  } catch {
    return 'application/octet-stream'
  }
}
