import { expect, test } from 'bun:test'
import { ChatAssembler } from '../../core/chat-assembler.ts'
import { ProblemError } from '../../core/chat-answer.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Reading } from '../chat-codec.ts'
import { cohereChatCodec } from './chat-codec.ts'
import { usageOfCohere } from './usage.ts'

function assembled(events: readonly (JsonObject | string)[], reading?: Reading): ChatAssembler {
  const reader = cohereChatCodec.streamReader(reading)
  const assembler = new ChatAssembler()
  for (const event of events)
    for (const one of reader.read('', typeof event === 'string' ? event : JSON.stringify(event))) assembler.push(one)
  for (const one of reader.end()) assembler.push(one)
  return assembler
}

const say = (type: string, index: number, message: JsonObject): JsonObject => ({ type, index, delta: { message } })
const END = { type: 'message-end', delta: { finish_reason: 'COMPLETE', usage: { tokens: { input_tokens: 2 } }, x: 1 } }
const READING: Reading = { customTools: new Set(['c']), jsonTool: null }
const CITATION = {
  start: 0,
  end: 5,
  text: 'Paris',
  sources: [{ type: 'document', id: 'd1', document: { title: 'Atlas', url: 'https://x.test' } }],
  type: 'TEXT_CONTENT',
}

test('citations after the end of a text are still of that text, plans and thoughts are apart', () => {
  const answer = assembled([
    { type: 'message-start', id: 'a1', delta: { message: {} } },
    say('tool-plan-delta', 0, { tool_plan: 'I look.' }),
    say('content-start', 0, { content: { type: 'thinking', thinking: '' } }),
    say('content-delta', 0, { content: { thinking: 'hm' } }),
    { type: 'content-end', index: 0 },
    say('content-start', 1, { content: { type: 'text', text: 'Par' } }),
    say('content-delta', 1, { content: { text: 'is' } }),
    { type: 'content-end', index: 1 },
    say('citation-start', 0, { citations: { ...CITATION, content_index: 1 } }),
    { type: 'citation-end', index: 0 },
    say('citation-start', 1, { citations: { ...CITATION, content_index: 7 } }),
    END,
    say('content-delta', 1, { content: { text: 'late' } }),
  ]).answer()
  expect(answer).toMatchObject({ id: 'a1', usage: { input: 2 }, raw: { 'cohere-chat': { x: 1 } } })
  expect(answer.choices[0]).toMatchObject({
    parts: [
      { type: 'reasoning', text: 'I look.', raw: { 'cohere-chat': { tool_plan: true } } },
      { type: 'reasoning', text: 'hm' },
      { type: 'text', text: 'Paris', citations: [{ url: 'https://x.test', title: 'Atlas', start: 0, end: 5 }] },
    ],
    finish: { unified: 'stop', raw: 'COMPLETE' },
  })
})

test('a custom tool that was sent as a function comes back with its text', () => {
  const call = (json: string): JsonObject => ({ function: { name: 'c', arguments: json } })
  const streamed = assembled(
    [
      say('tool-call-start', 0, { tool_calls: { id: 'i', ...call('{"in') } }),
      say('tool-call-delta', 0, { tool_calls: call('put":"ls"}') }),
      { type: 'tool-call-end', index: 0 },
      END,
    ],
    READING,
  ).answer()
  const whole = cohereChatCodec.readAnswer(
    { message: { tool_calls: [{ id: 'i', ...call('{"input":"ls"}') }] }, finish_reason: 'TOOL_CALL' },
    READING,
  )
  for (const { choices } of [streamed, whole])
    expect(choices[0]).toMatchObject({
      parts: [{ type: 'tool_call', kind: 'custom', id: 'i', arguments: 'ls' }],
      finish: { unified: 'tool_calls' },
    })
})

test('a whole answer with citations of each block, and blocks that nobody knows', () => {
  const { choices, raw } = cohereChatCodec.readAnswer({
    id: '',
    message: {
      content: [{ type: 'text', text: 'Paris' }, { type: 'future' }, { type: 'text', text: '' }],
      citations: [CITATION, { ...CITATION, content_index: 1 }, { ...CITATION, type: 'PLAN' }],
    },
    finish_reason: 'MAX_TOKENS',
    future: 1,
  })
  expect(choices[0]).toMatchObject({
    parts: [
      { type: 'text', text: 'Paris', citations: [{ title: 'Atlas' }] },
      { type: 'opaque', value: { type: 'future' } },
    ],
    finish: { unified: 'length' },
  })
  expect(choices[0]?.parts).toHaveLength(2)
  expect(raw).toEqual({ 'cohere-chat': { future: 1 } })
  expect(cohereChatCodec.readAnswer({ message: { content: 'plain' } }).choices[0]?.parts).toEqual([
    { type: 'text', text: 'plain' },
  ])
})

test('an end with an error is an error, one without has at least its word', () => {
  const text = say('content-start', 0, { content: { type: 'text', text: 'a' } })
  const failed = assembled([text, { type: 'message-end', delta: { finish_reason: 'ERROR', error: 'out of memory' } }])
  expect(failed.error).toBe('out of memory')
  const timedOut = assembled([text, { type: 'message-end', delta: { finish_reason: 'TIMEOUT' } }])
  expect(timedOut.answer().choices[0]?.finish).toEqual({ unified: 'error', raw: 'TIMEOUT' })
})

test('blocks of a kind that nobody knows are kept as they are', () => {
  const events = [
    say('content-start', 0, { content: { type: 'future', future: 'a' } }),
    say('content-delta', 0, { content: { future: 'b' } }),
    END,
  ]
  expect(assembled(events).answer().choices[0]?.parts).toMatchObject([
    { type: 'opaque', value: { type: 'future', future: 'ab' } },
  ])
})

test('what is no JSON, or ends too soon, is an error and no answer', () => {
  expect(assembled(['<html>']).error).toMatch(/not a JSON object/)
  expect(assembled([say('content-start', 0, { content: { type: 'text', text: 'a' } }), '[DONE]']).error).toMatch(
    /terminal event/,
  )
  expect(assembled([]).error).toMatch(/terminal event/)
})

test.each([
  ['nothing', null],
  ['an error', { message: 'invalid api token' }],
  ['no message', { id: 'a' }],
  ['a failure without a word', { message: { content: [] }, finish_reason: 'ERROR' }],
])('%s is no answer', (_, body) => expect(() => cohereChatCodec.readAnswer(body)).toThrow(ProblemError))

for (const [title, raw, expected] of [
  [
    'what is billed, not what is counted',
    { billed_units: { input_tokens: 8, output_tokens: 5 }, tokens: { input_tokens: 900, output_tokens: 7 } },
    { input: 8, output: 5 },
  ],
  [
    'what is counted, where nothing is billed',
    { tokens: { input_tokens: 9, output_tokens: 7 } },
    { input: 9, output: 7 },
  ],
  ['searches', { billed_units: { search_units: 2 } }, { input: 0, searches: 2 }],
  ['pictures', { billed_units: { image_tokens: 6 } }, { imageIn: 6 }],
  ['nonsense', { billed_units: { input_tokens: -1, output_tokens: 'many' } }, { input: 0, output: 0 }],
] as const)
  test(`the usage is ${title}`, () => expect(usageOfCohere(raw)).toMatchObject({ ...expected, requests: 1 }))
