// Embeddings of an OpenAI-compatible host, for callers who speak another format.
import { ProblemError } from '../../core/chat-answer.ts'
import type { EmbeddingsAnswer, EmbeddingsRequest } from '../../core/embeddings.ts'
import type { JsonObject } from '../../core/json.ts'
import { numberOf, objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import type { Deployment } from '../../core/model.ts'
import { jsonAnswer, vectorOf, vectorsFor } from '../operation-wire.ts'
import type { OperationBody, OperationWire, WrittenOperation } from '../operation-wire.ts'
import { messageOf } from './answer.ts'
import { openaiEmbeddingsUrl } from './request.ts'
import { usageOfOpenai } from './usage.ts'

export const openaiEmbeddingsWire: OperationWire<'embeddings'> = {
  serves: (deployment) => openaiEmbeddingsUrl(deployment) !== null,
  writeRequest,
  readAnswer,
}

function writeRequest(request: EmbeddingsRequest, deployment: Deployment): WrittenOperation {
  const inputs = request.inputs.map((input) => (input.type === 'text' ? input.text : input.tokens))
  return {
    url: openaiEmbeddingsUrl(deployment) ?? '',
    body: {
      model: deployment.model,
      input: inputs,
      encoding_format: 'float',
      ...(request.dimensions === null ? {} : { dimensions: request.dimensions }),
      ...(request.endUser === null ? {} : { user: request.endUser }),
    },
    warnings: [
      ...(request.purpose === null ? [] : ['This provider’s vectors are the same for every purpose: it is left out.']),
      ...(request.title === null ? [] : ['The title of the document is left out.']),
    ],
    refusals: [],
  }
}

function readAnswer(answer: OperationBody, { inputs }: EmbeddingsRequest): EmbeddingsAnswer {
  const body = jsonAnswer(answer)
  const error = body['error'] ?? null
  if (error !== null) throw new ProblemError(`an error inside a 200: ${messageOf(error)}`)
  return readOpenaiVectors(body, inputs)
}

/** The vectors of an answer in OpenAI's shape, which others share. Throws ProblemError. */
export function readOpenaiVectors(body: JsonObject, inputs: readonly unknown[]): EmbeddingsAnswer {
  const data = objectsOf(body, 'data')
  const ordered = data.toSorted((one, other) => (numberOf(one, 'index') ?? 0) - (numberOf(other, 'index') ?? 0))
  const raw = objectOf(body, 'usage')
  return {
    model: stringOf(body, 'model'),
    vectors: vectorsFor(
      inputs,
      ordered.map((one) => vectorOf(one['embedding'])),
    ),
    usage: raw === null ? null : usageOfOpenai(withPrompt(raw)),
    rawUsage: raw,
  }
}

/** Voyage and Jina count the total alone, which went in. */
function withPrompt(raw: JsonObject): JsonObject {
  return raw['prompt_tokens'] === undefined ? { ...raw, prompt_tokens: raw['total_tokens'] } : raw
}
