// OpenAI's speech to text, as clients speak it: transcriptions, and translations into English. A form with a file of sound.
import type { CallFacts } from '../core/call.ts'
import type { JsonObject } from '../core/json.ts'
import { isObject } from '../core/json.ts'
import { stringOf } from '../core/json-read.ts'
import type { Dialect } from './dialect.ts'
import { openaiErrorBody, openaiErrorEvents } from './openai-errors.ts'
import { transcriptionTranslator } from './openai-transcription-translator.ts'
import { optionalString, optionalWrittenBoolean, requireFile, requireModel, ROUTING_FIELDS } from './read-fields.ts'
import { readOptions } from './read-options.ts'

/** Bytes of a second of sound: of what is not compressed (16 000 samples of two bytes), and of usual compression (128 kbit). */
const PLAIN_BYTES_PER_SECOND = 32_000
const BYTES_PER_SECOND = 16_000
const AUDIO_TOKENS_PER_SECOND = 1_000 / 60

const BASE = {
  operation: 'audio',
  takesForms: true,
  ownFields: ['weir', ...ROUTING_FIELDS],
  errorBody: openaiErrorBody,
  errorEvents: openaiErrorEvents,
} as const

export const openaiTranscriptions: Dialect = {
  ...BASE,
  id: 'openai-transcriptions',
  operationTranslator: transcriptionTranslator('transcribe'),
  readFacts: factsOf,
}

export const openaiTranslations: Dialect = {
  ...BASE,
  id: 'openai-translations',
  operationTranslator: transcriptionTranslator('translate'),
  readFacts: factsOf,
}

function factsOf(body: JsonObject): CallFacts {
  const seconds = Math.ceil(
    requireFile(body, 'file') / (isPlain(body['file']) ? PLAIN_BYTES_PER_SECOND : BYTES_PER_SECOND),
  )
  return {
    model: requireModel(body),
    // OpenAI's own translations come whole; vLLM and others stream them as they do transcriptions.
    stream: optionalWrittenBoolean(body, 'stream'),
    wantsStreamUsage: true,
    maxOutputTokens: null,
    endUser: optionalString(body, 'user'),
    options: readOptions(body),
    expected: { seconds, audioIn: Math.ceil(seconds * AUDIO_TOKENS_PER_SECOND) },
  }
}

function isPlain(file: unknown): boolean {
  return isObject(file) && /wav|l16|pcm/.test(`${stringOf(file, 'media_type')} ${stringOf(file, 'filename')}`)
}
