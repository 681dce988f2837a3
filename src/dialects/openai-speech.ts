// OpenAI's text to speech, as clients speak it: answered by bytes of sound, or by events where they are asked for.
import { GatewayError } from '../core/error.ts'
import type { Dialect } from './dialect.ts'
import { openaiErrorBody, openaiErrorEvents } from './openai-errors.ts'
import { openaiSpeechTranslator } from './openai-speech-translator.ts'
import { optionalString, requireModel, requirePresent, requireString, ROUTING_FIELDS } from './read-fields.ts'
import { readOptions } from './read-options.ts'

/** Tokens of sound that a character of text becomes: some 15 characters and 21 tokens a second. */
const AUDIO_TOKENS_PER_CHARACTER = 1.4

export const openaiSpeech: Dialect = {
  id: 'openai-speech',
  operation: 'audio',
  operationTranslator: openaiSpeechTranslator,
  ownFields: ['weir', ...ROUTING_FIELDS],
  readFacts(body) {
    const input = requireString(body, 'input')
    requirePresent(body, 'voice')
    const format = optionalString(body, 'stream_format')
    if (format !== null && format !== 'audio' && format !== 'sse')
      throw new GatewayError('request_malformed', {
        message: '`stream_format` must be `audio` or `sse`.',
        param: 'stream_format',
      })
    const characters = lengthOf(input)
    return {
      model: requireModel(body),
      // Sound is passed on as it comes in either form.
      stream: true,
      wantsStreamUsage: true,
      maxOutputTokens: 0,
      endUser: optionalString(body, 'user'),
      options: readOptions(body),
      expected: { characters, audioOut: Math.ceil(characters * AUDIO_TOKENS_PER_CHARACTER) },
    }
  },
  errorBody: openaiErrorBody,
  errorEvents: openaiErrorEvents,
}

/** Characters as they are billed: one for each sign, also for one of two halves. */
function lengthOf(text: string): number {
  let length = 0
  for (const _ of text) length++
  return length
}
