// Gemini's generateContent in the translated lane: AI Studio's, and Vertex's where they differ.
import type { ChatCodec } from '../chat-codec.ts'
import { readGeminiAnswer } from './chat-answer.ts'
import { geminiStreamReader } from './chat-events.ts'
import { writeGeminiRequest } from './chat-request.ts'

export const geminiChatCodec: ChatCodec = {
  id: 'gemini',
  writeRequest: (request, context) => writeGeminiRequest(request, context, 'ai-studio'),
  readAnswer: readGeminiAnswer,
  streamReader: geminiStreamReader,
}

export const vertexChatCodec: ChatCodec = {
  ...geminiChatCodec,
  id: 'vertex',
  writeRequest: (request, context) => writeGeminiRequest(request, context, 'vertex'),
}
