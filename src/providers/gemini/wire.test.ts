import { expect, test } from 'bun:test'
import type { Call, CallFacts, DialectId } from '../../core/call.ts'
import { scanJson } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Deployment, Operation, Provider } from '../../core/model.ts'
import { ProblemError } from '../../core/chat-answer.ts'
import { readGeminiEmbeddings, writeGeminiEmbeddings, writeVertexEmbeddings } from './embeddings.ts'
import { readGeminiModels } from './model-list.ts'
import { GEMINI_BASE_URL, geminiBatchEmbedUrl, vertexBaseUrl, vertexPredictUrl } from './request.ts'
import { geminiWire, vertexWire } from './wire.ts'

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

test('Vertex has its own URLs, and takes no embeddings natively', () => {
  const base = vertexBaseUrl({ project: 'p1', region: 'europe-west4' })
  expect(base).toBe(
    'https://europe-west4-aiplatform.googleapis.com/v1/projects/p1/locations/europe-west4/publishers/google',
  )
  expect(vertexBaseUrl({ project: 'p1' })).toBe(
    'https://aiplatform.googleapis.com/v1/projects/p1/locations/global/publishers/google',
  )
  expect(vertexBaseUrl({})).toBe('https://aiplatform.googleapis.com/v1/publishers/google')
  expect(vertexWire.chat?.url(deployment('gemini-2.5-pro', base), true)).toBe(
    `${base}/models/gemini-2.5-pro:streamGenerateContent?alt=sse`,
  )
  expect(vertexPredictUrl(deployment('gemini-embedding-001', base))).toBe(`${base}/models/gemini-embedding-001:predict`)
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
  expect(geminiBatchEmbedUrl(deployment('e'))).toBe(`${GEMINI_BASE_URL}/models/e:batchEmbedContents`)
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
    JSON.parse(native('gemini').body(callOf('gemini', body), deployment(), [])) as unknown
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
  expect(JSON.parse(body)).toEqual(part('skip_thought_signature_validator'))
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

const png = { type: 'image', source: { type: 'inline', data: 'AAAA', mediaType: 'image/png' } } as const

test('embeddings are asked for in each platform’s form', () => {
  const request = {
    inputs: [
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ],
    dimensions: 8,
    task: 'query',
    title: 't',
    user: 'u',
  } as const
  const one = (text: string) => ({
    model: 'models/gemini-embedding-001',
    content: { parts: [{ text }] },
    taskType: 'RETRIEVAL_QUERY',
    title: 't',
    outputDimensionality: 8,
  })
  expect(writeGeminiEmbeddings(request, 'gemini-embedding-001')).toEqual({
    body: { requests: [one('a'), one('b')] },
    warnings: ['`user` is left out.'],
    refusals: [],
  })
  expect(writeVertexEmbeddings({ ...request, raw: { gemini: { autoTruncate: false } } })).toEqual({
    body: {
      instances: ['a', 'b'].map((content) => ({ content, task_type: 'RETRIEVAL_QUERY', title: 't' })),
      parameters: { outputDimensionality: 8, autoTruncate: false },
    },
    warnings: ['`user` is left out.'],
    refusals: [],
  })
  const parts = { inputs: [{ type: 'parts', parts: [{ type: 'text', text: 'a' }, png] }] } as const
  expect(writeGeminiEmbeddings(parts, 'm').body).toMatchObject({
    requests: [{ content: { parts: [{ text: 'a' }, { inlineData: {} }] } }],
  })
  expect(writeVertexEmbeddings(parts).refusals).toEqual(['Only texts can be embedded by this provider.'])
  const tokens = { inputs: [{ type: 'tokens', tokens: [1, 2] }] } as const
  for (const refused of [writeGeminiEmbeddings(tokens, 'm'), writeVertexEmbeddings(tokens)])
    expect(refused.refusals).toEqual(['This provider takes texts and no token numbers.'])
})

test('vectors are read in the forms of all three methods', () => {
  expect(readGeminiEmbeddings({ embedding: { values: [1, 2] } })).toMatchObject({ vectors: [[1, 2]], usage: null })
  expect(
    readGeminiEmbeddings({ embeddings: [{ values: [1] }, { values: [2] }], usageMetadata: { totalTokenCount: 3 } }),
  ).toMatchObject({
    vectors: [[1], [2]],
    usage: { input: 3 },
  })
  // As Vertex answered, with fewer dimensions.
  const vertex = {
    predictions: [
      { embeddings: { statistics: { token_count: 5, truncated: false }, values: [-0.018, -0.0069] } },
      { embeddings: { statistics: { truncated: false, token_count: 6 }, values: [-0.06, 0.0049] } },
    ],
    metadata: { billableCharacterCount: 35 },
  }
  expect(readGeminiEmbeddings(vertex)).toEqual({
    model: null,
    vectors: [
      [-0.018, -0.0069],
      [-0.06, 0.0049],
    ],
    usage: expect.objectContaining({ input: 11, characters: 35, requests: 1 }),
    rawUsage: { billableCharacterCount: 35, token_count: 11 },
  })
})

test.each([[null], [{}], [{ error: { message: 'no' } }]])('%j holds no vectors', (body) =>
  expect(() => readGeminiEmbeddings(body)).toThrow(ProblemError),
)

test('the list of models is read, whoever gives it', () => {
  expect(
    readGeminiModels({
      models: [
        {
          name: 'models/a',
          displayName: 'A',
          inputTokenLimit: 9,
          outputTokenLimit: 3,
          supportedGenerationMethods: ['generateContent', 1],
        },
        {},
      ],
      nextPageToken: 'n',
    }),
  ).toEqual({
    models: [{ id: 'a', title: 'A', contextTokens: 9, maxOutputTokens: 3, methods: ['generateContent'] }],
    nextPageToken: 'n',
  })
  expect(readGeminiModels({ publisherModels: [{ name: 'publishers/google/models/b' }] })).toMatchObject({
    models: [{ id: 'b', title: null }],
    nextPageToken: null,
  })
})
