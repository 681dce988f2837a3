// Ollama's own API: thoughts, images and options that its OpenAI-compatible one leaves out.
import type { Wire } from '../wire.ts'
import { openaiEmbeddingsAt } from '../openai/wire.ts'
import { ollamaChatCodec } from './chat-codec.ts'

export const ollamaWire: Wire = {
  id: 'ollama',
  native: { 'openai-embeddings': openaiEmbeddingsAt('/v1/embeddings') },
  chat: { codec: ollamaChatCodec, url: ({ provider }) => `${provider.baseUrl}/api/chat`, framing: 'json-lines' },
}
