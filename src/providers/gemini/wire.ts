// Gemini's own format: AI Studio, and Vertex with its own URLs.
import type { MediaPlace } from '../../core/media.ts'
import type { NativeWire, Wire } from '../wire.ts'
import { readGeminiFacts } from './answer.ts'
import { geminiChatCodec, vertexChatCodec } from './chat-codec.ts'
import { geminiEmbeddingsWire, vertexEmbeddingsWire } from './embeddings.ts'
import { geminiEventReader } from './events.ts'
import { geminiImagesWire } from './images.ts'
import { interactionsCodec } from './interactions-codec.ts'
import { geminiLive } from './live.ts'
import { geminiBody, geminiChatUrl, geminiCountUrl, geminiEmbedUrl } from './request.ts'
import { geminiSpeechWire } from './speech.ts'

const NATIVE: Omit<NativeWire, 'url'> = {
  body: geminiBody,
  readAnswer: readGeminiFacts,
  eventReader: geminiEventReader,
  // There is no terminal event.
  endsWithFinish: true,
}

const chat: NativeWire = { ...NATIVE, url: (call, deployment) => geminiChatUrl(deployment, call.facts.stream) }
const count: NativeWire = { ...NATIVE, url: (_, deployment) => geminiCountUrl(deployment) }

/** AI Studio watches public films at one place, and fetches nothing else. */
function isFilm({ url }: MediaPlace): boolean {
  return /^https:\/\/(?:(?:www|m)\.)?(?:youtube\.com|youtu\.be)\//.test(url)
}

export const geminiWire: Wire = {
  id: 'gemini',
  realtime: { 'gemini-live': geminiLive },
  native: {
    gemini: chat,
    'gemini-count-tokens': count,
    'gemini-embeddings': { ...NATIVE, url: geminiEmbedUrl },
  },
  operations: { embeddings: geminiEmbeddingsWire, images: geminiImagesWire, speech: geminiSpeechWire },
  chat: { codec: geminiChatCodec, url: geminiChatUrl, fetches: isFilm, framing: 'sse' },
}

/** Its embeddings have a format of their own: they are always translated. */
export const vertexWire: Wire = {
  id: 'vertex',
  native: { gemini: chat, 'gemini-count-tokens': count },
  operations: { embeddings: vertexEmbeddingsWire, images: geminiImagesWire, speech: geminiSpeechWire },
  // It takes public addresses of every kind.
  chat: { codec: vertexChatCodec, url: geminiChatUrl, fetches: ({ url }) => url.startsWith('https:'), framing: 'sse' },
}

/** The API that Google recommends for new models; everything goes there translated. */
export const interactionsWire: Wire = {
  id: 'gemini-interactions',
  native: {},
  chat: {
    codec: interactionsCodec,
    url: ({ provider }) => `${provider.baseUrl}/interactions`,
    framing: 'sse',
  },
}
