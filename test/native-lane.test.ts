// The native lane loses nothing: forty fields that nobody knows reach the provider, and its answer's bytes reach the client.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { startGateway, startUpstream } from './gateway.ts'

type Pair = {
  readonly name: string
  readonly provider: string
  readonly path: (stream: boolean) => string
  /** Members that the dialect demands. */
  readonly body: Readonly<Record<string, unknown>>
  /** Whether a stream is asked for in the body. */
  readonly streamField: boolean
  readonly whole: object
  readonly events: readonly string[]
}

const CHAT_USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
const chatChunk = (delta: object, finish: string | null, more = {}): string =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: finish }], ...more })}`

const RESPONSE = {
  id: 'resp_1',
  object: 'response',
  created_at: 1,
  status: 'completed',
  model: 'gpt-5-mini',
  output: [
    {
      id: 'msg_1',
      type: 'message',
      status: 'completed',
      role: 'assistant',
      content: [{ type: 'output_text', text: 'Hi', annotations: [] }],
    },
  ],
  usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5 },
}
const MESSAGE = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-haiku-4-5',
  content: [{ type: 'text', text: 'Hi' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 3, output_tokens: 2 },
}
const CONTENT = {
  candidates: [{ content: { role: 'model', parts: [{ text: 'Hi' }] }, finishReason: 'STOP', index: 0 }],
  usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2, totalTokenCount: 5 },
}
const named = (type: string, data: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}`

const gemini = (preset: string): Pair => ({
  name: `Gemini to ${preset}`,
  provider: `preset: ${preset}, keys: [upstream-key]`,
  path: (stream) => `/v1beta/models/up/gemini-2.5-pro:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
  body: { contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] },
  streamField: false,
  whole: CONTENT,
  events: [`data: ${JSON.stringify(CONTENT)}`],
})

const PAIRS: readonly Pair[] = [
  {
    name: 'OpenAI chat to an OpenAI-compatible host',
    provider: 'preset: openai-compatible, keys: [upstream-key]',
    path: () => '/v1/chat/completions',
    body: { model: 'up/m', messages: [{ role: 'user', content: 'Hi' }], stream_options: { include_usage: true } },
    streamField: true,
    whole: {
      id: 'c',
      object: 'chat.completion',
      created: 1,
      model: 'm',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
      usage: CHAT_USAGE,
    },
    events: [chatChunk({ content: 'Hi' }, null), chatChunk({}, 'stop', { usage: CHAT_USAGE }), 'data: [DONE]'],
  },
  {
    name: 'Responses to OpenAI',
    provider: 'preset: openai, keys: [upstream-key]',
    path: () => '/v1/responses',
    body: { model: 'up/gpt-5-mini', input: 'Hi', store: false },
    streamField: true,
    whole: RESPONSE,
    events: [
      named('response.created', { response: { ...RESPONSE, status: 'in_progress', output: [] } }),
      named('response.output_text.delta', { output_index: 0, content_index: 0, item_id: 'msg_1', delta: 'Hi' }),
      named('response.completed', { response: RESPONSE }),
    ],
  },
  {
    name: 'Anthropic to Anthropic',
    provider: 'preset: anthropic, keys: [upstream-key]',
    path: () => '/v1/messages',
    body: { model: 'up/claude-haiku-4-5', max_tokens: 10, messages: [{ role: 'user', content: 'Hi' }] },
    streamField: true,
    whole: MESSAGE,
    events: [
      named('message_start', { message: { ...MESSAGE, content: [], stop_reason: null } }),
      named('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
      named('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'Hi' } }),
      named('content_block_stop', { index: 0 }),
      named('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } }),
      named('message_stop', {}),
    ],
  },
  gemini('gemini'),
  gemini('vertex'),
]

/** Text of a value that survives only where nobody writes it anew. */
const oddJson = fc.oneof(
  fc.constant('12345678901234567890'),
  fc.constant('1.50'),
  fc.constant('-0.0'),
  fc.constant('1E+2'),
  fc.constant('{ "deep" : [ 1 , "x", null ,{} ] }'),
  fc.constant(String.raw`"\u00fc \ud83c\udf0a \/"`),
  fc.json({ maxDepth: 2 }),
)

async function played(pair: Pair, answer: () => Response) {
  const upstream = startUpstream(answer)
  const weir = await startGateway(
    `providers:\n  up: { ${pair.provider}, base_url: "${upstream.url}/v1", models: { m: {}, gpt-5-mini: {}, claude-haiku-4-5: {}, gemini-2.5-pro: {} } }\n`,
  )
  return {
    upstream,
    weir,
    async [Symbol.asyncDispose]() {
      await weir[Symbol.asyncDispose]()
      upstream[Symbol.dispose]()
    },
  }
}

const sse = (text: string): Response => new Response(text, { headers: { 'content-type': 'text/event-stream' } })

for (const pair of PAIRS)
  describe(pair.name, () => {
    test('forty unknown fields reach the provider, each to the letter', async () => {
      await using scene = await played(pair, () => Response.json(pair.whole))
      const fields = fc.sample(oddJson, { numRuns: 40, seed: 7 }).map((json, index) => `"x_future_${index}":${json}`)
      const known = JSON.stringify(pair.body)
      const response = await scene.weir.call(pair.path(false), `${known.slice(0, -1)},${fields.join(',')}}`)
      expect([response.status, await response.text()]).toEqual([200, JSON.stringify(pair.whole)])
      const { body } = scene.upstream.received[0] ?? { body: '' }
      for (const field of fields) expect(body).toContain(field)
    })

    test('a whole answer is the same to the byte', async () => {
      const text = `\n${JSON.stringify(pair.whole, null, 3).replace(/\}$/, ',  "x_future" : 12345678901234567890, "y":"\\u00fc" }')}\n`
      await using scene = await played(
        pair,
        () => new Response(text, { headers: { 'content-type': 'application/json' } }),
      )
      const response = await scene.weir.call(pair.path(false), pair.body)
      expect(await response.text()).toBe(text)
    })

    test.each([
      ['line feeds', '\n'],
      ['carriage returns and line feeds', '\r\n'],
    ])('a stream with %s is the same to the byte, with comments and events that nobody knows', async (_, end) => {
      const strange = [': a comment', `event: x_future\ndata: {"type":"x_future","n":12345678901234567890}`]
      const [first = '', ...rest] = pair.events
      const text = [first, ...strange, ...rest].map((event) => `${event.replaceAll('\n', end)}${end}${end}`).join('')
      await using scene = await played(pair, () => sse(text))
      const body = pair.streamField ? { ...pair.body, stream: true } : pair.body
      const response = await scene.weir.call(pair.path(true), body)
      expect(response.status).toBe(200)
      expect(await response.text()).toBe(text)
    })
  })
