// Embeddings and rerank in the translated lane: what is sent to each vendor, and what its (recorded) answer becomes.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { JsonObject } from '../src/core/json.ts'
import { startGateway, startUpstream } from './gateway.ts'
import type { TestGateway } from './gateway.ts'

const caseOf = (name: string): JsonObject =>
  JSON.parse(readFileSync(path.join(import.meta.dirname, 'cases', name), 'utf8')) as JsonObject

function gatewayTo(url: string, preset: string, model: string): Promise<TestGateway> {
  return startGateway(`
providers:
  up:
    preset: ${preset}
    ${preset.startsWith('vertex') ? 'project: p' : ''}
    base_url: ${url}
    keys: [upstream-secret-value]
    models: { "${model}": { price: { input: 1, searches: 1000 } } }
`)
}

/** The usage that was booked (what is not 0), and whose numbers they are. */
async function booked(gateway: TestGateway): Promise<unknown> {
  await gateway.gateway.journal.flush()
  const page = await gateway.store.listRequests({ limit: 1, cursor: null })
  const record = page.data[0]
  return [
    Object.fromEntries(Object.entries(record?.usage ?? {}).filter(([, amount]) => amount !== 0)),
    record?.usageSource,
  ]
}

type Vendor = {
  readonly preset: string
  readonly model: string
  /** What is asked beside the two texts. */
  readonly ask: JsonObject
  readonly path: string
  readonly sent: JsonObject
  readonly answer: JsonObject
  readonly headers?: Record<string, string>
  readonly vectors: readonly (readonly number[])[]
  readonly usage: JsonObject | 'estimated'
  readonly warning?: RegExp
}

const TEXTS = ['sunny day', 'rainy day']
const voyage = caseOf('voyage-embedding.json') as { data: { embedding: number[] }[] }
const vertex = caseOf('google-vertex-embedding.json') as { predictions: { embeddings: { values: number[] } }[] }

const VENDORS: readonly Vendor[] = [
  {
    preset: 'cohere',
    model: 'embed-v4.0',
    ask: { dimensions: 256, input_type: 'query', truncate: true },
    path: '/v2/embed',
    sent: {
      model: 'embed-v4.0',
      texts: TEXTS,
      input_type: 'search_query',
      embedding_types: ['float'],
      output_dimension: 256,
      truncate: 'END',
    },
    answer: {
      id: 'e1',
      embeddings: {
        float: [
          [0.5, 0.25],
          [1, 2],
        ],
      },
      texts: TEXTS,
      meta: { billed_units: { input_tokens: 4 } },
    },
    vectors: [
      [0.5, 0.25],
      [1, 2],
    ],
    usage: { input: 4, requests: 1 },
  },
  {
    preset: 'cohere',
    model: 'embed-english-v3.0',
    ask: {},
    path: '/v2/embed',
    sent: { model: 'embed-english-v3.0', texts: TEXTS, input_type: 'search_document', embedding_types: ['float'] },
    answer: { embeddings: { float: [[0.5], [1]] } },
    vectors: [[0.5], [1]],
    usage: 'estimated',
    warning: /made for documents/,
  },
  {
    preset: 'voyage',
    model: 'voyage-3.5',
    ask: { dimensions: 5, input_type: 'search_document' },
    path: '/embeddings',
    sent: { model: 'voyage-3.5', input: TEXTS, input_type: 'document', output_dimension: 5 },
    answer: voyage,
    vectors: voyage.data.map(({ embedding }) => embedding),
    usage: { input: 12, requests: 1 },
  },
  {
    preset: 'jina',
    model: 'jina-embeddings-v3',
    ask: { dimensions: 64, input_type: 'query' },
    path: '/embeddings',
    sent: {
      model: 'jina-embeddings-v3',
      input: TEXTS,
      embedding_type: 'float',
      task: 'retrieval.query',
      dimensions: 64,
    },
    answer: {
      model: 'jina-embeddings-v3',
      object: 'list',
      usage: { total_tokens: 8, prompt_tokens: 8 },
      // Not in order: the index counts.
      data: [
        { object: 'embedding', index: 1, embedding: [2] },
        { object: 'embedding', index: 0, embedding: [1] },
      ],
    },
    vectors: [[1], [2]],
    usage: { input: 8, requests: 1 },
  },
  {
    preset: 'gemini',
    model: 'gemini-embedding-001',
    ask: { dimensions: 2, input_type: 'clustering' },
    path: '/models/gemini-embedding-001:batchEmbedContents',
    sent: {
      requests: TEXTS.map((text) => ({
        model: 'models/gemini-embedding-001',
        content: { parts: [{ text }] },
        taskType: 'CLUSTERING',
        outputDimensionality: 2,
      })),
    },
    answer: { embeddings: [{ values: [1, 2] }, { values: [3, 4] }] },
    vectors: [
      [1, 2],
      [3, 4],
    ],
    usage: 'estimated',
  },
  {
    preset: 'vertex',
    model: 'text-embedding-005',
    ask: { dimensions: 5, task: 'retrieval.query', truncate: false },
    path: '/models/text-embedding-005:predict',
    sent: {
      instances: TEXTS.map((content) => ({ content, task_type: 'RETRIEVAL_QUERY' })),
      parameters: { autoTruncate: false, outputDimensionality: 5 },
    },
    answer: vertex,
    vectors: vertex.predictions.map(({ embeddings }) => embeddings.values),
    usage: { input: 11, requests: 1 },
  },
  {
    preset: 'bedrock',
    model: 'cohere.embed-multilingual-v3',
    ask: { input_type: 'classification' },
    path: '/model/cohere.embed-multilingual-v3/invoke',
    sent: { texts: TEXTS, input_type: 'classification', embedding_types: ['float'] },
    answer: { id: 'e1', response_type: 'embeddings_by_type', embeddings: { float: [[1], [2]] } },
    headers: { 'x-amzn-bedrock-input-token-count': '6' },
    vectors: [[1], [2]],
    usage: { input: 6, requests: 1 },
  },
  {
    preset: 'ollama-native',
    model: 'nomic-embed-text',
    ask: { dimensions: 2 },
    path: '/api/embed',
    sent: { model: 'nomic-embed-text', input: TEXTS, dimensions: 2 },
    answer: {
      model: 'nomic-embed-text',
      embeddings: [
        [1, 2],
        [3, 4],
      ],
      total_duration: 5,
      prompt_eval_count: 6,
    },
    vectors: [
      [1, 2],
      [3, 4],
    ],
    usage: { input: 6, requests: 1 },
  },
]

describe.each(VENDORS)('embeddings of $preset ($model)', (vendor) => {
  test('are asked for in its own words, and told in OpenAI’s', async () => {
    using upstream = startUpstream(() => Response.json(vendor.answer, { headers: vendor.headers ?? {} }))
    await using gateway = await gatewayTo(upstream.url, vendor.preset, vendor.model)
    const response = await gateway.call('/v1/embeddings', { model: `up/${vendor.model}`, input: TEXTS, ...vendor.ask })
    const body = (await response.json()) as { data: unknown; usage: { prompt_tokens: number } }
    expect(body).toMatchObject({
      object: 'list',
      data: vendor.vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })),
    })
    expect(upstream.received[0]?.path).toBe(vendor.path)
    expect(JSON.parse(upstream.received[0]?.body ?? '')).toEqual(vendor.sent)
    const [usage, source] = (await booked(gateway)) as [JsonObject, string]
    if (vendor.usage === 'estimated') expect([source, Number(usage['input']) > 0]).toEqual(['estimated', true])
    else {
      expect([usage, source]).toEqual([vendor.usage, 'reported'])
      expect(body.usage.prompt_tokens).toBe(Number(vendor.usage['input']))
    }
    if (vendor.warning === undefined) expect(response.headers.get('x-weir-warnings')).toBeNull()
    else expect(response.headers.get('x-weir-warnings')).toMatch(vendor.warning)
  })

  test('token numbers are refused, because only their own model understands them', async () => {
    using upstream = startUpstream(() => Response.json(vendor.answer))
    await using gateway = await gatewayTo(upstream.url, vendor.preset, vendor.model)
    const response = await gateway.call('/v1/embeddings', { model: `up/${vendor.model}`, input: [1, 2, 3] })
    expect(response.status).toBe(400)
    expect(JSON.stringify(await response.json())).toContain('token numbers')
    expect(upstream.received).toEqual([])
  })

  test('an answer with too few vectors, or none, is broken', async () => {
    for (const answer of [
      {},
      [],
      { data: [] },
      { embeddings: [[1]] },
      { embeddings: { float: [['a'], ['b']] } },
      { predictions: [{}] },
    ]) {
      using upstream = startUpstream(() => Response.json(answer))
      await using gateway = await gatewayTo(upstream.url, vendor.preset, vendor.model)
      const response = await gateway.call('/v1/embeddings', { model: `up/${vendor.model}`, input: TEXTS })
      expect(response.status).toBe(502)
      expect(JSON.stringify(await response.json())).toContain('broken')
    }
  })
})

type AmazonBody = { inputText?: string; singleEmbeddingParams?: { text: { value: string } } }

/** A vector that tells the text that it is of. */
function amazonAnswer(body: string): Response {
  const { inputText, singleEmbeddingParams: nova } = JSON.parse(body) as AmazonBody
  const value = Number((inputText ?? nova?.text.value ?? '').replace('text ', ''))
  return Response.json(
    nova === undefined
      ? { embedding: [value], inputTextTokenCount: 3 }
      : { embeddings: [{ embeddingType: 'TEXT', embedding: [value] }], inputTokenCount: 3 },
  )
}

test.each(['amazon.titan-embed-text-v2:0', 'amazon.nova-2-multimodal-embeddings-v1:0'])(
  '%s takes one text at a time: many are asked for one by one, and told in order',
  async (model) => {
    using upstream = startUpstream(async (_, number, body) => {
      // Later ones may be faster.
      await Bun.sleep(number % 3)
      return amazonAnswer(body)
    })
    await using gateway = await gatewayTo(upstream.url, 'bedrock', model)
    const input = Array.from({ length: 20 }, (_, index) => `text ${index}`)
    const response = await gateway.call('/v1/embeddings', { model: `up/${model}`, input, dimensions: 256 })
    const body = (await response.json()) as { data: { index: number; embedding: number[] }[]; usage: object }
    expect(body.data.map(({ embedding }) => embedding)).toEqual(input.map((_, index) => [index]))
    expect(body.usage).toEqual({ prompt_tokens: 60, total_tokens: 60 })
    expect(upstream.received.length).toBe(20)
    expect(await booked(gateway)).toEqual([{ input: 60, requests: 20 }, 'reported'])
    const tooMany = await gateway.call('/v1/embeddings', {
      model: `up/${model}`,
      input: Array.from({ length: 101 }, () => 'a'),
    })
    expect(tooMany.status).toBe(400)
    expect(JSON.stringify(await tooMany.json())).toContain('asked 101 times')
    expect(upstream.received.length).toBe(20)
  },
)

test('more texts than Cohere takes in a request go in several', async () => {
  using upstream = startUpstream((_, __, body) => {
    const { texts } = JSON.parse(body) as { texts: string[] }
    return Response.json({
      embeddings: { float: texts.map((text) => [Number(text)]) },
      meta: { billed_units: { input_tokens: texts.length } },
    })
  })
  await using gateway = await gatewayTo(upstream.url, 'cohere', 'embed-v4.0')
  const input = Array.from({ length: 200 }, (_, index) => String(index))
  const response = await gateway.call('/v1/embeddings', { model: 'up/embed-v4.0', input, input_type: 'document' })
  const { data, usage } = (await response.json()) as {
    data: { embedding: number[] }[]
    usage: { prompt_tokens: number }
  }
  expect(data.map(({ embedding }) => embedding[0])).toEqual(input.map(Number))
  expect(usage.prompt_tokens).toBe(200)
  expect(upstream.received.length).toBe(3)
})

test('a part that fails moves the whole request on, and what the other parts used is booked', async () => {
  using tired = startUpstream((_, __, body) =>
    body.includes('text 3') ? Response.json({ message: 'slow down' }, { status: 503 }) : amazonAnswer(body),
  )
  using fresh = startUpstream((_, __, body) => amazonAnswer(body))
  const provider = (name: string, url: string): string =>
    `  ${name}: { preset: bedrock, base_url: "${url}", keys: [k12345678], models: { amazon.titan-embed-text-v2: { price: { input: 1000 } } } }\n`
  await using gateway = await startGateway(
    `providers:\n${provider('up', tired.url)}${provider('other', fresh.url)}routes: { e: { targets: [ up/amazon.titan-embed-text-v2, other/amazon.titan-embed-text-v2 ], retries: 0 } }\n`,
  )
  const input = Array.from({ length: 6 }, (_, index) => `text ${index}`)
  const response = await gateway.call('/v1/embeddings', { model: 'e', input })
  expect(response.headers.get('x-weir-target')).toBe('other/amazon.titan-embed-text-v2')
  expect(((await response.json()) as { data: unknown[] }).data.length).toBe(6)
  await gateway.gateway.journal.flush()
  const record = (await gateway.store.listRequests({ limit: 1, cursor: null })).data[0]
  expect(record?.attempts.map(({ outcome }) => outcome.type)).toEqual(['overloaded', 'answered'])
  expect(record?.attempts[0]?.message).toBe('slow down')
  // Five parts of the first target and six of the second, three tokens each, at a thousand dollars a million.
  expect(record?.costNanoUsd).toBe(33_000_000n)
})

test('a vector in base64 holds the same numbers', async () => {
  let vector: readonly number[] = []
  using upstream = startUpstream(() =>
    Response.json({ embeddings: { float: [vector] }, meta: { billed_units: { input_tokens: 1 } } }),
  )
  await using gateway = await gatewayTo(upstream.url, 'cohere', 'e')
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 20 }),
      async (numbers) => {
        vector = numbers
        const response = await gateway.call('/v1/embeddings', {
          model: 'up/e',
          input: 'x',
          encoding_format: 'base64',
          input_type: 'query',
        })
        const { data } = (await response.json()) as { data: { embedding: string }[] }
        const bytes = Buffer.from(data[0]?.embedding ?? '', 'base64')
        expect(Array.from(numbers, (_, index) => bytes.readFloatLE(index * 4) + 0)).toEqual(
          numbers.map((number) => number + 0),
        )
      },
    ),
    { numRuns: 30 },
  )
})

test('Gemini’s embeddings are had of an OpenAI-compatible host, one or many', async () => {
  const data = [
    { index: 0, embedding: [1, 2] },
    { index: 1, embedding: [3, 4] },
  ]
  using upstream = startUpstream((_, number) =>
    Response.json({
      data: number === 1 ? data.slice(0, 1) : data,
      model: 'e',
      usage: { prompt_tokens: 5, total_tokens: 5 },
    }),
  )
  await using gateway = await gatewayTo(upstream.url, 'openai-compatible', 'e')
  const one = await gateway.call('/v1beta/models/up%2Fe:embedContent', {
    content: { parts: [{ text: 'a' }, { text: 'b' }] },
    outputDimensionality: 2,
    taskType: 'RETRIEVAL_QUERY',
  })
  expect(await one.json()).toEqual({ embedding: { values: [1, 2] }, usageMetadata: { promptTokenCount: 5 } })
  expect(one.headers.get('x-weir-warnings')).toContain('purpose')
  expect(JSON.parse(upstream.received[0]?.body ?? '')).toEqual({
    model: 'e',
    input: ['a\nb'],
    encoding_format: 'float',
    dimensions: 2,
  })
  const content = (text: string): JsonObject => ({ content: { parts: [{ text }] }, output_dimensionality: 2 })
  const many = await gateway.call('/v1beta/models/up%2Fe:batchEmbedContents', {
    requests: [content('a'), content('b')],
  })
  expect(await many.json()).toEqual({
    embeddings: [{ values: [1, 2] }, { values: [3, 4] }],
    usageMetadata: { promptTokenCount: 5 },
  })
  const mixed = await gateway.call('/v1beta/models/up%2Fe:batchEmbedContents', {
    requests: [content('a'), { content: { parts: [{ text: 'b' }] } }],
  })
  expect(mixed.status).toBe(400)
  const picture = await gateway.call('/v1beta/models/up%2Fe:embedContent', {
    content: { parts: [{ inlineData: { mimeType: 'image/png', data: 'AA==' } }] },
  })
  expect(picture.status).toBe(400)
  expect(upstream.received.length).toBe(2)
})

const BAD_EMBEDDINGS: readonly (readonly [string, JsonObject, string])[] = [
  ['a format that does not exist', { input: 'x', encoding_format: 'hex' }, 'encoding_format'],
  ['vectors without a length', { input: 'x', dimensions: 0 }, 'dimensions'],
  ['an empty text', { input: ['a', ''] }, 'input[1]'],
  ['an empty list', { input: [] }, 'input'],
  ['a text that is none', { input: [{ text: 'a' }] }, 'input[0]'],
  ['too many texts', { input: Array.from({ length: 2_049 }, () => 'a') }, 'input'],
]

test.each(BAD_EMBEDDINGS)('%s is refused with its path', async (_, ask, param) => {
  await using gateway = await gatewayTo('http://127.0.0.1:9', 'voyage', 'v')
  const response = await gateway.call('/v1/embeddings', { model: 'up/v', ...ask })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ error: { param } })
})

type Ranker = {
  readonly preset: string
  readonly model: string
  readonly paths: readonly [v1: string, v2: string]
  readonly sent: JsonObject
  readonly answer: JsonObject
  readonly order: readonly number[]
  readonly usage: JsonObject
}

const RANKERS: readonly Ranker[] = [
  {
    preset: 'cohere',
    model: 'rerank-v3.5',
    paths: ['/v2/rerank', '/v2/rerank'],
    sent: { model: 'rerank-v3.5', query: 'rain', documents: TEXTS, top_n: 2 },
    answer: caseOf('cohere-reranking.json'),
    order: [1, 0],
    usage: { searches: 1, requests: 1 },
  },
  {
    preset: 'voyage',
    model: 'rerank-2.5',
    paths: ['/rerank', '/rerank'],
    sent: { model: 'rerank-2.5', query: 'rain', documents: TEXTS, top_k: 2 },
    answer: caseOf('voyage-reranking.json'),
    order: [1, 0],
    usage: { input: 12, requests: 1 },
  },
  {
    preset: 'jina',
    model: 'jina-reranker-v2',
    paths: ['/rerank', '/rerank'],
    sent: { model: 'jina-reranker-v2', query: 'rain', documents: TEXTS, top_n: 2 },
    answer: {
      model: 'jina-reranker-v2',
      usage: { total_tokens: 9 },
      results: [
        { index: 1, relevance_score: 0.9 },
        { index: 0, relevance_score: 0.1 },
      ],
    },
    order: [1, 0],
    usage: { input: 9, requests: 1 },
  },
  {
    preset: 'bedrock',
    model: 'cohere.rerank-v3-5:0',
    paths: ['/model/cohere.rerank-v3-5%3A0/invoke', '/model/cohere.rerank-v3-5%3A0/invoke'],
    sent: { query: 'rain', documents: TEXTS, top_n: 2, api_version: 2 },
    answer: {
      results: [
        { index: 1, relevance_score: 0.9 },
        { index: 0, relevance_score: 0.1 },
      ],
      meta: { billed_units: { search_units: 1 } },
    },
    order: [1, 0],
    usage: { searches: 1, requests: 1 },
  },
]

test.each(RANKERS)('documents are ranked by $preset, in either form', async (ranker) => {
  using upstream = startUpstream(() => Response.json(ranker.answer))
  await using gateway = await gatewayTo(upstream.url, ranker.preset, ranker.model)
  for (const [index, version] of ['v1', 'v2'].entries()) {
    const response = await gateway.call(`/${version}/rerank`, {
      model: `up/${ranker.model}`,
      query: 'rain',
      documents: TEXTS,
      top_n: 2,
    })
    expect(response.status).toBe(200)
    const { results } = (await response.json()) as { results: { index: number; relevance_score: number }[] }
    expect(results.map((one) => one.index)).toEqual([...ranker.order])
    expect(results.every((one) => one.relevance_score > 0)).toBe(true)
    const sent = upstream.received[index]
    expect(sent?.path).toBe(ranker.paths[index] ?? '')
    expect(JSON.parse(sent?.body ?? '')).toEqual(ranker.sent)
    expect(await booked(gateway)).toEqual([ranker.usage, 'reported'])
  }
})

test('documents may be objects, and are told again where that is asked for', async () => {
  using upstream = startUpstream(() => Response.json(caseOf('voyage-reranking.json')))
  await using gateway = await gatewayTo(upstream.url, 'voyage', 'r')
  const ask = {
    model: 'up/r',
    query: 'q',
    documents: [{ text: 'one' }, 'two'],
    return_documents: true,
    max_chunks_per_doc: 3,
  }
  const response = await gateway.call('/v1/rerank', ask)
  expect(await response.json()).toMatchObject({
    results: [
      { index: 1, document: { text: 'two' } },
      { index: 0, document: { text: 'one' } },
    ],
  })
  expect(response.headers.get('x-weir-warnings')).toContain('max_chunks_per_doc')
  const bad = await gateway.call('/v2/rerank', { ...ask, documents: ['one', { title: 'two' }] })
  expect(bad.status).toBe(400)
  expect(await bad.json()).toMatchObject({
    message: expect.stringContaining('documents[1]'),
    error: { param: 'documents[1]' },
  })
})

test('a place outside of the documents is no rank', async () => {
  using upstream = startUpstream(() => Response.json({ data: [{ index: 7, relevance_score: 1 }] }))
  await using gateway = await gatewayTo(upstream.url, 'voyage', 'r')
  const response = await gateway.call('/v1/rerank', {
    model: 'up/r',
    query: 'q',
    documents: ['a'],
    return_documents: true,
  })
  expect(response.status).toBe(502)
})
