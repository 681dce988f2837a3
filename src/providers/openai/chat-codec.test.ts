import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { ChatRequest, Part } from '../../core/chat.ts'
import { ChatAssembler } from '../../core/chat-assembler.ts'
import { ProblemError } from '../../core/chat-answer.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Quirks } from '../../core/model.ts'
import { decodeEventData } from '../chat-codec.ts'
import { openaiChatCodec } from './chat-codec.ts'
import { ThinkSplitter } from './think-tags.ts'

const READING = { customTools: new Set<string>(), jsonTool: null, thinkTags: true }

function answerOf(deltas: readonly JsonObject[], thinkTags = false, finish = 'stop') {
  const reader = openaiChatCodec.streamReader(thinkTags ? READING : undefined)
  const assembler = new ChatAssembler()
  const chunks = [
    ...deltas.map((delta) => ({ id: 'a', choices: [{ index: 0, delta }] })),
    { id: 'a', choices: [{ index: 0, delta: {}, finish_reason: finish }] },
  ]
  for (const chunk of chunks) for (const event of reader.read('', JSON.stringify(chunk))) assembler.push(event)
  for (const event of reader.end()) assembler.push(event)
  expect(assembler.isComplete).toBe(true)
  return assembler.answer().choices[0]!
}

const fn = (name: string | undefined, json: string) => ({
  function: { ...(name === undefined ? {} : { name }), arguments: json },
})

const CALLS: readonly (readonly [sentence: string, deltas: readonly JsonObject[], expected: readonly unknown[]])[] = [
  [
    'calls that all have the index 0',
    [
      { tool_calls: [{ index: 0, id: 'a', ...fn('f', '{}') }] },
      { tool_calls: [{ index: 0, id: 'b', ...fn('g', '{}') }] },
    ],
    [
      ['a', 'f', '{}'],
      ['b', 'g', '{}'],
    ],
  ],
  [
    'calls without an index',
    [
      { tool_calls: [{ id: 'a', ...fn('f', '{"x":') }] },
      { tool_calls: [{ ...fn(undefined, '1}') }] },
      { tool_calls: [{ id: 'b', ...fn('g', '') }] },
    ],
    [
      ['a', 'f', '{"x":1}'],
      ['b', 'g', '{}'],
    ],
  ],
  [
    'calls that come in turns',
    [
      {
        tool_calls: [
          { index: 0, id: 'a', ...fn('f', '{"x":') },
          { index: 1, id: 'b', ...fn('g', '{"y":') },
        ],
      },
      {
        tool_calls: [
          { index: 0, ...fn(undefined, '1}') },
          { index: 1, ...fn(undefined, '2}') },
        ],
      },
    ],
    [
      ['a', 'f', '{"x":1}'],
      ['b', 'g', '{"y":2}'],
    ],
  ],
  ['a call without an id', [{ tool_calls: [{ index: 0, ...fn('f', '{}') }] }], [['call_a_0', 'f', '{}']]],
  [
    'the old function_call',
    [{ function_call: { name: 'f', arguments: '{"x"' } }, { function_call: { arguments: ':1}' } }],
    [['call_a_0', 'f', '{"x":1}']],
  ],
  [
    'arguments as an object',
    [{ tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: { x: 1 } } }] }],
    [['a', 'f', '{"x":1}']],
  ],
  [
    'a custom tool',
    [
      { tool_calls: [{ index: 0, id: 'a', type: 'custom', custom: { name: 'c', input: 'ls ' } }] },
      { tool_calls: [{ index: 0, custom: { input: '-l' } }] },
    ],
    [['a', 'c', 'ls -l']],
  ],
]
test.each(CALLS)('%s are told apart', (_, deltas, expected) => {
  const { parts, finish } = answerOf(deltas)
  expect(parts.map((part) => part.type === 'tool_call' && [part.id, part.name, part.arguments])).toEqual([
    ...expected,
  ] as false[])
  expect(finish.unified).toBe('tool_calls')
})

test('details of thoughts are read with their signatures, each in a part of its own', () => {
  const { parts } = answerOf([
    {
      reasoning: 'Hm',
      reasoning_details: [{ type: 'reasoning.text', text: 'Hm', format: 'anthropic-claude-v1', index: 0 }],
    },
    {
      reasoning_details: [
        { type: 'reasoning.text', text: ' so.', signature: 'S', format: 'anthropic-claude-v1', index: 0 },
      ],
    },
    {
      reasoning_details: [
        { type: 'reasoning.encrypted', data: 'E', format: 'openai-responses-v1', id: 'rs', index: 1 },
        { type: 'reasoning.future' },
      ],
    },
    {
      content: 'Hi',
      annotations: [{ type: 'url_citation', url_citation: { url: 'u', title: 't', start_index: 0, end_index: 2 } }],
    },
  ])
  expect(parts).toMatchObject([
    { type: 'reasoning', text: 'Hm so.', signature: 'S', family: 'anthropic-messages' },
    { type: 'reasoning', text: '', encrypted: 'E', family: 'openai-responses', id: 'rs' },
    { type: 'text', text: 'Hi', citations: [{ url: 'u', start: 0, end: 2 }] },
  ])
})

test('sound and refusals have their parts, probabilities their place', () => {
  const { parts } = answerOf([
    { audio: { id: 'au', data: btoa('a'), transcript: 'h' } },
    { audio: { data: btoa('b'), transcript: 'i' } },
    { refusal: 'No.' },
  ])
  expect(parts).toMatchObject([
    { type: 'audio', id: 'au', transcript: 'hi', source: { data: btoa('ab') } },
    { type: 'refusal', text: 'No.' },
  ])
  const body = {
    choices: [
      {
        message: { content: 'x', audio: { id: 'au', data: 'AA', transcript: 't', expires_at: 9 } },
        finish_reason: 'stop',
        logprobs: { content: [{ token: 'x', logprob: -1, bytes: [120], top_logprobs: [{ token: 'y', logprob: -2 }] }] },
      },
    ],
  }
  expect(openaiChatCodec.readAnswer(body).choices[0]).toMatchObject({
    parts: [{ type: 'text' }, { type: 'audio', expiresAt: 9 }],
    logprobs: [{ token: 'x', logprob: -1, bytes: [120], top: [{ token: 'y', logprob: -2, bytes: null }] }],
  })
})

test('an error inside a stream, or what is no JSON, ends it', () => {
  const read = (data: string) => openaiChatCodec.streamReader().read('', data)
  expect(read('{"error":{"message":"no","code":"c"}}')).toEqual([{ type: 'error', message: 'no', code: 'c' }])
  expect(read('{"error":"no"}')).toEqual([{ type: 'error', message: 'no', code: null }])
  expect(read('<html>')[0]).toMatchObject({ type: 'error' })
  expect(read('[]')[0]).toMatchObject({ type: 'error' })
})

test.each([
  ['a text', 'x'],
  ['an error', { error: { message: 'no' } }],
  ['no choices', { choices: [] }],
])('%s is no answer', (_, body) => expect(() => openaiChatCodec.readAnswer(body)).toThrow(ProblemError))

test('thoughts in tags are told from the answer, however the text is cut', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['<think>\nHm </thin so</think>\n\nYes <think>no</think>', 'Hm </thin so', 'Yes <think>no</think>'],
    ['  <think>never ends </thi', 'never ends </thi', ''],
    ['<thought> x', '', '<thought> x'],
    ['<thi', '', '<thi'],
  ]
  fc.assert(
    fc.property(
      fc.constantFrom(...cases),
      fc.array(fc.nat(60), { maxLength: 8 }),
      ([text, reasoning, answer], cuts) => {
        const places = [...new Set([0, ...cuts.map((cut) => Math.min(cut, text.length)), text.length])].toSorted(
          (a, b) => a - b,
        )
        const splitter = new ThinkSplitter()
        const pieces = [
          ...places.slice(1).flatMap((place, index) => splitter.push(text.slice(places[index], place))),
          ...splitter.end(),
        ]
        const joined = (kind: string) =>
          pieces
            .filter((piece) => piece.kind === kind)
            .map((piece) => piece.text)
            .join('')
        // A newline after the tag is dropped only when it came with it.
        expect(joined('reasoning').replace(/^\n/, '')).toBe(reasoning)
        expect(joined('text')).toBe(answer)
      },
    ),
  )
  expect(answerOf([{ content: '<think>a' }, { content: 'b</think>c' }], true).parts).toMatchObject([
    { type: 'reasoning', text: 'ab' },
    { type: 'text', text: 'c' },
  ])
  const whole = { choices: [{ message: { content: '<think>a</think>b' }, finish_reason: 'stop' }] }
  expect(openaiChatCodec.readAnswer(whole, READING).choices[0]?.parts).toMatchObject([
    { type: 'reasoning', text: 'a' },
    { type: 'text', text: 'b' },
  ])
})

const HELLO = { role: 'user', parts: [{ type: 'text', text: 'Hello' }] } as const
const BASE: ChatRequest = { messages: [HELLO], tools: [], sampling: {} }
function write(request: Partial<ChatRequest>, quirks: Quirks = {}, stream = false) {
  return openaiChatCodec.writeRequest({ ...BASE, ...request }, { model: 'm', stream, quirks, maxOutputTokens: null })
}

const SAMPLED = {
  sampling: { temperature: 0.2, topP: 1, frequencyPenalty: 1 },
  reasoning: { enabled: true, effort: 'high' },
} as const
const MODELS: readonly (readonly [model: string, fields: JsonObject])[] = [
  ['m', { temperature: 0.2, top_p: 1, frequency_penalty: 1, reasoning_effort: 'high' }],
  ['gpt-4o-mini', { temperature: 0.2, top_p: 1, frequency_penalty: 1 }],
  ['gpt-5-chat-latest', { temperature: 0.2, top_p: 1, frequency_penalty: 1 }],
  ['o4-mini', { top_p: 1, reasoning_effort: 'high' }],
  ['openai/gpt-5-mini', { top_p: 1, reasoning_effort: 'high' }],
  ['gpt-5.1', { top_p: 1, reasoning_effort: 'high' }],
]
test.each(MODELS)('%s is sent only what it takes', (model, fields) => {
  const { body, warnings } = openaiChatCodec.writeRequest(
    { ...BASE, ...SAMPLED },
    { model, stream: false, quirks: {}, maxOutputTokens: null },
  )
  expect(body).toEqual({ model, messages: [{ role: 'user', content: 'Hello' }], ...fields })
  expect(warnings.length).toBe(4 - Object.keys(fields).length)
})

test('a model that is told not to think takes samplings; a long user is cut', () => {
  const { body, warnings } = openaiChatCodec.writeRequest(
    { ...BASE, ...SAMPLED, reasoning: { enabled: false, effort: 'none' }, user: 'u'.repeat(100) },
    { model: 'gpt-5.2', stream: false, quirks: {}, maxOutputTokens: null },
  )
  expect(body).toMatchObject({ temperature: 0.2, reasoning_effort: 'none', user: 'u'.repeat(64) })
  expect(warnings).toEqual(['`user` is cut to 64 characters.'])
})

const THOUGHT: Part = { type: 'reasoning', text: 'hm', signature: null, encrypted: null, family: 'openai-chat' }
const SCHEMA = { type: 'json_schema', name: 'n', schema: {} } as const
const BODIES: readonly (readonly [
  sentence: string,
  request: Partial<ChatRequest>,
  quirks: Quirks,
  expected: JsonObject,
])[] = [
  [
    'the bound of the output by the host’s name',
    { maxOutputTokens: 5 },
    { maxTokensField: 'max_tokens' },
    { max_tokens: 5 },
  ],
  ['the bound of the output by OpenAI’s name', { maxOutputTokens: 5 }, {}, { max_completion_tokens: 5 }],
  [
    'a developer is a system elsewhere',
    { messages: [{ ...HELLO, role: 'developer' }] },
    { developerRole: false },
    { messages: [{ role: 'system', content: 'Hello' }] },
  ],
  [
    'thoughts go back where the host wants them',
    { messages: [{ role: 'assistant', parts: [THOUGHT] }] },
    { reasoningField: 'reasoning_content' },
    { messages: [{ role: 'assistant', content: '', reasoning_content: 'hm' }] },
  ],
  [
    'thoughts without details go back as text',
    { messages: [{ role: 'assistant', parts: [THOUGHT] }] },
    { reasoningField: 'reasoning_details' },
    { messages: [{ role: 'assistant', content: '', reasoning: 'hm' }] },
  ],
  [
    'a schema where only JSON is known',
    { responseFormat: SCHEMA },
    { responseFormat: 'json_object' },
    { response_format: { type: 'json_object' } },
  ],
  [
    'a budget of thoughts is an effort',
    { reasoning: { enabled: true, budgetTokens: 9_000 } },
    {},
    { reasoning_effort: 'medium' },
  ],
  [
    'the highest effort has another name',
    { reasoning: { enabled: true, effort: 'max' } },
    {},
    { reasoning_effort: 'xhigh' },
  ],
  [
    'a named custom tool',
    { tools: [{ type: 'custom', name: 'c', grammar: null }], toolChoice: { type: 'named', name: 'c' } },
    {},
    { tool_choice: { type: 'custom', custom: { name: 'c' } } },
  ],
  [
    'a text document is text',
    {
      messages: [
        {
          role: 'user',
          parts: [{ type: 'file', name: 'T', source: { type: 'text', text: 'x', mediaType: 'text/plain' } }],
        },
      ],
    },
    {},
    { messages: [{ role: 'user', content: [{ type: 'text', text: 'T\n\nx' }] }] },
  ],
]
test.each(BODIES)('%s', (_, request, quirks, expected) => expect(write(request, quirks).body).toMatchObject(expected))

test('a stream asks for its usage, unless the host does not know the field', () => {
  expect(write({}, {}, true).body).toMatchObject({ stream: true, stream_options: { include_usage: true } })
  expect(write({}, { streamUsage: false }, true).body).not.toHaveProperty('stream_options')
})

test('what the host refuses is left out and told', () => {
  const { body, warnings } = write(
    { sampling: { seed: 1, topK: 4 }, raw: { 'anthropic-messages': { container: 'c' } } },
    { refusedFields: ['seed', 'n'] },
  )
  expect(body).toEqual({ model: 'm', messages: [{ role: 'user', content: 'Hello' }] })
  expect(warnings).toHaveLength(3)
})

const REFUSED: readonly (readonly [string, Partial<ChatRequest>, Quirks])[] = [
  ['structured output where there is none', { responseFormat: SCHEMA }, { responseFormat: 'none' }],
  [
    'another vendor’s hosted tool',
    { tools: [{ type: 'hosted', name: 'web_search', family: 'anthropic-messages', value: {} }] },
    {},
  ],
  [
    'a file at a URL',
    { messages: [{ role: 'user', parts: [{ type: 'file', source: { type: 'url', url: 'u', mediaType: null } }] }] },
    {},
  ],
  [
    'a picture in a vendor’s files',
    {
      messages: [{ role: 'user', parts: [{ type: 'image', source: { type: 'file', fileId: 'f', mediaType: null } }] }],
    },
    {},
  ],
]
test.each(REFUSED)('%s cannot be had, and is told', (_, request, quirks) =>
  expect(write(request, quirks).refusals).toHaveLength(1),
)

test('pictures that a tool gave follow all results of the turn', () => {
  const result = (id: string) =>
    ({
      type: 'tool_result',
      toolCallId: id,
      toolName: 'f',
      isError: false,
      parts: [
        { type: 'text', text: id },
        { type: 'image', source: { type: 'url', url: `u${id}`, mediaType: null } },
      ],
    }) as const
  const { body } = write({
    messages: [{ role: 'tool', parts: [result('1')] }, { role: 'tool', parts: [result('2')] }, HELLO],
  })
  const messages = body['messages'] as unknown as { role: string; content: unknown }[]
  expect(messages.map(({ role }) => role)).toEqual(['tool', 'tool', 'user', 'user'])
  expect(messages[2]?.content).toMatchObject([
    { type: 'text' },
    { image_url: { url: 'u1' } },
    { type: 'text' },
    { image_url: { url: 'u2' } },
  ])
})

test('ids of nine letters and digits are kept, others replaced alike in call and result', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 8 }), (ids) => {
      const { body } = write(
        {
          messages: [
            {
              role: 'assistant',
              parts: ids.map((id) => ({ type: 'tool_call', kind: 'function', id, name: 'f', arguments: '{}' })),
            },
            {
              role: 'tool',
              parts: ids.map((id) => ({
                type: 'tool_result',
                toolCallId: id,
                toolName: 'f',
                parts: [],
                isError: false,
              })),
            },
          ],
        },
        { toolIds: 'nine' },
      )
      const [assistant, ...results] = body['messages'] as unknown as {
        tool_calls: { id: string }[]
        tool_call_id: string
      }[]
      const sent = assistant!.tool_calls.map(({ id }) => id)
      for (const id of sent) expect(id).toMatch(/^[A-Za-z0-9]{9}$/)
      expect(new Set(sent).size).toBe(ids.length)
      expect(results.map(({ tool_call_id: id }) => id)).toEqual(sent)
    }),
  )
})

test('data of an event is decoded as the UTF-8 that it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) =>
      expect(decodeEventData(Buffer.from(text).toString('latin1'))).toBe(text),
    ),
  )
})
