// Batches as jobs (Mistral): the file and its results are as OpenAI's, what is made of the file is a job for one model.
// https://docs.mistral.ai/api/endpoint/batch
import { jsonLine } from '../../core/json.ts'
import { stringOf } from '../../core/json-read.ts'
import type { Provider } from '../../core/model.ts'
import type { BatchWire } from '../batch-wire.ts'
import { BATCH_NOTE, batchUrl, contentsOf, openaiBatches } from './batches.ts'

const ENDPOINTS: ReadonlySet<string> = new Set(['/v1/chat/completions', '/v1/embeddings'])
const RUNNING: ReadonlySet<string | null> = new Set(['QUEUED', 'RUNNING', 'CANCELLATION_REQUESTED'])
const WITHIN_HOURS = 24

const jobUrl = (provider: Provider, id: string, action = ''): string =>
  batchUrl(provider, `/batch/jobs/${encodeURIComponent(id)}${action}`)

const openaiBatchJobs: BatchWire = {
  ...openaiBatches,
  endpointOf(url, provider) {
    const endpoint = openaiBatches.endpointOf(url, provider)
    return endpoint !== null && ENDPOINTS.has(endpoint) ? endpoint : null
  },
  line: (customId, body) => `{"custom_id":${JSON.stringify(customId)},"body":${jsonLine(body)}}`,
  create: ({ batchId, endpoint, fileId, model }, provider) => ({
    method: 'POST',
    url: batchUrl(provider, '/batch/jobs'),
    body: JSON.stringify({
      input_files: [fileId],
      model,
      endpoint,
      timeout_hours: WITHIN_HOURS,
      metadata: { [BATCH_NOTE]: batchId },
    }),
  }),
  get: (id, provider) => ({ method: 'GET', url: jobUrl(provider, id), body: null }),
  cancel: (id, provider) => ({ method: 'POST', url: jobUrl(provider, id, '/cancel'), body: null }),
  read(answer, provider) {
    if (RUNNING.has(stringOf(answer, 'status'))) return { type: 'running' }
    return { type: 'ended', results: contentsOf([answer['output_file'], answer['error_file']], provider) }
  },
  list: (provider) => ({ method: 'GET', url: batchUrl(provider, '/batch/jobs', 'page_size=100'), body: null }),
}

/** What a host calls its batches. */
export function openaiBatchesOf({ quirks }: Provider): BatchWire {
  return quirks.batchJobs === true ? openaiBatchJobs : openaiBatches
}
