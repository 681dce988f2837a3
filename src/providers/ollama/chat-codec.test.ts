import { expect, test } from 'bun:test'
import { NO_FACTS } from '../../core/model-facts.ts'
import { ChatAssembler, eventsOf } from '../../core/chat-assembler.ts'
import { ProblemError } from '../../core/chat-answer.ts'
import type { ChatRequest, Part } from '../../core/chat.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Provider } from '../../core/model.ts'
import type { Reading, WrittenRequest } from '../chat-codec.ts'
import { createFraming } from '../framing.ts'
import { ollamaChatCodec } from './chat-codec.ts'
import { ollamaWire } from './wire.ts'

function assembled(lines: readonly (JsonObject | string)[], reading?: Reading): ChatAssembler {
  const reader = ollamaChatCodec.streamReader(reading)
  const assembler = new ChatAssembler()
  const framing = createFraming('json-lines', 10_000)
  const text = lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('')
  for (const { type, data } of framing.push(new TextEncoder().encode(text))?.events ?? [])
    for (const one of reader.read(type, data)) assembler.push(one)
  for (const one of reader.end()) assembler.push(one)
  return assembler
}

const AT = '2025-07-07T20:22:19.184789123Z'
const line = (message: JsonObject, more: JsonObject = {}): JsonObject => ({
  model: 'qwen3',
  created_at: AT,
  message: { role: 'assistant', ...message },
  done: false,
  ...more,
})
const COUNTS = { prompt_eval_count: 11, eval_count: 18, total_duration: 5 }
const END = line({ content: '' }, { done: true, done_reason: 'stop', ...COUNTS })
const CALLS = [
  { function: { name: 'weather', arguments: { city: 'Ulm' } } },
  { id: 'own', function: { name: 'weather', arguments: {} } },
]

test('thoughts, text, calls without ids and counters are read alike, whole and streamed', () => {
  const streamed = assembled([
    line({ content: '', thinking: 'Let me ' }),
    line({ content: '', thinking: 'see.' }),
    line({ content: 'I ' }),
    line({ content: 'look.' }),
    line({ content: '', tool_calls: CALLS.slice(0, 1) }),
    line({ content: '', tool_calls: CALLS.slice(1) }, { created_at: '2025-07-07T20:22:20Z' }),
    END,
  ]).answer()
  const whole = ollamaChatCodec.readAnswer({
    ...END,
    message: { role: 'assistant', content: 'I look.', thinking: 'Let me see.', tool_calls: CALLS },
  })
  for (const answer of [streamed, whole])
    expect(answer).toMatchObject({
      model: 'qwen3',
      created: 1_751_919_739,
      choices: [
        {
          parts: [
            { type: 'reasoning', text: 'Let me see.', family: 'ollama-chat' },
            { type: 'text', text: 'I look.' },
            { type: 'tool_call', id: 'call_20250707202219184789123_0', name: 'weather', arguments: '{"city":"Ulm"}' },
            { type: 'tool_call', id: 'own', name: 'weather', arguments: '{}' },
          ],
          finish: { unified: 'tool_calls', raw: 'stop' },
        },
      ],
      usage: { input: 11, output: 18, requests: 1 },
      rawUsage: COUNTS,
    })
  expect(eventsOf(streamed).at(-1)).toEqual({ type: 'end' })
})

for (const [title, end, finish, usage] of [
  ['at its bound', { done: true, done_reason: 'length', eval_count: 3 }, { unified: 'length', raw: 'length' }, 3],
  ['in an old version', { done: true, eval_count: 3 }, { unified: 'stop', raw: null }, 3],
  ['with a new word', { done: true, done_reason: 'unload' }, { unified: 'other', raw: 'unload' }, null],
] as const)
  test(`an answer that ends ${title}`, () => {
    const streamed = assembled([line({ content: 'a' }), line({ content: '' }, end)]).answer()
    const whole = ollamaChatCodec.readAnswer(line({ content: 'a' }, end))
    for (const { choices, usage: found } of [streamed, whole]) {
      expect(choices[0]?.finish).toEqual(finish)
      expect(found?.output ?? null).toBe(usage)
    }
  })

test('an error inside the stream ends it, lines that nobody knows do not', () => {
  expect(assembled([line({ content: 'a' }), { future: 1 }, { error: 'out of memory' }, END]).error).toBe(
    'out of memory',
  )
  expect(assembled([line({ content: 'a' }), { future: 1 }, END]).isComplete).toBe(true)
  expect(assembled(['<html>']).error).toMatch(/not a JSON object/)
  expect(assembled([line({ content: 'a' })]).error).toMatch(/terminal event/)
})

test('a custom tool that was sent as a function comes back with its text, arguments may be text', () => {
  const reading: Reading = { customTools: new Set(['shell']), jsonTool: null }
  const calls = [
    { function: { name: 'shell', arguments: { input: 'ls' } } },
    { function: { name: 'other', arguments: '{"a":1}' } },
  ]
  const streamed = assembled([line({ content: '', tool_calls: calls }), END], reading).answer()
  const whole = ollamaChatCodec.readAnswer(line({ content: '', tool_calls: calls }), reading)
  for (const { choices } of [streamed, whole])
    expect(choices[0]?.parts).toMatchObject([
      { kind: 'custom', name: 'shell', arguments: 'ls' },
      { kind: 'function', name: 'other', arguments: '{"a":1}' },
    ])
})

test('logprobs are those of the tokens', () => {
  const logprobs = [{ token: 'a', logprob: -0.1, bytes: [97], top_logprobs: [{ token: 'b', logprob: -2 }] }]
  const expected = [
    { token: 'a', logprob: -0.1, bytes: [97], top: [{ token: 'b', logprob: -2, bytes: null }] },
  ] as const
  expect(assembled([line({ content: 'a' }, { logprobs }), END]).answer().choices[0]?.logprobs).toEqual([...expected])
  expect(ollamaChatCodec.readAnswer(line({ content: 'a' }, { logprobs })).choices[0]?.logprobs).toEqual([...expected])
})

test.each([
  ['nothing', null],
  ['an error', { error: 'model not found' }],
  ['no message', { model: 'm' }],
])('%s is no answer', (_, body) => expect(() => ollamaChatCodec.readAnswer(body)).toThrow(ProblemError))

function write(request: Partial<ChatRequest>, stream = true): WrittenRequest {
  return ollamaChatCodec.writeRequest(
    { messages: [{ role: 'user', parts: [text('hi')] }], tools: [], sampling: {}, ...request },
    { model: 'qwen3', stream, quirks: {}, maxOutputTokens: null },
  )
}

function text(said: string): Part {
  return { type: 'text', text: said }
}

const TOOL = { type: 'function', name: 'weather', schema: { type: 'object' } } as const
const PICTURE: Part = { type: 'image', source: { type: 'inline', data: 'QUJD', mediaType: 'image/png' } }

test('a conversation is written in Ollama’s words', () => {
  const { body, warnings, refusals } = write({
    messages: [
      { role: 'developer', parts: [text('be brief')] },
      {
        role: 'user',
        parts: [
          text('what?'),
          PICTURE,
          { type: 'file', source: { type: 'text', text: 'x', mediaType: 'text/plain' }, name: 'a.txt' },
        ],
      },
      {
        role: 'assistant',
        parts: [
          { type: 'reasoning', text: 'hm', signature: null, encrypted: null, family: null },
          { type: 'tool_call', kind: 'function', id: 'c1', name: 'weather', arguments: '{"city":"Ulm"}' },
        ],
      },
      {
        role: 'tool',
        parts: [
          { type: 'tool_result', toolCallId: 'c1', toolName: null, parts: [text('sun'), PICTURE], isError: false },
        ],
      },
    ],
    tools: [TOOL],
    maxOutputTokens: 50,
    sampling: { temperature: 0, topP: 0.9, topK: 4, seed: 5, stop: ['a'], logprobs: true, topLogprobs: 2 },
    reasoning: { enabled: true, effort: 'minimal' },
    responseFormat: { type: 'json_schema', name: 'n', schema: { type: 'object' } },
    raw: { 'ollama-chat': { keep_alive: '5m', options: { num_ctx: 8_192 } } },
  })
  expect(body).toEqual({
    keep_alive: '5m',
    model: 'qwen3',
    messages: [
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'what?\n\na.txt\n\nx', images: ['QUJD'] },
      {
        role: 'assistant',
        content: '',
        thinking: 'hm',
        tool_calls: [{ id: 'c1', function: { name: 'weather', arguments: { city: 'Ulm' } } }],
      },
      { role: 'tool', content: 'sun', images: ['QUJD'], tool_name: 'weather', tool_call_id: 'c1' },
    ],
    tools: [{ type: 'function', function: { name: 'weather', description: '', parameters: { type: 'object' } } }],
    format: { type: 'object' },
    think: 'low',
    logprobs: true,
    top_logprobs: 2,
    options: { num_ctx: 8_192, temperature: 0, top_p: 0.9, top_k: 4, seed: 5, stop: ['a'], num_predict: 50 },
    stream: true,
  })
  expect([...warnings, ...refusals]).toEqual([])
})

for (const [title, reasoning, expected] of [
  ['on', { enabled: true }, true],
  ['off', { enabled: false }, false],
  ['not wanted', { effort: 'none' }, false],
  ['some', { enabled: true, effort: 'medium' }, 'medium'],
  ['the most', { enabled: true, effort: 'max' }, 'high'],
  ['as the model does', {}, undefined],
] as const)
  test(`thinking that is ${title}`, () => expect(write({ reasoning }).body['think']).toBe(expected as never))

test('a request that does not stream says so, tools that are forbidden are not offered', () => {
  const { body } = write({ tools: [TOOL], toolChoice: { type: 'none' }, responseFormat: { type: 'json' } }, false)
  expect(body).toMatchObject({ stream: false, format: 'json' })
  expect(body).not.toHaveProperty('tools')
  expect(body).not.toHaveProperty('options')
})

test('what the provider cannot take is told', () => {
  const { warnings, refusals, reading } = write({
    messages: [
      {
        role: 'user',
        parts: [
          { type: 'image', source: { type: 'url', url: 'https://x.test', mediaType: null } },
          { type: 'audio', source: { type: 'inline', data: '', mediaType: 'audio/wav' } },
        ],
      },
      { role: 'assistant', parts: [PICTURE, { type: 'refusal', text: 'no' }] },
    ],
    tools: [
      { type: 'custom', name: 'shell', grammar: { syntax: 'regex', definition: 'x' } },
      { type: 'hosted', name: 'search', family: 'gemini', value: {} },
    ],
    toolChoice: { type: 'required' },
    parallelTools: false,
    sampling: { n: 2, logitBias: { 1: 1 } },
    modalities: ['audio'],
    verbosity: 'low',
    metadata: { a: 'b' },
    user: 'u',
    serviceTier: 'flex',
    raw: { gemini: { future: 1 } },
  })
  expect(refusals).toHaveLength(5)
  expect(warnings).toHaveLength(9)
  expect(reading.customTools).toEqual(new Set(['shell']))
})

test('the address is that of its own API', () => {
  const provider = { baseUrl: 'http://127.0.0.1:11434' } as Provider
  expect(ollamaWire.chat?.url({ id: 'o/m', provider, model: 'm', facts: NO_FACTS }, true)).toBe(
    'http://127.0.0.1:11434/api/chat',
  )
})
