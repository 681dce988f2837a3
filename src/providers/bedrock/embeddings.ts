// Embeddings on Bedrock, which go by InvokeModel in each maker's own format: Amazon's Titan and Cohere's.
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html and …-embed.html
import { textsOf, TEXTS_ONLY } from '../../core/embeddings.ts'
import type { EmbeddingsAnswer, EmbeddingsRequest } from '../../core/embeddings.ts'
import type { HeaderSource } from '../../core/headers.ts'
import type { JsonObject } from '../../core/json.ts'
import { numberOf } from '../../core/json-read.ts'
import type { Deployment } from '../../core/model.ts'
import { NO_USAGE } from '../../core/usage.ts'
import { cohereEmbedFields, cohereVectors } from '../cohere/embeddings.ts'
import { jsonAnswer, vectorOf } from '../operation-wire.ts'
import type { OperationBody, OperationWire, WrittenOperation } from '../operation-wire.ts'
import { bedrockUrl } from './request.ts'

/** The maker's name stands in the id, or in the ARN of a profile. */
const COHERE = /cohere\.embed/
const TITAN = /titan-embed/
/** The first Titan has one length of vectors. */
const ONE_LENGTH = /titan-embed-text-v1|titan-embed-g1/

export const bedrockEmbeddingsWire: OperationWire<'embeddings'> = {
  serves: ({ model }) => COHERE.test(model) || TITAN.test(model),
  writeRequest: (request, deployment) =>
    COHERE.test(deployment.model) ? writeCohere(request, deployment) : writeTitan(request, deployment),
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
    body: {
      inputText: texts?.[0] ?? '',
      ...(dimensions === null || isFixed ? {} : { dimensions }),
    },
    warnings: [
      ...(request.purpose === null ? [] : ['Titan’s vectors are the same for every purpose: it is left out.']),
      ...(request.title === null ? [] : ['The title of the document is left out.']),
    ],
    refusals: [
      ...(texts === null ? [TEXTS_ONLY] : []),
      ...(request.inputs.length > 1 ? ['Titan embeds one text in one request.'] : []),
      ...(dimensions !== null && isFixed ? ['This model has vectors of one length only: leave `dimensions` out.'] : []),
    ],
  }
}

function readAnswer(answer: OperationBody, { inputs }: EmbeddingsRequest): EmbeddingsAnswer {
  const body = jsonAnswer(answer)
  const isTitan = Array.isArray(body['embedding'])
  const tokens = numberOf(body, 'inputTextTokenCount') ?? countedIn(answer.headers)
  const raw: JsonObject | null = tokens === null ? null : { inputTokenCount: tokens }
  return {
    model: null,
    vectors: isTitan ? [vectorOf(body['embedding'])] : cohereVectors(body, inputs),
    usage: tokens === null ? null : { ...NO_USAGE, input: tokens, requests: 1 },
    rawUsage: raw,
  }
}

/** What Bedrock counts for models that do not count themselves. */
function countedIn(headers: HeaderSource): number | null {
  const count = headers.get('x-amzn-bedrock-input-token-count')
  return count !== null && /^\d{1,12}$/.test(count) ? Number(count) : null
}
