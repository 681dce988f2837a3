// OpenAI chat completions, as clients speak it.
import type { CallFacts } from '../core/call.ts'
import type { JsonObject } from '../core/json.ts'
import type { Dialect } from './dialect.ts'
import { openaiChatTranslator } from './openai-chat-translator.ts'
import { openaiErrorBody, openaiErrorEvents } from './openai-errors.ts'
import {
  optionalBoolean,
  optionalCount,
  optionalObject,
  optionalString,
  requireArray,
  requireModel,
  ROUTING_FIELDS,
} from './read-fields.ts'
import { readOptions } from './read-options.ts'

export const openaiChat: Dialect = {
  id: 'openai-chat',
  operation: 'chat',
  ownFields: ['weir', ...ROUTING_FIELDS],
  translator: openaiChatTranslator,
  readFacts(body) {
    requireArray(body, 'messages')
    return readCompletionFacts(body)
  },
  errorBody: openaiErrorBody,
  errorEvents: openaiErrorEvents,
}

/** The facts that chat and legacy completions share. */
export function readCompletionFacts(body: JsonObject): CallFacts {
  const stream = optionalBoolean(body, 'stream')
  const streamOptions = optionalObject(body, 'stream_options')
  const perChoice = optionalCount(body, 'max_completion_tokens') ?? optionalCount(body, 'max_tokens')
  const choices = Math.max(1, optionalCount(body, 'n') ?? 1)
  return {
    model: requireModel(body),
    stream,
    wantsStreamUsage: streamOptions !== null && optionalBoolean(streamOptions, 'include_usage'),
    maxOutputTokens: perChoice === null ? null : perChoice * choices,
    endUser: optionalString(body, 'safety_identifier') ?? optionalString(body, 'user'),
    options: readOptions(body),
  }
}
