// Bedrock: its own format for all models, and Anthropic's for Claude.
import type { Wire } from '../wire.ts'
import { bedrockChatCodec } from './chat-codec.ts'
import { bedrockEmbeddingsWire } from './embeddings.ts'
import { bedrockInvokeCodec } from './invoke-codec.ts'
import { bedrockRerankWire } from './rerank.ts'
import { bedrockUrl, withGuardrail, withGuardrailHeaders } from './request.ts'

// Both go by InvokeModel, whatever the chat goes by.
const operations = { embeddings: bedrockEmbeddingsWire, rerank: bedrockRerankWire }

export const bedrockWire: Wire = {
  id: 'bedrock',
  native: {},
  chat: {
    codec: bedrockChatCodec,
    url: (deployment, stream) => bedrockUrl(deployment, 'converse', stream),
    complete: withGuardrail,
    emulates: ['json_schema'],
    framing: 'aws-event-stream',
  },
  operations,
}

export const bedrockInvokeWire: Wire = {
  id: 'bedrock-invoke',
  native: {},
  chat: {
    codec: bedrockInvokeCodec,
    url: (deployment, stream) => bedrockUrl(deployment, 'invoke', stream),
    complete: withGuardrailHeaders,
    emulates: ['json_schema'],
    framing: 'aws-event-stream',
  },
  operations,
}
