// Bedrock's Converse in the translated lane.
import type { ChatCodec } from '../chat-codec.ts'
import { readBedrockAnswer } from './chat-answer.ts'
import { bedrockStreamReader } from './chat-events.ts'
import { writeBedrockRequest } from './chat-request.ts'

export const bedrockChatCodec: ChatCodec = {
  id: 'bedrock',
  writeRequest: writeBedrockRequest,
  readAnswer: readBedrockAnswer,
  streamReader: bedrockStreamReader,
}
