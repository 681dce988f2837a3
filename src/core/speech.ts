// The normal form of text to speech.
import type { JsonObject } from './json.ts'
import type { Usage } from './usage.ts'

export const SOUND_FORMATS = ['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm'] as const
/** `pcm`: samples of 16 bits, little-endian, 24 000 a second, one channel, without a head. */
export type SoundFormat = (typeof SOUND_FORMATS)[number]

export type SpeechRequest = {
  readonly text: string
  /** In the provider's words. */
  readonly voice: string
  readonly format: SoundFormat
  /** 1: as the voice speaks by itself. */
  readonly speed: number
  /** How it shall sound, in words. */
  readonly instructions: string | null
}

export type SpeechAnswer = {
  readonly sound: Uint8Array
  readonly mediaType: string
  readonly usage: Usage | null
  /** The provider's own usage object. */
  readonly rawUsage: JsonObject | null
}

/** Samples of 16 bits in one channel as a WAV file. */
export function wavOf(samples: Uint8Array, samplesPerSecond: number): Uint8Array {
  const file = new Uint8Array(44 + samples.length)
  const view = new DataView(file.buffer)
  const words = (at: number, text: string): void => {
    for (let index = 0; index < text.length; index++) file[at + index] = text.charCodeAt(index)
  }
  words(0, 'RIFF')
  view.setUint32(4, 36 + samples.length, true)
  words(8, 'WAVEfmt ')
  view.setUint32(16, 16, true)
  view.setUint16(20, 1, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, samplesPerSecond, true)
  view.setUint32(28, samplesPerSecond * 2, true)
  view.setUint16(32, 2, true)
  view.setUint16(34, 16, true)
  words(36, 'data')
  view.setUint32(40, samples.length, true)
  file.set(samples, 44)
  return file
}
