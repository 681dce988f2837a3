// The normal forms of the operations beside chat: one request, one answer. What every dialect is read into and every
// provider's wire is written from, and back.
import type { EmbeddingsAnswer, EmbeddingsRequest } from './embeddings.ts'
import type { RerankAnswer, RerankRequest } from './rerank.ts'

type OperationForms = {
  readonly embeddings: { readonly request: EmbeddingsRequest; readonly answer: EmbeddingsAnswer }
  readonly rerank: { readonly request: RerankRequest; readonly answer: RerankAnswer }
}

export type OperationName = keyof OperationForms
export type RequestOf<Name extends OperationName> = OperationForms[Name]['request']
export type AnswerOf<Name extends OperationName> = OperationForms[Name]['answer']
