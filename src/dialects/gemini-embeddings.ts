// Gemini's embedContent and batchEmbedContents ↔ the normal form of embeddings.
import type { EmbeddingAnswer, EmbeddingInput, EmbeddingRequest, EmbeddingTask } from '../core/embeddings.ts'
import { rawOf, textOf } from '../core/chat.ts'
import { GatewayError } from '../core/error.ts'
import { camelKeys, partsOfPart } from '../core/formats/gemini-parts.ts'
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import { defined, listOf, namesOf, numberOf, objectsOf, restOf, stringOf } from '../core/json-read.ts'
import { inputTokens } from '../core/usage.ts'
import { createCallIds } from './gemini-call-ids.ts'

const TASKS: { readonly [word: string]: EmbeddingTask } = {
  RETRIEVAL_QUERY: 'query',
  RETRIEVAL_DOCUMENT: 'document',
  SEMANTIC_SIMILARITY: 'similarity',
  CLASSIFICATION: 'classification',
  CLUSTERING: 'clustering',
  QUESTION_ANSWERING: 'question',
  FACT_VERIFICATION: 'fact',
  CODE_RETRIEVAL_QUERY: 'code',
}

const KNOWN = namesOf('model content taskType title outputDimensionality weir models provider route')

/** Throws `request_malformed` for what cannot be embedded. Requests of one batch share the settings of the first. */
export function readGeminiEmbeddings(given: JsonObject): EmbeddingRequest {
  const body = camelKeys(given)
  const isBatch = Array.isArray(body['requests'])
  const requests = isBatch ? listOf(body, 'requests') : [body]
  const inputs = requests.map((request, index) => inputOf(request, isBatch ? `requests[${index}].content` : 'content'))
  const first = camelKeys(isBatch ? (objectsOf(body, 'requests')[0] ?? {}) : body)
  const task = TASKS[stringOf(first, 'taskType')?.toUpperCase() ?? '']
  return defined<EmbeddingRequest>({
    inputs,
    dimensions: numberOf(first, 'outputDimensionality') ?? undefined,
    task,
    title: stringOf(first, 'title') ?? undefined,
    raw: rawOf('gemini', restOf(first, KNOWN)).raw,
  })
}

function inputOf(request: unknown, path: string): EmbeddingInput {
  const content = isObject(request) ? camelKeys(request)['content'] : undefined
  if (typeof content === 'string') return { type: 'text', text: content }
  if (!isObject(content))
    throw new GatewayError('request_malformed', { message: `\`${path}\` must be an object.`, param: path })
  const ids = createCallIds()
  const parts = objectsOf(content, 'parts').flatMap((part) => partsOfPart(part, ids))
  return parts.every((part) => part.type === 'text') ? { type: 'text', text: textOf(parts) } : { type: 'parts', parts }
}

/** One vector for `embedContent`, a list for the batch. */
export function writeGeminiEmbeddings({ vectors, usage }: EmbeddingAnswer, isBatch: boolean): JsonObject {
  const embeddings = vectors.map((values) => ({ values }))
  return {
    ...(isBatch ? { embeddings } : { embedding: embeddings[0] ?? { values: [] } }),
    ...(usage === null
      ? {}
      : { usageMetadata: { promptTokenCount: inputTokens(usage), totalTokenCount: inputTokens(usage) } }),
  }
}
