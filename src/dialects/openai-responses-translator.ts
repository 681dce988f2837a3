// OpenAI Responses in the translated lane.
import { writeResponsesAnswer } from './openai-responses-answer.ts'
import { readResponsesRequest } from './openai-responses-request.ts'
import { responsesStreamWriter } from './openai-responses-stream.ts'
import type { ChatTranslator } from './translator.ts'

export const openaiResponsesTranslator: ChatTranslator = {
  readRequest: readResponsesRequest,
  writeAnswer: writeResponsesAnswer,
  streamWriter: responsesStreamWriter,
}
