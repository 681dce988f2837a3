// Gemini's own format: AI Studio, and Vertex with its own URLs.
import type { NativeWire, Wire } from '../wire.ts'
import { readGeminiFacts } from './answer.ts'
import { geminiChatCodec, vertexChatCodec } from './chat-codec.ts'
import { geminiEmbeddingsWire, vertexEmbeddingsWire } from './embeddings.ts'
import { geminiEventReader } from './events.ts'
import { geminiBody, geminiChatUrl, geminiCountUrl, geminiEmbedUrl } from './request.ts'

const NATIVE: Omit<NativeWire, 'url'> = {
  body: geminiBody,
  readAnswer: readGeminiFacts,
  eventReader: geminiEventReader,
  // There is no terminal event.
  endsWithFinish: true,
}

const chat: NativeWire = { ...NATIVE, url: (call, deployment) => geminiChatUrl(deployment, call.facts.stream) }
const count: NativeWire = { ...NATIVE, url: (_, deployment) => geminiCountUrl(deployment) }

export const geminiWire: Wire = {
  id: 'gemini',
  native: {
    gemini: chat,
    'gemini-count-tokens': count,
    'gemini-embeddings': { ...NATIVE, url: geminiEmbedUrl },
  },
  chat: { codec: geminiChatCodec, url: geminiChatUrl, framing: 'sse' },
  operations: { embeddings: geminiEmbeddingsWire },
}

/** Its embeddings have a format of their own: they are always translated. */
export const vertexWire: Wire = {
  id: 'vertex',
  native: { gemini: chat, 'gemini-count-tokens': count },
  chat: { codec: vertexChatCodec, url: geminiChatUrl, framing: 'sse' },
  operations: { embeddings: vertexEmbeddingsWire },
}
