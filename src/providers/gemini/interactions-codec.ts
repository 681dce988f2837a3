// Gemini's Interactions in the translated lane.
import { ChatAssembler } from '../../core/chat-assembler.ts'
import type { ChatAnswer } from '../../core/chat-answer.ts'
import { ProblemError } from '../../core/chat-answer.ts'
import { isObject } from '../../core/json.ts'
import { objectOf, stringOf } from '../../core/json-read.ts'
import type { ChatCodec, Reading } from '../chat-codec.ts'
import { interactionsStreamReader } from './interactions-events.ts'
import { writeInteractionsRequest } from './interactions-request.ts'

export const interactionsCodec: ChatCodec = {
  id: 'gemini-interactions',
  writeRequest: writeInteractionsRequest,
  readAnswer,
  streamReader: interactionsStreamReader,
}

/** Throws ProblemError when there is no answer in it. */
function readAnswer(body: unknown, reading?: Reading): ChatAnswer {
  if (!isObject(body)) throw new ProblemError('the answer is not an object')
  const error = objectOf(body, 'error')
  if (error !== null) throw new ProblemError(`an error inside a 200: ${stringOf(error, 'message') ?? 'unknown'}`)
  if (!Array.isArray(body['steps'])) throw new ProblemError('the answer holds no steps')
  const assembler = new ChatAssembler()
  for (const event of interactionsStreamReader(reading).readInteraction(body)) assembler.push(event)
  if (assembler.error !== null) throw new ProblemError(assembler.error)
  return assembler.answer()
}
