// Deepgram's speech to text: the sound is the body, everything else stands in the address.
// https://developers.deepgram.com/reference/speech-to-text/listen-pre-recorded
import { ProblemError } from '../../core/chat-answer.ts'
import type { JsonObject } from '../../core/json.ts'
import { numberOf, objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import type { SpokenSegment, SpokenWord, TranscriptionAnswer } from '../../core/transcription.ts'
import { NO_USAGE } from '../../core/usage.ts'
import { jsonAnswer } from '../operation-wire.ts'
import type { OperationWire } from '../operation-wire.ts'

export const deepgramTranscriptionWire: OperationWire<'transcription'> = {
  writeRequest(request, { provider, model }) {
    const query = new URLSearchParams({
      model,
      smart_format: 'true',
      utterances: 'true',
      ...(request.language === null ? { detect_language: 'true' } : { language: request.language }),
      ...(request.speakers ? { diarize: 'true' } : {}),
    })
    const { bytes, mediaType } = request.sound
    return {
      url: `${provider.baseUrl}/listen?${query.toString()}`,
      body: { bytes, contentType: mediaType },
      warnings: [
        ...(request.prompt === null ? [] : ['`prompt` is left out.']),
        ...(request.temperature === null ? [] : ['`temperature` is left out.']),
      ],
      refusals: request.task === 'translate' ? ['Deepgram does not translate what it hears.'] : [],
    }
  },
  readAnswer: (answer) => readTranscript(jsonAnswer(answer)),
}

function readTranscript(body: JsonObject): TranscriptionAnswer {
  const results = objectOf(body, 'results') ?? {}
  const [channel] = objectsOf(results, 'channels')
  const [best] = channel === undefined ? [] : objectsOf(channel, 'alternatives')
  const text = best === undefined ? null : stringOf(best, 'transcript')
  if (best === undefined || text === null) throw new ProblemError('the answer holds no transcript')
  const durationS = numberOf(objectOf(body, 'metadata') ?? {}, 'duration')
  return {
    text,
    language: channel === undefined ? null : stringOf(channel, 'detected_language'),
    durationS,
    words: objectsOf(best, 'words').map(wordOf),
    segments: objectsOf(results, 'utterances').map((one): SpokenSegment => ({
      text: stringOf(one, 'transcript') ?? '',
      ...timesOf(one),
    })),
    usage: durationS === null ? null : { ...NO_USAGE, seconds: durationS, requests: 1 },
    rawUsage: null,
  }
}

function wordOf(one: JsonObject): SpokenWord {
  return { word: stringOf(one, 'punctuated_word') ?? stringOf(one, 'word') ?? '', ...timesOf(one) }
}

function timesOf(one: JsonObject): Pick<SpokenWord, 'startS' | 'endS' | 'speaker'> {
  const startS = numberOf(one, 'start') ?? 0
  const speaker = numberOf(one, 'speaker')
  return { startS, endS: numberOf(one, 'end') ?? startS, speaker: speaker === null ? null : String(speaker) }
}
