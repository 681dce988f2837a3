import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { ChatRequest } from '../../core/chat.ts'
import type { JsonObject } from '../../core/json.ts'
import { writeAnthropicRequest } from './chat-request.ts'
import { abilitiesOf } from './models.ts'
import { strictSchema } from './schema.ts'
import { restoreToolId, sanitizeToolId } from './tool-ids.ts'

const HELLO = { role: 'user', parts: [{ type: 'text', text: 'Hello' }] } as const
const BASE: ChatRequest = { messages: [HELLO], tools: [], sampling: {} }
const TOOL = { type: 'function', name: 'f', schema: { type: 'object', properties: {} } } as const
const OLD = 'claude-sonnet-4-5-20250929'
const NEW = 'claude-opus-4-8'

function write(request: Partial<ChatRequest>, model = OLD, stream = false) {
  return writeAnthropicRequest({ ...BASE, ...request }, { model, stream, quirks: {}, maxOutputTokens: null })
}

const BODIES: readonly (readonly [
  sentence: string,
  request: Partial<ChatRequest>,
  model: string,
  expected: JsonObject,
])[] = [
  ['the bound of the output is the model’s when there is none', {}, OLD, { max_tokens: 64_000 }],
  [
    'a bound above the model’s is cut to it',
    { maxOutputTokens: 1e9 },
    'claude-3-5-haiku-latest',
    { max_tokens: 8_192 },
  ],
  ['a temperature above 1 is 1', { sampling: { temperature: 1.7 } }, OLD, { temperature: 1 }],
  [
    'both samplings become one where only one is taken',
    { sampling: { temperature: 0.5, topP: 0.9 } },
    OLD,
    { temperature: 0.5 },
  ],
  [
    'both samplings stay where both are taken',
    { sampling: { temperature: 0.5, topP: 0.9 } },
    'claude-sonnet-4-0',
    { temperature: 0.5, top_p: 0.9 },
  ],
  [
    'an effort is a share of the output',
    { reasoning: { enabled: true, effort: 'low' }, maxOutputTokens: 10_000 },
    OLD,
    { thinking: { type: 'enabled', budget_tokens: 2_000 } },
  ],
  [
    'a budget is at least 1024',
    { reasoning: { enabled: true, budgetTokens: 10 }, maxOutputTokens: 10_000 },
    OLD,
    { thinking: { type: 'enabled', budget_tokens: 1_024 } },
  ],
  [
    'a budget is below the bound of the output',
    { reasoning: { enabled: true, budgetTokens: 9_000 }, maxOutputTokens: 2_000 },
    OLD,
    { thinking: { type: 'enabled', budget_tokens: 1_999 } },
  ],
  [
    'a new model thinks as it sees fit',
    { reasoning: { enabled: true, effort: 'high', budgetTokens: 9_000 } },
    NEW,
    { thinking: { type: 'adaptive' }, output_config: { effort: 'high' } },
  ],
  ['an effort alone starts no thinking', { reasoning: { effort: 'low' } }, NEW, { output_config: { effort: 'low' } }],
  [
    'the one tool that must be called',
    { tools: [TOOL], toolChoice: { type: 'named', name: 'f' } },
    OLD,
    { tool_choice: { type: 'tool', name: 'f' } },
  ],
  [
    'some tool must be called, one at a time',
    { tools: [TOOL], toolChoice: { type: 'required' }, parallelTools: false },
    OLD,
    { tool_choice: { type: 'any', disable_parallel_tool_use: true } },
  ],
  [
    'one tool at a time needs a choice',
    { tools: [TOOL], parallelTools: false },
    OLD,
    { tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
  ],
  [
    'a JSON schema',
    { responseFormat: { type: 'json_schema', name: 'n', schema: { type: 'object', properties: {} } } },
    OLD,
    {
      output_config: {
        format: { type: 'json_schema', schema: { type: 'object', properties: {}, additionalProperties: false } },
      },
    },
  ],
  ['the user', { user: 'u1' }, OLD, { metadata: { user_id: 'u1' } }],
  ['OpenAI’s default tier', { serviceTier: 'default' }, OLD, { service_tier: 'standard_only' }],
  ['stop sequences of something', { sampling: { stop: ['\n\n', 'END'] } }, OLD, { stop_sequences: ['END'] }],
]
test.each(BODIES)('%s', (_, request, model, expected) => expect(write(request, model).body).toMatchObject(expected))

const ABSENT: readonly (readonly [
  sentence: string,
  request: Partial<ChatRequest>,
  model: string,
  absent: readonly string[],
  warned: RegExp,
])[] = [
  [
    'a new model takes no sampling',
    { sampling: { temperature: 0.5, topP: 0.9, topK: 3 } },
    NEW,
    ['temperature', 'top_p', 'top_k'],
    /temperature.*\n.*top_p.*\n.*top_k/,
  ],
  [
    'thinking takes no sampling',
    { sampling: { temperature: 0.5, topK: 3 }, reasoning: { enabled: true } },
    OLD,
    ['temperature', 'top_k'],
    /with thinking/,
  ],
  [
    'a forced tool takes no thinking',
    { tools: [TOOL], toolChoice: { type: 'required' }, reasoning: { enabled: true } },
    OLD,
    ['thinking'],
    /forced tool/,
  ],
  [
    'a small bound takes no thinking',
    { maxOutputTokens: 500, reasoning: { enabled: true } },
    OLD,
    ['thinking'],
    /1024/,
  ],
  [
    'an old model has no thinking',
    { reasoning: { enabled: true } },
    'claude-3-haiku-20240307',
    ['thinking'],
    /has none/,
  ],
  [
    'seeds and penalties are told to be left out',
    { sampling: { seed: 1, frequencyPenalty: 1 } },
    OLD,
    ['seed', 'frequency_penalty'],
    /seed.*\n.*frequency_penalty/,
  ],
  ['an unknown tier is left out', { serviceTier: 'flex' }, OLD, ['service_tier'], /flex/],
  ['fields of another family are left out', { raw: { 'openai-chat': { store: true } } }, OLD, ['store'], /store/],
]
test.each(ABSENT)('%s', (_, request, model, absent, warned) => {
  const { body, warnings, refusals } = write(request, model)
  for (const name of absent) expect(body).not.toHaveProperty(name)
  expect(warnings.join('\n')).toMatch(warned)
  expect(refusals).toEqual([])
})

const REFUSED: readonly (readonly [sentence: string, request: Partial<ChatRequest>])[] = [
  ['two choices', { sampling: { n: 2 } }],
  ['logprobs', { sampling: { logprobs: true } }],
  ['sound out', { modalities: ['text', 'audio'] }],
  [
    'sound in',
    {
      messages: [
        { role: 'user', parts: [{ type: 'audio', source: { type: 'inline', data: '', mediaType: 'audio/wav' } }] },
      ],
    },
  ],
  [
    'another vendor’s hosted tool',
    { tools: [{ type: 'hosted', name: 'web_search', family: 'openai-responses', value: {} }] },
  ],
]
test.each(REFUSED)('%s cannot be had, and is told', (_, request) => expect(write(request).refusals).toHaveLength(1))

test('turns alternate, results stand first, instructions go to the front', () => {
  const { body, warnings } = write({
    messages: [
      { role: 'system', parts: [{ type: 'text', text: 'Be kind.', cache: { ttl: '1h' } }] },
      {
        role: 'assistant',
        parts: [{ type: 'tool_call', kind: 'function', id: 'functions.f:0', name: 'f', arguments: 'no json' }],
      },
      { role: 'user', parts: [{ type: 'text', text: 'wait' }] },
      {
        role: 'tool',
        parts: [{ type: 'tool_result', toolCallId: 'functions.f:0', toolName: 'f', parts: [], isError: true }],
      },
      { role: 'developer', parts: [{ type: 'text', text: 'Be brief.' }] },
      { role: 'assistant', parts: [{ type: 'text', text: 'So: ' }] },
    ],
  })
  expect(body['system']).toEqual([
    { type: 'text', text: 'Be kind.', cache_control: { type: 'ephemeral', ttl: '1h' } },
    { type: 'text', text: 'Be brief.' },
  ])
  expect(body['messages']).toEqual([
    { role: 'user', content: [{ type: 'text', text: '…' }] },
    {
      role: 'assistant',
      content: [{ type: 'tool_use', id: 'functions_x2e_f_x3a_0', name: 'f', input: { arguments: 'no json' } }],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'functions_x2e_f_x3a_0', is_error: true },
        { type: 'text', text: 'wait' },
      ],
    },
    { role: 'assistant', content: [{ type: 'text', text: 'So:' }] },
  ])
  expect(warnings).toHaveLength(3)
})

test('a turn that goes on after tools and began without a signed thought goes on without thinking', () => {
  const messages: ChatRequest['messages'] = [
    HELLO,
    {
      role: 'assistant',
      parts: [
        { type: 'reasoning', text: 'hm', signature: null, encrypted: null, family: 'openai-chat' },
        { type: 'tool_call', kind: 'function', id: 'a', name: 'f', arguments: '{}' },
      ],
    },
    { role: 'tool', parts: [{ type: 'tool_result', toolCallId: 'a', toolName: 'f', parts: [], isError: false }] },
  ]
  const request = { messages, tools: [TOOL], reasoning: { enabled: true } } as const
  expect(write(request).body).not.toHaveProperty('thinking')
  expect(write(request).warnings.join()).toMatch(/began without/)
  expect(write(request, NEW).body['thinking']).toEqual({ type: 'adaptive' })
})

test('a model without JSON schema is made to call a tool of it', () => {
  const schema = { type: 'object', properties: { a: { type: 'string' } } }
  const written = write({ responseFormat: { type: 'json_schema', name: 'n', schema } }, 'claude-3-5-haiku-latest')
  expect(written.body).toMatchObject({
    tools: [{ name: 'n', input_schema: schema }],
    tool_choice: { type: 'tool', name: 'n' },
  })
  expect(written.reading.jsonTool).toBe('n')
  const both = write(
    { tools: [TOOL], responseFormat: { type: 'json_schema', name: 'n', schema } },
    'claude-3-5-haiku-latest',
  )
  expect(both.refusals).toHaveLength(1)
})

test('any JSON is asked for in words', () => {
  expect(JSON.stringify(write({ responseFormat: { type: 'json' } }).body['system'])).toContain('JSON object')
})

test('a custom tool is a function of one text', () => {
  const written = write({
    tools: [{ type: 'custom', name: 'c', description: 'Runs.', grammar: { syntax: 'lark', definition: 'start: "x"' } }],
  })
  expect(written.reading.customTools).toEqual(new Set(['c']))
  expect(written.body['tools']).toMatchObject([{ name: 'c', input_schema: { required: ['input'] } }])
  expect(JSON.stringify(written.body['tools'])).toContain('lark grammar')
})

test('text files are sent as text, pictures as pictures', () => {
  const file = (mediaType: string, data: string) =>
    ({ type: 'file', source: { type: 'inline', data, mediaType } }) as const
  const { body } = write({
    messages: [{ role: 'user', parts: [file('text/markdown', btoa('# Hi')), file('image/png', 'AAAA')] }],
  })
  expect(body['messages']).toMatchObject([
    {
      content: [
        { type: 'document', source: { type: 'text', data: '# Hi' } },
        { type: 'image', source: { type: 'base64', data: 'AAAA' } },
      ],
    },
  ])
})

test('a tool id is told back as it was, and stays in the alphabet', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom('_', 'x', '5', 'f', ':') })),
      (id) => {
        expect(sanitizeToolId(id)).toMatch(/^[A-Za-z0-9_-]+$/)
        expect(restoreToolId(sanitizeToolId(id))).toBe(id)
      },
    ),
    { numRuns: 1_000 },
  )
  expect(sanitizeToolId('toolu_01A')).toBe('toolu_01A')
})

test('a strict schema is closed at every level, and its bounds become words', () => {
  expect(
    strictSchema({
      type: 'object',
      properties: {
        age: { type: 'integer', minimum: 0, description: 'Years.' },
        tags: { type: 'array', minItems: 2, items: { type: 'object', properties: {} } },
      },
      oneOf: [{ type: 'object' }],
      $defs: { d: { type: ['object', 'null'], properties: {} } },
    }),
  ).toEqual({
    type: 'object',
    properties: {
      age: { type: 'integer', description: 'Years. (minimum: 0)' },
      tags: {
        type: 'array',
        items: { type: 'object', properties: {}, additionalProperties: false },
        description: '(minItems: 2)',
      },
    },
    anyOf: [{ type: 'object', additionalProperties: false }],
    $defs: { d: { type: ['object', 'null'], properties: {}, additionalProperties: false } },
    additionalProperties: false,
  })
})

test.each([
  ['claude-3-haiku-20240307', 'none', 4_096],
  ['claude-3-7-sonnet-20250219', 'budget', 64_000],
  ['claude-opus-4-20250514', 'budget', 32_000],
  ['claude-opus-4-1-20250805', 'budget', 32_000],
  ['anthropic.claude-haiku-4-5-20251001-v1:0', 'budget', 64_000],
  ['claude-sonnet-4-6', 'either', 128_000],
  ['claude-opus-4-7', 'adaptive', 128_000],
  ['claude-fable-5', 'adaptive', 128_000],
  ['claude-next', 'adaptive', 128_000],
  ['other-model', 'budget', 64_000],
] as const)('%s: thinking %s, %d output tokens', (model, thinking, maxOutputTokens) => {
  expect(abilitiesOf(model)).toMatchObject({ thinking, maxOutputTokens })
})
