// Anthropic's messages in the translated lane.
import type { ChatCodec } from '../chat-codec.ts'
import { readAnthropicAnswer } from './chat-answer.ts'
import { anthropicStreamReader } from './chat-events.ts'
import { writeAnthropicRequest } from './chat-request.ts'

export const anthropicChatCodec: ChatCodec = {
  id: 'anthropic',
  writeRequest: writeAnthropicRequest,
  readAnswer: readAnthropicAnswer,
  streamReader: anthropicStreamReader,
}
