// ElevenLabs' speech to text. https://elevenlabs.io/docs/api-reference/speech-to-text/convert
import { ProblemError } from '../../core/chat-answer.ts'
import { writeForm } from '../../core/form.ts'
import type { FormPart } from '../../core/form.ts'
import type { JsonObject } from '../../core/json.ts'
import { numberOf, objectsOf, stringOf } from '../../core/json-read.ts'
import type { SpokenWord, TranscriptionAnswer } from '../../core/transcription.ts'
import { NO_USAGE } from '../../core/usage.ts'
import { jsonAnswer } from '../operation-wire.ts'
import type { OperationWire } from '../operation-wire.ts'

export const elevenlabsTranscriptionWire: OperationWire<'transcription'> = {
  writeRequest(request, { provider, model }) {
    const field = (name: string, value: string | null): readonly FormPart[] =>
      value === null ? [] : [{ type: 'text', name, value }]
    const { sound } = request
    return {
      url: `${provider.baseUrl}/speech-to-text`,
      body: writeForm([
        ...field('model_id', model),
        ...field('language_code', request.language),
        ...field('timestamps_granularity', 'word'),
        ...field('diarize', request.speakers ? 'true' : null),
        ...field('tag_audio_events', 'false'),
        ...field('temperature', request.temperature === null ? null : String(request.temperature)),
        { type: 'file', name: 'file', filename: sound.filename, mediaType: sound.mediaType, bytes: sound.bytes },
      ]),
      warnings: request.prompt === null ? [] : ['`prompt` is left out.'],
      refusals: request.task === 'translate' ? ['ElevenLabs does not translate what it hears.'] : [],
    }
  },
  readAnswer: (answer) => readTranscript(jsonAnswer(answer)),
}

function readTranscript(body: JsonObject): TranscriptionAnswer {
  const text = stringOf(body, 'text')
  if (text === null) throw new ProblemError('the answer holds no text')
  const words = objectsOf(body, 'words').flatMap((one): readonly SpokenWord[] => {
    const word = stringOf(one, 'text')
    // What stands between words, and noises, are entries too.
    if (word === null || (stringOf(one, 'type') ?? 'word') !== 'word') return []
    const startS = numberOf(one, 'start') ?? 0
    return [{ word, startS, endS: numberOf(one, 'end') ?? startS, speaker: stringOf(one, 'speaker_id') }]
  })
  const durationS = numberOf(body, 'audio_duration_secs') ?? words.at(-1)?.endS ?? null
  return {
    text,
    language: stringOf(body, 'language_code'),
    durationS,
    words,
    segments: [],
    usage: durationS === null ? null : { ...NO_USAGE, seconds: durationS, requests: 1 },
    rawUsage: null,
  }
}
