// OpenAI chat completions in the translated lane.
import { isResponsesForm } from '../core/formats/chat-form.ts'
import { writeOpenaiChatAnswer } from './openai-chat-answer.ts'
import { readOpenaiChatRequest } from './openai-chat-request.ts'
import { openaiChatStreamWriter } from './openai-chat-stream.ts'
import { readResponsesRequest } from './openai-responses-request.ts'
import type { ChatTranslator } from './translator.ts'

export const openaiChatTranslator: ChatTranslator = {
  readRequest: (body) => (isResponsesForm(body) ? readResponsesRequest(body) : readOpenaiChatRequest(body)),
  writeAnswer: writeOpenaiChatAnswer,
  streamWriter: openaiChatStreamWriter,
}
