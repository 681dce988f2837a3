// POST …/audio/speech: sound that lasts as long as the text would take to say. MP3 is silence, WAV and PCM are a quiet tone.
import { wavOf } from '../../core/speech.ts'
import { type JsonObject, missing, readEnum, readModel, readString } from './check.ts'
import { randomOf } from './random.ts'
import { countTokens } from './tokens.ts'
import type { Reading } from './work.ts'
import { invalid } from './wire-error.ts'

const CHARACTERS_PER_SECOND = 15
const TOKENS_PER_SECOND = 20
const MAX_CHARACTERS = 4_096
const SAMPLES_PER_SECOND = 24_000
const FORMATS = ['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm'] as const
const TYPES = { mp3: 'audio/mpeg', wav: 'audio/wav', pcm: 'audio/pcm' } as const
type Format = keyof typeof TYPES

export function readSpeech(body: JsonObject): Reading {
  const model = readModel(body)
  const input = readString(body, 'input')
  if (input === null) throw missing('input')
  if (input.length === 0 || input.length > MAX_CHARACTERS)
    throw invalid('input', 'string_too_long', `Invalid 'input': expected 1 to ${MAX_CHARACTERS} characters.`)
  if ((body['voice'] ?? null) === null) throw missing('voice')
  const format = readEnum(body, 'response_format', FORMATS) ?? 'mp3'
  if (!(format in TYPES))
    throw invalid('response_format', 'invalid_value', `The simulator has no '${format}': it has mp3, wav and pcm.`)
  const isSse = readEnum(body, 'stream_format', ['audio', 'sse']) === 'sse'
  const promptTokens = countTokens(input)
  return {
    model,
    stream: isSse,
    promptTokens,
    question: input,
    answer: (_heading, _model, _script, seeds) => {
      const pieces = soundOf(input, format as Format, seeds)
      const seconds = secondsOf(input)
      const tokens = Math.ceil(seconds * TOKENS_PER_SECOND)
      if (!isSse)
        return {
          stream: false,
          body: '',
          events: null,
          bytes: { contentType: TYPES[format as Format], pieces },
          tokens,
        }
      const usage = { input_tokens: promptTokens, output_tokens: tokens, total_tokens: promptTokens + tokens }
      const steps = pieces.map((piece) => [
        event({ type: 'speech.audio.delta', audio: Buffer.from(piece).toString('base64') }),
      ])
      return {
        stream: true,
        body: '',
        events: { opening: [], steps, closing: [event({ type: 'speech.audio.done', usage })] },
        tokens,
      }
    },
  }
}

function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`
}

function secondsOf(text: string): number {
  return Math.max(0.2, text.length / CHARACTERS_PER_SECOND)
}

/** The sound in pieces of half a second. */
function soundOf(text: string, format: Format, seeds: readonly (string | number)[]): readonly Uint8Array[] {
  const seconds = secondsOf(text)
  if (format === 'mp3') return cut(silence(seconds), MP3_FRAME_BYTES * 14)
  const samples = tone(seconds, randomOf(...seeds, 'tone')() * 220 + 220)
  return cut(format === 'pcm' ? samples : wavOf(samples, SAMPLES_PER_SECOND), SAMPLES_PER_SECOND)
}

function cut(bytes: Uint8Array, size: number): readonly Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let from = 0; from < bytes.length; from += size) pieces.push(bytes.subarray(from, from + size))
  return pieces
}

// MPEG-1 layer III, 32 kbit/s, 32 kHz, one channel, no checksum: a frame lasts 36 ms, and zeros after its head are silence.
const MP3_FRAME_HEAD = Buffer.from([0xff, 0xfb, 0x18, 0xc0])
const MP3_FRAME_BYTES = 144
const MP3_FRAME_SECONDS = 0.036

function silence(seconds: number): Uint8Array {
  const frames = Math.ceil(seconds / MP3_FRAME_SECONDS)
  const bytes = Buffer.alloc(frames * MP3_FRAME_BYTES)
  for (let frame = 0; frame < frames; frame++) MP3_FRAME_HEAD.copy(bytes, frame * MP3_FRAME_BYTES)
  return bytes
}

/** 16-bit samples, little-endian, one channel. */
function tone(seconds: number, hertz: number): Uint8Array {
  const samples = new Int16Array(Math.ceil(seconds * SAMPLES_PER_SECOND))
  const step = (2 * Math.PI * hertz) / SAMPLES_PER_SECOND
  for (let index = 0; index < samples.length; index++) samples[index] = Math.sin(index * step) * 2_000
  return new Uint8Array(samples.buffer)
}
