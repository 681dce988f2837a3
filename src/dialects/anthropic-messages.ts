// Anthropic messages, as clients speak them.
import { objectOf, stringOf } from '../core/json-read.ts'
import { anthropicErrorBody, anthropicErrorEvents } from './anthropic-errors.ts'
import type { Dialect } from './dialect.ts'
import {
  optionalBoolean,
  optionalCount,
  readOptions,
  refuseRoutingFields,
  requireArray,
  requireString,
  ROUTING_FIELDS,
} from './read-fields.ts'

export const anthropicMessages: Dialect = {
  id: 'anthropic-messages',
  operation: 'chat',
  ownFields: ['weir', ...ROUTING_FIELDS],
  readFacts(body) {
    requireArray(body, 'messages')
    refuseRoutingFields(body)
    return {
      model: requireString(body, 'model'),
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
