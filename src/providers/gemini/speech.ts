// Text to speech of Gemini's models: bare samples, which are given as they are or as a WAV file.
// https://ai.google.dev/gemini-api/docs/speech-generation
import { ProblemError } from '../../core/chat-answer.ts'
import { objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import { wavOf } from '../../core/speech.ts'
import { jsonAnswer } from '../operation-wire.ts'
import type { OperationWire } from '../operation-wire.ts'
import { geminiChatUrl } from './request.ts'
import { usageOfGemini } from './usage.ts'

const SAMPLES_PER_SECOND = 24_000

export const geminiSpeechWire: OperationWire<'speech'> = {
  serves: ({ model }) => /-tts/.test(model),
  writeRequest: ({ text, voice, format, speed, instructions }, deployment) => ({
    url: geminiChatUrl(deployment, false),
    body: {
      contents: [{ role: 'user', parts: [{ text: instructions === null ? text : `${instructions}: ${text}` }] }],
      generationConfig: {
        responseModalities: ['AUDIO'],
        speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: voice } } },
      },
    },
    warnings: speed === 1 ? [] : ['`speed` is left out: `instructions` can say it.'],
    refusals: format === 'pcm' || format === 'wav' ? [] : [`Gemini makes wav and pcm, and no ${format}.`],
  }),
  readAnswer(answer, { format }) {
    const body = jsonAnswer(answer)
    const [candidate] = objectsOf(body, 'candidates')
    const content = candidate === undefined ? null : objectOf(candidate, 'content')
    const sounds = objectsOf(content ?? {}, 'parts').flatMap((part) => {
      const sound = objectOf(part, 'inlineData')
      return sound === null ? [] : [sound]
    })
    const samples = Buffer.concat(sounds.map((sound) => Buffer.from(stringOf(sound, 'data') ?? '', 'base64')))
    if (samples.length === 0) throw new ProblemError('the answer holds no sound')
    // `audio/L16;codec=pcm;rate=24000`
    const rate = Number(/rate=(\d{4,6})/.exec(stringOf(sounds[0] ?? {}, 'mimeType') ?? '')?.[1] ?? SAMPLES_PER_SECOND)
    const raw = objectOf(body, 'usageMetadata')
    return {
      sound: format === 'wav' ? wavOf(samples, rate) : samples,
      mediaType: format === 'wav' ? 'audio/wav' : 'audio/pcm',
      usage: raw === null ? null : usageOfGemini(raw),
      rawUsage: raw,
    }
  },
}
