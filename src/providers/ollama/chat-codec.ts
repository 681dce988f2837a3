// Ollama's own chat API in the translated lane.
import type { ChatCodec } from '../chat-codec.ts'
import { readOllamaAnswer } from './chat-answer.ts'
import { ollamaStreamReader } from './chat-events.ts'
import { writeOllamaRequest } from './chat-request.ts'

export const ollamaChatCodec: ChatCodec = {
  id: 'ollama',
  writeRequest: writeOllamaRequest,
  readAnswer: readOllamaAnswer,
  streamReader: ollamaStreamReader,
}
