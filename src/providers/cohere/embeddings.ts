// Cohere's embeddings. https://docs.cohere.com/reference/embed
import { ProblemError } from '../../core/chat-answer.ts'
import { joinVectors, splitInputs, textsOf, TEXTS_ONLY } from '../../core/embeddings.ts'
import type { EmbeddingPurpose, EmbeddingsRequest } from '../../core/embeddings.ts'
import type { JsonObject } from '../../core/json.ts'
import { isObject } from '../../core/json.ts'
import { listOf, objectOf } from '../../core/json-read.ts'
import { jsonAnswer, vectorOf, vectorsFor } from '../operation-wire.ts'
import type { OperationWire } from '../operation-wire.ts'
import { usageOfCohere } from './usage.ts'

const INPUT_TYPES: { readonly [purpose in EmbeddingPurpose]: string } = {
  query: 'search_query',
  document: 'search_document',
  question: 'search_query',
  fact: 'search_query',
  code: 'search_query',
  similarity: 'clustering',
  classification: 'classification',
  clustering: 'clustering',
}
// Every model since v3 must be told one.
const DEFAULT_INPUT_TYPE = 'search_document'
const NO_PURPOSE =
  'The vectors are made for documents: `input_type` (`query`, `document`, `classification`, `clustering`) says otherwise.'

/** As many as Cohere takes in one request. */
export const COHERE_TEXTS = 96

/** The fields that Cohere's own API and Bedrock's share, and what cannot be said in them. */
export function cohereEmbedFields(request: EmbeddingsRequest): {
  readonly fields: JsonObject
  readonly warnings: readonly string[]
  readonly refusals: readonly string[]
} {
  const texts = textsOf(request)
  const { purpose, truncate, dimensions } = request
  return {
    fields: {
      texts: texts ?? [],
      input_type: purpose === null ? DEFAULT_INPUT_TYPE : INPUT_TYPES[purpose],
      embedding_types: ['float'],
      ...(truncate === null ? {} : { truncate: truncate ? 'END' : 'NONE' }),
      ...(dimensions === null ? {} : { output_dimension: dimensions }),
    },
    warnings: [
      ...(purpose === null ? [NO_PURPOSE] : []),
      ...(request.title === null ? [] : ['The title of the document is left out.']),
    ],
    refusals: texts === null ? [TEXTS_ONLY] : [],
  }
}

/** The vectors, in the form of today (by type) or of old. Throws ProblemError. */
export function cohereVectors(body: JsonObject, inputs: readonly unknown[]): readonly (readonly number[])[] {
  const { embeddings } = body
  const list = isObject(embeddings) ? listOf(embeddings, 'float') : listOf(body, 'embeddings')
  if (list.length === 0) throw new ProblemError('the answer holds no embeddings')
  return vectorsFor(inputs, list.map(vectorOf))
}

export const cohereEmbeddingsWire: OperationWire<'embeddings'> = {
  split: (request) => splitInputs(request, COHERE_TEXTS),
  join: joinVectors,
  writeRequest(request, { provider, model }) {
    const { fields, warnings, refusals } = cohereEmbedFields(request)
    return { url: `${provider.baseUrl}/v2/embed`, body: { model, ...fields }, warnings, refusals }
  },
  readAnswer(answer, { inputs }) {
    const body = jsonAnswer(answer)
    const meta = objectOf(body, 'meta')
    return {
      model: null,
      vectors: cohereVectors(body, inputs),
      usage: meta === null ? null : usageOfCohere(meta),
      rawUsage: meta,
    }
  },
}
