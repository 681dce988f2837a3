// ElevenLabs: speech, and what was said.
import type { Wire } from '../wire.ts'
import { elevenlabsSpeechWire } from './speech.ts'
import { elevenlabsTranscriptionWire } from './transcription.ts'

export const elevenlabsWire: Wire = {
  id: 'elevenlabs',
  native: {},
  chat: null,
  operations: { speech: elevenlabsSpeechWire, transcription: elevenlabsTranscriptionWire },
}
