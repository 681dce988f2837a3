// Claude through Google's Vertex AI: Anthropic's own bodies, answers and events, with the model in the address.
// https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude
import type { Deployment } from '../../core/model.ts'
import type { ChatCodec } from '../chat-codec.ts'
import type { NativeWire, Wire } from '../wire.ts'
import { readAnthropicFacts } from './answer.ts'
import { anthropicChatCodec } from './chat-codec.ts'
import { bodyElsewhere, callElsewhere, placesElsewhere } from './elsewhere.ts'
import { anthropicEventReader } from './events.ts'

const VERSION = 'vertex-2023-10-16'
/** Counting has an address of its own, and names the model in the body. */
const COUNTER = 'count-tokens'

export const vertexAnthropicChatCodec: ChatCodec = {
  ...anthropicChatCodec,
  id: 'vertex-anthropic',
  writeRequest(request, context) {
    const written = anthropicChatCodec.writeRequest(request, context)
    return {
      ...written,
      body: bodyElsewhere(written.body, VERSION, ['model', 'service_tier']),
      refusals: [...written.refusals, ...placesElsewhere(request)],
    }
  },
}

function urlOf({ provider }: Deployment, model: string, stream: boolean): string {
  return `${provider.baseUrl}/models/${encodeURIComponent(model)}:${stream ? 'streamRawPredict' : 'rawPredict'}`
}

const NATIVE: Omit<NativeWire, 'url' | 'body'> = {
  readAnswer: readAnthropicFacts,
  eventReader: anthropicEventReader,
  countsByLength: true,
  endsWithFinish: false,
}

const messages: NativeWire = {
  ...NATIVE,
  url: (call, deployment) => urlOf(deployment, deployment.model, call.facts.stream),
  body: (call, _, ownFields) =>
    callElsewhere(call, { version: VERSION, ownFields, leftOut: ['model', 'service_tier'], betas: 'header' }),
}

const countTokens: NativeWire = {
  ...NATIVE,
  url: (_, deployment) => urlOf(deployment, COUNTER, false),
  body: (call, { model }, ownFields) => {
    const body = callElsewhere(call, { version: VERSION, ownFields, leftOut: ['model'], betas: 'header' })
    return `{"model":${JSON.stringify(model)},${body.slice(body.indexOf('{') + 1)}`
  },
}

export const vertexAnthropicWire: Wire = {
  id: 'vertex-anthropic',
  native: { 'anthropic-messages': messages, 'anthropic-count-tokens': countTokens },
  chat: {
    codec: vertexAnthropicChatCodec,
    url: (deployment, stream) => urlOf(deployment, deployment.model, stream),
    emulates: ['json_schema'],
    framing: 'sse',
  },
}
