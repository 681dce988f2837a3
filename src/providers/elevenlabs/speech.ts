// ElevenLabs' text to speech. https://elevenlabs.io/docs/api-reference/text-to-speech/convert
import type { SoundFormat, SpeechRequest } from '../../core/speech.ts'
import { bytesAnswer } from '../operation-wire.ts'
import type { OperationWire } from '../operation-wire.ts'

const FORMATS: { readonly [format in SoundFormat]: string | null } = {
  mp3: 'mp3_44100_128',
  opus: 'opus_48000_128',
  pcm: 'pcm_24000',
  wav: null,
  aac: null,
  flac: null,
}
/** What it takes; beyond, it answers with a 400. */
const SLOWEST = 0.7
const FASTEST = 1.2

export const elevenlabsSpeechWire: OperationWire<'speech'> = {
  writeRequest(request, { provider, model }) {
    const format = FORMATS[request.format]
    const speed = Math.min(FASTEST, Math.max(SLOWEST, request.speed))
    return {
      url: `${provider.baseUrl}/text-to-speech/${encodeURIComponent(request.voice.toWellFormed())}/stream?output_format=${format ?? ''}`,
      body: { text: request.text, model_id: model, ...(speed === 1 ? {} : { voice_settings: { speed } }) },
      headers: { accept: '*/*' },
      warnings: warningsOf(request, speed),
      refusals: [
        ...(format === null ? [`ElevenLabs makes mp3, opus and pcm, and no ${request.format}.`] : []),
        // It becomes a part of the address.
        ...(/^\.+$/.test(request.voice) ? ['`voice` is the id of none of ElevenLabs’ voices.'] : []),
      ],
    }
  },
  readAnswer: bytesAnswer,
  streamsBytes: true,
}

function warningsOf(request: SpeechRequest, speed: number): readonly string[] {
  return [
    ...(request.instructions === null ? [] : ['`instructions` are left out: the voice says how it sounds.']),
    ...(speed === request.speed ? [] : [`\`speed\` is ${speed}: ElevenLabs takes ${SLOWEST} to ${FASTEST}.`]),
  ]
}
