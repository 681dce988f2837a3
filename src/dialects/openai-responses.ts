// OpenAI Responses, as clients speak them.
import { GatewayError } from '../core/error.ts'
import type { JsonObject } from '../core/json.ts'
import type { Dialect } from './dialect.ts'
import { openaiErrorBody } from './openai-errors.ts'
import { openaiResponsesTranslator } from './openai-responses-translator.ts'
import {
  optionalBoolean,
  optionalCount,
  optionalString,
  requireArray,
  requireModel,
  requirePresent,
  ROUTING_FIELDS,
} from './read-fields.ts'
import { readOptions } from './read-options.ts'

export const openaiResponses: Dialect = {
  id: 'openai-responses',
  operation: 'responses',
  ownFields: ['weir', ...ROUTING_FIELDS],
  translator: openaiResponsesTranslator,
  readFacts(body) {
    requireInput(body)
    if (optionalBoolean(body, 'background'))
      throw new GatewayError('unsupported', {
        message: '`background` is not supported: stream the response, or wait for it.',
        param: 'background',
      })
    return {
      model: requireModel(body),
      stream: optionalBoolean(body, 'stream'),
      // Its streams always tell their usage.
      wantsStreamUsage: true,
      maxOutputTokens: optionalCount(body, 'max_output_tokens'),
      endUser: optionalString(body, 'safety_identifier') ?? optionalString(body, 'user'),
      options: readOptions(body),
    }
  },
  errorBody: openaiErrorBody,
  errorEvents(error, requestId) {
    const { error: fields } = openaiErrorBody(error, requestId)
    const { message, code, param } = fields as JsonObject
    // The bytes before were relayed unread, so nobody knows the number of this event; clients do not count.
    const event = { type: 'error', sequence_number: 0, code, message, param, error: fields }
    return `event: error\ndata: ${JSON.stringify(event)}\n\n`
  },
}

/** Something to answer to: an input, or what a provider keeps and `input` may then be left out. */
function requireInput(body: JsonObject): void {
  if (['prompt', 'conversation', 'previous_response_id'].some((name) => (body[name] ?? null) !== null)) return
  const input = requirePresent(body, 'input')
  if (typeof input !== 'string') requireArray(body, 'input')
}
