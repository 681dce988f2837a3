// Requests through the normal form: into the same family nothing changes its meaning, into another what both can say arrives.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { JsonObject } from '../src/core/json.ts'
import { anthropicMessagesTranslator } from '../src/dialects/anthropic-messages-translator.ts'
import { openaiChatTranslator } from '../src/dialects/openai-chat-translator.ts'
import type { ChatTranslator } from '../src/dialects/translator.ts'
import { anthropicChatCodec } from '../src/providers/anthropic/chat-codec.ts'
import type { ChatCodec, WrittenRequest } from '../src/providers/chat-codec.ts'
import { openaiChatCodec } from '../src/providers/openai/chat-codec.ts'

const QUIRKS = { reasoningField: 'reasoning_details', cacheControl: true, topK: true } as const

function through(
  translator: ChatTranslator,
  codec: ChatCodec,
  body: JsonObject,
  model = 'claude-opus-4-6',
): WrittenRequest {
  const { request } = translator.readRequest(body)
  return codec.writeRequest(request, { model, stream: body['stream'] === true, quirks: QUIRKS, maxOutputTokens: null })
}

const word = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => text.trim() !== '')
const name = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_-]{0,12}$/)
const id = fc.stringMatching(/^[a-zA-Z0-9-]{3,12}$/)
const input = fc.dictionary(name, fc.oneof(word, fc.integer(), fc.boolean()), { maxKeys: 3 })
const schema = fc.constantFrom<JsonObject>(
  { type: 'object', properties: {} },
  { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
)
const cache = fc.constantFrom<JsonObject>(
  {},
  { cache_control: { type: 'ephemeral' } },
  { cache_control: { type: 'ephemeral', ttl: '1h' } },
)
const future = fc.dictionary(fc.constantFrom('future_a', 'future_b'), fc.oneof(word, fc.integer()), { maxKeys: 2 })

/** Present or not: absent fields must stay absent. */
function maybe<T>(value: fc.Arbitrary<T>, field: string): fc.Arbitrary<JsonObject> {
  return fc.option(value).map((value) => (value === null ? {} : { [field]: value as JsonObject }))
}
function merged(...objects: readonly fc.Arbitrary<JsonObject>[]): fc.Arbitrary<JsonObject> {
  return fc.tuple(...objects).map((parts) => Object.assign({}, ...parts) as JsonObject)
}

const openaiPart = fc.oneof(
  fc.tuple(word, cache).map(([text, cache]): JsonObject => ({ type: 'text', text, ...cache })),
  fc.constantFrom<JsonObject>(
    { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'high' } },
    { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
    { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } },
    { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAA' } },
    { type: 'file', file: { file_id: 'file-1' } },
    { type: 'video_url', video_url: { url: 'https://example.com/a.mp4' } },
    { type: 'future_part', future: true },
  ),
)
const openaiDetail = fc.oneof(
  fc.tuple(word, word).map(([text, signature]): JsonObject => ({
    type: 'reasoning.text',
    text,
    signature,
    format: 'anthropic-claude-v1',
    index: 0,
  })),
  word.map((data): JsonObject => ({
    type: 'reasoning.encrypted',
    data,
    format: 'openai-responses-v1',
    id: 'rs_1',
    index: 1,
  })),
  word.map((summary): JsonObject => ({ type: 'reasoning.summary', summary, format: 'future-v9', index: 2 })),
)
const openaiTurn = fc.oneof(
  fc
    .tuple(fc.constantFrom('system', 'developer', 'user'), word, future)
    .map(([role, content, future]): JsonObject[] => [{ role, content, ...future }]),
  fc
    .array(openaiPart, { minLength: 2, maxLength: 3 })
    .map((content): JsonObject[] => [{ role: 'user', content, name: 'ann' }]),
  word.map((content): JsonObject[] => [{ role: 'assistant', content }]),
  word.map((refusal): JsonObject[] => [{ role: 'assistant', content: null, refusal }]),
  fc
    .tuple(id, name, input, word, fc.array(openaiDetail, { minLength: 1, maxLength: 2 }))
    .map(([id, name, input, result, details]): JsonObject[] => [
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id, type: 'function', function: { name, arguments: JSON.stringify(input) } },
          { id: `${id}c`, type: 'custom', custom: { name: 'free', input: result } },
        ],
        reasoning_details: details,
      },
      { role: 'tool', tool_call_id: id, content: result },
      { role: 'tool', tool_call_id: `${id}c`, content: result },
    ]),
)
const openaiBody = merged(
  fc
    .array(openaiTurn, { minLength: 1, maxLength: 5 })
    .map((turns): JsonObject => ({ model: 'm', messages: turns.flat() })),
  fc
    .option(
      fc.tuple(name, schema, fc.boolean(), cache, fc.constantFrom<JsonObject | string>('auto', 'none', 'required')),
    )
    .map((tool): JsonObject =>
      tool === null
        ? {}
        : {
            tools: [
              {
                type: 'function',
                function: { name: tool[0], description: 'does', parameters: tool[1], strict: tool[2] },
                ...tool[3],
              },
              {
                type: 'custom',
                custom: { name: 'free', format: { type: 'grammar', grammar: { syntax: 'lark', definition: 'x' } } },
              },
              { type: 'web_search' },
            ],
            tool_choice: tool[4],
            parallel_tool_calls: tool[2],
          },
    ),
  maybe(
    fc.constantFrom<JsonObject>(
      { type: 'json_object' },
      { type: 'text' },
      { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' }, strict: true } },
    ),
    'response_format',
  ),
  maybe(fc.integer({ min: 1, max: 9_999 }), 'max_completion_tokens'),
  maybe(fc.integer({ min: 0, max: 2 }), 'temperature'),
  maybe(fc.constantFrom(0.5, 1), 'top_p'),
  maybe(fc.nat(40), 'top_k'),
  maybe(fc.constantFrom(-1, 0.5), 'frequency_penalty'),
  maybe(fc.constantFrom(-1, 0.5), 'presence_penalty'),
  maybe(fc.nat(), 'seed'),
  maybe(fc.array(word, { minLength: 1, maxLength: 3 }), 'stop'),
  maybe(fc.integer({ min: 1, max: 4 }), 'n'),
  maybe(fc.constant({ '50256': -100 }), 'logit_bias'),
  maybe(fc.constantFrom('none', 'minimal', 'low', 'medium', 'high', 'xhigh'), 'reasoning_effort'),
  maybe(fc.constantFrom('low', 'high'), 'verbosity'),
  maybe(fc.constantFrom('auto', 'flex', 'priority'), 'service_tier'),
  maybe(word, 'user'),
  maybe(fc.dictionary(name, word, { minKeys: 1 }), 'metadata'),
  maybe(fc.constant({ voice: 'alloy', format: 'mp3' }), 'audio'),
  maybe(fc.constant(['text', 'audio']), 'modalities'),
  future,
)

test('an OpenAI request through the normal form to an OpenAI host means the same', () => {
  fc.assert(
    fc.property(openaiBody, (body) => {
      const { body: written, refusals, warnings } = through(openaiChatTranslator, openaiChatCodec, body, 'm')
      expect(written).toEqual(body)
      expect([...refusals, ...warnings]).toEqual([])
    }),
    { numRuns: 300 },
  )
})

const anthropicBlock = fc.oneof(
  fc.tuple(word, cache).map(([text, cache]): JsonObject => ({ type: 'text', text, ...cache })),
  fc.tuple(cache, future).map(([cache, future]): JsonObject => ({
    type: 'image',
    source: { type: 'base64', media_type: 'image/png', data: 'AAAA' },
    ...cache,
    ...future,
  })),
  fc.constantFrom<JsonObject>(
    { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
    {
      type: 'document',
      source: { type: 'base64', media_type: 'application/pdf', data: 'AAAA' },
      title: 't',
      context: 'c',
      citations: { enabled: true },
    },
    { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'x' } },
    { type: 'document', source: { type: 'file', file_id: 'file_1' } },
    { type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'x' }] } },
    { type: 'search_result', source: 's', title: 't', content: [{ type: 'text', text: 'x' }] },
    { type: 'container_upload', file_id: 'file_2' },
  ),
)
const anthropicTurn = fc.oneof(
  fc.array(anthropicBlock, { minLength: 1, maxLength: 3 }).map((content): JsonObject[] => [
    { role: 'user', content },
    { role: 'assistant', content: [{ type: 'text', text: 'ok' }] },
  ]),
  fc.tuple(id, name, input, word, fc.boolean(), cache).map(([id, name, input, text, isError, cache]): JsonObject[] => [
    { role: 'user', content: [{ type: 'text', text }] },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: text, signature: `sig ${text}` },
        { type: 'redacted_thinking', data: 'opaque==' },
        { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: text } },
        {
          type: 'web_search_tool_result',
          tool_use_id: 'srvtoolu_1',
          content: [{ type: 'web_search_result', url: 'u' }],
        },
        {
          type: 'text',
          text,
          citations: [{ type: 'char_location', cited_text: text, document_index: 0, document_title: null }],
        },
        { type: 'tool_use', id, name, input, ...cache },
        { type: 'tool_use', id: `${id}2`, name, input, caller: { type: 'direct' } },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: id, content: text, ...(isError ? { is_error: true } : {}), ...cache },
        {
          type: 'tool_result',
          tool_use_id: `${id}2`,
          content: [
            { type: 'text', text, cache_control: { type: 'ephemeral' } },
            { type: 'image', source: { type: 'url', url: 'https://example.com/b.png' } },
          ],
        },
        { type: 'text', text },
      ],
    },
    { role: 'assistant', content: [{ type: 'text', text: 'ok' }] },
  ]),
)
const anthropicBody = merged(
  fc
    .tuple(fc.array(anthropicTurn, { minLength: 1, maxLength: 4 }), fc.integer({ min: 5_000, max: 9_000 }))
    .map(([turns, bound]): JsonObject => ({
      model: 'claude-opus-4-6',
      max_tokens: bound,
      messages: [...turns.flat(), { role: 'user', content: [{ type: 'text', text: 'go' }] }],
    })),
  maybe(
    fc
      .tuple(word, cache)
      .map(([text, cache]): JsonObject[] => [
        { type: 'text', text, ...cache },
      ]) as fc.Arbitrary<unknown> as fc.Arbitrary<JsonObject>,
    'system',
  ),
  fc.option(fc.tuple(name, schema, cache, fc.boolean())).map((tool): JsonObject =>
    tool === null
      ? {}
      : {
          tools: [
            { name: tool[0], description: 'does', input_schema: tool[1], ...tool[2], defer_loading: true },
            { type: 'web_search_20250305', name: 'web_search', max_uses: 3 },
          ],
          tool_choice: { type: 'auto', disable_parallel_tool_use: tool[3] },
        },
  ),
  fc.constantFrom<JsonObject>(
    {},
    { temperature: 0.5, top_k: 5 },
    { top_p: 0.9 },
    { thinking: { type: 'enabled', budget_tokens: 2_048 } },
    {
      thinking: { type: 'adaptive', display: 'summarized' },
      output_config: { effort: 'high', task_budget: { type: 'tokens', total: 9 } },
    },
    { thinking: { type: 'disabled' } },
    {
      output_config: {
        format: {
          type: 'json_schema',
          schema: { type: 'object', properties: { a: { type: 'string' } }, additionalProperties: false },
        },
      },
    },
  ),
  maybe(fc.array(word, { minLength: 1, maxLength: 2 }), 'stop_sequences'),
  maybe(
    word.map((user_id) => ({ user_id })),
    'metadata',
  ),
  maybe(fc.constantFrom('auto', 'standard_only'), 'service_tier'),
  fc.constantFrom<JsonObject>({}, { container: 'c', mcp_servers: [{ type: 'url', url: 'u', name: 'n' }] }),
  future,
)

/** Defaults that are written where a caller may leave them out. */
function plain(body: JsonObject): unknown {
  return JSON.parse(JSON.stringify(body).replaceAll(',"disable_parallel_tool_use":false', ''))
}

test('an Anthropic request through the normal form to Anthropic means the same', () => {
  fc.assert(
    fc.property(anthropicBody, (body) => {
      const { body: written, refusals, warnings } = through(anthropicMessagesTranslator, anthropicChatCodec, body)
      expect(plain(written)).toEqual(plain(body))
      expect([...refusals, ...warnings]).toEqual([])
    }),
    { numRuns: 300 },
  )
})

const ANTHROPIC_ANSWER = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-opus-4-6',
  content: [
    { type: 'thinking', thinking: 'Let me see.', signature: 'EqQB+proof' },
    { type: 'redacted_thinking', data: 'EmwKAhgB' },
    { type: 'text', text: 'I look it up.' },
    { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Ulm' } },
  ],
  stop_reason: 'tool_use',
  stop_sequence: null,
  usage: { input_tokens: 5, output_tokens: 7 },
}
const CONTEXT = { model: 'm', id: 'req', created: 1, includeUsage: true }

test('thoughts of Anthropic go through an OpenAI client and come back with their proof', () => {
  const answer = openaiChatTranslator.writeAnswer(anthropicChatCodec.readAnswer(ANTHROPIC_ANSWER), CONTEXT)
  const message = (answer['choices'] as unknown as { message: JsonObject }[])[0]!.message
  expect(message['reasoning_content']).toBe('Let me see.')
  const back = {
    model: 'm',
    messages: [
      { role: 'user', content: 'weather?' },
      message,
      { role: 'tool', tool_call_id: 'toolu_1', content: 'sun' },
    ],
    reasoning_effort: 'high',
    tools: [{ type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } }],
  }
  for (const model of ['claude-sonnet-4-5', 'claude-opus-4-8']) {
    const { body, warnings } = through(openaiChatTranslator, anthropicChatCodec, back, model)
    expect((body['messages'] as unknown as { content: unknown }[])[1]!.content).toEqual(ANTHROPIC_ANSWER.content)
    expect(warnings).toEqual([])
  }
})

test('streamed thoughts of Anthropic carry their proof in reasoning_details', () => {
  const reader = anthropicChatCodec.streamReader()
  const writer = openaiChatTranslator.streamWriter(CONTEXT)
  const events = [
    {
      type: 'message_start',
      message: { id: 'msg_1', model: 'm', content: [], usage: { input_tokens: 5, output_tokens: 1 } },
    },
    { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'Let me ' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'see.' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'proof' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'content_block_start', index: 1, content_block: { type: 'redacted_thinking', data: 'dark' } },
    { type: 'content_block_stop', index: 1 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 7 } },
    { type: 'message_stop' },
  ]
  const text = events
    .flatMap((event) => reader.read(event.type, JSON.stringify(event)).map((one) => writer.write(one)))
    .join('')
  const details = text
    .split('\n\n')
    .filter((line) => line.includes('reasoning_details'))
    .flatMap(
      (line) =>
        (JSON.parse(line.slice(6)) as { choices: { delta: { reasoning_details: unknown[] } }[] }).choices[0]!.delta
          .reasoning_details,
    )
  expect(details).toEqual([
    { type: 'reasoning.text', text: 'Let me see.', signature: 'proof', format: 'anthropic-claude-v1', index: 0 },
    { type: 'reasoning.encrypted', data: 'dark', format: 'anthropic-claude-v1', index: 1 },
  ])
})
