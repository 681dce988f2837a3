// Voyage's rerank. https://docs.voyageai.com/reference/reranker-api
import { numberOf, objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import { NO_USAGE } from '../../core/usage.ts'
import { jsonAnswer, ranksFor } from '../operation-wire.ts'
import type { OperationWire } from '../operation-wire.ts'

export const voyageRerankWire: OperationWire<'rerank'> = {
  writeRequest: ({ query, documents, limit, maxDocumentTokens }, { provider, model }) => ({
    url: `${provider.baseUrl}/rerank`,
    body: { model, query, documents, ...(limit === null ? {} : { top_k: limit }) },
    warnings: maxDocumentTokens === null ? [] : ['`max_tokens_per_doc` is left out: Voyage cuts at its own bound.'],
    refusals: [],
  }),
  readAnswer(answer, { documents }) {
    const body = jsonAnswer(answer)
    const ranks = ranksFor(documents, objectsOf(body, 'data'))
    const raw = objectOf(body, 'usage')
    const tokens = raw === null ? null : numberOf(raw, 'total_tokens')
    return {
      id: null,
      model: stringOf(body, 'model'),
      ranks,
      usage: tokens === null ? null : { ...NO_USAGE, input: tokens, requests: 1 },
      rawUsage: raw,
    }
  },
}
