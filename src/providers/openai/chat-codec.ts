// OpenAI's chat format in the translated lane.
import type { ChatCodec } from '../chat-codec.ts'
import { readOpenaiChatAnswer } from './chat-answer.ts'
import { openaiChatStreamReader } from './chat-events.ts'
import { writeOpenaiChatRequest } from './chat-request.ts'

export const openaiChatCodec: ChatCodec = {
  id: 'openai',
  writeRequest: writeOpenaiChatRequest,
  readAnswer: (body, reading) => readOpenaiChatAnswer(body, reading?.thinkTags),
  streamReader: (reading) => openaiChatStreamReader(reading?.thinkTags),
}
