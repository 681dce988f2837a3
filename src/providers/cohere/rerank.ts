// Reranking by Cohere's API (v2).
// https://docs.cohere.com/reference/rerank
import { foreignFields } from '../../core/chat.ts'
import { ProblemError } from '../../core/chat-answer.ts'
import type { RerankAnswer, RerankRequest } from '../../core/rerank.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { defined, numberOf, objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import { usageOfCohere } from './usage.ts'

const FAMILY = 'cohere-chat'

export type WrittenRerank = { readonly body: JsonObject; readonly warnings: readonly string[] }

export function writeCohereRerank(request: RerankRequest, model: string): WrittenRerank {
  const body = defined<JsonObject>({
    ...request.raw?.[FAMILY],
    model,
    query: request.query,
    documents: request.documents,
    top_n: request.topN,
    max_tokens_per_doc: request.maxTokensPerDocument,
  })
  return { body, warnings: foreignFields(request.raw, FAMILY).map((field) => `\`${field}\` is left out.`) }
}

/** Throws ProblemError when there is no answer in it. */
export function readCohereRerank(body: unknown): RerankAnswer {
  if (!isObject(body)) throw new ProblemError('the answer is not an object')
  if (!Array.isArray(body['results'])) throw new ProblemError('the answer holds no results')
  const results = objectsOf(body, 'results').map((result) => {
    const index = numberOf(result, 'index')
    const score = numberOf(result, 'relevance_score')
    if (index === null || score === null) throw new ProblemError('a result has no index or no score')
    return { index, score }
  })
  const meta = objectOf(body, 'meta')
  return {
    id: stringOf(body, 'id'),
    model: null,
    results,
    usage: meta === null ? null : usageOfCohere(meta),
    rawUsage: meta,
  }
}
