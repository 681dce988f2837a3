// What batches look like at providers: as their documentation shows them.
import { describe, expect, test } from 'bun:test'
import type { Provider } from '../core/model.ts'
import { anthropicBatches } from './anthropic/batches.ts'
import { openaiBatches } from './openai/batches.ts'

function providerAt(baseUrl: string, query?: string): Provider {
  return { baseUrl, quirks: query === undefined ? {} : { query } } as Provider
}

const OPENAI = providerAt('https://api.openai.com/v1')

test.each([
  ['https://api.openai.com/v1/chat/completions', '/v1/chat/completions'],
  ['https://api.openai.com/v1/embeddings', '/v1/embeddings'],
  ['https://api.openai.com/v1/responses', '/v1/responses'],
  ['https://api.openai.com/v1/images/generations', null],
  ['https://api.openai.com.evil.example/v1/embeddings', null],
])('requests to %s go in batches of %p', (url, endpoint) => {
  expect(openaiBatches.endpointOf(url, OPENAI)).toBe(endpoint)
})

test('Anthropic takes messages, with the version in its base URL and without', () => {
  for (const baseUrl of ['https://api.anthropic.com', 'https://api.anthropic.com/v1']) {
    const provider = providerAt(baseUrl)
    expect(anthropicBatches.endpointOf('https://api.anthropic.com/v1/messages', provider)).toBe('/v1/messages')
    expect(anthropicBatches.endpointOf('https://api.anthropic.com/v1/messages/count_tokens', provider)).toBeNull()
    expect(anthropicBatches.cancel('msgbatch_1', provider).url).toBe(
      'https://api.anthropic.com/v1/messages/batches/msgbatch_1/cancel',
    )
  }
})

test('what a host wants in its query stands in every address', () => {
  const provider = providerAt('https://host.example/openai', 'api-version=1')
  expect(openaiBatches.list(provider).url).toBe('https://host.example/openai/batches?api-version=1&limit=100')
  expect(openaiBatches.get('a/b', provider).url).toBe('https://host.example/openai/batches/a%2Fb?api-version=1')
  expect(anthropicBatches.list(provider).url).toBe(
    'https://host.example/openai/v1/messages/batches?api-version=1&limit=100',
  )
})

test('a body that was written in several lines becomes one', () => {
  const line = openaiBatches.line('req_1', '{\n  "model": "m",\r\n  "text": "a\\nb"\n}', '/v1/embeddings')
  expect(line).not.toMatch(/[\r\n]/)
  expect(JSON.parse(line)).toEqual({
    custom_id: 'req_1',
    method: 'POST',
    url: '/v1/embeddings',
    body: { model: 'm', text: 'a\nb' },
  })
})

describe('a result', () => {
  test.each([
    [
      { custom_id: 'r', response: { status_code: 200, body: { a: 1 } }, error: null },
      { status: 200, body: '{"a":1}' },
    ],
    [
      { custom_id: 'r', response: { status_code: 400, body: { error: {} } } },
      { status: 400, body: '{"error":{}}' },
    ],
    [{ custom_id: 'r', response: null, error: { code: 'batch_expired', message: 'late' } }, null],
  ])('of OpenAI %#', (line, answer) => {
    expect(openaiBatches.readResult(line)).toEqual({ customId: 'r', answer })
  })

  const error = (type: string) => ({ type: 'error', error: { type, message: 'no' } })
  test.each([
    [
      { type: 'succeeded', message: { id: 'm' } },
      { status: 200, body: '{"id":"m"}' },
    ],
    [
      { type: 'errored', error: error('invalid_request_error') },
      { status: 400, body: JSON.stringify(error('invalid_request_error')) },
    ],
    [
      { type: 'errored', error: error('overloaded_error') },
      { status: 529, body: JSON.stringify(error('overloaded_error')) },
    ],
    [
      { type: 'errored', error: error('something_new') },
      { status: 500, body: JSON.stringify(error('something_new')) },
    ],
    [{ type: 'canceled' }, null],
    [{ type: 'expired' }, null],
  ])('of Anthropic %#', (result, answer) => {
    expect(anthropicBatches.readResult({ custom_id: 'r', result })).toEqual({ customId: 'r', answer })
  })

  test('that is none is passed over', () => {
    expect([openaiBatches.readResult({}), anthropicBatches.readResult({ custom_id: 'r' })]).toEqual([null, null])
  })
})

describe('a batch that may have come to be', () => {
  const since = Date.parse('2026-11-28T12:00:00Z')
  const sought = { batchId: 'batch_1', since, lines: 3 }

  test('is known at OpenAI by its note', () => {
    const data = [
      { id: 'a', metadata: { weir_batch: 'batch_2' } },
      { id: 'b', metadata: { weir_batch: 'batch_1' } },
      { id: 'c' },
    ]
    expect(openaiBatches.find({ data }, sought)).toEqual({ type: 'found', id: 'b' })
    expect(openaiBatches.find({ data: data.slice(0, 1) }, sought)).toEqual({ type: 'none' })
  })

  test.each([
    ['2026-11-28T12:00:05Z', { processing: 3, succeeded: 0 }, 'unsure'],
    ['2026-11-28T11:59:30Z', { processing: 1, succeeded: 2 }, 'unsure'],
    ['2026-11-28T12:00:05Z', { processing: 4 }, 'none'],
    ['2026-11-28T11:00:00Z', { processing: 3 }, 'none'],
  ] as const)('is at Anthropic one of its time and size (%s, %p): %s', (created_at, request_counts, type) => {
    expect(anthropicBatches.find({ data: [{ id: 'a', created_at, request_counts }] }, sought)).toEqual({ type })
  })
})
