// Errors as OpenAI words them: one table, thrown where a request is at fault and played where a fault is asked for.

export type WireErrorBody = {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string | null
  }
}

/** An answer that is an error, with OpenAI's status and body. */
export class WireError extends Error {
  readonly status: number
  readonly body: WireErrorBody
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, error: Partial<WireErrorBody['error']> & { message: string }, headers = {}) {
    super(error.message)
    this.name = 'WireError'
    this.status = status
    this.body = { error: { type: 'invalid_request_error', param: null, code: null, ...error } }
    this.headers = headers
  }
}

/** A 400 that names the wrong parameter. */
export function invalid(param: string | null, code: string | null, message: string): WireError {
  return new WireError(400, { message, param, code })
}

export function modelNotFound(model: string): WireError {
  const message = `The model \`${model}\` does not exist or you do not have access to it.`
  return new WireError(404, { message, code: 'model_not_found' })
}

export function contextTooLong(context: number, tokens: number, param: string): WireError {
  return invalid(
    param,
    'context_length_exceeded',
    `This model's maximum context length is ${context} tokens. However, your messages resulted in ${tokens} tokens. Please reduce the length of the messages.`,
  )
}

export function rateLimited(model: string, rpm: number, retryAfterS: number): WireError {
  return new WireError(
    429,
    {
      message: `Rate limit reached for ${model} on requests per min (RPM): Limit ${rpm}, Used ${rpm}, Requested 1. Please try again in ${retryAfterS}s.`,
      type: 'requests',
      code: 'rate_limit_exceeded',
    },
    {
      'retry-after': String(Math.ceil(retryAfterS)),
      'x-ratelimit-limit-requests': String(rpm),
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': `${retryAfterS}s`,
    },
  )
}

/** The answers of faults that are nothing but an error. */
export const ERROR_FAULTS = {
  error_500: {
    status: 500,
    message: 'The server had an error while processing your request. Sorry about that!',
    type: 'server_error',
    code: null,
  },
  error_503: {
    status: 503,
    message: 'The engine is currently overloaded, please try again later.',
    type: 'server_error',
    code: 'overloaded',
  },
  unauthorized: {
    status: 401,
    message: 'Incorrect API key provided. You can find your API key in your account settings.',
    type: 'invalid_request_error',
    code: 'invalid_api_key',
  },
  quota_403: {
    status: 403,
    message: 'You exceeded your current quota, please check your plan and billing details.',
    type: 'insufficient_quota',
    code: 'insufficient_quota',
  },
} as const satisfies Record<string, { status: number; message: string; type: string; code: string | null }>
