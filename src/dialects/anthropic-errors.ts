// Errors in Anthropic's shape, with the words its SDKs and their users know.
import { ERRORS } from '../core/error.ts'
import type { ErrorCode, GatewayError } from '../core/error.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'

/** Anthropic's own `type` where the status alone does not tell it. */
const WORDS: { readonly [code in ErrorCode]?: string } = {
  request_too_large: 'request_too_large',
  budget_exhausted: 'billing_error',
  overloaded: 'overloaded_error',
  draining: 'overloaded_error',
  all_targets_cooling: 'overloaded_error',
  all_targets_timed_out: 'timeout_error',
}

function typeOfStatus(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 402) return 'billing_error'
  if (status === 403) return 'permission_error'
  if (status === 404) return 'not_found_error'
  if (status === 413) return 'request_too_large'
  if (status === 429) return 'rate_limit_error'
  return status < 500 ? 'invalid_request_error' : 'api_error'
}

export function anthropicErrorBody(error: GatewayError, requestId: string): JsonObject {
  const attempts = error.detail.attempts?.map((attempt): JsonValue => ({
    target: attempt.target,
    outcome: attempt.outcome,
    status: attempt.status,
    duration_ms: Math.round(attempt.durationMs),
  }))
  return {
    type: 'error',
    error: {
      type: WORDS[error.code] ?? typeOfStatus(error.status),
      message: error.message,
      weir: {
        code: error.code,
        hint: ERRORS[error.code].hint,
        ...(error.detail.param === undefined ? {} : { param: error.detail.param }),
        ...(attempts === undefined ? {} : { attempts }),
      },
    },
    request_id: requestId,
  }
}

/** Anthropic's streams end with the error event: there is no terminator after it. */
export function anthropicErrorEvents(error: GatewayError, requestId: string): string {
  return `event: error\ndata: ${JSON.stringify(anthropicErrorBody(error, requestId))}\n\n`
}
