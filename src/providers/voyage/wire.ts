// Voyage: embeddings and rerank.
import type { Wire } from '../wire.ts'
import { voyageEmbeddingsWire } from './embeddings.ts'
import { voyageRerankWire } from './rerank.ts'

export const voyageWire: Wire = {
  id: 'voyage',
  native: {},
  chat: null,
  operations: { embeddings: voyageEmbeddingsWire, rerank: voyageRerankWire },
}
