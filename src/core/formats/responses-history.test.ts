import { expect, test } from 'bun:test'
import type { JsonObject } from '../json.ts'
import { fullInput, inputItems, keptItems, referencedIds, withFullInput } from './responses-history.ts'
import type { StoredResponse } from './responses-history.ts'

function stored(id: string, previousId: string | null): StoredResponse {
  return {
    id,
    keyId: 'key_1',
    createdAt: 0,
    expiresAt: 1,
    previousId,
    input: [{ type: 'message', id: `${id}_in`, role: 'user', content: 'question' }],
    response: { id, output: [{ type: 'function_call', id: `${id}_out`, call_id: 'c', name: 'f', arguments: '{}' }] },
  }
}

function idsOf(items: readonly JsonObject[]): readonly unknown[] {
  return items.map((item) => item['id'] ?? item['content'])
}

const CHAIN = [stored('resp_1', null), stored('resp_2', 'resp_1')]

test('a text is one message of the user; what is no item is left out', () => {
  expect(inputItems('hi')).toEqual([{ type: 'message', role: 'user', content: 'hi' }])
  expect(inputItems([{ role: 'user', content: 'a' }, 7, null])).toEqual([{ role: 'user', content: 'a' }])
  expect(inputItems(undefined)).toEqual([])
})

test('the full input is all that was said and answered before, oldest first, then the new', () => {
  const { items, missing } = fullInput(CHAIN, 'and now?')
  expect(idsOf(items)).toEqual(['resp_1_in', 'resp_1_out', 'resp_2_in', 'resp_2_out', 'and now?'])
  expect(missing).toEqual([])
})

test('a reference stands for the kept item, once', () => {
  const input = [
    { type: 'item_reference', id: 'kept' },
    { id: 'resp_1_out' },
    { type: 'item_reference', id: 'gone' },
    { role: 'user', content: 'x' },
  ]
  expect(referencedIds(input)).toEqual(['kept', 'resp_1_out', 'gone'])
  const { items, missing } = fullInput(CHAIN, input, new Map([['kept', { type: 'message', id: 'kept' }]]))
  expect(idsOf(items)).toEqual(['resp_1_in', 'resp_1_out', 'resp_2_in', 'resp_2_out', 'kept', 'x'])
  expect(missing).toEqual(['gone'])
})

test('the body then reads as if the caller had sent it all', () => {
  const body = { model: 'm', previous_response_id: 'resp_2', input: 'x', temperature: 1 }
  expect(withFullInput(body, [{ id: 'a' }])).toEqual({ model: 'm', input: [{ id: 'a' }], temperature: 1 })
})

test('kept items have ids, types and lists of content', () => {
  const items = keptItems(
    [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'ho', id: 'msg_own' },
      { role: 'user', content: [{ type: 'input_text', text: 'x' }], status: 'completed' },
      { type: 'function_call_output', call_id: 'c', output: 'y' },
      { type: 'mcp_approval_response', approve: true },
    ],
    '01',
  )
  expect(items).toEqual([
    {
      role: 'user',
      type: 'message',
      id: 'msg_01_0',
      status: 'completed',
      content: [{ type: 'input_text', text: 'hi' }],
    },
    {
      role: 'assistant',
      type: 'message',
      id: 'msg_own',
      status: 'completed',
      content: [{ type: 'output_text', annotations: [], logprobs: [], text: 'ho' }],
    },
    {
      role: 'user',
      type: 'message',
      id: 'msg_01_2',
      status: 'completed',
      content: [{ type: 'input_text', text: 'x' }],
    },
    { type: 'function_call_output', call_id: 'c', output: 'y', id: 'fco_01_3' },
    { type: 'mcp_approval_response', approve: true, id: 'item_01_4' },
  ])
})
