// Gemini's generateContent in the translated lane.
import { writeGeminiAnswer } from './gemini-answer.ts'
import { readGeminiRequest } from './gemini-request.ts'
import { geminiArrayWriter, geminiStreamWriter } from './gemini-stream.ts'
import type { ChatTranslator } from './translator.ts'

export const geminiTranslator: ChatTranslator = {
  readRequest: readGeminiRequest,
  writeAnswer: writeGeminiAnswer,
  streamWriter: geminiStreamWriter,
}

/** For clients that read the stream as one JSON array. */
export const geminiArrayTranslator: ChatTranslator = {
  ...geminiTranslator,
  streamWriter: geminiArrayWriter,
  streamType: 'application/json; charset=utf-8',
}
