import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { createUsageScan } from './usage-scan.ts'

const SSE = 'text/event-stream; charset=utf-8'
const JSON_TYPE = 'application/json'

function scanned(type: string, text: string, size = text.length || 1): Record<string, number> | null {
  const scan = createUsageScan(type)
  const bytes = new TextEncoder().encode(text)
  for (let start = 0; start < bytes.length; start += size) scan.push(bytes.subarray(start, start + size))
  scan.end()
  return scan.usage === null
    ? null
    : Object.fromEntries(Object.entries(scan.usage).filter(([, amount]) => amount !== 0))
}

const events = (...data: readonly object[]): string => data.map((one) => `data: ${JSON.stringify(one)}\n\n`).join('')

const ANTHROPIC = events(
  { type: 'message_start', message: { usage: { input_tokens: 20, cache_read_input_tokens: 5, output_tokens: 1 } } },
  { type: 'content_block_delta', delta: { type: 'text_delta', text: 'hi "usage": {"input_tokens": 99}' } },
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 9 } },
)

test.each([
  [
    'OpenAI, whole',
    JSON_TYPE,
    JSON.stringify({
      choices: [],
      usage: { prompt_tokens: 10, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 3 } },
    }),
    { input: 7, cacheRead: 3, output: 4, requests: 1 },
  ],
  [
    'OpenAI, streamed',
    SSE,
    `${events({ choices: [], usage: null }, { choices: [], usage: { prompt_tokens: 10, completion_tokens: 4 } })}data: [DONE]\n\n`,
    { input: 10, output: 4, requests: 1 },
  ],
  [
    'Responses, streamed',
    SSE,
    events({
      type: 'response.completed',
      response: {
        usage: { input_tokens: 8, output_tokens: 2, total_tokens: 10, input_tokens_details: { cached_tokens: 6 } },
      },
    }),
    { input: 2, cacheRead: 6, output: 2, requests: 1 },
  ],
  [
    'Anthropic, whole',
    JSON_TYPE,
    JSON.stringify({ content: [], usage: { input_tokens: 8, output_tokens: 2, cache_read_input_tokens: 6 } }),
    { input: 8, cacheRead: 6, output: 2, requests: 1 },
  ],
  ['Anthropic, streamed', SSE, ANTHROPIC, { input: 20, cacheRead: 5, output: 9, requests: 1 }],
  [
    'Gemini, whole',
    JSON_TYPE,
    JSON.stringify({
      candidates: [],
      usageMetadata: { promptTokenCount: 6, candidatesTokenCount: 3, totalTokenCount: 9 },
    }),
    { input: 6, output: 3, requests: 1 },
  ],
  [
    'Gemini, as an array',
    JSON_TYPE,
    JSON.stringify([
      { usageMetadata: { promptTokenCount: 6, totalTokenCount: 7 } },
      { usageMetadata: { promptTokenCount: 6, candidatesTokenCount: 3, totalTokenCount: 9 } },
    ]),
    { input: 6, output: 3, requests: 1 },
  ],
  [
    'Cohere, whole',
    JSON_TYPE,
    JSON.stringify({ usage: { billed_units: { input_tokens: 5, output_tokens: 2 }, tokens: { input_tokens: 500 } } }),
    { input: 5, output: 2, requests: 1 },
  ],
  [
    'Cohere, reranked',
    JSON_TYPE,
    JSON.stringify({ results: [], meta: { billed_units: { search_units: 1 } } }),
    { searches: 1, requests: 1 },
  ],
  [
    'Cohere, streamed',
    SSE,
    events({ type: 'message-end', delta: { usage: { billed_units: { input_tokens: 5, output_tokens: 2 } } } }),
    { input: 5, output: 2, requests: 1 },
  ],
  [
    'Bedrock, whole',
    JSON_TYPE,
    JSON.stringify({ usage: { inputTokens: 5, outputTokens: 2, totalTokens: 7 } }),
    { input: 5, output: 2, requests: 1 },
  ],
  [
    'a transcription by its length',
    JSON_TYPE,
    JSON.stringify({ text: 'x', usage: { type: 'duration', seconds: 12 } }),
    { seconds: 12, requests: 1 },
  ],
  ['a total alone', JSON_TYPE, JSON.stringify({ usage: { total_tokens: 5 } }), { input: 5, requests: 1 }],
])('usage is read: %s', (_what, type, text, usage) => {
  expect(scanned(type, text)).toEqual(usage)
  expect(scanned(type, text, 3)).toEqual(usage)
})

test.each([
  [
    'what a model wrote',
    JSON_TYPE,
    JSON.stringify({ output: { usage: { prompt_tokens: 1 } }, text: '{"usage":{"prompt_tokens":1}}' }),
  ],
  ['a list of things', JSON_TYPE, JSON.stringify({ data: [{ usage: { prompt_tokens: 1 } }] })],
  ['no JSON', JSON_TYPE, '<html>'],
  ['half of it', JSON_TYPE, '{"usage": {"prompt_tokens"'],
  ['events that are none', SSE, 'data: "usage"\n\ndata: {"usage": 7}\n\n'],
  ['bytes', 'application/octet-stream', '{"usage":{"prompt_tokens":1}}'],
])('nothing is read from %s', (_what, type, text) => expect(scanned(type, text)).toBeNull())

test('property: any bytes, cut anyhow, are let be', () => {
  const types = fc.constantFrom(SSE, JSON_TYPE, 'application/vnd.amazon.eventstream', 'application/x-ndjson')
  fc.assert(
    fc.property(types, fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }), (type, chunks) => {
      const scan = createUsageScan(type)
      for (const chunk of chunks) scan.push(chunk)
      scan.end()
      expect(scan.usage).toBeNull()
    }),
  )
})
