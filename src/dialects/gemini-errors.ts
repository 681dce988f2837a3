// Errors in the shape of Google's APIs, with the words its SDKs and their users know.
// https://google.aip.dev/193
import { ERRORS } from '../core/error.ts'
import type { ErrorCode, GatewayError } from '../core/error.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'

/** Google's `status` where the HTTP status alone does not tell it. */
const WORDS: { readonly [code in ErrorCode]?: string } = {
  budget_exhausted: 'FAILED_PRECONDITION',
  unpriced_model: 'FAILED_PRECONDITION',
  all_targets_timed_out: 'DEADLINE_EXCEEDED',
  client_closed: 'CANCELLED',
  method_not_allowed: 'UNIMPLEMENTED',
}

function wordOfStatus(status: number): string {
  if (status === 401) return 'UNAUTHENTICATED'
  if (status === 403) return 'PERMISSION_DENIED'
  if (status === 404) return 'NOT_FOUND'
  if (status === 408) return 'DEADLINE_EXCEEDED'
  if (status === 409) return 'ABORTED'
  if (status === 429) return 'RESOURCE_EXHAUSTED'
  if (status < 500) return 'INVALID_ARGUMENT'
  return status === 500 ? 'INTERNAL' : 'UNAVAILABLE'
}

export function geminiErrorBody(error: GatewayError, requestId: string): JsonObject {
  const { param, retryAfterMs, attempts } = error.detail
  const tried = attempts?.map((attempt): JsonValue => ({
    target: attempt.target,
    outcome: attempt.outcome,
    status: attempt.status,
    duration_ms: Math.round(attempt.durationMs),
  }))
  const details: JsonObject[] = [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: error.code.toUpperCase(),
      domain: 'weir',
      metadata: { request_id: requestId, hint: ERRORS[error.code].hint },
    },
  ]
  if (param !== undefined)
    details.push({
      '@type': 'type.googleapis.com/google.rpc.BadRequest',
      fieldViolations: [{ field: param, description: error.message }],
    })
  // Google's clients wait for as long as this says; they do not read `retry-after`.
  if (retryAfterMs !== undefined)
    details.push({
      '@type': 'type.googleapis.com/google.rpc.RetryInfo',
      retryDelay: `${Math.ceil(retryAfterMs / 100) / 10}s`,
    })
  return {
    error: {
      code: error.status,
      message: error.message,
      status: WORDS[error.code] ?? wordOfStatus(error.status),
      details,
      weir: {
        code: error.code,
        hint: ERRORS[error.code].hint,
        request_id: requestId,
        ...(tried === undefined ? {} : { attempts: tried }),
      },
    },
  }
}

/**
 * An error inside a stream of events. Google writes it bare, without `data:`, and its own SDKs look for just that, while
 * other readers of events see only what stands behind `data:`; so it is told in both ways. The bare form comes last and
 * without an empty line after it: then Google's SDKs cannot take the stream for a complete one.
 */
export function geminiStreamError(json: string): string {
  return `data: ${json}\n\n${json}\n`
}

export function geminiErrorEvents(error: GatewayError, requestId: string): string {
  return geminiStreamError(JSON.stringify(geminiErrorBody(error, requestId)))
}

/** The same for a stream that is a JSON array, of which items have been sent. */
export function geminiArrayErrorEvents(error: GatewayError, requestId: string): string {
  return `,\n${JSON.stringify(geminiErrorBody(error, requestId))}]`
}
