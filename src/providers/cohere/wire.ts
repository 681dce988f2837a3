// Cohere's own API. https://docs.cohere.com/reference/chat
import { rerankNativeAt } from '../openai/rerank.ts'
import type { Wire } from '../wire.ts'
import { cohereChatCodec } from './chat-codec.ts'
import { cohereEmbeddingsWire } from './embeddings.ts'
import { cohereRerankWire } from './rerank.ts'

export const cohereWire: Wire = {
  id: 'cohere',
  native: { 'rerank-v2': rerankNativeAt('/v2/rerank') },
  operations: { embeddings: cohereEmbeddingsWire, rerank: cohereRerankWire },
  chat: {
    codec: cohereChatCodec,
    url: ({ provider }) => `${provider.baseUrl}/v2/chat`,
    fetches: ({ kind }) => kind === 'image',
    framing: 'sse',
  },
}
