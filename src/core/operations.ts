// The normal forms of the operations beside chat: one request, one answer. What every dialect is read into and every
// provider's wire is written from, and back.
import type { EmbeddingsAnswer, EmbeddingsRequest } from './embeddings.ts'
import type { ImagesAnswer, ImagesRequest } from './images.ts'
import type { ModerationAnswer, ModerationRequest } from './moderation.ts'
import type { RerankAnswer, RerankRequest } from './rerank.ts'
import type { SpeechAnswer, SpeechRequest } from './speech.ts'
import type { TranscriptionAnswer, TranscriptionRequest } from './transcription.ts'

type OperationForms = {
  readonly embeddings: { readonly request: EmbeddingsRequest; readonly answer: EmbeddingsAnswer }
  readonly rerank: { readonly request: RerankRequest; readonly answer: RerankAnswer }
  readonly images: { readonly request: ImagesRequest; readonly answer: ImagesAnswer }
  readonly moderation: { readonly request: ModerationRequest; readonly answer: ModerationAnswer }
  readonly speech: { readonly request: SpeechRequest; readonly answer: SpeechAnswer }
  readonly transcription: { readonly request: TranscriptionRequest; readonly answer: TranscriptionAnswer }
}

export type OperationName = keyof OperationForms
export type RequestOf<Name extends OperationName> = OperationForms[Name]['request']
export type AnswerOf<Name extends OperationName> = OperationForms[Name]['answer']
