// Deepgram: speech, and what was said.
import type { Wire } from '../wire.ts'
import { deepgramSpeechWire } from './speech.ts'
import { deepgramTranscriptionWire } from './transcription.ts'

export const deepgramWire: Wire = {
  id: 'deepgram',
  native: {},
  chat: null,
  operations: { speech: deepgramSpeechWire, transcription: deepgramTranscriptionWire },
}
