// Batches of an OpenAI-compatible host: a file of requests, and files of what came of them.
// https://platform.openai.com/docs/api-reference/batch
import { writeForm } from '../../core/form.ts'
import { jsonLine } from '../../core/json.ts'
import { numberOf, objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import type { Provider } from '../../core/model.ts'
import type { BatchCall, BatchWire } from '../batch-wire.ts'

const ENDPOINTS: ReadonlySet<string> = new Set(['/chat/completions', '/completions', '/embeddings', '/responses'])
/** States in which something may still be executed. */
const RUNNING: ReadonlySet<string | null> = new Set(['validating', 'in_progress', 'finalizing', 'cancelling'])
/** Name of the note by which a batch is found again. */
export const BATCH_NOTE = 'weir_batch'
const MIB = 1024 ** 2

/** An address below the base URL, with what the host wants in its query. */
export function batchUrl({ baseUrl, quirks }: Provider, path: string, query = ''): string {
  const parts = [quirks.query ?? '', query].filter((part) => part !== '')
  return `${baseUrl}${path}${parts.length === 0 ? '' : `?${parts.join('&')}`}`
}

/** Calls for the contents of those files that there are. */
export function contentsOf(files: readonly unknown[], provider: Provider): readonly BatchCall[] {
  return files.flatMap((id): readonly BatchCall[] =>
    typeof id !== 'string' || id === ''
      ? []
      : [{ method: 'GET', url: batchUrl(provider, `/files/${encodeURIComponent(id)}/content`), body: null }],
  )
}

export const openaiBatches: BatchWire = {
  maxLines: 50_000,
  maxBytes: 200 * MIB,
  endpointOf(url, { baseUrl }) {
    const path = url.slice(baseUrl.length).replace(/\?.*$/, '')
    return url.startsWith(baseUrl) && ENDPOINTS.has(path) ? `/v1${path}` : null
  },
  line: (customId, body, endpoint) =>
    `{"custom_id":${JSON.stringify(customId)},"method":"POST","url":${JSON.stringify(endpoint)},"body":${jsonLine(body)}}`,
  upload: {
    call: ({ batchId, lines }, provider) => ({
      method: 'POST',
      url: batchUrl(provider, '/files'),
      body: writeForm([
        { type: 'text', name: 'purpose', value: 'batch' },
        {
          type: 'file',
          name: 'file',
          filename: `${batchId}.jsonl`,
          mediaType: 'application/jsonl',
          bytes: Buffer.from(`${lines.join('\n')}\n`, 'utf8'),
        },
      ]),
    }),
    idOf: (answer) => stringOf(answer, 'id'),
  },
  create: ({ batchId, endpoint, fileId }, provider) => ({
    method: 'POST',
    url: batchUrl(provider, '/batches'),
    body: JSON.stringify({
      input_file_id: fileId,
      endpoint,
      completion_window: '24h',
      metadata: { [BATCH_NOTE]: batchId },
    }),
  }),
  idOf: (answer) => stringOf(answer, 'id'),
  get: (id, provider) => ({ method: 'GET', url: batchUrl(provider, `/batches/${encodeURIComponent(id)}`), body: null }),
  cancel: (id, provider) => ({
    method: 'POST',
    url: batchUrl(provider, `/batches/${encodeURIComponent(id)}/cancel`),
    body: null,
  }),
  read(answer, provider) {
    if (RUNNING.has(stringOf(answer, 'status'))) return { type: 'running' }
    return { type: 'ended', results: contentsOf([answer['output_file_id'], answer['error_file_id']], provider) }
  },
  list: (provider) => ({ method: 'GET', url: batchUrl(provider, '/batches', 'limit=100'), body: null }),
  find(answer, { batchId }) {
    const found = objectsOf(answer, 'data').find((one) => objectOf(one, 'metadata')?.[BATCH_NOTE] === batchId)
    const id = found === undefined ? null : stringOf(found, 'id')
    return id === null ? { type: 'none' } : { type: 'found', id }
  },
  readResult(line) {
    const customId = stringOf(line, 'custom_id')
    if (customId === null) return null
    const response = objectOf(line, 'response')
    const status = response === null ? null : numberOf(response, 'status_code')
    const body = response?.['body']
    if (status === null || body === undefined) return { customId, answer: null }
    return { customId, answer: { status, body: JSON.stringify(body) } }
  },
}
