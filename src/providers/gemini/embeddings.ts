// Embeddings of Gemini's API, and of Vertex in its format of predictions.
// https://ai.google.dev/api/embeddings and https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
import { ProblemError } from '../../core/chat-answer.ts'
import { joinVectors, splitInputs, textsOf, TEXTS_ONLY } from '../../core/embeddings.ts'
import type { EmbeddingPurpose } from '../../core/embeddings.ts'
import { numberOf, objectOf, objectsOf } from '../../core/json-read.ts'
import { NO_USAGE } from '../../core/usage.ts'
import { jsonAnswer, vectorOf, vectorsFor } from '../operation-wire.ts'
import type { OperationWire } from '../operation-wire.ts'
import { geminiModelName, geminiUrl } from './request.ts'
import { usageOfGemini } from './usage.ts'

const TASK_TYPES: { readonly [purpose in EmbeddingPurpose]: string } = {
  query: 'RETRIEVAL_QUERY',
  document: 'RETRIEVAL_DOCUMENT',
  similarity: 'SEMANTIC_SIMILARITY',
  classification: 'CLASSIFICATION',
  clustering: 'CLUSTERING',
  question: 'QUESTION_ANSWERING',
  fact: 'FACT_VERIFICATION',
  code: 'CODE_RETRIEVAL_QUERY',
}

/** As many as Gemini's API, and Vertex, take in one request. */
const MAX_INPUTS = 100
const MAX_INSTANCES = 250

export const geminiEmbeddingsWire: OperationWire<'embeddings'> = {
  split: (request) => splitInputs(request, MAX_INPUTS),
  join: joinVectors,
  writeRequest(request, deployment) {
    const { purpose, title, dimensions } = request
    const model = geminiModelName(deployment.model)
    return {
      url: geminiUrl(deployment, 'batchEmbedContents'),
      body: {
        requests: (textsOf(request) ?? []).map((text) => ({
          model,
          content: { parts: [{ text }] },
          ...(purpose === null ? {} : { taskType: TASK_TYPES[purpose] }),
          ...(title === null ? {} : { title }),
          ...(dimensions === null ? {} : { outputDimensionality: dimensions }),
        })),
      },
      warnings: request.truncate === false ? ['Gemini cuts texts that are too long.'] : [],
      refusals: textsOf(request) === null ? [TEXTS_ONLY] : [],
    }
  },
  readAnswer(answer, { inputs }) {
    const body = jsonAnswer(answer)
    const raw = objectOf(body, 'usageMetadata')
    return {
      model: null,
      vectors: vectorsFor(
        inputs,
        objectsOf(body, 'embeddings').map(({ values }) => vectorOf(values)),
      ),
      usage: raw === null ? null : usageOfGemini(raw),
      rawUsage: raw,
    }
  },
}

export const vertexEmbeddingsWire: OperationWire<'embeddings'> = {
  split: (request) => splitInputs(request, MAX_INSTANCES),
  join: joinVectors,
  writeRequest(request, deployment) {
    const { purpose, title, dimensions, truncate } = request
    const parameters = {
      ...(truncate === null ? {} : { autoTruncate: truncate }),
      ...(dimensions === null ? {} : { outputDimensionality: dimensions }),
    }
    return {
      url: geminiUrl(deployment, 'predict'),
      body: {
        instances: (textsOf(request) ?? []).map((content) => ({
          content,
          ...(purpose === null ? {} : { task_type: TASK_TYPES[purpose] }),
          ...(title === null ? {} : { title }),
        })),
        ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
      },
      warnings: [],
      refusals: textsOf(request) === null ? [TEXTS_ONLY] : [],
    }
  },
  readAnswer(answer, { inputs }) {
    const body = jsonAnswer(answer)
    let tokens = 0
    const vectors = objectsOf(body, 'predictions').map((prediction) => {
      const embeddings = objectOf(prediction, 'embeddings')
      if (embeddings === null) throw new ProblemError('a prediction holds no embeddings')
      tokens += numberOf(objectOf(embeddings, 'statistics') ?? {}, 'token_count') ?? 0
      return vectorOf(embeddings['values'])
    })
    return {
      model: null,
      vectors: vectorsFor(inputs, vectors),
      usage: tokens === 0 ? null : { ...NO_USAGE, input: tokens, requests: 1 },
      rawUsage: objectOf(body, 'metadata'),
    }
  },
}
