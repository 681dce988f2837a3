// Bedrock: its own format for all models, and Anthropic's for Claude.
import type { Wire } from '../wire.ts'
import { bedrockChatCodec } from './chat-codec.ts'
import { bedrockInvokeCodec } from './invoke-codec.ts'
import { bedrockUrl, withGuardrail, withGuardrailHeaders } from './request.ts'

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
}
