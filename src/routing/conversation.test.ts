import { expect, test } from 'bun:test'
import type { JsonObject } from '../core/json.ts'
import { threadOf } from './conversation.ts'
import { testCall } from './testing.ts'

const user = { role: 'user', content: 'How do I cook rice?' }
const system = { role: 'system', content: 'You cook.' }
const answer = { role: 'assistant', content: 'With water.' }
const more = { role: 'user', content: 'How much?' }

function thread(body: JsonObject, session: string | null = null, keyId = 'key_1') {
  return threadOf(testCall(body), keyId, session)
}

const first = thread({ messages: [system, user] })!

test('the first request begins a conversation, the next ones belong to it', () => {
  expect(first).toMatchObject({ isKnown: false, inToolLoop: false })
  expect(thread({ messages: [system, user, answer, more] })).toEqual({ ...first, isKnown: true })
})

for (const [title, body, keyId] of [
  ['of another key', { messages: [system, user] }, 'key_2'],
  ['with another system prompt', { messages: [{ role: 'system', content: 'You sing.' }, user] }, 'key_1'],
  ['with another beginning', { messages: [system, more] }, 'key_1'],
] as const)
  test(`a request ${title} is another conversation`, () => expect(thread(body, null, keyId)?.hash).not.toBe(first.hash))

test('a session names a conversation from its first request on, for its key alone', () => {
  const named = thread({ messages: [user] }, 's-1')!
  expect(named.isKnown).toBe(true)
  expect(thread({ messages: [more, answer] }, 's-1')?.hash).toBe(named.hash)
  expect(thread({ messages: [user] }, 's-1', 'key_2')?.hash).not.toBe(named.hash)
})

for (const [title, body] of [
  ['chat', { messages: [user, { role: 'assistant', tool_calls: [] }, { role: 'tool', content: '3' }] }],
  [
    'messages',
    { messages: [user, answer, { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: '3' }] }] },
  ],
  [
    'responses',
    {
      messages: null,
      input: [user, { type: 'function_call', name: 'f' }, { type: 'function_call_output', output: '3' }],
    },
  ],
  [
    'gemini',
    {
      messages: null,
      contents: [
        { role: 'user', parts: [{ text: 'a' }] },
        { role: 'model', parts: [{ functionCall: { name: 'f' } }] },
        { role: 'user', parts: [{ functionResponse: { name: 'f' } }] },
      ],
    },
  ],
] as const)
  test(`a tool loop is seen in ${title}`, () => {
    const call = { ...testCall(), body: body as unknown as JsonObject }
    expect(threadOf(call, 'key_1', null)).toMatchObject({ isKnown: true, inToolLoop: true })
  })

test('a cache mark that moves from turn to turn makes no other conversation', () => {
  const marked = { role: 'user', content: [{ type: 'text', text: 'x', cache_control: { type: 'ephemeral' } }] }
  const plain = { role: 'user', content: [{ type: 'text', text: 'x' }] }
  expect(thread({ messages: [marked] })?.hash).toBe(thread({ messages: [plain, answer, marked] })!.hash)
})

test('the same words in another form make no other conversation', () => {
  const asText = { role: 'user', content: 'x y' }
  const asBlocks = { id: 'msg_1', role: 'user', content: [{ type: 'input_text', text: 'x y' }] }
  expect(thread({ messages: [asText] })?.hash).toBe(thread({ messages: [asBlocks, answer, more] })!.hash)
})

test('what has no turns belongs to no conversation', () => {
  expect(threadOf({ ...testCall(), body: { input: 'text' } }, 'key_1', null)).toBeNull()
})

test('a first turn of a million pieces is named as fast as any', () => {
  const content = Array.from({ length: 1_000_000 }, (_, index) => index)
  const body = { messages: [{ role: 'user', content }] }
  const call = { ...testCall(), body }
  const start = performance.now()
  for (let count = 0; count < 100; count++) threadOf(call, 'key_1', null)
  expect(performance.now() - start).toBeLessThan(200)
})
