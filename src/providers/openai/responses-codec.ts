// OpenAI's Responses in the translated lane.
import type { ChatCodec } from '../chat-codec.ts'
import { readResponsesAnswer } from './responses-answer.ts'
import { responsesStreamReader } from './responses-events.ts'
import { writeResponsesRequest } from './responses-request.ts'

export const responsesCodec: ChatCodec = {
  id: 'openai-responses',
  writeRequest: writeResponsesRequest,
  readAnswer: (body) => readResponsesAnswer(body),
  streamReader: () => responsesStreamReader(),
}
