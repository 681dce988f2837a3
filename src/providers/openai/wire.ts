// OpenAI's wire format, spoken by most hosts there are.
import { isChatForm } from '../../core/formats/chat-form.ts'
import type { NativeWire, Wire } from '../wire.ts'
import { readOpenaiAnswer } from './answer.ts'
import { openaiBatchesOf } from './batch-jobs.ts'
import { openaiChatCodec } from './chat-codec.ts'
import { openaiEmbeddingsWire } from './embeddings.ts'
import { openaiEventReader } from './events.ts'
import { imagesNative } from './images.ts'
import { moderationCategoriesWire } from './moderation-categories.ts'
import { moderationsNative } from './moderations.ts'
import { openaiBody, openaiChatUrl, openaiUrl, prefillUrl } from './request.ts'
import { rerankNative } from './rerank.ts'
import { openaiResponsesWire, responsesNative, responsesUrl } from './responses-wire.ts'
import { openaiRealtime } from './realtime.ts'
import { speechNative } from './speech.ts'
import { transcriptionNative } from './transcription.ts'

const native: NativeWire = {
  url: openaiUrl,
  body: openaiBody,
  readAnswer: readOpenaiAnswer,
  eventReader: openaiEventReader,
  countsByLength: true,
  // Not every host sends `[DONE]`.
  endsWithFinish: true,
}

export const openaiWire: Wire = {
  id: 'openai',
  batches: openaiBatchesOf,
  realtime: { 'openai-realtime': openaiRealtime },
  native: {
    'openai-chat': {
      ...native,
      url: (call, deployment) => (isChatForm(call.body) ? openaiUrl(call, deployment) : null),
    },
    'openai-completions': native,
    'openai-embeddings': native,
    'openai-responses': responsesNative,
    'openai-moderations': moderationsNative,
    'openai-image-generations': imagesNative,
    'openai-image-edits': imagesNative,
    'openai-image-variations': imagesNative,
    'openai-speech': speechNative,
    'openai-transcriptions': transcriptionNative,
    'openai-translations': transcriptionNative,
    'rerank-v1': rerankNative,
    'rerank-v2': rerankNative,
  },
  operations: { embeddings: openaiEmbeddingsWire, moderation: moderationCategoriesWire },
  // Some of OpenAI's models answer chat completions with a 404.
  wireOf: (deployment) =>
    deployment.facts.responsesOnly === true && responsesUrl(deployment) !== null ? openaiResponsesWire : null,
  chat: {
    codec: openaiChatCodec,
    url: openaiChatUrl,
    urlOfBody: prefillUrl,
    // Of sounds and files its format takes the content only.
    fetches: ({ kind }, { mediaUrls }) => mediaUrls !== false && (kind === 'image' || kind === 'video'),
    framing: 'sse',
  },
}
