// OpenAI chat completions, as clients speak it.
import type { CallFacts } from '../core/call.ts'
import { GatewayError } from '../core/error.ts'
import { isResponsesForm } from '../core/formats/chat-form.ts'
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
    if (isResponsesForm(body)) return readInputFacts(body)
    requireArray(body, 'messages')
    return readCompletionFacts(body)
  },
  errorBody: openaiErrorBody,
  errorEvents: openaiErrorEvents,
}

/** Of a request that is written as Responses are: what a response would go on from is not to be had here. */
function readInputFacts(body: JsonObject): CallFacts {
  if ((body['previous_response_id'] ?? null) !== null)
    throw new GatewayError('unsupported', {
      message: 'A chat completion goes on from no response: ask at /v1/responses.',
      param: 'previous_response_id',
    })
  return { ...readCompletionFacts(body), maxOutputTokens: optionalCount(body, 'max_output_tokens') }
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
