// OpenAI chat completions in the translated lane.
import { writeOpenaiChatAnswer } from './openai-chat-answer.ts'
import { readOpenaiChatRequest } from './openai-chat-request.ts'
import { openaiChatStreamWriter } from './openai-chat-stream.ts'
import type { ChatTranslator } from './translator.ts'

export const openaiChatTranslator: ChatTranslator = {
  readRequest: readOpenaiChatRequest,
  writeAnswer: writeOpenaiChatAnswer,
  streamWriter: openaiChatStreamWriter,
}
