// OpenAI embeddings, as clients speak it.
import type { Dialect } from './dialect.ts'
import { openaiEmbeddingsTranslator } from './openai-embeddings-translator.ts'
import { openaiErrorBody, openaiErrorEvents } from './openai-errors.ts'
import { optionalString, requirePresent, requireModel, ROUTING_FIELDS } from './read-fields.ts'
import { readOptions } from './read-options.ts'

export const openaiEmbeddings: Dialect = {
  id: 'openai-embeddings',
  operation: 'embeddings',
  operationTranslator: openaiEmbeddingsTranslator,
  ownFields: ['weir', ...ROUTING_FIELDS],
  readFacts(body) {
    requirePresent(body, 'input')
    return {
      model: requireModel(body),
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
