// Anthropic's messages: the API itself, and hosts that speak its format.
import type { NativeWire, Wire } from '../wire.ts'
import { readAnthropicFacts } from './answer.ts'
import { anthropicBatches } from './batches.ts'
import { anthropicChatCodec } from './chat-codec.ts'
import { anthropicEventReader } from './events.ts'
import { anthropicBody, anthropicChatUrl, anthropicUrl } from './request.ts'

const native: NativeWire = {
  url: anthropicUrl,
  body: anthropicBody,
  readAnswer: readAnthropicFacts,
  eventReader: anthropicEventReader,
  countsByLength: true,
  endsWithFinish: false,
}

export const anthropicWire: Wire = {
  id: 'anthropic',
  batches: () => anthropicBatches,
  native: { 'anthropic-messages': native, 'anthropic-count-tokens': native },
  chat: {
    codec: anthropicChatCodec,
    url: anthropicChatUrl,
    emulates: ['json_schema'],
    fetches: ({ url }, { mediaUrls }) => mediaUrls !== false && url.startsWith('https:'),
    framing: 'sse',
  },
}
