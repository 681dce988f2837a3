// Cohere's rerank, for callers of the older form. https://docs.cohere.com/reference/rerank
import type { JsonObject } from '../../core/json.ts'
import { objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import type { RerankAnswer, RerankRequest } from '../../core/rerank.ts'
import { jsonAnswer, ranksFor } from '../operation-wire.ts'
import type { OperationWire } from '../operation-wire.ts'
import { usageOfCohere } from './usage.ts'

/** The fields that Cohere's own API and Bedrock's share. */
export function cohereRerankFields({ query, documents, limit, maxDocumentTokens }: RerankRequest): JsonObject {
  return {
    query,
    documents,
    ...(limit === null ? {} : { top_n: limit }),
    ...(maxDocumentTokens === null ? {} : { max_tokens_per_doc: maxDocumentTokens }),
  }
}

/** Throws ProblemError. */
export function readCohereRanks(body: JsonObject, { documents }: RerankRequest): RerankAnswer {
  const ranks = ranksFor(documents, objectsOf(body, 'results'))
  const meta = objectOf(body, 'meta')
  return {
    id: stringOf(body, 'id'),
    model: null,
    ranks,
    usage: meta === null ? null : usageOfCohere(meta),
    rawUsage: meta,
  }
}

export const cohereRerankWire: OperationWire<'rerank'> = {
  writeRequest: (request, { provider, model }) => ({
    url: `${provider.baseUrl}/v2/rerank`,
    body: { model, ...cohereRerankFields(request) },
    warnings: [],
    refusals: [],
  }),
  readAnswer: (answer, request) => readCohereRanks(jsonAnswer(answer), request),
}
