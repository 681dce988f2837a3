import { expect, test } from 'bun:test'
import type { Call } from '../core/call.ts'
import type { JsonObject } from '../core/json.ts'
import { NO_MEMBERS } from '../core/json.ts'
import { NO_OPTIONS } from '../dialects/read-options.ts'
import { questionOf } from './question.ts'

function callOf(body: JsonObject, operation: Call['operation'] = 'chat'): Call {
  return {
    dialect: 'openai-chat',
    operation,
    facts: {
      model: 'm',
      stream: false,
      wantsStreamUsage: false,
      maxOutputTokens: null,
      endUser: null,
      options: NO_OPTIONS,
    },
    text: JSON.stringify(body),
    members: NO_MEMBERS,
    body,
    headers: {},
    chat: null,
  }
}

const user = (content: JsonObject[string]) => ({ role: 'user', content })
const SYSTEM = { role: 'system', content: 'Be brief.' }

test.each<[string, JsonObject, string, JsonObject]>([
  ['OpenAI', { messages: [SYSTEM, user('Hi?')], seed: 1 }, 'Hi?', { messages: [SYSTEM], seed: 1 }],
  [
    'parts',
    {
      messages: [
        user([
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ]),
      ],
    },
    'a\nb',
    { messages: [] },
  ],
  ['Gemini', { contents: [{ role: 'user', parts: [{ text: 'Hi?' }] }] }, 'Hi?', { contents: [] }],
  ['Responses', { input: 'Hi?' }, 'Hi?', { input: [] }],
  ['Responses as items', { input: [user([{ type: 'input_text', text: 'Hi?' }])] }, 'Hi?', { input: [] }],
])('the question is the last thing said, and the rest is all else: %s', (_, body, text, rest) => {
  const question = questionOf(callOf(body))
  expect(question?.text).toBe(text)
  expect(question?.rest.body).toEqual(rest)
})

test.each<[string, JsonObject, Call['operation']]>([
  ['a result of a tool', { messages: [user('a'), { role: 'tool', content: '4', tool_call_id: 'c' }] }, 'chat'],
  ['a result of a tool in a turn of the user', { messages: [user([{ type: 'tool_result', content: '4' }])] }, 'chat'],
  ['a picture', { messages: [user([{ type: 'image_url', image_url: { url: 'https://a/b' } }])] }, 'chat'],
  ['a turn of the model', { messages: [user('a'), { role: 'assistant', content: 'b' }] }, 'chat'],
  ['nothing', { messages: [] }, 'chat'],
  ['white space', { messages: [user('  ')] }, 'chat'],
  ['a document', { messages: [user('x'.repeat(8_001))] }, 'chat'],
  ['something to embed', { input: 'Hi?' }, 'embeddings'],
])('there is none in %s', (_, body, operation) => {
  expect(questionOf(callOf(body, operation))).toBeNull()
})
