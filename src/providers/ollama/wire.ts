// Ollama's own API: thoughts, images and options that its OpenAI-compatible one leaves out.
import type { Wire } from '../wire.ts'
import { ollamaChatCodec } from './chat-codec.ts'
import { ollamaEmbeddingsWire } from './embeddings.ts'

export const ollamaWire: Wire = {
  id: 'ollama',
  native: {},
  chat: { codec: ollamaChatCodec, url: ({ provider }) => `${provider.baseUrl}/api/chat`, framing: 'json-lines' },
  operations: { embeddings: ollamaEmbeddingsWire },
}
