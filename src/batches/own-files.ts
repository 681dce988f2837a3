// Files for the key that made them and its team: upload, list, retrieve, content, delete.
import { GatewayError } from '../core/error.ts'
import { FILE_PURPOSES, ownerOf } from '../core/file.ts'
import {
  deletedFileJson,
  fileJson,
  fileNotFound,
  pageJson,
  readListQuery,
  readUpload,
} from '../dialects/openai-files.ts'
import type { AddressOf } from '../handle.ts'
import type { ByteBudget } from '../http/body.ts'
import { readForm } from '../http/form.ts'
import { endpointAllowed } from '../keys/permit.ts'
import { callerOf } from '../own-answers.ts'
import type { OwnAnswerTools } from '../own-answers.ts'
import type { Clock } from '../core/clock.ts'
import type { FileStore } from '../store/store.ts'
import { contentOf, keepFile } from './file-content.ts'

export type FileAction = 'file_upload' | 'files' | 'file' | 'file_content' | 'file_delete'

export type FileTools = OwnAnswerTools & {
  readonly files: FileStore
  readonly bytes: ByteBudget
  readonly clock: Clock
  readonly newFileId: () => string
}

/** Room for the other fields of the form, and for its boundaries. */
const FORM_BYTES = 16 * 1024
const MOST_FILES = 10_000

/** Answers a call about files; those of others are as unknown as those that never were. */
export async function ownFile(
  action: FileAction,
  request: Request,
  addressOf: AddressOf,
  id: string,
  tools: FileTools,
): Promise<Response> {
  const { key } = await callerOf(request, addressOf, tools)
  if (!endpointAllowed(key.endpoints, 'files'))
    throw new GatewayError('endpoint_not_allowed', { message: `The key ${key.id} may not use files.` })
  const owner = { owner: ownerOf(key), now: tools.now() }
  switch (action) {
    case 'file_upload':
      return upload(request, owner.owner, tools)
    case 'files': {
      const query = new URL(request.url, 'http://gateway').searchParams
      const page = await tools.files.listFiles({
        ...owner,
        ...readListQuery(query, MOST_FILES, MOST_FILES),
        purpose: purposeOf(query.get('purpose')),
      })
      return Response.json(pageJson(page.data.map(fileJson), page.next !== null))
    }
    case 'file': {
      const file = await tools.files.getFile(id, owner)
      if (file === null) throw fileNotFound(id)
      return Response.json(fileJson(file))
    }
    case 'file_content': {
      const file = await tools.files.getFile(id, owner)
      if (file === null) throw fileNotFound(id)
      const headers = { 'content-type': 'application/octet-stream', 'content-length': String(file.bytes) }
      return new Response(contentOf(tools.files, file), { headers })
    }
    case 'file_delete':
      if (!(await tools.files.deleteFile(id, owner))) throw fileNotFound(id)
      return Response.json(deletedFileJson(id))
  }
}

async function upload(request: Request, owner: string, tools: FileTools): Promise<Response> {
  const { server, files } = tools.snapshot.config
  const bounds = {
    bytes: files.fileLimitBytes + FORM_BYTES,
    timeoutMs: server.bodyTimeoutMs,
    json: { depth: server.jsonDepth, keys: server.jsonKeys },
  }
  const form = await readForm(request, bounds, tools.bytes, tools.clock)
  try {
    const { filename, purpose, bytes, keptMs } = readUpload(form.parts)
    const now = tools.now()
    const owned = await tools.files.ownedBytes({ owner, now })
    if (bytes.length > files.fileLimitBytes || owned + bytes.length > files.ownerLimitBytes)
      throw new GatewayError('request_too_large', {
        message: `The file has ${bytes.length} bytes. One file may have ${files.fileLimitBytes}, and all that are kept for this team or key, now ${owned}, may have ${files.ownerLimitBytes} together: delete some of them.`,
        param: 'file',
      })
    const file = {
      id: tools.newFileId(),
      owner,
      filename,
      purpose,
      createdAt: now,
      expiresAt: now + (keptMs ?? files.retentionMs),
    }
    return Response.json(fileJson(await keepFile(tools.files, file, [bytes])))
  } finally {
    tools.bytes.free(form.heldBytes)
  }
}

function purposeOf(text: string | null): string | null {
  if (text === null || text === 'batch_output' || FILE_PURPOSES.some((one) => one === text)) return text
  throw new GatewayError('request_malformed', {
    message: `\`purpose\` must be one of ${FILE_PURPOSES.join(', ')}, batch_output.`,
    param: 'purpose',
  })
}
