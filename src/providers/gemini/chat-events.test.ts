import { expect, test } from 'bun:test'
import { ChatAssembler } from '../../core/chat-assembler.ts'
import { ProblemError } from '../../core/chat-answer.ts'
import type { ChatAnswer } from '../../core/chat-answer.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Reading } from '../chat-codec.ts'
import { geminiChatCodec } from './chat-codec.ts'

function assembled(chunks: readonly unknown[], reading?: Reading): ChatAssembler {
  const reader = geminiChatCodec.streamReader(reading)
  const assembler = new ChatAssembler()
  for (const chunk of chunks)
    for (const event of reader.read('', typeof chunk === 'string' ? chunk : JSON.stringify(chunk)))
      assembler.push(event)
  for (const event of reader.end()) assembler.push(event)
  return assembler
}

const chunk = (parts: readonly JsonObject[], more: JsonObject = {}, top: JsonObject = {}): JsonObject => ({
  candidates: [{ content: { parts, role: 'model' }, ...more }],
  responseId: 'r1',
  modelVersion: 'gemini-3-pro-preview',
  ...top,
})
const STOP = chunk([{ text: '' }], { finishReason: 'STOP' })
const partsOf = (answer: ChatAnswer) => answer.choices[0]!.parts
const whole = (body: unknown, reading?: Reading) => geminiChatCodec.readAnswer(body, reading)

test('thoughts, text and a signature that comes alone are blocks of their own', () => {
  const answer = assembled([
    chunk([{ text: 'Let me ', thought: true }]),
    chunk([{ text: 'see.', thought: true }]),
    chunk([{ text: 'Hel' }]),
    chunk([{ text: 'lo' }]),
    chunk([{ text: '', thoughtSignature: 'S' }], { finishReason: 'STOP' }, { createTime: '2026-01-01T00:00:00.5Z' }),
  ]).answer()
  expect(partsOf(answer)).toEqual([
    { type: 'reasoning', text: 'Let me see.', signature: null, encrypted: null, family: 'gemini' },
    { type: 'text', text: 'Hello' },
    { type: 'reasoning', text: '', signature: 'S', encrypted: null, family: 'gemini' },
  ])
  expect(answer).toMatchObject({ id: 'r1', model: 'gemini-3-pro-preview' })
})

test('a whole answer says the same as its stream', () => {
  const body = chunk(
    [
      { text: 'hm', thought: true, thoughtSignature: 'T' },
      { text: 'Hi', thoughtSignature: 'S' },
      { functionCall: { name: 'f', args: { a: 1 } }, thoughtSignature: 'C' },
    ],
    { finishReason: 'STOP' },
    { createTime: '2026-01-01T00:00:00Z' },
  )
  const answer = whole(body)
  expect(partsOf(answer)).toEqual([
    { type: 'reasoning', text: 'hm', signature: 'T', encrypted: null, family: 'gemini' },
    { type: 'text', text: 'Hi' },
    { type: 'reasoning', text: '', signature: 'S', encrypted: null, family: 'gemini' },
    {
      type: 'tool_call',
      kind: 'function',
      id: 'call_g_r1_0',
      name: 'f',
      arguments: '{"a":1}',
      signature: 'C',
      family: 'gemini',
    },
  ])
  expect(answer.created).toBe(1_767_225_600)
  expect(answer.choices[0]?.finish).toEqual({ unified: 'tool_calls', raw: 'STOP' })
  expect(assembled([body]).answer()).toEqual(answer)
})

test('ids of the wire are kept, made ones differ from answer to answer', () => {
  const call = { functionCall: { name: 'f', args: {} } }
  const ids = (body: JsonObject) => partsOf(whole(body)).map((part) => (part.type === 'tool_call' ? part.id : null))
  expect(ids(chunk([{ functionCall: { id: 'own', name: 'f' } }, call, call]))).toEqual([
    'own',
    'call_g_r1_0',
    'call_g_r1_1',
  ])
  expect(ids(chunk([call], {}, { responseId: 'r2' }))).toEqual(['call_g_r2_0'])
})

test('arguments in pieces are put together, whatever their names', () => {
  const piece = (jsonPath: string, value: JsonObject, goesOn = true) =>
    chunk([{ functionCall: { partialArgs: [{ jsonPath, ...value }], ...(goesOn ? { willContinue: true } : {}) } }])
  const answer = assembled([
    chunk([{ functionCall: { name: 'f', willContinue: true }, thoughtSignature: 'S' }]),
    piece('$.a.list[0].text', { stringValue: 'one ', willContinue: true }),
    piece('$.a.list[0].text', { stringValue: 'two' }),
    piece('$.a.list[1]', { numberValue: 2 }),
    piece("$.a['b c']", { boolValue: true }),
    piece('$["__proto__"].x', { nullValue: 'NULL_VALUE' }),
    piece('$.a.list[99999999]', { numberValue: 1 }),
    piece('$.a.list[7].deep', { numberValue: 1 }),
    piece('no path', { numberValue: 1 }),
    piece(`$${'.x'.repeat(200)}`, { numberValue: 1 }),
    piece('$.novalue', {}),
    chunk([{ functionCall: {} }]),
    chunk([{ functionCall: { partialArgs: [{ jsonPath: '$.stray', numberValue: 1 }] } }]),
    chunk([{ functionCall: { name: 'g', willContinue: true } }]),
    piece('$.x', { numberValue: 1 }, false),
    chunk([{ functionCall: { name: 'h' } }]),
    chunk([{ functionCall: { name: 'i', willContinue: true } }]),
    STOP,
  ]).answer()
  expect(partsOf(answer)).toMatchObject([
    { name: 'f', arguments: '{"a":{"list":[{"text":"one two"},2],"b c":true},"__proto__":{"x":null}}', signature: 'S' },
    { name: 'g', arguments: '{"x":1}' },
    { name: 'h', arguments: '{}' },
    { name: 'i', arguments: '{}' },
  ])
})

test('a custom tool that was sent as a function comes back with its text', () => {
  const reading: Reading = { customTools: new Set(['sh']), jsonTool: null }
  const custom = [{ kind: 'custom', name: 'sh', arguments: 'ls -l' }]
  expect(partsOf(whole(chunk([{ functionCall: { name: 'sh', args: { input: 'ls -l' } } }]), reading))).toMatchObject(
    custom,
  )
  const pieces = [
    chunk([{ functionCall: { name: 'sh', willContinue: true } }]),
    chunk([{ functionCall: { partialArgs: [{ jsonPath: '$.input', stringValue: 'ls -l' }] } }]),
    STOP,
  ]
  expect(partsOf(assembled(pieces, reading).answer())).toMatchObject(custom)
})

test('pictures, files and code come as parts, and unknown parts are kept for Gemini', () => {
  const png = { inlineData: { mimeType: 'image/png', data: 'AAAA' }, thoughtSignature: 'P' }
  const code = { executableCode: { language: 'PYTHON', code: '1+1' } }
  expect(
    partsOf(whole(chunk([png, { fileData: { fileUri: 'gs://b/a.pdf', mimeType: 'application/pdf' } }, code, {}]))),
  ).toEqual([
    {
      type: 'image',
      source: { type: 'inline', data: 'AAAA', mediaType: 'image/png' },
      raw: { gemini: { thoughtSignature: 'P' } },
    },
    { type: 'file', source: { type: 'file', fileId: 'gs://b/a.pdf', mediaType: 'application/pdf' } },
    { type: 'opaque', family: 'gemini', value: code },
  ])
})

test('grounding becomes citations with places in characters, and each search is counted', () => {
  const text = 'Ä café. Yes.'
  const groundingMetadata = {
    webSearchQueries: ['a', 'b'],
    groundingChunks: [
      { web: { uri: 'https://e.org', title: 'E' } },
      { retrievedContext: { title: 'R', text: 'quote' } },
    ],
    groundingSupports: [
      { segment: { endIndex: 9, text: 'Ä café.' }, groundingChunkIndices: [0] },
      { segment: { startIndex: 10, endIndex: 14 }, groundingChunkIndices: [1, 7] },
      { segment: {}, groundingChunkIndices: [0] },
    ],
  }
  const usageMetadata = { promptTokenCount: 1, candidatesTokenCount: 1 }
  const end = chunk(
    [{ text: '', thoughtSignature: 'S' }],
    { groundingMetadata, finishReason: 'STOP' },
    { usageMetadata },
  )
  const citations = [
    { url: 'https://e.org', title: 'E', citedText: null, start: 0, end: 7 },
    { url: null, title: 'R', citedText: 'quote', start: 8, end: 12 },
    { url: 'https://e.org', title: 'E', citedText: null, start: null, end: null },
  ]
  const answer = assembled([
    chunk([{ text: 'hm', thought: true }]),
    chunk([{ text: text.slice(0, 4) }]),
    chunk([{ text: text.slice(4) }], { groundingMetadata }),
    end,
  ]).answer()
  expect(partsOf(answer)[1]).toEqual({ type: 'text', text, citations })
  expect(answer.usage?.searches).toBe(2)
  expect(answer.choices[0]?.finish.details).toEqual({ gemini: { groundingMetadata } })
  const body = chunk(
    [{ text: 'hm', thought: true }, { text }],
    {
      groundingMetadata: {
        ...groundingMetadata,
        groundingSupports: [{ segment: { partIndex: 1, endIndex: 9 }, groundingChunkIndices: [0] }],
      },
      finishReason: 'STOP',
    },
    { usageMetadata, modelVersion: 'gemini-2.5-pro' },
  )
  expect(partsOf(whole(body))[1]).toMatchObject({ citations: [{ start: 0, end: 7 }] })
  expect(whole(body).usage?.searches).toBe(1)
})

test('sources without supports, and recitations of both platforms, are citations, too', () => {
  const body = chunk([{ text: 'abc' }], {
    finishReason: 'STOP',
    groundingMetadata: { groundingChunks: [{ maps: { uri: 'https://maps', title: 'M' } }, {}] },
    citationMetadata: {
      citationSources: [{ uri: 'https://c', startIndex: 1, endIndex: 2 }],
      citations: [{ title: 'B', startIndex: 5, endIndex: 2 }],
    },
  })
  expect(partsOf(whole(body))).toMatchObject([
    {
      citations: [
        { url: 'https://maps', title: 'M', start: null },
        { url: null, title: null },
        { url: 'https://c', start: 1, end: 2 },
        { title: 'B', start: null, end: null },
      ],
    },
  ])
})

test('places count from the text that bears them, after another block', () => {
  const parts = [{ text: 'one' }, { functionCall: { name: 'f' } }, { text: 'two' }]
  const support = (startIndex: number, endIndex: number) => ({
    segment: { startIndex, endIndex },
    groundingChunkIndices: [0],
  })
  const body = chunk(parts, {
    finishReason: 'STOP',
    groundingMetadata: { groundingChunks: [{ web: { uri: 'u' } }], groundingSupports: [support(3, 6), support(0, 2)] },
  })
  expect(partsOf(whole(body))[2]).toMatchObject({
    text: 'two',
    citations: [
      { start: 0, end: 3 },
      { start: null, end: null },
    ],
  })
})

test.each([
  ['STOP', 'stop'],
  ['MAX_TOKENS', 'length'],
  ['SAFETY', 'content_filter'],
  ['SPII', 'content_filter'],
  ['IMAGE_SAFETY', 'content_filter'],
  ['MALFORMED_FUNCTION_CALL', 'error'],
  ['LANGUAGE', 'other'],
  ['FUTURE_REASON', 'other'],
])('the end %s is %s', (raw, unified) =>
  expect(whole(chunk([{ text: 'x' }], { finishReason: raw })).choices[0]?.finish).toMatchObject({ raw, unified }),
)

test('a refused prompt is an answer that was filtered', () => {
  const body = { promptFeedback: { blockReason: 'PROHIBITED_CONTENT' }, usageMetadata: { promptTokenCount: 4 } }
  const answer = whole(body)
  expect(answer).toMatchObject({
    choices: [{ parts: [], finish: { unified: 'content_filter', raw: 'PROHIBITED_CONTENT' } }],
    usage: { input: 4 },
    raw: { gemini: { promptFeedback: { blockReason: 'PROHIBITED_CONTENT' } } },
  })
  expect(assembled([body]).answer()).toEqual(answer)
})

test('several candidates are several choices, with probabilities where they are told', () => {
  const logprobsResult = {
    chosenCandidates: [{ token: 'a', logProbability: -0.5 }],
    topCandidates: [
      {
        candidates: [
          { token: 'a', logProbability: -0.5 },
          { token: 'b', logProbability: -2 },
        ],
      },
    ],
  }
  const answer = whole({
    candidates: [
      { content: { parts: [{ text: 'a' }] }, finishReason: 'STOP', index: 0, logprobsResult },
      { content: { parts: [{ functionCall: { name: 'f' } }] }, finishReason: 'MAX_TOKENS', index: 1 },
    ],
    responseId: 'r',
  })
  expect(answer.choices).toMatchObject([
    {
      index: 0,
      logprobs: [{ token: 'a', logprob: -0.5, bytes: null, top: [{ token: 'a' }, { token: 'b', logprob: -2 }] }],
    },
    { index: 1, parts: [{ id: 'call_g_r-1_0' }], finish: { unified: 'length' } },
  ])
})

test('the tier that served it and fields of its own are facts', () => {
  const answer = assembled([
    chunk([{ text: 'x' }], {}, { usageMetadata: { trafficType: 'ON_DEMAND_PRIORITY' }, future: { a: 1 } }),
    STOP,
  ]).answer()
  expect(answer).toMatchObject({ serviceTier: 'priority', usage: null, raw: { gemini: { future: { a: 1 } } } })
})

test('an error inside the stream ends it with its message and status', () => {
  const reader = geminiChatCodec.streamReader()
  const error = JSON.stringify({ error: { code: 503, message: 'busy', status: 'UNAVAILABLE' } })
  expect(reader.read('', error)).toEqual([{ type: 'error', message: 'busy', code: 'UNAVAILABLE' }])
  expect(reader.read('', JSON.stringify(STOP))).toEqual([])
  expect(reader.end()).toEqual([])
})

test('what is no JSON, or ends without a finish reason, is an error and no answer', () => {
  expect(assembled(['<html>']).error).toMatch(/not a JSON object/)
  expect(assembled([chunk([{ text: 'x' }]), '[DONE]']).error).toMatch(/terminal event/)
})

test.each([
  ['a text', 'x', /not an object/],
  ['an error', { error: { message: 'no' } }, /an error inside a 200: no/],
  ['no candidates', { usageMetadata: {} }, /no candidates/],
])('%s is no answer', (_, body, message) => {
  expect(() => whole(body)).toThrow(ProblemError)
  expect(() => whole(body)).toThrow(message)
})
