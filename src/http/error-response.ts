// A GatewayError as an answer in the caller's dialect.
import type { GatewayError } from '../core/error.ts'
import type { Reply } from '../core/reply.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { responseOf } from './response.ts'

/**
 * @param redact takes secrets out of what the caller sent and the error repeats (a key pasted as a model's name)
 */
export function errorReply(
  error: GatewayError,
  dialect: Dialect,
  requestId: string,
  clientRequestId: string | null,
  redact: (text: string) => string,
): Reply {
  const headers: Record<string, string> = {
    'content-type': 'application/json; charset=utf-8',
    'x-weir-request-id': requestId,
    // Where OpenAI's SDKs look for it: `error.request_id`.
    'x-request-id': requestId,
    'x-weir-error': error.code,
    ...error.detail.headers,
  }
  if (dialect.requestIdHeader !== undefined) headers[dialect.requestIdHeader] = requestId
  if (clientRequestId !== null) headers['x-client-request-id'] = clientRequestId
  if (error.detail.attempts !== undefined) headers['x-weir-attempts'] = String(error.detail.attempts.length)
  const { retryAfterMs } = error.detail
  // Rounded up: a client that comes a moment too early is refused once more.
  if (retryAfterMs !== undefined) {
    headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfterMs / 1_000)))
    headers['retry-after-ms'] = String(Math.ceil(retryAfterMs))
  }
  // SDKs retry 5xx by themselves; a budget or a wrong request would only be refused again.
  headers['x-should-retry'] = error.status === 429 || error.status >= 500 ? 'true' : 'false'
  const text = redact(JSON.stringify(dialect.errorBody(error, requestId)))
  return { status: error.status, headers, body: { type: 'whole', bytes: text } }
}

/** The same for Bun's server. */
export function errorResponse(...error: Parameters<typeof errorReply>): Response {
  return responseOf(errorReply(...error))
}
