import { expect, test } from 'bun:test'
import type { ChatRequest, Part } from '../../core/chat.ts'
import type { WrittenRequest } from '../chat-codec.ts'
import { cohereChatCodec } from './chat-codec.ts'

function write(request: Partial<ChatRequest>, stream = true): WrittenRequest {
  return cohereChatCodec.writeRequest(
    { messages: [{ role: 'user', parts: [text('hi')] }], tools: [], sampling: {}, ...request },
    { model: 'command-a-03-2025', stream, quirks: {}, maxOutputTokens: 4_000 },
  )
}

function text(said: string): Part {
  return { type: 'text', text: said }
}

const TOOL = { type: 'function', name: 'weather', description: 'Tells it.', schema: null, strict: true } as const
const CALL: Part = { type: 'tool_call', kind: 'function', id: 'w_1', name: 'weather', arguments: '' }
const THOUGHT: Part = { type: 'reasoning', text: 'hm', signature: null, encrypted: null, family: 'cohere-chat' }
const PLAN: Part = { ...THOUGHT, text: 'I will look.', raw: { 'cohere-chat': { tool_plan: true } } }

test('a conversation with tools and pictures is written in Cohere’s words', () => {
  const { body, warnings, refusals, reading } = write({
    messages: [
      { role: 'developer', parts: [text('be brief')] },
      {
        role: 'user',
        parts: [
          text('what?'),
          { type: 'image', source: { type: 'inline', data: 'QUJD', mediaType: 'image/png' }, detail: 'low' },
          { type: 'file', source: { type: 'text', text: 'x', mediaType: 'text/plain' }, name: 'a.txt' },
        ],
      },
      { role: 'assistant', parts: [PLAN, THOUGHT, CALL] },
      {
        role: 'tool',
        parts: [
          {
            type: 'tool_result',
            toolCallId: 'w_1',
            toolName: null,
            parts: [text('sun'), { type: 'image', source: { type: 'url', url: 'https://x.test/a', mediaType: null } }],
            isError: false,
          },
        ],
      },
      { role: 'assistant', parts: [text('Sun.')] },
      { role: 'user', parts: [text('a'), text('b')] },
    ],
    tools: [TOOL],
    toolChoice: { type: 'required' },
    maxOutputTokens: 9_000,
    sampling: { temperature: 0.3, topP: 1, topK: 4, seed: 5, stop: ['a'], frequencyPenalty: 0.1 },
    reasoning: { enabled: true, budgetTokens: 500 },
  })
  expect(body).toEqual({
    model: 'command-a-03-2025',
    messages: [
      { role: 'system', content: 'be brief' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'what?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,QUJD', detail: 'low' } },
          { type: 'text', text: 'a.txt\n\nx' },
        ],
      },
      {
        role: 'assistant',
        content: [{ type: 'thinking', thinking: 'hm' }],
        tool_plan: 'I will look.',
        tool_calls: [{ id: 'w_1', type: 'function', function: { name: 'weather', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'w_1', content: 'sun' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Of the tool call w_1:' },
          { type: 'image_url', image_url: { url: 'https://x.test/a' } },
        ],
      },
      { role: 'assistant', content: 'Sun.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
    ],
    tools: [
      {
        type: 'function',
        function: { name: 'weather', description: 'Tells it.', parameters: { type: 'object', properties: {} } },
      },
    ],
    strict_tools: true,
    tool_choice: 'REQUIRED',
    max_tokens: 4_000,
    thinking: { type: 'enabled', token_budget: 500 },
    temperature: 0.3,
    p: 0.99,
    k: 4,
    seed: 5,
    stop_sequences: ['a'],
    frequency_penalty: 0.1,
    stream: true,
  })
  expect([...warnings, ...refusals]).toEqual([])
  expect(reading.customTools.size).toBe(0)
})

test('a plan that came back by way of an OpenAI client is a plan again, another vendor’s proof is nothing', () => {
  const assistant = (part: Part): unknown =>
    (write({ messages: [{ role: 'assistant', parts: [part, CALL] }] }).body['messages'] as readonly unknown[])[0]
  expect(assistant({ ...THOUGHT, family: 'openai-chat' })).toMatchObject({ tool_plan: 'hm' })
  expect(assistant({ ...THOUGHT, family: 'anthropic-messages', signature: 's' })).not.toHaveProperty('tool_plan')
})

test('a named tool is the only one that is offered, and one must be called', () => {
  const tools = [TOOL, { ...TOOL, name: 'other' }]
  const { body } = write({ tools, toolChoice: { type: 'named', name: 'other' } })
  expect(body['tool_choice']).toBe('REQUIRED')
  expect(body['tools']).toMatchObject([{ function: { name: 'other' } }])
  expect(write({ tools, toolChoice: { type: 'none' } }).body['tool_choice']).toBe('NONE')
  expect(write({ tools, toolChoice: { type: 'auto' } }).body).not.toHaveProperty('tool_choice')
})

for (const [title, responseFormat, expected] of [
  ['text', { type: 'text' }, { type: 'text' }],
  ['any JSON', { type: 'json' }, { type: 'json_object' }],
  [
    'JSON of a schema',
    { type: 'json_schema', name: 'n', schema: { type: 'object' } },
    { type: 'json_object', json_schema: { type: 'object' } },
  ],
] as const)
  test(`${title} is asked for as Cohere wants it`, () =>
    expect(write({ responseFormat }, false).body).toMatchObject({ response_format: expected, stream: false }))

for (const [title, reasoning, expected] of [
  ['on', { enabled: true, effort: 'high' }, { type: 'enabled' }],
  ['off', { enabled: false }, { type: 'disabled' }],
  ['not wanted', { effort: 'none' }, { type: 'disabled' }],
  ['as the model does', { summary: 'auto' }, undefined],
] as const)
  test(`thinking that is ${title}`, () => expect(write({ reasoning }).body['thinking']).toEqual(expected as never))

test('what the provider cannot take is told', () => {
  const grammar = { syntax: 'regex', definition: 'x' }
  const { body, warnings, refusals, reading } = write({
    messages: [
      {
        role: 'user',
        parts: [
          { type: 'audio', source: { type: 'inline', data: '', mediaType: 'audio/wav' } },
          { type: 'image', source: { type: 'file', fileId: 'f', mediaType: null } },
          { type: 'opaque', family: 'cohere-chat', value: { type: 'document' } },
        ],
      },
      { role: 'assistant', parts: [{ type: 'opaque', family: 'gemini', value: {} }] },
    ],
    tools: [
      { type: 'custom', name: 'shell', grammar },
      { type: 'hosted', name: 'search', family: 'gemini', value: {} },
    ],
    parallelTools: false,
    responseFormat: { type: 'json' },
    sampling: {
      n: 2,
      logprobs: true,
      logitBias: { 1: 1 },
      presencePenalty: -1,
      stop: ['a', 'b', 'c', 'd', 'e', 'f'],
    },
    modalities: ['audio'],
    verbosity: 'low',
    metadata: { a: 'b' },
    user: 'u',
    serviceTier: 'flex',
    raw: { gemini: { future: 1 } },
  })
  expect(refusals).toHaveLength(7)
  expect(warnings).toHaveLength(10)
  expect(body).toMatchObject({ presence_penalty: 0, stop_sequences: ['a', 'b', 'c', 'd', 'e'] })
  expect(body['tools']).toMatchObject([{ function: { name: 'shell', parameters: { required: ['input'] } } }])
  expect(body['messages']).toMatchObject([{ content: [{ type: 'document' }] }, { role: 'assistant', content: '' }])
  expect(reading.customTools).toEqual(new Set(['shell']))
})
