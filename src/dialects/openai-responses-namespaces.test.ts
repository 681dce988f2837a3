import { expect, test } from 'bun:test'
import type { ChatAnswer } from '../core/chat-answer.ts'
import { eventsOf } from '../core/chat-assembler.ts'
import type { JsonObject } from '../core/json.ts'
import { openaiResponsesTranslator } from './openai-responses-translator.ts'

const fn = (name: string): JsonObject => ({ type: 'function', name, parameters: { type: 'object' } })
const BODY: JsonObject = {
  model: 'm',
  input: [
    { role: 'user', content: 'Go.' },
    { type: 'function_call', call_id: 'c1', name: 'spawn', namespace: 'agents', arguments: '{}' },
    { type: 'function_call_output', call_id: 'c1', output: 'spawned' },
    { type: 'function_call', call_id: 'c2', name: 'search', namespace: 'agents', arguments: '{}' },
    { type: 'function_call', call_id: 'c3', name: 'search', arguments: '{}' },
  ],
  tools: [fn('search'), { type: 'namespace', name: 'agents', tools: [fn('spawn'), fn('search')] }],
}

test('functions of a namespace are offered by their own names, or behind the namespace where another has the name', () => {
  const { request } = openaiResponsesTranslator.readRequest(BODY)
  expect(request.tools.map(({ name }) => name)).toEqual(['search', 'spawn', 'agents__search'])
})

test('earlier calls, and the results of them, have the names that are offered', () => {
  const { request } = openaiResponsesTranslator.readRequest(BODY)
  const parts = request.messages.flatMap((message) => message.parts)
  const named = parts.flatMap((part) => (part.type === 'tool_call' ? [[part.id, part.name]] : []))
  expect(named).toEqual([
    ['c1', 'spawn'],
    ['c2', 'agents__search'],
    ['c3', 'search'],
  ])
  expect(parts.find((part) => part.type === 'tool_result')).toMatchObject({ toolCallId: 'c1', toolName: 'spawn' })
})

test('a call leaves under its own name and namespace, whole and streamed', () => {
  const call = (id: string, name: string) =>
    ({ type: 'tool_call', kind: 'function', id, name, arguments: '{}' }) as const
  const answer: ChatAnswer = {
    id: 'a',
    model: 'm',
    created: 1,
    choices: [
      {
        index: 0,
        parts: [call('c4', 'agents__search'), call('c5', 'search')],
        finish: { unified: 'tool_calls', raw: null },
        logprobs: null,
      },
    ],
    usage: null,
    rawUsage: null,
    serviceTier: null,
    warnings: [],
  }
  const context = { model: 'm', id: 'req_1', created: 1, includeUsage: true, body: BODY }
  const expected = [
    { call_id: 'c4', name: 'search', namespace: 'agents' },
    { call_id: 'c5', name: 'search' },
  ]
  const whole = openaiResponsesTranslator.writeAnswer(answer, context)['output'] as unknown as JsonObject[]
  expect(whole).toMatchObject(expected)
  expect(whole[1]).not.toHaveProperty('namespace')
  const writer = openaiResponsesTranslator.streamWriter(context)
  const sse = eventsOf(answer)
    .map((event) => writer.write(event))
    .join('')
  const items = sse
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice(6)) as { type: string; item: JsonObject })
    .filter(({ type }) => type === 'response.output_item.done')
  expect(items.map(({ item }) => item)).toMatchObject(expected)
})

test('a request without namespaces is as it was', () => {
  const { request } = openaiResponsesTranslator.readRequest({ model: 'm', input: 'Go.', tools: [fn('search')] })
  expect(request.tools).toMatchObject([{ type: 'function', name: 'search' }])
})
