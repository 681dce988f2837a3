// Bedrock: its own format for all models, and Anthropic's for Claude.
import { readAnthropicFacts } from '../anthropic/answer.ts'
import { anthropicEventReader } from '../anthropic/events.ts'
import type { NativeWire, Wire } from '../wire.ts'
import { bedrockChatCodec } from './chat-codec.ts'
import { bedrockEmbeddingsWire } from './embeddings.ts'
import { bedrockImagesWire } from './images.ts'
import { bedrockInvokeCodec, invokeBody } from './invoke-codec.ts'
import { bedrockRerankWire } from './rerank.ts'
import { bedrockUrl, withGuardrail, withGuardrailHeaders } from './request.ts'

// All go by InvokeModel, whatever the chat goes by.
const operations = { embeddings: bedrockEmbeddingsWire, images: bedrockImagesWire, rerank: bedrockRerankWire }

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

/** Whole answers are Anthropic's byte for byte; its events come in AWS's envelope, and have to be unpacked. */
const whole: NativeWire = {
  // A guardrail is told in headers, which the other lane adds.
  url: (call, deployment) =>
    call.facts.stream || deployment.provider.settings['guardrail'] !== undefined
      ? null
      : bedrockUrl(deployment, 'invoke', false),
  body: (call, _, ownFields) => invokeBody(call, ownFields),
  readAnswer: readAnthropicFacts,
  eventReader: anthropicEventReader,
  endsWithFinish: false,
}

export const bedrockInvokeWire: Wire = {
  id: 'bedrock-invoke',
  native: { 'anthropic-messages': whole },
  chat: {
    codec: bedrockInvokeCodec,
    url: (deployment, stream) => bedrockUrl(deployment, 'invoke', stream),
    complete: withGuardrailHeaders,
    emulates: ['json_schema'],
    framing: 'aws-event-stream',
  },
  operations,
}
