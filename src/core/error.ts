// The one error table: code → HTTP status → message → hint. Statuses are decided here and nowhere else.

export type ErrorRow = { readonly status: number; readonly message: string; readonly hint: string }

export const ERRORS = {
  key_missing: {
    status: 401,
    message: 'No API key was sent.',
    hint: 'Send a virtual key as `Authorization: Bearer <key>` (or `x-api-key`, `x-goog-api-key`).',
  },
  key_unknown: {
    status: 401,
    message: 'This API key is not known here.',
    hint: 'Create one with `weir keys create`.',
  },
  key_expired: { status: 401, message: 'This API key has expired.', hint: 'Rotate it with `weir keys rotate`.' },
  key_disabled: {
    status: 401,
    message: 'This API key is disabled.',
    hint: 'Enable it with `PATCH /admin/keys/{id}`, or use another key.',
  },
  model_not_allowed: {
    status: 403,
    message: 'This key may not use this model.',
    hint: '`GET /v1/models` lists what the key may use.',
  },
  endpoint_not_allowed: {
    status: 403,
    message: 'This key may not use this endpoint.',
    hint: 'Ask for a key that allows the endpoint.',
  },
  option_not_allowed: {
    status: 403,
    message: 'This key may not use this option.',
    hint: 'Leave the option out, or ask for a key that allows it.',
  },
  address_not_allowed: {
    status: 403,
    message: 'This key may not be used from this address.',
    hint: 'Call from an allowed network, or widen the addresses of the key.',
  },
  end_user_required: {
    status: 400,
    message: 'This key asks for the end user of each request.',
    hint: 'Send `user` in the body, or the header `x-weir-end-user`.',
  },
  model_unknown: {
    status: 404,
    message: 'There is no such model here.',
    hint: '`GET /v1/models` lists the models and routes that this key may use.',
  },
  not_found: { status: 404, message: 'There is nothing at this address.', hint: 'See docs/api.md for the endpoints.' },
  method_not_allowed: {
    status: 405,
    message: 'This endpoint does not take this method.',
    hint: 'The `allow` header names the methods that it takes.',
  },
  request_malformed: {
    status: 400,
    message: 'The request could not be read.',
    hint: '`param` names the part that is wrong.',
  },
  request_too_large: {
    status: 413,
    message: 'The request is larger than this endpoint takes.',
    hint: 'Send less, or raise `server.body_limit`.',
  },
  request_too_slow: {
    status: 408,
    message: 'The request body did not arrive in time.',
    hint: 'Send it faster, or raise `server.body_timeout`.',
  },
  unsupported: {
    status: 400,
    message: 'The chosen target cannot do this.',
    hint: 'Remove the feature, or name a model that has it.',
  },
  cache_miss: {
    status: 404,
    message: 'No answer to this request is kept, and it asked for nothing else.',
    hint: 'Leave out `x-weir-cache: only` to have a provider asked.',
  },
  idempotency_conflict: {
    status: 409,
    message: 'This idempotency key was used with another body, or its first request is still running.',
    hint: 'Use a new `Idempotency-Key` for a new request.',
  },
  // 402 and not 429: SDKs retry a 429 at once, and a budget does not refill in seconds.
  budget_exhausted: {
    status: 402,
    message: 'The budget is used up.',
    hint: 'Raise the budget, or wait for its window to reset.',
  },
  unpriced_model: {
    status: 402,
    message: 'This model has no price, and requests without a price are refused here.',
    hint: 'Set `providers.<name>.models.<model>.price` (0 for a model that is free), or `unpriced: estimate` or `allow`.',
  },
  rate_limited: {
    status: 429,
    message: 'A rate limit is reached.',
    hint: 'Wait for `retry-after`; the message names the limit and whose it is.',
  },
  concurrency_limited: {
    status: 429,
    message: 'Too many requests are in flight.',
    hint: 'Wait for one to finish; the message names the limit and whose it is.',
  },
  upstream_rejected: {
    status: 400,
    message: 'The provider refused the request itself.',
    hint: 'The message is the provider’s own.',
  },
  all_targets_failed: {
    status: 502,
    message: 'No target could answer.',
    hint: 'Read `attempts`: one line for each target tried.',
  },
  all_targets_cooling: {
    status: 503,
    message: 'Every target of this model is cooling down after failures.',
    hint: 'Wait for `retry-after`.',
  },
  all_targets_timed_out: {
    status: 504,
    message: 'Every target of this model took too long.',
    hint: 'Read `attempts`, or raise the timeouts of the route.',
  },
  overloaded: {
    status: 503,
    message: 'The gateway is at its bound and sheds load.',
    hint: 'Retry after `retry-after`; raise `server.max_in_flight` or `server.max_bytes_held`, or add a replica.',
  },
  draining: {
    status: 503,
    message: 'This gateway is shutting down.',
    hint: 'Retry: another replica, or the restarted one, will answer.',
  },
  store_unavailable: {
    status: 503,
    message: 'The store cannot be reached, so the request could not be accounted for.',
    hint: 'Look at the health of the store; `weir doctor` checks it.',
  },
  session_ended: {
    status: 408,
    message: 'The session has lasted as long as one may.',
    hint: 'Open a new one; `realtime.idle` and `realtime.session` bound it.',
  },
  client_closed: {
    status: 499,
    message: 'The client closed the connection before the answer was complete.',
    hint: 'Nothing to do: what was produced until then is charged.',
  },
  unauthorized: {
    status: 401,
    message: 'The admin token is missing or wrong.',
    hint: 'Send `Authorization: Bearer <admin token>`; `weir admin token` makes a new one.',
  },
  forbidden: {
    status: 403,
    message: 'This role may only read, and not what people wrote.',
    hint: 'Use a token with the role `admin`.',
  },
  login_failed: {
    status: 401,
    message: 'The name or the password is wrong.',
    hint: 'Try again; the operator can set a new password.',
  },
  registration_closed: {
    status: 403,
    message: 'Nobody can register here.',
    hint: 'Ask the operator for a login, or for an invitation; `users.registration` says who may register.',
  },
  login_required: { status: 401, message: 'Nobody is logged in.', hint: 'Log in at `/user/login`.' },
  user_disabled: { status: 403, message: 'This user is disabled.', hint: 'Ask the operator.' },
  form_stale: {
    status: 403,
    message: 'This form is too old, or does not come from here.',
    hint: 'Open the page again, over HTTPS, and with cookies allowed.',
  },
  code_invalid: {
    status: 400,
    message: 'This code is not known, was used already, or has expired.',
    hint: 'Check it for typing errors, or ask for another one.',
  },
  signature_invalid: {
    status: 401,
    message: 'The signature of this message is missing, wrong or too old.',
    hint: 'Sign it as docs/resale.md says, with the secret of `users.topup_secret` and a clock that is right.',
  },
  conflict: { status: 409, message: 'This would clash with something that exists.', hint: 'The message names it.' },
  config_invalid: {
    status: 422,
    message: 'The new configuration is wrong; the running one stays in force.',
    hint: 'Mend what `problems` lists; `weir check` shows the same.',
  },
  internal: {
    status: 500,
    message: 'Something went wrong inside the gateway.',
    hint: 'Report the request id; the log holds the cause.',
  },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof ERRORS

/** What an error carries beyond its row. All of it may be shown to the caller, so nothing secret belongs in it. */
export type ErrorDetail = {
  /** Replaces the message of the table with a precise one. */
  readonly message?: string
  /** Replaces the status of the table: only for `upstream_rejected`, which answers as the upstream did. */
  readonly status?: number
  /** JSON path or header that is wrong. */
  readonly param?: string
  readonly retryAfterMs?: number
  /** One line for each target tried. */
  readonly attempts?: readonly AttemptLine[]
  /** The provider's own error code word, e.g. `context_length_exceeded`. */
  readonly upstreamCode?: string
  /** Response headers to add, e.g. `allow`. */
  readonly headers?: Readonly<Record<string, string>>
}

/** One tried target as a caller may see it. */
type AttemptLine = {
  readonly target: string
  readonly outcome: string
  readonly status: number | null
  readonly durationMs: number
}

/** The only error that crosses a stage on purpose; anything else becomes `internal` at the edge. */
export class GatewayError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly detail: ErrorDetail

  constructor(code: ErrorCode, detail: ErrorDetail = {}, cause?: unknown) {
    super(detail.message ?? ERRORS[code].message, cause === undefined ? undefined : { cause })
    this.name = 'GatewayError'
    this.code = code
    this.status = detail.status ?? ERRORS[code].status
    this.detail = detail
  }
}
