import { expect, test } from 'bun:test'
import type { Part } from '../core/chat.ts'
import type { ChatAnswer, FinishReason } from '../core/chat-answer.ts'
import { eventsOf } from '../core/chat-assembler.ts'
import type { ChatEvent } from '../core/chat-events.ts'
import { GatewayError } from '../core/error.ts'
import { partsOfMessage } from '../core/formats/openai-message.ts'
import type { JsonObject } from '../core/json.ts'
import { NO_USAGE } from '../core/usage.ts'
import { anthropicMessages } from './anthropic-messages.ts'
import { anthropicMessagesTranslator as anthropic } from './anthropic-messages-translator.ts'
import { openaiChatTranslator as openai } from './openai-chat-translator.ts'
import type { ChatTranslator } from './translator.ts'

const CONTEXT = { model: 'asked', id: 'req_1', created: 7, includeUsage: true }
const USAGE = { ...NO_USAGE, input: 3, cacheRead: 2, cacheWrite1h: 4, output: 5, reasoning: 6 }

function answer(parts: readonly Part[], unified: FinishReason = 'stop', raw: string | null = null): ChatAnswer {
  return {
    id: null,
    model: null,
    created: null,
    choices: [{ index: 0, parts, finish: { unified, raw }, logprobs: null }],
    usage: USAGE,
    rawUsage: null,
    serviceTier: 'default',
    warnings: [],
  }
}

function streamed(translator: ChatTranslator, events: readonly ChatEvent[], includeUsage = true): string {
  const writer = translator.streamWriter({ ...CONTEXT, includeUsage })
  return events.map((event) => writer.write(event)).join('') + writer.end()
}

const events = (sse: string): JsonObject[] =>
  sse.split('\n').flatMap((line) => (line.startsWith('data: {') ? [JSON.parse(line.slice(6)) as JsonObject] : []))

test.each([
  ['no messages object', openai, { messages: ['x'] }, 'messages[0]'],
  ['an unknown role', openai, { messages: [{ role: 'x' }] }, 'messages[0].role'],
  ['content of a number', openai, { messages: [{ role: 'user', content: 1 }] }, 'messages[0].content'],
  ['a part of text', openai, { messages: [{ role: 'user', content: ['x'] }] }, 'messages[0].content[0]'],
  [
    'a picture of nothing',
    openai,
    { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
    'messages[0].content[0].image_url.url',
  ],
  ['a turn of text', anthropic, { messages: ['x'] }, 'messages[0]'],
  ['an unknown role of a turn', anthropic, { messages: [{ role: 'x', content: '' }] }, 'messages[0].role'],
  ['a turn without content', anthropic, { messages: [{ role: 'user' }] }, 'messages[0].content'],
] as const)('%s is refused with its path', (_, translator, body, param) => {
  expect(() => translator.readRequest(body as unknown as JsonObject)).toThrow(
    expect.objectContaining({ code: 'request_malformed', detail: expect.objectContaining({ param }) }),
  )
})

test('old functions and their messages are read as tools', () => {
  const { request } = openai.readRequest({
    functions: [{ name: 'f', parameters: { type: 'object' } }],
    function_call: { name: 'f' },
    messages: [
      { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
      { role: 'function', name: 'f', content: 'x' },
    ],
  })
  expect(request).toMatchObject({
    tools: [{ type: 'function', name: 'f' }],
    toolChoice: { type: 'named', name: 'f' },
    messages: [
      { parts: [{ type: 'tool_call', id: 'call_f', name: 'f' }] },
      { role: 'tool', parts: [{ toolCallId: 'call_f', toolName: 'f' }] },
    ],
  })
})

test('OpenRouter’s reasoning, allowed tools and markers on messages are understood', () => {
  const { request } = openai.readRequest({
    messages: [{ role: 'user', content: 'x', cache_control: { type: 'ephemeral', ttl: '1h' } }],
    reasoning: { max_tokens: 2_000 },
    tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [] } },
    stop: 'END',
  })
  expect(request).toMatchObject({
    messages: [{ parts: [{ type: 'text', text: 'x', cache: { ttl: '1h' } }] }],
    reasoning: { enabled: true, budgetTokens: 2_000 },
    toolChoice: { type: 'required' },
    sampling: { stop: ['END'] },
  })
})

test.each([
  ['stop', 'stop', 'end_turn'],
  ['length', 'length', 'max_tokens'],
  ['tool_calls', 'tool_calls', 'tool_use'],
  ['content_filter', 'content_filter', 'refusal'],
  ['pause', 'stop', 'pause_turn'],
  ['error', 'length', 'max_tokens'],
  ['other', 'stop', 'end_turn'],
] as const)('the end %s is %s in OpenAI’s words and %s in Anthropic’s', (unified, openaiWord, anthropicWord) => {
  const whole = answer([{ type: 'text', text: 'x' }], unified, 'own')
  expect(openai.writeAnswer(whole, CONTEXT)).toMatchObject({
    choices: [{ finish_reason: openaiWord, native_finish_reason: 'own' }],
  })
  expect(anthropic.writeAnswer(whole, CONTEXT)).toMatchObject({ stop_reason: anthropicWord })
})

test('usage is told in each dialect’s way of counting', () => {
  const whole = answer([{ type: 'text', text: 'x' }])
  expect(openai.writeAnswer(whole, CONTEXT)['usage']).toMatchObject({
    prompt_tokens: 9,
    completion_tokens: 11,
    total_tokens: 20,
    prompt_tokens_details: { cached_tokens: 2, cache_write_tokens: 4 },
    completion_tokens_details: { reasoning_tokens: 6 },
  })
  expect(anthropic.writeAnswer(whole, CONTEXT)).toMatchObject({
    id: 'msg_req_1',
    model: 'asked',
    usage: {
      input_tokens: 3,
      cache_read_input_tokens: 2,
      cache_creation_input_tokens: 4,
      output_tokens: 11,
      service_tier: 'standard',
    },
  })
})

const EVERYTHING: readonly Part[] = [
  { type: 'reasoning', text: 'hm', signature: 'S', encrypted: null, family: 'gemini' },
  {
    type: 'text',
    text: 'Hi',
    citations: [
      { url: 'https://example.com', title: 'E', citedText: 'c', start: null, end: null },
      { url: null, title: null, citedText: null, start: null, end: null },
    ],
  },
  { type: 'tool_call', kind: 'custom', id: 'c', name: 'sh', arguments: 'ls' },
  { type: 'tool_call', kind: 'function', id: 'f', name: 'f', arguments: '{"a":1}', signature: 'G', family: 'gemini' },
  { type: 'refusal', text: 'No.' },
  { type: 'audio', source: { type: 'inline', data: 'AAAA', mediaType: 'audio/wav' }, id: 'au', transcript: 'said' },
  { type: 'opaque', family: 'openai-responses', value: { type: 'x' } },
  { type: 'hosted_call', id: 'h', name: 'search', arguments: '{}', family: 'gemini', value: {} },
]

test('everything that OpenAI’s form can say is said, whole', () => {
  expect(openai.writeAnswer(answer(EVERYTHING, 'tool_calls'), CONTEXT)).toEqual({
    id: 'req_1',
    object: 'chat.completion',
    created: 7,
    model: 'asked',
    service_tier: 'default',
    usage: expect.anything(),
    choices: [
      {
        index: 0,
        logprobs: null,
        finish_reason: 'tool_calls',
        message: {
          role: 'assistant',
          content: 'Hi',
          refusal: 'No.',
          reasoning_content: 'hm',
          reasoning_details: [
            { type: 'reasoning.text', text: 'hm', signature: 'S', format: 'google-gemini-v1', index: 0 },
          ],
          tool_calls: [
            { id: 'c', type: 'custom', custom: { name: 'sh', input: 'ls' } },
            {
              id: 'f',
              type: 'function',
              function: { name: 'f', arguments: '{"a":1}' },
              extra_content: { google: { thought_signature: 'G' } },
            },
          ],
          annotations: [
            {
              type: 'url_citation',
              url_citation: { url: 'https://example.com', title: 'E', start_index: 0, end_index: 2 },
            },
          ],
          audio: { id: 'au', data: 'AAAA', transcript: 'said', expires_at: 0 },
        },
      },
    ],
  })
})

test('everything that OpenAI’s form can say is said, streamed', () => {
  const text = streamed(openai, eventsOf(answer(EVERYTHING, 'tool_calls')))
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
  const chunks = events(text) as unknown as {
    choices: { delta: JsonObject; finish_reason: string | null }[]
    usage?: JsonObject
  }[]
  expect(chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta))).toEqual([
    { role: 'assistant', content: '', refusal: null },
    { reasoning_content: 'hm' },
    {
      reasoning_details: [{ type: 'reasoning.text', text: 'hm', signature: 'S', format: 'google-gemini-v1', index: 0 }],
    },
    { content: 'Hi' },
    {
      annotations: [
        {
          type: 'url_citation',
          url_citation: { url: 'https://example.com', title: 'E', start_index: 0, end_index: 2 },
        },
      ],
    },
    { tool_calls: [{ index: 0, id: 'c', type: 'custom', custom: { name: 'sh', input: '' } }] },
    { tool_calls: [{ index: 0, custom: { input: 'ls' } }] },
    {
      tool_calls: [
        {
          index: 1,
          id: 'f',
          type: 'function',
          function: { name: 'f', arguments: '' },
          extra_content: { google: { thought_signature: 'G' } },
        },
      ],
    },
    { tool_calls: [{ index: 1, function: { arguments: '{"a":1}' } }] },
    { refusal: 'No.' },
    { audio: { id: 'au', data: 'AAAA', transcript: 'said' } },
    {},
  ])
  expect(chunks.at(-1)?.usage).toMatchObject({ prompt_tokens: 9 })
  expect(events(streamed(openai, eventsOf(answer(EVERYTHING)), false)).some((chunk) => 'usage' in chunk)).toBe(false)
})

function inDisguise(proof: JsonObject): string {
  return Buffer.from(`weir:${JSON.stringify(proof)}`).toString('base64')
}

test('everything that Anthropic’s form can say is said, whole and streamed alike', () => {
  const content = [
    // Another vendor's proofs go in disguise, those of calls in a thought that says nothing.
    { type: 'thinking', thinking: 'hm', signature: inDisguise({ family: 'gemini', signature: 'S', encrypted: null }) },
    {
      type: 'text',
      text: 'Hi',
      citations: [
        {
          type: 'web_search_result_location',
          url: 'https://example.com',
          title: 'E',
          cited_text: 'c',
          encrypted_index: '',
        },
      ],
    },
    { type: 'tool_use', id: 'c', name: 'sh', input: { input: 'ls' } },
    { type: 'redacted_thinking', data: inDisguise({ family: 'gemini', calls: [{ id: 'f', signature: 'G' }] }) },
    { type: 'tool_use', id: 'f', name: 'f', input: { a: 1 } },
    { type: 'text', text: 'No.' },
    { type: 'text', text: 'said' },
  ]
  expect(anthropic.writeAnswer(answer(EVERYTHING, 'tool_calls'), CONTEXT)['content']).toEqual(content)
  const stream = events(streamed(anthropic, eventsOf(answer(EVERYTHING, 'tool_calls'))))
  expect(stream.map(({ type }) => type)).toEqual([
    'message_start',
    ...content.flatMap(({ citations, data, signature, text }) => [
      'content_block_start',
      ...(text === 'said' || data !== undefined ? [] : ['content_block_delta']),
      ...(citations === undefined && signature === undefined ? [] : ['content_block_delta']),
      'content_block_stop',
    ]),
    'message_delta',
    'message_stop',
  ])
  expect(stream.at(-2)).toMatchObject({
    delta: { stop_reason: 'tool_use' },
    usage: { input_tokens: 3, output_tokens: 11 },
  })
})

test('blocks that overlap are told one after the other', () => {
  const call = (id: string) => ({ type: 'tool_call', kind: 'function', id, name: 'f', arguments: '' }) as const
  const delta = (block: number, json: string): ChatEvent => ({
    type: 'block_delta',
    choice: 0,
    block,
    delta: { type: 'arguments', json },
  })
  const stream = events(
    streamed(anthropic, [
      { type: 'start', id: 'msg_9', model: null, created: null },
      { type: 'ping' },
      { type: 'block_start', choice: 0, block: 0, part: call('a') },
      { type: 'block_start', choice: 0, block: 1, part: call('b') },
      delta(1, '{}'),
      delta(0, '{"x":1}'),
      { type: 'block_start', choice: 1, block: 0, part: { type: 'text', text: '' } },
      { type: 'block_end', choice: 0, block: 0 },
      { type: 'block_end', choice: 0, block: 1 },
      { type: 'finish', choice: 0, finish: { unified: 'tool_calls', raw: 'tool_calls' } },
      { type: 'end' },
    ]),
  )
  expect(stream.map(({ type, index }) => (index === undefined ? type : [type, index]))).toEqual([
    'message_start',
    'ping',
    ['content_block_start', 0],
    ['content_block_delta', 0],
    ['content_block_stop', 0],
    ['content_block_start', 1],
    ['content_block_delta', 1],
    ['content_block_stop', 1],
    'message_delta',
    'message_stop',
  ])
})

test('an error inside a stream is told in the dialect’s own way, and nothing after it', () => {
  const error: ChatEvent = { type: 'error', message: 'boom', code: null }
  expect(streamed(anthropic, [error])).toBe(
    'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"boom"}}\n\n',
  )
  expect(streamed(openai, [error])).toBe(
    'data: {"error":{"message":"boom","type":"server_error","param":null,"code":null}}\n\ndata: [DONE]\n\n',
  )
})

test('probabilities are told in chunks of their own', () => {
  const whole = answer([{ type: 'text', text: 'x' }])
  const withLogprobs = {
    ...whole,
    choices: whole.choices.map((choice) => ({
      ...choice,
      logprobs: [{ token: 'x', logprob: -1, bytes: null, top: [] }],
    })),
  }
  expect(openai.writeAnswer(withLogprobs, CONTEXT)).toMatchObject({
    choices: [{ logprobs: { content: [{ token: 'x', logprob: -1, top_logprobs: [] }] } }],
  })
  expect(streamed(openai, eventsOf(withLogprobs))).toContain('"logprobs":{"content":[{"token":"x"')
})

test('the facts of a call to Anthropic’s messages', () => {
  const body = {
    model: 'm',
    messages: [{ role: 'user', content: 'x' }],
    max_tokens: 9,
    stream: true,
    metadata: { user_id: 'u' },
    weir: { tags: ['t'] },
  }
  expect(anthropicMessages.readFacts(body)).toEqual({
    model: 'm',
    stream: true,
    wantsStreamUsage: true,
    maxOutputTokens: 9,
    endUser: 'u',
    options: { tags: ['t'], timeoutMs: null, maxCostNanoUsd: null, isTraced: false, cache: null, routing: null },
  })
  expect(() => anthropicMessages.readFacts({ model: 'm' })).toThrow(GatewayError)
})

test.each([
  ['key_unknown', 'authentication_error'],
  ['budget_exhausted', 'billing_error'],
  ['model_not_allowed', 'permission_error'],
  ['model_unknown', 'not_found_error'],
  ['request_too_large', 'request_too_large'],
  ['rate_limited', 'rate_limit_error'],
  ['request_malformed', 'invalid_request_error'],
  ['overloaded', 'overloaded_error'],
  ['all_targets_timed_out', 'timeout_error'],
  ['internal', 'api_error'],
] as const)('the error %s is Anthropic’s %s', (code, type) => {
  const attempts = [{ target: 'a/b', outcome: 'broken', status: 500, durationMs: 1.4 }]
  const error = new GatewayError(code, { param: 'p', attempts })
  const body = anthropicMessages.errorBody(error, 'req_1')
  expect(body).toMatchObject({
    type: 'error',
    error: { type, weir: { code, param: 'p', attempts: [{ duration_ms: 1 }] } },
    request_id: 'req_1',
  })
  expect(anthropicMessages.errorEvents(error, 'req_1')).toBe(`event: error\ndata: ${JSON.stringify(body)}\n\n`)
})

test('a picture that a model made is told to OpenAI’s clients, whole and streamed, and read from hosts that tell it so', () => {
  const url = 'data:image/png;base64,iVBORw0KGgo='
  const picture = { type: 'image', source: { type: 'inline', mediaType: 'image/png', data: 'iVBORw0KGgo=' } } as const
  const images = [{ type: 'image_url', image_url: { url } }]
  const given = answer([picture])
  const whole = openai.writeAnswer(given, CONTEXT) as unknown as { choices: { message: JsonObject }[] }
  expect(whole.choices[0]?.message['images']).toEqual(images as never)
  const chunks = events(streamed(openai, eventsOf(given))) as { choices: { delta: JsonObject }[] }[]
  expect(chunks.flatMap(({ choices }) => choices[0]?.delta['images'] ?? [])).toEqual(images as never)
  expect(partsOfMessage(whole.choices[0]?.message ?? {})).toEqual([picture])
})
