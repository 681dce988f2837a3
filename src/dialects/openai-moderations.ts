// OpenAI's moderations, as clients speak them.
import type { Dialect } from './dialect.ts'
import { openaiErrorBody, openaiErrorEvents } from './openai-errors.ts'
import { openaiModerationsTranslator } from './openai-moderations-translator.ts'
import { optionalString, requireModel, requirePresent, ROUTING_FIELDS } from './read-fields.ts'
import { readOptions } from './read-options.ts'

/** What OpenAI takes where a request names no model. */
const DEFAULT_MODEL = 'omni-moderation-latest'

export const openaiModerations: Dialect = {
  id: 'openai-moderations',
  operation: 'moderations',
  ownFields: ['weir', ...ROUTING_FIELDS],
  operationTranslator: openaiModerationsTranslator,
  readFacts(body) {
    requirePresent(body, 'input')
    return {
      model: requireModel((body['model'] ?? null) === null ? { model: DEFAULT_MODEL } : body),
      stream: false,
      wantsStreamUsage: false,
      maxOutputTokens: 0,
      endUser: optionalString(body, 'user'),
      options: readOptions(body),
    }
  },
  errorBody: openaiErrorBody,
  errorEvents: openaiErrorEvents,
}
