// OpenAI's wire format, spoken by most hosts there are.
import type { Wire } from '../wire.ts'
import { readOpenaiAnswer } from './answer.ts'
import { readOpenaiEvent } from './events.ts'
import { openaiBody, openaiUrl } from './request.ts'

export const openaiWire: Wire = {
  id: 'openai',
  speaks: (dialect) => dialect.startsWith('openai-'),
  url: openaiUrl,
  nativeBody: openaiBody,
  readAnswer: readOpenaiAnswer,
  readEvent: readOpenaiEvent,
}
