import { expect, test } from 'bun:test'
import type { Call, CallFacts, DialectId } from '../../core/call.ts'
import { scanJson } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Deployment, Operation, Provider } from '../../core/model.ts'
import { geminiWire, vertexWire } from './wire.ts'

const GEMINI_BASE_URL = 'https://generativelanguage.googleapis.com/v1beta'

const deployment = (
  model = 'gemini-2.5-flash',
  baseUrl = GEMINI_BASE_URL,
  quirks: Provider['quirks'] = {},
): Deployment => ({ id: `google/${model}`, model, provider: { baseUrl, quirks } }) as unknown as Deployment

function callOf(dialect: DialectId, body: JsonObject, operation: Operation = 'chat', stream = false): Call {
  const text = JSON.stringify(body, null, 1)
  return {
    dialect,
    operation,
    facts: { model: 'm', stream } as CallFacts,
    text,
    members: scanJson(text, { depth: 99, keys: 999 }).members,
    body,
    headers: {},
    chat: null,
  }
}
const native = (dialect: 'gemini' | 'gemini-count-tokens' | 'gemini-embeddings') => geminiWire.native[dialect]!
const facts = (body: unknown, operation: Operation = 'chat') =>
  native('gemini').readAnswer(typeof body === 'string' ? body : JSON.stringify(body), callOf('gemini', {}, operation))

test.each([
  ['gemini', {}, false, '/models/gemini-2.5-flash:generateContent'],
  ['gemini', {}, true, '/models/gemini-2.5-flash:streamGenerateContent?alt=sse'],
  ['gemini-count-tokens', {}, false, '/models/gemini-2.5-flash:countTokens'],
  ['gemini-embeddings', { content: {} }, false, '/models/gemini-2.5-flash:embedContent'],
  ['gemini-embeddings', { requests: [] }, false, '/models/gemini-2.5-flash:batchEmbedContents'],
] as const)('a call of %s %j (stream: %p) goes to %s', (dialect, body, stream, path) => {
  expect(native(dialect).url(callOf(dialect, body, 'chat', stream), deployment())).toBe(`${GEMINI_BASE_URL}${path}`)
})

test('Vertex is called below its project, and takes no embeddings natively', () => {
  const base = 'https://europe-west4-aiplatform.googleapis.com/v1/projects/p1/locations/europe-west4/publishers/google'
  expect(vertexWire.chat?.url(deployment('gemini-2.5-pro', base), true)).toBe(
    `${base}/models/gemini-2.5-pro:streamGenerateContent?alt=sse`,
  )
  expect(vertexWire.native['gemini-embeddings']).toBeUndefined()
  expect(Object.keys(vertexWire.native)).not.toContain('gemini-array')
})

test('models of other kinds and queries of the host are part of the URL', () => {
  const url = (at: Deployment, stream: boolean) => geminiWire.chat!.url(at, stream)
  expect(url(deployment('tunedModels/my-1'), false)).toBe(`${GEMINI_BASE_URL}/tunedModels/my-1:generateContent`)
  expect(url(deployment('models/x'), false)).toBe(`${GEMINI_BASE_URL}/models/x:generateContent`)
  expect(url(deployment('a/b'), false)).toBe(`${GEMINI_BASE_URL}/models/a%2Fb:generateContent`)
  expect(url(deployment('x', 'http://h', { query: 'v=1' }), true)).toBe(
    'http://h/models/x:streamGenerateContent?alt=sse&v=1',
  )
})

test('a body leaves as it came, but for our own fields and the model', () => {
  const call = callOf('gemini', {
    weir: { tags: [] },
    model: 'models/m',
    stream: true,
    contents: [],
    future: { snake_case: 1 },
  })
  expect(native('gemini').body(call, deployment(), ['weir'])).toBe(
    '{\n \n "model": "models/gemini-2.5-flash",\n \n "contents": [],\n "future": {\n  "snake_case": 1\n }\n}',
  )
  const plain = callOf('gemini', { contents: [] })
  expect(native('gemini').body(plain, deployment(), ['weir'])).toBe(plain.text)
  const bodyOf = (body: JsonObject) =>
    JSON.parse(native('gemini').body(callOf('gemini', body), deployment(), []) as string) as unknown
  expect(bodyOf({ requests: [{ content: {}, model: 'models/m' }, 1] })).toEqual({
    requests: [{ content: {}, model: 'models/gemini-2.5-flash' }, 1],
  })
  expect(bodyOf({ generateContentRequest: { model: 'models/m', contents: [] } })).toEqual({
    generateContentRequest: { model: 'models/gemini-2.5-flash', contents: [] },
  })
})

test('proofs of other vendors’ thoughts do not reach Google', () => {
  const disguised = Buffer.from('weir:{"family":"anthropic-messages","signature":"S","encrypted":null}').toString(
    'base64',
  )
  const part = (thoughtSignature: string) => ({
    contents: [{ parts: [{ functionCall: { name: 'f' }, thoughtSignature }] }],
  })
  const body = native('gemini').body(callOf('gemini', part(disguised)), deployment(), [])
  expect(JSON.parse(body as string)).toEqual(part('skip_thought_signature_validator'))
})

test('a whole answer tells usage, end and soundness', () => {
  const candidates = [
    { content: { parts: [{ text: 'Hello' }, { functionCall: { name: 'f', args: { a: 1 } } }] }, finishReason: 'STOP' },
  ]
  expect(facts({ candidates, usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2 } })).toMatchObject({
    usage: { input: 3, output: 2 },
    rawUsage: '{"promptTokenCount":3,"candidatesTokenCount":2}',
    finishReason: 'STOP',
    outputCharacters: 0,
    problem: null,
  })
  expect(facts({ candidates })).toMatchObject({ usage: null, outputCharacters: 5 + 1 + 5 })
  expect(facts({ promptFeedback: { blockReason: 'SAFETY' } })).toMatchObject({ finishReason: 'SAFETY', problem: null })
})

test.each([
  ['', 'chat', 'the answer is empty'],
  ['<html>', 'chat', 'the answer is not JSON'],
  ['[]', 'chat', 'the answer is not an object'],
  ['{"error":{"message":"no"}}', 'chat', 'an error inside a 200: no'],
  ['{"candidates":[]}', 'chat', 'the answer holds no candidates'],
  ['{}', 'count_tokens', 'the answer holds no count'],
  ['{}', 'embeddings', 'the answer holds no data'],
  ['1', 'embeddings', 'the answer is not an object'],
] as const)('%j of %s is no answer: %s', (text, operation, problem) =>
  expect(facts(text, operation).problem).toBe(problem),
)

test('counts and vectors are answers, too', () => {
  expect(facts({ totalTokens: 5 }, 'count_tokens')).toMatchObject({ problem: null, usage: { requests: 0 } })
  expect(facts({ embedding: { values: [1] } }, 'embeddings')).toMatchObject({ problem: null, usage: null })
  expect(facts({ embeddings: [{ values: [1] }], usageMetadata: { promptTokenCount: 4 } }, 'embeddings')).toMatchObject({
    usage: { input: 4, requests: 1 },
  })
})

test('events tell what they hold; searches are remembered', () => {
  const read = native('gemini').eventReader()
  const event = (parts: readonly unknown[], more: JsonObject = {}, top: JsonObject = {}) =>
    read(JSON.stringify({ candidates: [{ content: { parts }, ...more }], modelVersion: 'gemini-3-pro', ...top }))
  const usageMetadata = { promptTokenCount: 3, candidatesTokenCount: 2 }
  expect(event([{ text: 'ab' }])).toMatchObject({ meaningful: true, outputCharacters: 2, usage: null, terminal: false })
  expect(event([{ functionCall: { partialArgs: [{ jsonPath: '$.a', stringValue: 'x' }] } }]).meaningful).toBe(true)
  expect(event([{ inlineData: {} }])).toMatchObject({ meaningful: true })
  expect(event([{ text: '' }], { groundingMetadata: { webSearchQueries: ['q'] } }, { usageMetadata })).toMatchObject({
    meaningful: false,
    usage: { searches: 1 },
  })
  expect(event([{ text: '' }], { finishReason: 'STOP' }, { usageMetadata })).toMatchObject({
    finishReason: 'STOP',
    usage: { input: 3, searches: 1 },
  })
  expect(read('{"error":{"message":"busy"}}').error).toBe('busy')
  expect(read('{"error":{}}').error).toBe('unknown')
  expect(read('x').error).toMatch(/not JSON/)
  expect(read('[]').error).toMatch(/not an object/)
})

test('an event tells whether candidates that have begun have not finished', () => {
  const read = native('gemini').eventReader()
  const leavesOpen = (...candidates: readonly JsonObject[]) => read(JSON.stringify({ candidates })).leavesOpen
  const content = { parts: [{ text: 'ab' }] }
  expect(leavesOpen({ content }, { content, index: 1 })).toBe(true)
  expect(leavesOpen({ finishReason: 'STOP' })).toBe(true)
  expect(leavesOpen({ finishReason: 'STOP', index: 1 })).toBe(false)
})
