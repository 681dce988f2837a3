// AssemblyAI: what was said.
import type { Wire } from '../wire.ts'
import { assemblyaiTranscriptionWire } from './transcription.ts'

export const assemblyaiWire: Wire = {
  id: 'assemblyai',
  native: {},
  chat: null,
  operations: { transcription: assemblyaiTranscriptionWire },
}
