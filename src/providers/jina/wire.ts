// Jina: embeddings, and rerank, whose format is a dialect of its own.
import { rerankNativeAt } from '../openai/rerank.ts'
import type { Wire } from '../wire.ts'
import { jinaEmbeddingsWire } from './embeddings.ts'

const rerank = rerankNativeAt('/rerank')

export const jinaWire: Wire = {
  id: 'jina',
  native: { 'rerank-v1': rerank, 'rerank-v2': rerank },
  chat: null,
  operations: { embeddings: jinaEmbeddingsWire },
}
