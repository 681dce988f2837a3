// The normal form of embeddings: texts (or parts) in, one vector for each out.
import type { Part, Raw } from './chat.ts'
import type { JsonObject } from './json.ts'
import type { Usage } from './usage.ts'

/** A text, tokens of the model's own vocabulary, or parts of several kinds that become one vector together. */
export type EmbeddingInput =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'tokens'; readonly tokens: readonly number[] }
  | { readonly type: 'parts'; readonly parts: readonly Part[] }

/** What the vectors are for; models that know the difference make better ones. */
export type EmbeddingTask =
  | 'query'
  | 'document'
  | 'similarity'
  | 'classification'
  | 'clustering'
  | 'question'
  | 'fact'
  | 'code'

export type EmbeddingRequest = {
  readonly inputs: readonly EmbeddingInput[]
  readonly dimensions?: number
  readonly task?: EmbeddingTask
  /** Title of the document, where there is one for all inputs. */
  readonly title?: string
  /** The end user's id. */
  readonly user?: string
  readonly raw?: Raw
}

export type EmbeddingAnswer = {
  /** The model that answered, in the provider's words. */
  readonly model: string | null
  /** In the order of the inputs. */
  readonly vectors: readonly (readonly number[])[]
  readonly usage: Usage | null
  /** The provider's own usage object. */
  readonly rawUsage: JsonObject | null
}
