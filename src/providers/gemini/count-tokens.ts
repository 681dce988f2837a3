// The question of how many tokens a request has, as Gemini's API and Vertex take it.
import type { ChatRequest } from '../../core/chat.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { numberOf } from '../../core/json-read.ts'
import type { WriteContext } from '../chat-codec.ts'
import type { Platform } from './chat-messages.ts'
import { writeGeminiRequest } from './chat-request.ts'

/** Of a request in the normal form. AI Studio takes more than contents only as a whole request inside. */
export function writeGeminiCount(request: ChatRequest, context: WriteContext, platform: Platform): JsonObject {
  const { body } = writeGeminiRequest(request, context, platform)
  return platform === 'vertex' ? body : { generateContentRequest: { ...body, model: `models/${context.model}` } }
}

/** The count; null when the answer holds none. */
export function readGeminiCount(body: unknown): number | null {
  return isObject(body) ? numberOf(body, 'totalTokens') : null
}
