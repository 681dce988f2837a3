import { expect, test } from 'bun:test'
import { ProblemError } from '../../core/chat-answer.ts'
import type { Operation, Provider } from '../../core/model.ts'
import { readCohereEmbedding, writeCohereEmbedding } from './embed.ts'
import { cohereUrl } from './request.ts'
import { readCohereRerank, writeCohereRerank } from './rerank.ts'

test('texts are embedded for a purpose', () => {
  const { body, warnings, refusals } = writeCohereEmbedding(
    { inputs: [{ type: 'text', text: 'a' }], dimensions: 512, task: 'query', user: 'u', title: 't' },
    'embed-v4.0',
  )
  expect(body).toEqual({
    model: 'embed-v4.0',
    input_type: 'search_query',
    embedding_types: ['float'],
    output_dimension: 512,
    texts: ['a'],
  })
  expect(warnings).toHaveLength(2)
  expect(refusals).toEqual([])
})

test('pictures beside texts are inputs of several parts, tokens of another vendor are refused', () => {
  const image = (type: 'inline' | 'url') =>
    ({
      type: 'image',
      source:
        type === 'inline'
          ? { type, data: 'QUJD', mediaType: 'image/png' }
          : { type, url: 'https://x.test', mediaType: null },
    }) as const
  const { body, refusals } = writeCohereEmbedding(
    {
      inputs: [
        { type: 'text', text: 'a' },
        { type: 'parts', parts: [{ type: 'text', text: 'b' }, image('inline'), image('url')] },
        { type: 'tokens', tokens: [1, 2] },
      ],
      raw: { 'cohere-chat': { input_type: 'image', truncate: 'END' } },
    },
    'embed-v4.0',
  )
  expect(body).toMatchObject({
    input_type: 'image',
    truncate: 'END',
    inputs: [
      { content: [{ type: 'text', text: 'a' }] },
      {
        content: [
          { type: 'text', text: 'b' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,QUJD' } },
        ],
      },
      { content: [] },
    ],
  })
  expect(refusals).toHaveLength(2)
})

test('an answer has a vector for each input, and what they cost', () => {
  const meta = { billed_units: { input_tokens: 4 } }
  expect(
    readCohereEmbedding(
      {
        embeddings: {
          float: [
            [1, 2],
            [3, 4],
          ],
        },
        meta,
      },
      2,
    ),
  ).toMatchObject({
    vectors: [
      [1, 2],
      [3, 4],
    ],
    usage: { input: 4, requests: 1 },
    rawUsage: meta,
  })
  expect(readCohereEmbedding({ embeddings: [[1]] }, 1)).toMatchObject({ vectors: [[1]], usage: null })
})

for (const [title, body] of [
  ['nothing', null],
  ['no embeddings', { id: 'a' }],
  ['one too few', { embeddings: { float: [] } }],
  ['no numbers', { embeddings: { float: [['a']] } }],
] as const)
  test(`an answer with ${title} is none`, () => expect(() => readCohereEmbedding(body, 1)).toThrow(ProblemError))

test('documents are put in the order of how well they answer', () => {
  expect(
    writeCohereRerank(
      { query: 'q', documents: ['a', 'b'], topN: 1, maxTokensPerDocument: 50, raw: { gemini: { x: 1 } } },
      'rerank-v3.5',
    ),
  ).toEqual({
    body: { model: 'rerank-v3.5', query: 'q', documents: ['a', 'b'], top_n: 1, max_tokens_per_doc: 50 },
    warnings: ['`x` is left out.'],
  })
  // As recorded.
  const meta = { api_version: { version: '2' }, billed_units: { search_units: 1 } }
  const results = [
    { index: 1, relevance_score: 0.10183054 },
    { index: 0, relevance_score: 0.03762639 },
  ]
  expect(readCohereRerank({ id: 'b44fe75b', results, meta })).toMatchObject({
    id: 'b44fe75b',
    results: [
      { index: 1, score: 0.10183054 },
      { index: 0, score: 0.03762639 },
    ],
    usage: { searches: 1, requests: 1 },
    rawUsage: meta,
  })
})

for (const [title, body] of [
  ['nothing', null],
  ['no results', { id: 'a' }],
  ['a result without a score', { results: [{ index: 0 }] }],
] as const)
  test(`a reranking with ${title} is none`, () => expect(() => readCohereRerank(body)).toThrow(ProblemError))

for (const [operation, path] of [
  ['chat', '/v2/chat'],
  ['embeddings', '/v2/embed'],
  ['rerank', '/v2/rerank'],
  ['images', null],
] as const satisfies readonly (readonly [Operation, string | null])[])
  test(`the address of ${operation}`, () =>
    expect(cohereUrl(operation, { baseUrl: 'https://api.cohere.com' } as Provider)).toBe(
      path === null ? null : `https://api.cohere.com${path}`,
    ))
