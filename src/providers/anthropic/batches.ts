// Message batches of Anthropic: all requests in one body, and one list of results.
// https://platform.claude.com/docs/en/api/creating-message-batches
import type { JsonObject } from '../../core/json.ts'
import { numberOf, objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import type { Provider } from '../../core/model.ts'
import type { BatchWire } from '../batch-wire.ts'
import { anthropicPathUrl } from './request.ts'

const MIB = 1024 ** 2
/** Clocks differ. */
const SKEW_MS = 60_000

/** The status that a request would have had alone, by the type of its error. https://platform.claude.com/docs/en/api/errors */
const STATUSES: Readonly<Record<string, number | undefined>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
}

function urlOf(provider: Provider, path: string): string {
  return anthropicPathUrl(provider, `/messages/batches${path}`)
}

export const anthropicBatches: BatchWire = {
  maxLines: 100_000,
  maxBytes: 256 * MIB,
  endpointOf: (url, provider) => (url === anthropicPathUrl(provider, '/messages') ? '/v1/messages' : null),
  line: (customId, body) => `{"custom_id":${JSON.stringify(customId)},"params":${body}}`,
  create: ({ lines }, provider) => ({
    method: 'POST',
    url: urlOf(provider, ''),
    body: `{"requests":[${lines.join(',')}]}`,
  }),
  idOf: (answer) => stringOf(answer, 'id'),
  get: (id, provider) => ({ method: 'GET', url: urlOf(provider, `/${encodeURIComponent(id)}`), body: null }),
  cancel: (id, provider) => ({ method: 'POST', url: urlOf(provider, `/${encodeURIComponent(id)}/cancel`), body: null }),
  read(answer, provider) {
    if (answer['processing_status'] !== 'ended') return { type: 'running' }
    const id = stringOf(answer, 'id') ?? ''
    return {
      type: 'ended',
      results: [{ method: 'GET', url: urlOf(provider, `/${encodeURIComponent(id)}/results`), body: null }],
    }
  },
  list: (provider) => ({
    method: 'GET',
    url: `${urlOf(provider, '')}${provider.quirks.query === undefined ? '?' : '&'}limit=100`,
    body: null,
  }),
  // A batch has no note of its maker's, and its requests cannot be seen before it has ended.
  find(answer, { since, lines }) {
    const isLike = (one: JsonObject): boolean => {
      const counts = Object.values(objectOf(one, 'request_counts') ?? {})
      const total = counts.reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : 0), 0)
      return Date.parse(stringOf(one, 'created_at') ?? '') >= since - SKEW_MS && total === lines
    }
    return { type: objectsOf(answer, 'data').some(isLike) ? 'unsure' : 'none' }
  },
  readResult(line) {
    const customId = stringOf(line, 'custom_id')
    const result = objectOf(line, 'result')
    if (customId === null || result === null) return null
    const message = objectOf(result, 'message')
    if (message !== null) return { customId, answer: { status: 200, body: JSON.stringify(message) } }
    const error = objectOf(result, 'error')
    if (error === null) return { customId, answer: null }
    const type = stringOf(objectOf(error, 'error') ?? error, 'type') ?? ''
    return {
      customId,
      answer: { status: numberOf(error, 'status') ?? STATUSES[type] ?? 500, body: JSON.stringify(error) },
    }
  },
}
