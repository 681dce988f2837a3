// The normal form of rerank: documents in the order of what they say to a query.
import type { JsonObject } from './json.ts'
import type { Usage } from './usage.ts'

export type RerankRequest = {
  readonly query: string
  /** At least one. */
  readonly documents: readonly string[]
  /** How many of the best are told; null: all. */
  readonly limit: number | null
  /** Tokens after which a document is cut; null: as the provider does it. */
  readonly maxDocumentTokens: number | null
}

export type RerankAnswer = {
  readonly id: string | null
  /** The model that answered, in the provider's words. */
  readonly model: string | null
  /** Best first; `index` is the document's place in the request. */
  readonly ranks: readonly { readonly index: number; readonly score: number }[]
  readonly usage: Usage | null
  /** The provider's own usage object. */
  readonly rawUsage: JsonObject | null
}
