// Speech to text of an OpenAI-compatible host: as JSON, as text or subtitles, or as events.
import type { Call } from '../../core/call.ts'
import type { JsonObject } from '../../core/json.ts'
import { numberOf, objectOf, stringOf } from '../../core/json-read.ts'
import { NO_USAGE } from '../../core/usage.ts'
import type { Usage } from '../../core/usage.ts'
import { SILENT } from '../wire.ts'
import type { AnswerFacts, NativeWire } from '../wire.ts'
import { readJsonAnswer } from './answer.ts'
import { readMediaEvent } from './events.ts'
import { openaiFormBody } from './form.ts'
import { openaiUrl } from './request.ts'

/** Formats of the answer that are no JSON, and tell no usage. */
const TEXTS: ReadonlySet<unknown> = new Set(['text', 'srt', 'vtt'])

/** By the second, or by tokens of sound and text; null where the answer tells neither. */
export function usageOfTranscription(body: JsonObject): Usage | null {
  const raw = objectOf(body, 'usage')
  const seconds = (raw === null ? null : numberOf(raw, 'seconds')) ?? numberOf(body, 'duration')
  const input = raw === null ? null : (numberOf(raw, 'input_tokens') ?? numberOf(raw, 'prompt_tokens'))
  if (raw === null || input === null) return seconds === null ? null : { ...NO_USAGE, seconds, requests: 1 }
  const details = objectOf(raw, 'input_token_details') ?? {}
  // Mistral counts the sound in seconds, and the tokens of the prompt apart.
  const spoken = numberOf(raw, 'prompt_audio_seconds') ?? seconds ?? 0
  const audioIn = Math.min(input, numberOf(details, 'audio_tokens') ?? 0)
  const output = numberOf(raw, 'output_tokens') ?? numberOf(raw, 'completion_tokens') ?? 0
  return { ...NO_USAGE, input: input - audioIn, audioIn, output, seconds: spoken, requests: 1 }
}

function readTranscription(text: string, call: Call): AnswerFacts {
  if (TEXTS.has(call.body['response_format']))
    return { usage: null, rawUsage: null, finishReason: null, outputCharacters: text.length, problem: null }
  return readJsonAnswer(text, (body) => {
    const raw = objectOf(body, 'usage')
    return {
      usage: usageOfTranscription(body),
      rawUsage: raw === null ? null : JSON.stringify(raw),
      problem: typeof body['text'] === 'string' ? null : 'the answer holds no text',
    }
  })
}

export const transcriptionNative: NativeWire = {
  url: openaiUrl,
  body: openaiFormBody,
  readAnswer: readTranscription,
  eventReader: () => (data) =>
    readMediaEvent(data, (event, type) => {
      if (type === 'transcript.text.delta' || type === 'transcript.text.segment')
        return {
          ...SILENT,
          meaningful: true,
          outputCharacters: (stringOf(event, 'delta') ?? stringOf(event, 'text') ?? '').length,
        }
      if (type !== 'transcript.text.done') return SILENT
      const raw = objectOf(event, 'usage')
      return {
        ...SILENT,
        meaningful: true,
        finishReason: 'stop',
        usage: usageOfTranscription(event),
        rawUsage: raw === null ? null : JSON.stringify(raw),
        terminal: true,
      }
    }),
  endsWithFinish: true,
  // Whisper hears everything before it says anything.
  streamsAtWill: true,
}
