// Errors in OpenAI's shape, with the words its SDKs and their users know.
import { ERRORS } from '../core/error.ts'
import type { ErrorCode, GatewayError } from '../core/error.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'

/** OpenAI's own `type` and `code` where it has a word for the case; our code otherwise. */
const WORDS: { readonly [code in ErrorCode]?: { readonly type: string; readonly code: string } } = {
  key_missing: { type: 'invalid_request_error', code: 'invalid_api_key' },
  key_unknown: { type: 'invalid_request_error', code: 'invalid_api_key' },
  key_expired: { type: 'invalid_request_error', code: 'invalid_api_key' },
  key_disabled: { type: 'invalid_request_error', code: 'invalid_api_key' },
  model_unknown: { type: 'invalid_request_error', code: 'model_not_found' },
  budget_exhausted: { type: 'insufficient_quota', code: 'insufficient_quota' },
  session_ended: { type: 'invalid_request_error', code: 'session_expired' },
  rate_limited: { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  concurrency_limited: { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
}

function typeOfStatus(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 429) return 'rate_limit_error'
  return status < 500 ? 'invalid_request_error' : 'server_error'
}

export function openaiErrorBody(error: GatewayError, requestId: string): JsonObject {
  const words = WORDS[error.code]
  const attempts = error.detail.attempts?.map((attempt): JsonValue => ({
    target: attempt.target,
    outcome: attempt.outcome,
    status: attempt.status,
    duration_ms: Math.round(attempt.durationMs),
  }))
  return {
    error: {
      message: error.message,
      type: words?.type ?? typeOfStatus(error.status),
      param: error.detail.param ?? null,
      code: error.detail.upstreamCode ?? words?.code ?? error.code,
      weir: {
        code: error.code,
        hint: ERRORS[error.code].hint,
        request_id: requestId,
        ...(attempts === undefined ? {} : { attempts }),
      },
    },
  }
}

/** OpenAI's SDKs raise on a chunk that carries `error`; `[DONE]` lets clients that ignore it end cleanly. */
export function openaiErrorEvents(error: GatewayError, requestId: string): string {
  return `data: ${JSON.stringify(openaiErrorBody(error, requestId))}\n\ndata: [DONE]\n\n`
}
