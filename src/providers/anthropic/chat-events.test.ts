import { expect, test } from 'bun:test'
import { ChatAssembler } from '../../core/chat-assembler.ts'
import { ProblemError } from '../../core/chat-answer.ts'
import type { Reading } from '../chat-codec.ts'
import { anthropicChatCodec } from './chat-codec.ts'
import { usageOfAnthropic } from './usage.ts'

function assembled(events: readonly unknown[], reading?: Reading): ChatAssembler {
  const reader = anthropicChatCodec.streamReader(reading)
  const assembler = new ChatAssembler()
  for (const event of events)
    for (const one of reader.read('', typeof event === 'string' ? event : JSON.stringify(event))) assembler.push(one)
  for (const one of reader.end()) assembler.push(one)
  return assembler
}

const START = {
  type: 'message_start',
  message: {
    id: 'msg_1',
    model: 'm',
    content: [],
    usage: {
      input_tokens: 3,
      cache_creation_input_tokens: 5,
      cache_creation: { ephemeral_1h_input_tokens: 4 },
      output_tokens: 1,
    },
  },
}
const call = (name: string, json: readonly string[]) => [
  START,
  { type: 'content_block_start', index: 0, content_block: { type: 'tool_use', id: 't', name, input: {} } },
  ...json.map((partial_json) => ({
    type: 'content_block_delta',
    index: 0,
    delta: { type: 'input_json_delta', partial_json },
  })),
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 9 } },
  { type: 'message_stop' },
]
const READING: Reading = { customTools: new Set(['c']), jsonTool: 'j' }

test('the usage of the end adds to that of the start, lifetimes of the cache included', () => {
  expect(assembled(call('f', ['{}'])).answer().usage).toMatchObject({
    input: 3,
    cacheWrite5m: 1,
    cacheWrite1h: 4,
    output: 9,
  })
})

test('a custom tool that was sent as a function comes back with its text', () => {
  expect(assembled(call('c', ['{"input":', '"ls -l"}']), READING).answer().choices[0]?.parts).toMatchObject([
    { type: 'tool_call', kind: 'custom', name: 'c', arguments: 'ls -l' },
  ])
  const whole = { content: [{ type: 'tool_use', id: 't', name: 'c', input: { input: 'ls' } }], stop_reason: 'tool_use' }
  expect(anthropicChatCodec.readAnswer(whole, READING).choices[0]?.parts).toMatchObject([
    { kind: 'custom', arguments: 'ls' },
  ])
})

test('the tool that stands for a schema comes back as the text of the answer', () => {
  const { parts, finish } = assembled(call('j', ['{"a":', '1}']), READING).answer().choices[0]!
  expect(parts).toEqual([{ type: 'text', text: '{"a":1}' }])
  expect(finish.unified).toBe('stop')
  const whole = { content: [{ type: 'tool_use', id: 't', name: 'j', input: { a: 1 } }], stop_reason: 'tool_use' }
  expect(anthropicChatCodec.readAnswer(whole, READING).choices[0]).toMatchObject({
    parts: [{ type: 'text', text: '{"a":1}' }],
    finish: { unified: 'stop', raw: 'tool_use' },
  })
})

test('an error inside the stream ends it with its message and type', () => {
  const reader = anthropicChatCodec.streamReader()
  const error = JSON.stringify({ type: 'error', error: { type: 'overloaded_error', message: 'busy' } })
  expect(reader.read('error', error)).toEqual([{ type: 'error', message: 'busy', code: 'overloaded_error' }])
  expect(reader.read('', JSON.stringify(START))).toEqual([])
  expect(reader.end()).toEqual([])
})

test('what is no JSON, or ends too soon, is an error and no answer', () => {
  expect(assembled(['<html>']).error).toMatch(/not a JSON object/)
  expect(assembled([START]).error).toMatch(/terminal event/)
})

test('deltas of blocks that were never opened are left out', () => {
  const stray = { type: 'content_block_delta', index: 4, delta: { type: 'text_delta', text: 'x' } }
  expect(
    assembled([
      START,
      stray,
      { type: 'message_delta', delta: { stop_reason: 'stop_sequence', stop_sequence: 'END' } },
      { type: 'message_stop' },
    ]).answer().choices[0],
  ).toMatchObject({
    parts: [],
    finish: { unified: 'stop', stopSequence: 'END' },
  })
})

test.each([
  ['nothing', null],
  ['an error', { type: 'error', error: { message: 'no' } }],
  ['no content', { type: 'message' }],
])('%s is no answer', (_, body) => expect(() => anthropicChatCodec.readAnswer(body)).toThrow(ProblemError))

test('compaction is billed beside what the top level tells, other iterations are in it', () => {
  const usage = usageOfAnthropic({
    input_tokens: 10,
    output_tokens: 5,
    server_tool_use: { web_search_requests: 2 },
    iterations: [
      { type: 'compaction', input_tokens: 100, output_tokens: 50, cache_read_input_tokens: 7 },
      { type: 'message', input_tokens: 10, output_tokens: 5 },
    ],
  })
  expect(usage).toMatchObject({ input: 110, cacheRead: 7, output: 55, searches: 2, requests: 1 })
})
