// Deepgram's text to speech: a model is a voice. https://developers.deepgram.com/reference/text-to-speech-api
import type { SoundFormat } from '../../core/speech.ts'
import { bytesAnswer } from '../operation-wire.ts'
import type { OperationWire } from '../operation-wire.ts'

const ENCODINGS: { readonly [format in SoundFormat]: string } = {
  mp3: 'encoding=mp3',
  opus: 'encoding=opus&container=ogg',
  aac: 'encoding=aac',
  flac: 'encoding=flac&sample_rate=48000',
  wav: 'encoding=linear16&container=wav&sample_rate=24000',
  pcm: 'encoding=linear16&container=none&sample_rate=24000',
}

export const deepgramSpeechWire: OperationWire<'speech'> = {
  writeRequest: (request, { provider, model }) => ({
    url: `${provider.baseUrl}/speak?model=${encodeURIComponent(model)}&${ENCODINGS[request.format]}`,
    body: { text: request.text },
    headers: { accept: '*/*' },
    warnings: [
      ...(model.includes(request.voice) ? [] : [`\`voice\` is left out: ${model} is a voice of its own.`]),
      ...(request.speed === 1 ? [] : ['`speed` is left out.']),
      ...(request.instructions === null ? [] : ['`instructions` are left out.']),
    ],
    refusals: [],
  }),
  readAnswer: bytesAnswer,
  streamsBytes: true,
}
