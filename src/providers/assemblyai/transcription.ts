// AssemblyAI's speech to text: the sound is put up, a job is made of it, and the job is looked at until it is done.
// https://www.assemblyai.com/docs/api-reference/transcripts/submit
import { ProblemError } from '../../core/chat-answer.ts'
import type { JsonObject } from '../../core/json.ts'
import { numberOf, objectsOf, stringOf } from '../../core/json-read.ts'
import type { Deployment } from '../../core/model.ts'
import type { SpokenSegment, TranscriptionAnswer, TranscriptionRequest } from '../../core/transcription.ts'
import { NO_USAGE } from '../../core/usage.ts'
import { jobUrl, jsonAnswer, pollWaitMs } from '../operation-wire.ts'
import type { NextCall, OperationWire } from '../operation-wire.ts'

export const assemblyaiTranscriptionWire: OperationWire<'transcription'> = {
  writeRequest: (request, { provider }) => ({
    url: `${provider.baseUrl}/upload`,
    body: { bytes: request.sound.bytes, contentType: 'application/octet-stream' },
    warnings: [
      ...(request.prompt === null ? [] : ['`prompt` is left out.']),
      ...(request.temperature === null ? [] : ['`temperature` is left out.']),
    ],
    refusals: request.task === 'translate' ? ['AssemblyAI does not translate what it hears.'] : [],
  }),
  next(answer, request, deployment, asked) {
    const body = jsonAnswer(answer)
    const place = stringOf(body, 'upload_url')
    if (place !== null) return jobOf(place, request, deployment)
    switch (stringOf(body, 'status')) {
      case 'queued':
      case 'processing':
        return {
          method: 'GET',
          url: jobUrl(`${deployment.provider.baseUrl}/transcript`, body),
          body: null,
          waitMs: pollWaitMs(asked),
        }
      default:
        return null
    }
  },
  readAnswer: (answer) => readTranscript(jsonAnswer(answer)),
}

function jobOf(place: string, request: TranscriptionRequest, { provider, model }: Deployment): NextCall {
  return {
    method: 'POST',
    url: `${provider.baseUrl}/transcript`,
    body: {
      audio_url: place,
      speech_model: model,
      ...(request.language === null ? { language_detection: true } : { language_code: request.language }),
      ...(request.speakers ? { speaker_labels: true } : {}),
    },
    waitMs: 0,
  }
}

function readTranscript(body: JsonObject): TranscriptionAnswer {
  const text = stringOf(body, 'text')
  if (text === null) throw new ProblemError(stringOf(body, 'error') ?? 'the answer holds no text')
  const durationS = numberOf(body, 'audio_duration')
  return {
    text,
    language: stringOf(body, 'language_code'),
    durationS,
    words: objectsOf(body, 'words').map((one) => {
      const { text: word, ...times } = segmentOf(one)
      return { word, ...times }
    }),
    segments: objectsOf(body, 'utterances').map(segmentOf),
    usage: durationS === null ? null : { ...NO_USAGE, seconds: durationS, requests: 1 },
    rawUsage: null,
  }
}

/** Its times are milliseconds. */
function segmentOf(one: JsonObject): SpokenSegment {
  const startS = (numberOf(one, 'start') ?? 0) / 1_000
  const end = numberOf(one, 'end')
  return {
    text: stringOf(one, 'text') ?? '',
    startS,
    endS: end === null ? startS : end / 1_000,
    speaker: stringOf(one, 'speaker'),
  }
}
