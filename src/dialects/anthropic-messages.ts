// Anthropic messages, as clients speak them.
import { objectOf, stringOf } from '../core/json-read.ts'
import { anthropicErrorBody, anthropicErrorEvents } from './anthropic-errors.ts'
import { anthropicMessagesTranslator } from './anthropic-messages-translator.ts'
import type { Dialect } from './dialect.ts'
import { optionalBoolean, optionalCount, requireArray, requireModel, ROUTING_FIELDS } from './read-fields.ts'
import { readOptions } from './read-options.ts'

export const anthropicMessages: Dialect = {
  id: 'anthropic-messages',
  operation: 'chat',
  ownFields: ['weir', ...ROUTING_FIELDS],
  forwardedHeaders: ['anthropic-version', 'anthropic-beta'],
  requestIdHeader: 'request-id',
  translator: anthropicMessagesTranslator,
  readFacts(body) {
    requireArray(body, 'messages')
    return {
      model: requireModel(body),
      stream: optionalBoolean(body, 'stream'),
      // Its streams always tell their usage.
      wantsStreamUsage: true,
      maxOutputTokens: optionalCount(body, 'max_tokens'),
      endUser: stringOf(objectOf(body, 'metadata') ?? {}, 'user_id'),
      options: readOptions(body),
    }
  },
  errorBody: anthropicErrorBody,
  errorEvents: anthropicErrorEvents,
}
