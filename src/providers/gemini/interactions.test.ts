import { describe, expect, test } from 'bun:test'
import type { ChatRequest, Part } from '../../core/chat.ts'
import { ProblemError } from '../../core/chat-answer.ts'
import { eventsOf } from '../../core/chat-assembler.ts'
import type { JsonObject } from '../../core/json.ts'
import type { WrittenRequest } from '../chat-codec.ts'
import { interactionsCodec } from './interactions-codec.ts'

function written(request: Partial<ChatRequest>): WrittenRequest {
  const context = { model: 'gemini-3-pro', stream: false, quirks: {}, maxOutputTokens: 1_000 }
  return interactionsCodec.writeRequest({ messages: [], tools: [], sampling: {}, ...request }, context)
}

const text = (words: string): Part => ({ type: 'text', text: words })
const said = (...parts: Part[]): Partial<ChatRequest> => ({ messages: [{ role: 'user', parts }] })

test('a conversation becomes steps: thoughts with their signatures, calls, results under the names of their functions', () => {
  const { body, warnings } = written({
    messages: [
      { role: 'system', parts: [text('Be brief.')] },
      { role: 'user', parts: [text('Weather?')] },
      {
        role: 'assistant',
        parts: [
          { type: 'reasoning', text: 'Hm.', signature: 'c2ln', encrypted: null, family: 'gemini' },
          { type: 'reasoning', text: 'Claude’s.', signature: 'EqQB', encrypted: null, family: 'anthropic-messages' },
          text('I look.'),
          {
            type: 'tool_call',
            kind: 'function',
            id: 'c1',
            name: 'weather',
            arguments: '{"city":"Ulm"}',
            signature: 'c2ln',
            family: 'gemini',
          },
          { type: 'tool_call', kind: 'function', id: 'c2', name: 'time', arguments: '' },
        ],
      },
      {
        role: 'tool',
        parts: [
          { type: 'tool_result', toolCallId: 'c1', toolName: null, parts: [text('sun')], isError: false },
          { type: 'tool_result', toolCallId: 'c2', toolName: null, parts: [text('no clock')], isError: true },
        ],
      },
    ],
  })
  expect(body).toMatchObject({ model: 'gemini-3-pro', system_instruction: 'Be brief.', store: false })
  expect(body['input']).toEqual([
    { type: 'user_input', content: [{ type: 'text', text: 'Weather?' }] },
    { type: 'thought', signature: 'c2ln', summary: [{ type: 'text', text: 'Hm.' }] },
    { type: 'model_output', content: [{ type: 'text', text: 'I look.' }] },
    { type: 'function_call', id: 'c1', name: 'weather', arguments: { city: 'Ulm' }, signature: 'c2ln' },
    { type: 'function_call', id: 'c2', name: 'time', arguments: {} },
    {
      type: 'user_input',
      content: [
        { type: 'function_result', call_id: 'c1', name: 'weather', result: 'sun' },
        { type: 'function_result', call_id: 'c2', name: 'time', is_error: true, result: 'no clock' },
      ],
    },
  ])
  expect(warnings).toEqual([])
})

const SCHEMA = { type: 'object', properties: { a: { type: 'number' } } }
const TOOL = { type: 'function', name: 'f', schema: SCHEMA } as const

test.each<[string, Partial<ChatRequest>, JsonObject]>([
  [
    'tools and a forced one',
    { tools: [TOOL], toolChoice: { type: 'named', name: 'f' } },
    {
      tools: [{ type: 'function', name: 'f', parameters: SCHEMA }],
      generation_config: { tool_choice: { allowed_tools: { mode: 'any', tools: ['f'] } } },
    },
  ],
  [
    'a custom tool as a function',
    { tools: [{ type: 'custom', name: 'sql', grammar: null }], toolChoice: { type: 'required' } },
    { tools: [{ type: 'function', name: 'sql' }], generation_config: { tool_choice: 'any' } },
  ],
  [
    'JSON of a schema',
    { responseFormat: { type: 'json_schema', name: 'n', schema: SCHEMA } },
    { response_format: [{ type: 'text', mime_type: 'application/json', schema: SCHEMA }] },
  ],
  [
    'sampling and a bound',
    { sampling: { temperature: 0.5, topP: 0.9, seed: 7, stop: ['x', ''] }, maxOutputTokens: 5_000 },
    {
      generation_config: { temperature: 0.5, top_p: 0.9, seed: 7, stop_sequences: ['x'], max_output_tokens: 1_000 },
    },
  ],
  [
    'an effort, with the thoughts shown',
    { reasoning: { enabled: true, effort: 'high' } },
    { generation_config: { thinking_level: 'high', thinking_summaries: 'auto' } },
  ],
  [
    'a picture and a document',
    said(
      { type: 'image', source: { type: 'inline', data: 'AAAA', mediaType: 'image/png' } },
      { type: 'file', source: { type: 'url', url: 'https://example.com/a.pdf', mediaType: 'application/pdf' } },
      { type: 'file', name: 'n.txt', source: { type: 'text', text: 'note', mediaType: 'text/plain' } },
    ),
    {
      input: [
        {
          type: 'user_input',
          content: [
            { type: 'image', data: 'AAAA', mime_type: 'image/png' },
            { type: 'document', uri: 'https://example.com/a.pdf', mime_type: 'application/pdf' },
            { type: 'text', text: 'n.txt\n\nnote' },
          ],
        },
      ],
    },
  ],
])('%s', (_what, request, expected) => expect(written(request).body).toMatchObject(expected))

test.each<[string, Partial<ChatRequest>, 'warnings' | 'refusals', string]>([
  ['several answers', { sampling: { n: 2 } }, 'refusals', 'one answer'],
  [
    'another vendor’s file',
    said({ type: 'image', source: { type: 'file', fileId: 'file-1', mediaType: null } }),
    'refusals',
    'keeps',
  ],
  [
    'another vendor’s tool',
    { tools: [{ type: 'hosted', name: 'web_search', family: 'openai-responses', value: {} }] },
    'refusals',
    'another vendor',
  ],
  ['a budget of thoughts', { reasoning: { enabled: true, budgetTokens: 5_000 } }, 'warnings', 'budget'],
  ['penalties', { sampling: { presencePenalty: 1 } }, 'warnings', 'presence_penalty'],
])('%s: it is told', (_what, request, list, words) => expect(written(request)[list].join()).toContain(words))

describe('an interaction that is no answer', () => {
  test.each([
    ['with an error', { error: { message: 'gone' } }, 'gone'],
    ['without steps', { status: 'completed' }, 'no steps'],
    ['that failed', { status: 'failed', steps: [] }, 'failed'],
    ['of another form', 'text', 'not an object'],
  ])('%s', (_what, body, words) => {
    expect(() => interactionsCodec.readAnswer(body)).toThrow(ProblemError)
    expect(() => interactionsCodec.readAnswer(body)).toThrow(words)
  })
})

test('places of citations are counted in characters, and searches are counted', () => {
  const answer = interactionsCodec.readAnswer({
    id: 'v1',
    status: 'completed',
    model: 'gemini-3-pro',
    steps: [
      { type: 'google_search_call', id: 's', arguments: { queries: ['a', 'b'] } },
      { type: 'google_search_result', call_id: 's', result: [] },
      {
        type: 'model_output',
        content: [
          {
            type: 'text',
            text: 'Grüße, Ulm',
            annotations: [{ type: 'url_citation', url: 'https://u', title: 'U', start_index: 9, end_index: 12 }],
          },
        ],
      },
    ],
    usage: { total_input_tokens: 3, total_output_tokens: 2, total_tokens: 5 },
  })
  expect(answer.usage).toMatchObject({ input: 3, output: 2, searches: 2 })
  const parts = answer.choices[0]?.parts ?? []
  expect(parts.map(({ type }) => type)).toEqual(['opaque', 'opaque', 'text'])
  expect(parts[2]).toMatchObject({ citations: [{ url: 'https://u', start: 7, end: 10 }] })
  expect(eventsOf(answer).at(-1)?.type).toBe('end')
})
