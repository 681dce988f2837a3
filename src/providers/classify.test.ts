import { expect, test } from 'bun:test'

import type { OutcomeType } from '../core/outcome.ts'
import { configureProviders } from './configure.ts'
import { classify, errorCodeOf, errorMessageOf } from './classify.ts'

type Case = readonly [
  vendor: string,
  status: number,
  body: unknown,
  outcome: OutcomeType,
  headers?: Record<string, string>,
]

const openai = (message: string, type: string, code: string | null): unknown => ({
  error: { message, type, param: null, code },
})
const azure = (code: string, message: string, innererror?: unknown): unknown => ({
  error: { code, message, innererror },
})
const anthropic = (type: string, message: string): unknown => ({
  type: 'error',
  error: { type, message },
  request_id: 'req_011',
})
const google = (code: number, status: string, message: string, details: unknown[] = []): unknown => ({
  error: { code, message, status, details },
})
const mistral = (message: unknown, type: string, code: string | null = null): unknown => ({
  object: 'error',
  message,
  type,
  param: null,
  code,
})
const openrouter = (code: number, message: string, metadata?: unknown): unknown => ({
  error: { code, message, metadata },
})

const CASES: readonly Case[] = [
  // Rate limits and quotas.
  [
    'OpenAI',
    429,
    openai(
      'Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000',
      'tokens',
      'rate_limit_exceeded',
    ),
    'rate_limited',
  ],
  [
    'OpenAI',
    429,
    openai(
      'You exceeded your current quota, please check your plan and billing details.',
      'insufficient_quota',
      'insufficient_quota',
    ),
    'rate_limited',
  ],
  [
    'Azure',
    429,
    azure(
      '429',
      'Requests to the ChatCompletions_Create Operation have exceeded call rate limit of your current pricing tier.',
    ),
    'rate_limited',
  ],
  [
    'Anthropic',
    429,
    anthropic(
      'rate_limit_error',
      'This request would exceed your organization’s rate limit of 40,000 input tokens per minute.',
    ),
    'rate_limited',
  ],
  ['Anthropic', 529, anthropic('overloaded_error', 'Overloaded'), 'rate_limited'],
  ['Gemini', 429, google(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota.'), 'rate_limited'],
  [
    'Vertex',
    403,
    google(403, 'PERMISSION_DENIED', 'Quota exceeded for quota metric ‘Generate requests’ of service.'),
    'rate_limited',
  ],
  [
    'Bedrock',
    429,
    { message: 'Too many requests, please wait before trying again.' },
    'rate_limited',
    { 'x-amzn-errortype': 'ThrottlingException' },
  ],
  [
    'Bedrock',
    400,
    { message: 'Your account exceeds a limit.' },
    'rate_limited',
    { 'x-amzn-errortype': 'ServiceQuotaExceededException:http://internal.amazon.com/' },
  ],
  [
    'Groq',
    413,
    openai(
      'Request too large for model `llama-3.1-8b-instant` on tokens per minute (TPM): Limit 6000, Requested 8011',
      'tokens',
      'rate_limit_exceeded',
    ),
    'rate_limited',
  ],
  [
    'OpenRouter',
    403,
    openrouter(403, 'Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys'),
    'rate_limited',
  ],
  ['Mistral', 429, mistral('Requests rate limit exceeded', 'rate_limit_exceeded', '1300'), 'rate_limited'],
  // Money and keys.
  ['DeepSeek', 402, openai('Insufficient Balance', 'unknown_error', 'invalid_request_error'), 'credential_bad'],
  [
    'Anthropic',
    400,
    anthropic(
      'invalid_request_error',
      'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.',
    ),
    'credential_bad',
  ],
  [
    'OpenAI',
    400,
    openai('Billing hard limit has been reached', 'billing_limit_user_error', 'billing_hard_limit_reached'),
    'credential_bad',
  ],
  [
    'DashScope',
    400,
    {
      error: {
        code: 'Arrearage',
        message: 'Access denied, please make sure your account is in good standing.',
        type: 'Arrearage',
        param: null,
      },
      request_id: 'x',
    },
    'credential_bad',
  ],
  [
    'OpenAI',
    401,
    openai('Incorrect API key provided: sk-ab***yz.', 'invalid_request_error', 'invalid_api_key'),
    'credential_bad',
  ],
  [
    'Azure',
    401,
    azure('401', 'Access denied due to invalid subscription key or wrong API endpoint.'),
    'credential_bad',
  ],
  ['Anthropic', 401, anthropic('authentication_error', 'invalid x-api-key'), 'credential_bad'],
  [
    'Gemini',
    400,
    google(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', [
      { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' },
    ]),
    'credential_bad',
  ],
  [
    'Bedrock',
    403,
    { message: 'The security token included in the request is invalid.' },
    'credential_bad',
    { 'x-amzn-errortype': 'UnrecognizedClientException' },
  ],
  ['Cohere', 401, { message: 'invalid api token' }, 'credential_bad'],
  ['Mistral', 401, { message: 'Unauthorized', request_id: 'x' }, 'credential_bad'],
  ['Groq', 401, openai('Invalid API Key', 'invalid_request_error', 'invalid_api_key'), 'credential_bad'],
  [
    'xAI',
    400,
    {
      code: 'Client specified an invalid argument',
      error: 'Incorrect API key provided: xa***. You can obtain an API key from https://console.x.ai.',
    },
    'credential_bad',
  ],
  ['a 403 that says nothing more', 403, { error: 'Forbidden' }, 'credential_bad'],
  // Context length.
  [
    'OpenAI',
    400,
    openai(
      "This model's maximum context length is 128000 tokens. However, your messages resulted in 140012 tokens.",
      'invalid_request_error',
      'context_length_exceeded',
    ),
    'context_too_long',
  ],
  [
    'OpenAI',
    400,
    openai(
      'Your input exceeds the context window of this model. Please adjust your input and try again.',
      'invalid_request_error',
      null,
    ),
    'context_too_long',
  ],
  [
    'Anthropic',
    400,
    anthropic('invalid_request_error', 'prompt is too long: 208310 tokens > 200000 maximum'),
    'context_too_long',
  ],
  [
    'Anthropic',
    400,
    anthropic('invalid_request_error', 'input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000'),
    'context_too_long',
  ],
  [
    'Gemini',
    400,
    [
      google(
        400,
        'INVALID_ARGUMENT',
        'The input token count (1196231) exceeds the maximum number of tokens allowed (1048576).',
      ),
    ],
    'context_too_long',
  ],
  [
    'Bedrock',
    400,
    { message: 'Input is too long for requested model.' },
    'context_too_long',
    { 'x-amzn-errortype': 'ValidationException' },
  ],
  [
    'Cohere',
    400,
    { message: 'too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4600.' },
    'context_too_long',
  ],
  [
    'Mistral',
    400,
    mistral(
      'Prompt contains 40123 tokens and 0 draft tokens, too large for model with 32768 maximum context length',
      'invalid_request_prompt',
      '3051',
    ),
    'context_too_long',
  ],
  [
    'DeepSeek',
    400,
    openai(
      "This model's maximum context length is 65536 tokens. However, you requested 70000 tokens.",
      'invalid_request_error',
      'invalid_request_error',
    ),
    'context_too_long',
  ],
  [
    'Groq',
    400,
    openai(
      'Please reduce the length of the messages or completion.',
      'invalid_request_error',
      'context_length_exceeded',
    ),
    'context_too_long',
  ],
  [
    'OpenRouter',
    400,
    openrouter(
      400,
      "This endpoint's maximum context length is 131072 tokens. However, you requested about 150000 tokens.",
    ),
    'context_too_long',
  ],
  [
    'DashScope',
    400,
    openai('Range of input length should be [1, 30720]', 'invalid_request_error', 'invalid_parameter_error'),
    'context_too_long',
  ],
  [
    'TGI',
    422,
    {
      error:
        'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 20 `max_new_tokens`',
      error_type: 'validation',
    },
    'context_too_long',
  ],
  [
    'llama.cpp',
    400,
    {
      error: {
        code: 400,
        message: 'the request exceeds the available context size, try increasing it',
        type: 'exceed_context_size_error',
        n_ctx: 4096,
      },
    },
    'context_too_long',
  ],
  // Content filters.
  [
    'OpenAI',
    400,
    openai(
      'Your request was rejected as a result of our safety system.',
      'invalid_request_error',
      'content_policy_violation',
    ),
    'filtered',
  ],
  [
    'Azure',
    400,
    azure(
      'content_filter',
      "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
      { code: 'ResponsibleAIPolicyViolation' },
    ),
    'filtered',
  ],
  ['DeepSeek', 400, openai('Content Exists Risk', 'invalid_request_error', 'invalid_request_error'), 'filtered'],
  [
    'OpenRouter',
    403,
    openrouter(403, 'Your chosen model requires moderation and your input was flagged', {
      reasons: ['violence'],
      provider_name: 'OpenAI',
    }),
    'filtered',
  ],
  [
    'DashScope',
    400,
    openai('Input data may contain inappropriate content.', 'data_inspection_failed', 'data_inspection_failed'),
    'filtered',
  ],
  [
    'Zhipu',
    400,
    {
      contentFilter: [{ level: 1, role: 'user' }],
      error: { code: '1301', message: '系统检测到输入或生成内容可能包含不安全或敏感内容 (sensitive content)' },
    },
    'filtered',
  ],
  // The model is not there.
  [
    'OpenAI',
    404,
    openai(
      'The model `gpt-9` does not exist or you do not have access to it.',
      'invalid_request_error',
      'model_not_found',
    ),
    'unreachable',
  ],
  [
    'OpenAI',
    403,
    openai('Project `proj_x` does not have access to model `gpt-4`', 'invalid_request_error', 'model_not_found'),
    'unreachable',
  ],
  [
    'OpenAI',
    403,
    openai('Country, region, or territory not supported', 'request_forbidden', 'unsupported_country_region_territory'),
    'unreachable',
  ],
  ['Azure', 404, azure('DeploymentNotFound', 'The API deployment for this resource does not exist.'), 'unreachable'],
  ['Azure', 404, azure('404', 'Resource not found'), 'unreachable'],
  ['Anthropic', 404, anthropic('not_found_error', 'model: claude-9'), 'unreachable'],
  [
    'Gemini',
    404,
    google(
      404,
      'NOT_FOUND',
      'models/gemini-9 is not found for API version v1beta, or is not supported for generateContent.',
    ),
    'unreachable',
  ],
  [
    'Bedrock',
    403,
    { message: "You don't have access to the model with the specified model ID." },
    'unreachable',
    { 'x-amzn-errortype': 'AccessDeniedException' },
  ],
  [
    'Bedrock',
    400,
    { message: 'The provided model identifier is invalid.' },
    'unreachable',
    { 'x-amzn-errortype': 'ValidationException' },
  ],
  ['Cohere', 404, { message: "model 'command-z' not found, make sure the correct model ID was used" }, 'unreachable'],
  ['Mistral', 400, mistral('Invalid model: nope', 'invalid_model', '1500'), 'unreachable'],
  ['DeepSeek', 400, openai('Model Not Exist', 'invalid_request_error', 'invalid_request_error'), 'unreachable'],
  [
    'Groq',
    400,
    openai(
      'The model `x` has been decommissioned and is no longer supported.',
      'invalid_request_error',
      'model_decommissioned',
    ),
    'unreachable',
  ],
  ['OpenRouter', 400, openrouter(400, 'nope/nope is not a valid model ID'), 'unreachable'],
  ['OpenRouter', 404, openrouter(404, 'No endpoints found that support tool use.'), 'unreachable'],
  ['Ollama', 404, { error: 'model "llama9" not found, try pulling it first' }, 'unreachable'],
  ['a web server', 404, '<html><head><title>404 Not Found</title></head></html>', 'unreachable'],
  ['FastAPI', 404, { detail: 'Not Found' }, 'unreachable'],
  ['an empty 404', 404, '', 'unreachable'],
  ['a firewall', 403, '<!DOCTYPE html><html><head><title>Attention Required!</title></head></html>', 'unreachable'],
  ['a wrong path', 405, { detail: 'Method Not Allowed' }, 'unreachable'],
  // Their trouble, for now.
  ['OpenAI', 500, openai('The server had an error while processing your request.', 'server_error', null), 'overloaded'],
  [
    'OpenAI',
    503,
    openai('That model is currently overloaded with other requests.', 'server_error', null),
    'overloaded',
  ],
  ['Anthropic', 500, anthropic('api_error', 'Internal server error'), 'overloaded'],
  ['Gemini', 503, google(503, 'UNAVAILABLE', 'The model is overloaded. Please try again later.'), 'overloaded'],
  [
    'Bedrock',
    408,
    { message: 'Model processing timed out.' },
    'overloaded',
    { 'x-amzn-errortype': 'ModelTimeoutException' },
  ],
  ['a proxy', 502, '<html><head><title>502 Bad Gateway</title></head></html>', 'overloaded'],
  ['Groq flex', 498, openai('capacity exceeded', 'capacity', 'capacity_exceeded'), 'overloaded'],
  ['a conflict', 409, openai('Request in progress', 'conflict', null), 'overloaded'],
  ['Cloudflare', 524, '', 'overloaded'],
  // The request itself.
  [
    'OpenAI',
    400,
    openai("Missing required parameter: 'messages'.", 'invalid_request_error', 'missing_required_parameter'),
    'rejected',
  ],
  [
    'OpenAI',
    400,
    openai("Invalid value: 'tool'. Function 'f' does not exist.", 'invalid_request_error', 'invalid_value'),
    'rejected',
  ],
  [
    'OpenAI',
    404,
    openai("Previous response with id 'resp_1' was missing.", 'invalid_request_error', 'previous_response_missing'),
    'rejected',
  ],
  ['Anthropic', 413, anthropic('request_too_large', 'Request exceeds the maximum size'), 'rejected'],
  [
    'Mistral',
    422,
    mistral(
      { detail: [{ type: 'extra_forbidden', loc: ['body', 'stream_options'], msg: 'Extra inputs are not permitted' }] },
      'invalid_request_message_error',
    ),
    'rejected',
  ],
  ['Gemini', 400, google(400, 'INVALID_ARGUMENT', 'Invalid JSON payload received. Unknown name "foo".'), 'rejected'],
  // A 200 that is none.
  ['OpenRouter', 200, openrouter(502, 'Provider returned error', { provider_name: 'X' }), 'broken'],
  ['MiniMax', 200, { base_resp: { status_code: 1004, status_msg: 'login fail' } }, 'broken'],
  ['Baidu', 200, { error_code: 17, error_msg: 'Open api daily request limit reached' }, 'broken'],
  ['a redirect', 302, '', 'broken'],
  ['OpenAI', 200, { id: 'x', error: null, choices: [] }, 'answered'],
  ['MiniMax', 200, { choices: [], base_resp: { status_code: 0, status_msg: '' } }, 'answered'],
  ['an answer about errors', 200, { choices: [{ message: { content: '{"error": "quoted"}' } }] }, 'answered'],
]

for (const [vendor, status, body, outcome, headers] of CASES) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  test(`${vendor} ${status} is ${outcome}: ${text.slice(0, 70)}`, () => {
    expect(classify({ status, headers: new Headers(headers), body: text }).type).toBe(outcome)
  })
}

test('a provider’s own rows are asked before the table', () => {
  const reply = { status: 400, headers: new Headers(), body: '{"error":{"message":"odd words"}}' }
  expect(classify(reply).type).toBe('rejected')
  expect(classify(reply, [{ statuses: [400], words: /odd words/, outcome: 'overloaded' }]).type).toBe('overloaded')
})

test('the presets know the statuses that mean something else with them', () => {
  const body = JSON.stringify({ message: 'no words for it' })
  for (const [preset, status, outcome] of [
    ['groq', 498, 'rate_limited'],
    ['cohere', 498, 'filtered'],
    ['openai', 498, 'overloaded'],
  ] as const) {
    const [provider] = configureProviders({ p: { preset, keys: ['k'] } }, {})
    expect(classify({ status, headers: new Headers(), body }, provider?.outcomes).type).toBe(outcome)
  }
})

test('a rate limit carries the wait of the headers, else that of Google’s body', () => {
  const body = JSON.stringify(
    google(429, 'RESOURCE_EXHAUSTED', 'Quota', [
      { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.07s' },
    ]),
  )
  expect(classify({ status: 429, headers: new Headers(), body })).toEqual({
    type: 'rate_limited',
    retryAfterMs: 34_070,
  })
  expect(classify({ status: 429, headers: new Headers({ 'retry-after': '2' }), body })).toEqual({
    type: 'rate_limited',
    retryAfterMs: 2_000,
  })
  expect(classify({ status: 503, headers: new Headers(), body: '' })).toEqual({
    type: 'overloaded',
    retryAfterMs: null,
  })
})

test('the message is the provider’s own, bounded and without control characters', () => {
  expect(errorMessageOf(JSON.stringify(openai('No\u0000\n such\tthing', 'x', null)))).toBe('No such thing')
  expect(errorMessageOf(JSON.stringify(openai('x'.repeat(2_000), 'x', null)))?.length).toBe(500)
  expect(errorMessageOf('{"errors":[{"code":10000,"message":"Authentication error"}],"success":false}')).toBe(
    'Authentication error',
  )
  expect(errorMessageOf(JSON.stringify(mistral({ detail: [{ loc: ['body', 'n'], msg: 'too large' }] }, 'x')))).toBe(
    'body.n: too large',
  )
  expect(errorMessageOf('<html><title>Bad Gateway</title>')).toBe('Bad Gateway')
  expect(errorMessageOf('upstream connect error')).toBe('upstream connect error')
  expect(errorMessageOf('"quoted"')).toBe('quoted')
  for (const nothing of ['', '   ', '[]', '{}', '1', '<html>', '{"error":null}'])
    expect(errorMessageOf(nothing)).toBeNull()
})

test('the code is the provider’s word for the error', () => {
  expect(errorCodeOf(JSON.stringify(openai('m', 'invalid_request_error', 'context_length_exceeded')))).toBe(
    'context_length_exceeded',
  )
  expect(errorCodeOf(JSON.stringify(anthropic('overloaded_error', 'Overloaded')))).toBe('overloaded_error')
  expect(errorCodeOf('{"__type":"ThrottlingException","message":"x"}')).toBe('ThrottlingException')
  expect(errorCodeOf('not json')).toBeNull()
})

test('long hostile bodies are read in bounded time', () => {
  const started = performance.now()
  for (const body of [
    'model '.repeat(200_000),
    `{"error":{"message":"${'token count '.repeat(5_000)}"}}`,
    '<title'.repeat(100_000),
    '['.repeat(60_000),
  ])
    classify({ status: 400, headers: new Headers(), body })
  expect(performance.now() - started).toBeLessThan(1_000)
})
