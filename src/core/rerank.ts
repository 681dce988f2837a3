// The normal form of reranking: documents in, their order by how well they answer a query out.
import type { Raw } from './chat.ts'
import type { JsonObject } from './json.ts'
import type { Usage } from './usage.ts'

export type RerankRequest = {
  readonly query: string
  /** As text; a document of several fields is written as text by whoever reads the request. */
  readonly documents: readonly string[]
  /** How many of the best are wanted; absent: all. */
  readonly topN?: number
  /** Longer documents are cut. */
  readonly maxTokensPerDocument?: number
  readonly raw?: Raw
}

type RerankResult = {
  /** Place of the document in the request. */
  readonly index: number
  /** Higher is better; only comparable within one answer. */
  readonly score: number
}

export type RerankAnswer = {
  readonly id: string | null
  /** The model that answered, in the provider's words. */
  readonly model: string | null
  /** Best first. */
  readonly results: readonly RerankResult[]
  readonly usage: Usage | null
  /** The provider's own usage object. */
  readonly rawUsage: JsonObject | null
}
