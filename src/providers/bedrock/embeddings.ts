// Embeddings on Bedrock, which go by InvokeModel in each maker's own format: Amazon's Titan and Nova, and Cohere's.
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html, …-embed.html and
// https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html
import { joinVectors, splitInputs, textsOf, TEXTS_ONLY } from '../../core/embeddings.ts'
import type { EmbeddingPurpose, EmbeddingsAnswer, EmbeddingsRequest } from '../../core/embeddings.ts'
import type { JsonObject } from '../../core/json.ts'
import { numberOf, objectsOf } from '../../core/json-read.ts'
import type { Deployment } from '../../core/model.ts'
import { NO_USAGE } from '../../core/usage.ts'
import { COHERE_TEXTS, cohereEmbedFields, cohereVectors } from '../cohere/embeddings.ts'
import { jsonAnswer, vectorOf, vectorsFor } from '../operation-wire.ts'
import type { OperationBody, OperationWire, WrittenOperation } from '../operation-wire.ts'
import { bedrockUrl } from './request.ts'

/** The maker's name stands in the id, or in the ARN of a profile. */
const COHERE = /cohere\.embed/
const TITAN = /titan-embed/
const NOVA = /amazon\.nova-.*embed/
/** The first Titan has one length of vectors. */
const ONE_LENGTH = /titan-embed-text-v1|titan-embed-g1/

const NOVA_PURPOSES: { readonly [purpose in EmbeddingPurpose]: string } = {
  query: 'TEXT_RETRIEVAL',
  document: 'GENERIC_INDEX',
  question: 'TEXT_RETRIEVAL',
  fact: 'TEXT_RETRIEVAL',
  code: 'TEXT_RETRIEVAL',
  similarity: 'CLUSTERING',
  classification: 'CLASSIFICATION',
  clustering: 'CLUSTERING',
}

export const bedrockEmbeddingsWire: OperationWire<'embeddings'> = {
  serves: ({ model }) => COHERE.test(model) || TITAN.test(model) || NOVA.test(model),
  // Amazon's models take one text at a time.
  split: (request, { model }) => splitInputs(request, COHERE.test(model) ? COHERE_TEXTS : 1),
  join: joinVectors,
  writeRequest(request, deployment) {
    if (COHERE.test(deployment.model)) return writeCohere(request, deployment)
    return NOVA.test(deployment.model) ? writeNova(request, deployment) : writeTitan(request, deployment)
  },
  readAnswer,
}

function writeCohere(request: EmbeddingsRequest, deployment: Deployment): WrittenOperation {
  const { fields, warnings, refusals } = cohereEmbedFields(request)
  return { url: bedrockUrl(deployment, 'invoke', false), body: fields, warnings, refusals }
}

function writeTitan(request: EmbeddingsRequest, deployment: Deployment): WrittenOperation {
  const texts = textsOf(request)
  const { dimensions } = request
  const isFixed = ONE_LENGTH.test(deployment.model)
  return {
    url: bedrockUrl(deployment, 'invoke', false),
    body: { inputText: texts?.[0] ?? '', ...(dimensions === null || isFixed ? {} : { dimensions }) },
    warnings: [
      ...(request.purpose === null ? [] : ['Titan’s vectors are the same for every purpose: it is left out.']),
      ...(request.title === null ? [] : ['The title of the document is left out.']),
    ],
    refusals: [
      ...(texts === null ? [TEXTS_ONLY] : []),
      ...(dimensions !== null && isFixed ? ['This model has vectors of one length only: leave `dimensions` out.'] : []),
    ],
  }
}

function writeNova(request: EmbeddingsRequest, deployment: Deployment): WrittenOperation {
  const texts = textsOf(request)
  const { purpose, dimensions, truncate } = request
  return {
    url: bedrockUrl(deployment, 'invoke', false),
    body: {
      taskType: 'SINGLE_EMBEDDING',
      singleEmbeddingParams: {
        embeddingPurpose: purpose === null ? 'GENERIC_INDEX' : NOVA_PURPOSES[purpose],
        ...(dimensions === null ? {} : { embeddingDimension: dimensions }),
        text: { truncationMode: truncate === false ? 'NONE' : 'END', value: texts?.[0] ?? '' },
      },
    },
    warnings: request.title === null ? [] : ['The title of the document is left out.'],
    refusals: texts === null ? [TEXTS_ONLY] : [],
  }
}

function readAnswer(answer: OperationBody, { inputs }: EmbeddingsRequest): EmbeddingsAnswer {
  const body = jsonAnswer(answer)
  const tokens = numberOf(body, 'inputTextTokenCount') ?? numberOf(body, 'inputTokenCount') ?? countedIn(answer.headers)
  return {
    model: null,
    vectors: vectorsIn(body, inputs),
    usage: tokens === null ? null : { ...NO_USAGE, input: tokens, requests: 1 },
    rawUsage: tokens === null ? null : { inputTokenCount: tokens },
  }
}

function vectorsIn(body: JsonObject, inputs: readonly unknown[]): readonly (readonly number[])[] {
  if (Array.isArray(body['embedding'])) return [vectorOf(body['embedding'])]
  const typed = objectsOf(body, 'embeddings')
  if (typed.length === 0) return cohereVectors(body, inputs)
  return vectorsFor(
    inputs,
    typed.map(({ embedding }) => vectorOf(embedding)),
  )
}

/** What Bedrock counts for models that do not count themselves. */
function countedIn(headers: OperationBody['headers']): number | null {
  const count = headers.get('x-amzn-bedrock-input-token-count')
  return count !== null && /^\d{1,12}$/.test(count) ? Number(count) : null
}
