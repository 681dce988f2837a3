// Whole answer of Gemini's generateContent → normal form.
import { ProblemError } from '../../core/chat-answer.ts'
import type { ChatAnswer } from '../../core/chat-answer.ts'
import { ChatAssembler } from '../../core/chat-assembler.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import type { Reading } from '../chat-codec.ts'
import { geminiStreamReader } from './chat-events.ts'

/** Why a body is no answer; null when it is one. */
export function problemOf(body: unknown): string | null {
  if (!isObject(body)) return 'the answer is not an object'
  const error = objectOf(body, 'error')
  if (error !== null) return `an error inside a 200: ${stringOf(error, 'message') ?? 'unknown'}`
  if (objectsOf(body, 'candidates').length > 0 || blockReasonOf(body) !== null) return null
  return 'the answer holds no candidates'
}

/** Why the prompt was refused; null when it was not. */
export function blockReasonOf(body: JsonObject): string | null {
  return stringOf(objectOf(body, 'promptFeedback') ?? {}, 'blockReason')
}

/** Throws ProblemError when there is no answer in it. */
export function readGeminiAnswer(body: unknown, reading?: Reading): ChatAnswer {
  const problem = problemOf(body)
  if (problem !== null || !isObject(body)) throw new ProblemError(problem ?? 'the answer is not an object')
  const reader = geminiStreamReader(reading)
  reader.readChunk(body)
  const assembler = new ChatAssembler()
  for (const event of reader.end()) assembler.push(event)
  // A candidate without a finish reason is no reason to lose what it says.
  return assembler.answer()
}
