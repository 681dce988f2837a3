// OpenAI legacy completions, as clients speak it.
import type { Dialect } from './dialect.ts'
import { readCompletionFacts } from './openai-chat.ts'
import { openaiErrorBody, openaiErrorEvents } from './openai-errors.ts'
import { requirePresent, ROUTING_FIELDS } from './read-fields.ts'

export const openaiCompletions: Dialect = {
  id: 'openai-completions',
  operation: 'completions',
  ownFields: ['weir', ...ROUTING_FIELDS],
  readFacts(body) {
    requirePresent(body, 'prompt')
    return readCompletionFacts(body)
  },
  errorBody: openaiErrorBody,
  errorEvents: openaiErrorEvents,
}
