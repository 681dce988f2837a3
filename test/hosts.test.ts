// How single hosts differ from the format that they speak, seen from both sides: what they are sent, and what comes of it.
import { expect, test } from 'bun:test'
import type { JsonObject } from '../src/core/json.ts'
import { completion, startGateway, startUpstream } from './gateway.ts'

const KEY = 'some-key-value'
const ANTHROPIC = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude',
  content: [{ type: 'text', text: 'Hello' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 7, output_tokens: 2 },
}
const EVENTS = [
  { type: 'message_start', message: { ...ANTHROPIC, content: [], stop_reason: null } },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hello' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } },
  { type: 'message_stop' },
]
  .map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  .join('')

type Sent = { readonly path: string; readonly headers: Headers; readonly body: JsonObject }

/** Sends one request to a host of a preset; gives what the host got and the client heard. */
async function exchange(
  preset: string,
  more: string,
  request: { readonly path: string; readonly body: JsonObject; readonly headers?: Record<string, string> },
  answer: () => Response,
): Promise<{ readonly sent: Sent; readonly heard: string; readonly response: Response }> {
  const urls: string[] = []
  using upstream = startUpstream((received) => {
    urls.push(received.url)
    return answer()
  })
  await using weir = await startGateway(
    `providers: { up: { preset: ${preset}, base_url: "${upstream.url}", keys: [${KEY}], ${more.includes('models:') ? more : `${more} models: { m: {}, claude-sonnet-4-5: {} }`} } }`,
  )
  const headers = request.headers ?? {}
  const response = await weir.call(request.path, request.body, { headers })
  const heard = await response.text()
  const [received] = upstream.received
  if (received === undefined) throw new Error(`nothing was sent: ${heard}`)
  const { pathname, search } = new URL(urls[0] ?? '')
  const sent = { path: pathname + search, headers: received.headers, body: JSON.parse(received.body) as JsonObject }
  return { sent, heard, response }
}

const CHAT = '/v1/chat/completions'
const MESSAGES = '/v1/messages'
const hello: JsonObject = { model: 'up/m', messages: [{ role: 'user', content: 'Hello' }] }
const helloClaude: JsonObject = { ...hello, model: 'up/claude-sonnet-4-5', max_tokens: 9 }
const whole = (): Response => Response.json(completion('Hello'))

for (const [preset, more, path, header, value] of [
  ['azure', '', '/chat/completions', 'api-key', KEY],
  ['azure-deployments', 'resource: r,', '/m/chat/completions?api-version=2024-10-21', 'api-key', KEY],
  [
    'azure-deployments',
    'resource: r, api_version: 2025-01-01-preview,',
    '/m/chat/completions?api-version=2025-01-01-preview',
    'api-key',
    KEY,
  ],
  ['mistral', '', '/chat/completions', 'authorization', `Bearer ${KEY}`],
  ['xai', '', '/chat/completions', 'authorization', `Bearer ${KEY}`],
  ['cloudflare', 'account: a1,', '/chat/completions', 'authorization', `Bearer ${KEY}`],
  ['databricks', '', '/chat/completions', 'authorization', `Bearer ${KEY}`],
] as const)
  test(`${preset} (${more === '' ? 'by default' : more.slice(0, -1)}) is called at its own address by clients of both formats`, async () => {
    for (const request of [
      { path: CHAT, body: hello },
      { path: MESSAGES, body: { ...hello, max_tokens: 9 } },
    ]) {
      const { sent, heard } = await exchange(preset, more, request, whole)
      expect([sent.path, sent.headers.get(header)]).toEqual([path, value])
      expect(heard).toContain('Hello')
    }
  })

const prefilled: JsonObject = {
  ...hello,
  max_tokens: 9,
  messages: [
    { role: 'user', content: 'JSON?' },
    { role: 'assistant', content: '{' },
  ],
}

test('the beginning of an answer goes to DeepSeek’s beta address, marked, and to Mistral’s own', async () => {
  const deepseek = await exchange('deepseek', '', { path: MESSAGES, body: prefilled }, whole)
  expect(deepseek.sent.path).toBe('/beta/chat/completions')
  expect(deepseek.sent.body['messages']).toMatchObject([{ role: 'user' }, { role: 'assistant', prefix: true }])
  const mistral = await exchange('mistral', '', { path: MESSAGES, body: prefilled }, whole)
  expect(mistral.sent.path).toBe('/chat/completions')
  expect(mistral.sent.body['messages']).toMatchObject([{ role: 'user' }, { role: 'assistant', prefix: true }])
})

test('a client of OpenAI’s format that marks it itself is sent there, too; others are not', async () => {
  const marked = {
    ...hello,
    messages: [
      { role: 'user', content: 'x' },
      { role: 'assistant', content: '{', prefix: true },
    ],
  }
  expect((await exchange('deepseek', '', { path: CHAT, body: marked }, whole)).sent.path).toBe('/beta/chat/completions')
  expect((await exchange('deepseek', '', { path: CHAT, body: hello }, whole)).sent.path).toBe('/chat/completions')
  const openai = await exchange('openai', '', { path: MESSAGES, body: prefilled }, whole)
  expect(JSON.stringify(openai.sent.body)).not.toContain('prefix')
})

test('DeepSeek’s thoughts are heard, and go back to it', async () => {
  const message = { role: 'assistant', content: 'Hello', reasoning_content: 'They greet me.' }
  const body = { ...(completion() as JsonObject), choices: [{ index: 0, message, finish_reason: 'stop' }] }
  const first = await exchange('deepseek', '', { path: MESSAGES, body: { ...hello, max_tokens: 9 } }, () =>
    Response.json(body),
  )
  const { content } = JSON.parse(first.heard) as { content: JsonObject[] }
  expect(content[0]).toMatchObject({ type: 'thinking', thinking: 'They greet me.' })
  const messages = [
    { role: 'user', content: 'Hello' },
    { role: 'assistant', content },
    { role: 'user', content: 'Again' },
  ]
  const second = await exchange('deepseek', '', { path: MESSAGES, body: { ...hello, max_tokens: 9, messages } }, whole)
  expect(second.sent.body['messages']).toMatchObject([{}, { reasoning_content: 'They greet me.' }, {}])
})

test('Mistral gets tool ids of its form and no field that it refuses, which is told', async () => {
  const id = 'call_with_a_long_name'
  const tools = [{ name: 'f', input_schema: { type: 'object' } }]
  const messages = [
    { role: 'user', content: 'x' },
    { role: 'assistant', content: [{ type: 'tool_use', id, name: 'f', input: {} }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: '1' }] },
  ]
  const body = { ...hello, max_tokens: 9, tools, messages, metadata: { user_id: 'u' } }
  const { sent, response } = await exchange('mistral', '', { path: MESSAGES, body }, whole)
  const [, assistant, tool] = sent.body['messages'] as { tool_calls?: { id: string }[]; tool_call_id?: string }[]
  expect(tool?.tool_call_id).toMatch(/^[A-Za-z0-9]{9}$/)
  expect(assistant?.tool_calls?.[0]?.id).toBe(tool?.tool_call_id)
  expect(sent.body).toMatchObject({ max_tokens: 9 })
  expect(sent.body['user']).toBeUndefined()
  expect(response.headers.get('x-weir-warnings')).toContain('`user` is left out')
})

test('Perplexity’s sources are citations, and its searches are counted', async () => {
  const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7, num_search_queries: 2 }
  const body = {
    ...(completion('Paris.', usage) as JsonObject),
    citations: ['https://example.org/a'],
    search_results: [{ title: 'A page', url: 'https://example.org/a' }],
  }
  const { heard } = await exchange('perplexity', '', { path: MESSAGES, body: { ...hello, max_tokens: 9 } }, () =>
    Response.json(body),
  )
  expect(heard).toContain('https://example.org/a')
  expect(heard).toContain('A page')
})

test('Databricks’ lists of content are text and thoughts', async () => {
  const content = [
    { type: 'reasoning', summary: [{ type: 'summary_text', text: 'They greet me.' }] },
    { type: 'text', text: 'Hello' },
  ]
  const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }]
  const body = { ...(completion() as JsonObject), choices }
  const { heard } = await exchange('databricks', '', { path: MESSAGES, body: { ...hello, max_tokens: 9 } }, () =>
    Response.json(body),
  )
  expect((JSON.parse(heard) as { content: object[] }).content).toMatchObject([
    { thinking: 'They greet me.' },
    { text: 'Hello' },
  ])
})

test('an OpenAI-compatible host that wants them gets its differences from the configuration', async () => {
  const more = 'quirks: { max_tokens_field: max_tokens, response_format: json_object, refused_fields: [seed] },'
  const schema = { type: 'json_schema', name: 'a', schema: { type: 'object' } }
  const body = { model: 'up/m', input: 'Hello', max_output_tokens: 9, text: { format: schema } }
  const { sent, response } = await exchange('openai-compatible', more, { path: '/v1/responses', body }, whole)
  expect(sent.body).toMatchObject({ max_tokens: 9, response_format: { type: 'json_object' } })
  expect(response.headers.get('x-weir-warnings')).toContain('takes no JSON schema')
})

const VERTEX = 'settings: { project: p1, region: europe-west1 },'
const betas = { 'anthropic-version': '2023-06-01', 'anthropic-beta': 'context-1m-2025-08-07,other' }

test('Claude on Vertex is asked in Anthropic’s own format, with the model in the address', async () => {
  for (const preset of ['vertex-anthropic', 'vertex-anthropic-region']) {
    const request = { path: MESSAGES, body: { ...helloClaude, future: [1], weir: { tags: ['a'] } }, headers: betas }
    const { sent, heard } = await exchange(preset, VERTEX, request, () => Response.json(ANTHROPIC))
    expect(sent.path).toBe('/models/claude-sonnet-4-5:rawPredict')
    expect(sent.headers.get('authorization')).toBe(`Bearer ${KEY}`)
    expect(sent.headers.get('anthropic-beta')).toBe(betas['anthropic-beta'])
    const { model: _model, ...rest } = helloClaude
    expect(sent.body).toEqual({ ...rest, anthropic_version: 'vertex-2023-10-16', future: [1] })
    expect(JSON.parse(heard)).toEqual(ANTHROPIC)
  }
})

test('Claude on Vertex streams to clients of both formats', async () => {
  const stream = (): Response => new Response(EVENTS, { headers: { 'content-type': 'text/event-stream' } })
  const own = await exchange(
    'vertex-anthropic',
    VERTEX,
    { path: MESSAGES, body: { ...helloClaude, stream: true } },
    stream,
  )
  expect([own.sent.path, own.heard]).toEqual(['/models/claude-sonnet-4-5:streamRawPredict', EVENTS])
  const other = await exchange(
    'vertex-anthropic',
    VERTEX,
    { path: CHAT, body: { ...helloClaude, stream: true } },
    stream,
  )
  expect(other.sent.path).toBe('/models/claude-sonnet-4-5:streamRawPredict')
  expect(other.sent.body).toMatchObject({ anthropic_version: 'vertex-2023-10-16', stream: true })
  expect(other.sent.body['model']).toBeUndefined()
  expect(other.heard).toContain('"content":"Hello"')
})

test('Claude on Vertex counts tokens at an address of its own', async () => {
  const request = { path: '/v1/messages/count_tokens', body: { ...helloClaude, max_tokens: undefined } as JsonObject }
  const { sent, heard } = await exchange('vertex-anthropic', VERTEX, request, () => Response.json({ input_tokens: 8 }))
  expect(sent.path).toBe('/models/count-tokens:rawPredict')
  expect(sent.body).toMatchObject({ model: 'claude-sonnet-4-5', anthropic_version: 'vertex-2023-10-16' })
  expect(JSON.parse(heard)).toEqual({ input_tokens: 8 })
})

test('a whole answer of Claude on Bedrock is Anthropic’s own, and every field of the request arrives', async () => {
  const more = 'region: eu-central-1,'
  const request = { path: MESSAGES, body: { ...helloClaude, future: [1] }, headers: betas }
  const { sent, heard } = await exchange('bedrock-anthropic', more, request, () => Response.json(ANTHROPIC))
  expect(sent.path).toBe('/model/claude-sonnet-4-5/invoke')
  expect(sent.body).toMatchObject({
    anthropic_version: 'bedrock-2023-05-31',
    anthropic_beta: ['context-1m-2025-08-07', 'other'],
    future: [1],
  })
  expect(sent.body['model']).toBeUndefined()
  expect(JSON.parse(heard)).toEqual(ANTHROPIC)
})

const RESPONSE = {
  id: 'resp_1',
  object: 'response',
  created_at: 1,
  status: 'completed',
  model: 'gpt-5-pro',
  output: [
    {
      type: 'message',
      id: 'm',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'Hello', annotations: [] }],
    },
  ],
  usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5 },
}

test('a model of OpenAI that is served by Responses only is asked there, by clients of every format', async () => {
  const body = { ...hello, model: 'up/gpt-5-pro', max_tokens: 9 }
  for (const [path, request] of [
    [CHAT, body],
    [MESSAGES, body],
    ['/v1/responses', { model: 'up/gpt-5-pro', input: 'Hello' }],
  ] as const) {
    const { sent, heard } = await exchange('openai', '', { path, body: request }, () => Response.json(RESPONSE))
    expect([path, sent.path]).toEqual([path, '/responses'])
    expect(heard).toContain('Hello')
  }
  const told = await exchange('openai', 'models: { m: { responses_only: true } },', { path: CHAT, body: hello }, () =>
    Response.json(RESPONSE),
  )
  expect(told.sent.path).toBe('/responses')
  expect((await exchange('openai', '', { path: CHAT, body: hello }, whole)).sent.path).toBe('/chat/completions')
})
