// Cohere's own API. Its embeddings are taken from its OpenAI-compatible one, which stands on the same host.
// https://docs.cohere.com/reference/chat
import { openaiEmbeddingsAt } from '../openai/wire.ts'
import type { Wire } from '../wire.ts'
import { cohereChatCodec } from './chat-codec.ts'

export const cohereWire: Wire = {
  id: 'cohere',
  native: { 'openai-embeddings': openaiEmbeddingsAt('/compatibility/v1/embeddings') },
  chat: { codec: cohereChatCodec, url: ({ provider }) => `${provider.baseUrl}/v2/chat`, framing: 'sse' },
}
