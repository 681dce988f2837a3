import { expect, test } from 'bun:test'
import type { Call } from '../../core/call.ts'
import { readOpenaiAnswer } from './answer.ts'
import { openaiEventReader } from './events.ts'

const chat = { operation: 'chat' } as Call
const embeddings = { operation: 'embeddings' } as Call

for (const [title, text, call, problem] of [
  ['nothing', '', chat, 'the answer is empty'],
  ['an HTML page', '<html>busy</html>', chat, 'the answer is not JSON'],
  ['half an answer', '{"choices":[{"mess', chat, 'the answer is not JSON'],
  ['a list', '[]', chat, 'the answer is not an object'],
  ['an error inside a 200', '{"error":{"message":"quota"}}', chat, 'an error inside a 200: quota'],
  ['an error word inside a 200', '{"error":"boom"}', chat, 'an error inside a 200: boom'],
  ['no choices', '{"choices":[]}', chat, 'the answer holds no choices'],
  ['no data', '{"data":[]}', embeddings, 'the answer holds no data'],
] as const)
  test(`${title} is no answer`, () => expect(readOpenaiAnswer(text, call).problem).toBe(problem))

test('a sound answer tells its usage and finish reason', () => {
  const text = JSON.stringify({
    choices: [{ message: { content: 'Hi' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 4, completion_tokens: 2, total_tokens: 6 },
    error: null,
  })
  expect(readOpenaiAnswer(text, chat)).toMatchObject({
    problem: null,
    finishReason: 'stop',
    usage: { input: 4, output: 2 },
    rawUsage: '{"prompt_tokens":4,"completion_tokens":2,"total_tokens":6}',
  })
})

test('without usage the characters of every choice count, tool calls and reasoning too', () => {
  const text = JSON.stringify({
    choices: [
      { message: { content: '12345', reasoning_content: '123' } },
      { message: { content: null, tool_calls: [{ function: { name: 'ab', arguments: '{"a":1}' } }] } },
      { text: '1234' },
      { message: { content: [{ type: 'text', text: 'x' }] } },
    ],
  })
  const array = JSON.stringify([{ type: 'text', text: 'x' }]).length
  expect(readOpenaiAnswer(text, chat).outputCharacters).toBe(5 + 3 + 2 + 7 + 4 + array)
})

for (const [title, data, expected] of [
  ['the terminator', '[DONE]', { terminal: true, meaningful: false }],
  ['a role', '{"choices":[{"delta":{"role":"assistant","content":""}}]}', { meaningful: false, terminal: false }],
  ['text', '{"choices":[{"delta":{"content":"abc"}}]}', { meaningful: true, outputCharacters: 3 }],
  ['reasoning', '{"choices":[{"delta":{"reasoning":"ab"}}]}', { meaningful: true, outputCharacters: 2 }],
  ['legacy text', '{"choices":[{"text":"abcd"}]}', { meaningful: true, outputCharacters: 4 }],
  ['audio', '{"choices":[{"delta":{"audio":{"data":"…"}}}]}', { meaningful: true }],
  [
    'a tool call',
    '{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":""}}]}}]}',
    { meaningful: true, outputCharacters: 1 },
  ],
  ['a finish', '{"choices":[{"delta":{},"finish_reason":"length"}]}', { meaningful: false, finishReason: 'length' }],
  [
    'usage alone',
    '{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}',
    { usageOnly: true, usage: expect.objectContaining({ input: 1, output: 2 }) },
  ],
  [
    'usage with the finish',
    '{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}',
    { usageOnly: false, finishReason: 'stop' },
  ],
  [
    'Moonshot’s usage in the choice',
    '{"choices":[{"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":7}}]}',
    { usage: expect.objectContaining({ input: 7 }) },
  ],
  ['an error', '{"error":{"message":"overloaded"}}', { error: 'overloaded' }],
  ['an error without words', '{"error":{"status":"X"}}', { error: '{"status":"X"}' }],
  ['something new', '{"object":"future.thing","payload":[1]}', { meaningful: false, error: null, terminal: false }],
  ['garbage', '{"choices":', { error: 'an event of the stream is not JSON' }],
  ['a bare number', '7', { error: 'an event of the stream is not an object' }],
] as const)
  test(`an event that is ${title} is read as such`, () => expect(openaiEventReader()(data)).toMatchObject(expected))
