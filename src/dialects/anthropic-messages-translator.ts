// Anthropic messages in the translated lane.
import { writeAnthropicAnswer } from './anthropic-messages-answer.ts'
import { readAnthropicRequest } from './anthropic-messages-request.ts'
import { anthropicStreamWriter } from './anthropic-messages-stream.ts'
import type { ChatTranslator } from './translator.ts'

export const anthropicMessagesTranslator: ChatTranslator = {
  readRequest: readAnthropicRequest,
  writeAnswer: writeAnthropicAnswer,
  streamWriter: anthropicStreamWriter,
}
