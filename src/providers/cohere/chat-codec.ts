// Cohere's chat (v2) in the translated lane.
import type { ChatCodec } from '../chat-codec.ts'
import { readCohereAnswer } from './chat-answer.ts'
import { cohereStreamReader } from './chat-events.ts'
import { writeCohereRequest } from './chat-request.ts'

export const cohereChatCodec: ChatCodec = {
  id: 'cohere',
  writeRequest: writeCohereRequest,
  readAnswer: readCohereAnswer,
  streamReader: cohereStreamReader,
}
