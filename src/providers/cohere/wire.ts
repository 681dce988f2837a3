// Cohere's own API.
import type { Wire } from '../wire.ts'
import { cohereChatCodec } from './chat-codec.ts'
import { cohereUrl } from './request.ts'

export const cohereWire: Wire = {
  id: 'cohere',
  native: {},
  chat: { codec: cohereChatCodec, url: ({ provider }) => cohereUrl('chat', provider), framing: 'sse' },
}
