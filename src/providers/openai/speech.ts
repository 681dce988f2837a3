// Text to speech of an OpenAI-compatible host: bytes of sound, or events with pieces of it.
import type { JsonObject } from '../../core/json.ts'
import { numberOf, objectOf } from '../../core/json-read.ts'
import { NO_USAGE } from '../../core/usage.ts'
import type { Usage } from '../../core/usage.ts'
import { SILENT } from '../wire.ts'
import type { NativeWire } from '../wire.ts'
import { readJsonAnswer } from './answer.ts'
import { readMediaEvent } from './events.ts'
import { openaiBody, openaiUrl } from './request.ts'

/** Text goes in, sound comes out. */
function usageOfSpeech(raw: JsonObject): Usage {
  return {
    ...NO_USAGE,
    input: numberOf(raw, 'input_tokens') ?? 0,
    audioOut: numberOf(raw, 'output_tokens') ?? 0,
    requests: 1,
  }
}

export const speechNative: NativeWire = {
  url: openaiUrl,
  body: openaiBody,
  // Sound is no JSON: whatever is has gone wrong.
  readAnswer: (text) =>
    readJsonAnswer(text, () => ({ usage: null, rawUsage: null, problem: 'the answer is no stream of sound' })),
  answerKind: ({ body }) => (body['stream_format'] === 'sse' ? 'events' : 'bytes'),
  eventReader: () => (data) =>
    readMediaEvent(data, (event, type) => {
      if (type === 'speech.audio.delta') return { ...SILENT, meaningful: true }
      if (type !== 'speech.audio.done') return SILENT
      const raw = objectOf(event, 'usage')
      return {
        ...SILENT,
        finishReason: 'stop',
        usage: raw === null ? null : usageOfSpeech(raw),
        rawUsage: raw === null ? null : JSON.stringify(raw),
        terminal: true,
      }
    }),
  endsWithFinish: true,
}
