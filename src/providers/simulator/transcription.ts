// POST …/audio/transcriptions and …/translations: words as many as fit into the length of the sound, the same for the same file.
import { type JsonObject, readBoolean, readEnum, readModel } from './check.ts'
import { requiredFile, type SimulatedFile, type SimulatedForm } from './form.ts'
import { prose } from './prose.ts'
import { randomOf } from './random.ts'
import { countTokens, tokensOf } from './tokens.ts'
import type { Reading } from './work.ts'

const WORDS_PER_SECOND = 2.5
const MAX_SECONDS = 600
const BYTES_PER_SECOND = 16_000
const SECONDS_PER_SEGMENT = 5
const AUDIO_TOKENS_PER_SECOND = 10
const FORMATS = ['json', 'text', 'srt', 'verbose_json', 'vtt', 'diarized_json'] as const

type Word = { readonly word: string; readonly start: number; readonly end: number }

export function readTranscription(body: JsonObject, form: SimulatedForm): Reading {
  const model = readModel(body)
  const file = requiredFile(form.files, 'file')
  const format = readEnum(body, 'response_format', FORMATS) ?? 'json'
  const stream = readBoolean(body, 'stream') === true
  const seconds = secondsOf(file)
  return {
    model,
    stream,
    promptTokens: 0,
    question: typeof body['prompt'] === 'string' ? body['prompt'] : '',
    answer: (_heading, _model, script, seeds) => {
      const words = wordsOf(script.output, seconds, seeds)
      const text = words.map(({ word }) => word).join(' ')
      const tokens = countTokens(text)
      if (stream) return { stream, body: '', events: eventsOf(text, seconds), tokens }
      const contentType =
        format === 'text' || format === 'srt' || format === 'vtt' ? 'text/plain; charset=utf-8' : undefined
      return {
        stream,
        body: bodyOf(format, text, words, seconds),
        events: null,
        tokens,
        ...(contentType === undefined ? {} : { contentType }),
      }
    },
  }
}

/** By the head of a WAV file, else by the usual rate of compressed sound. */
function secondsOf({ bytes }: SimulatedFile): number {
  const isWav = bytes.length > 44 && Buffer.from(bytes.subarray(0, 4)).toString('latin1') === 'RIFF'
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const rate = isWav ? view.getUint32(28, true) : BYTES_PER_SECOND
  return Math.min(MAX_SECONDS, Math.max(1, Math.round((bytes.length / Math.max(1, rate)) * 100) / 100))
}

function wordsOf(output: string | null, seconds: number, seeds: readonly (string | number)[]): readonly Word[] {
  const count = Math.max(1, Math.floor(seconds * WORDS_PER_SECOND))
  const spoken = (output ?? prose(randomOf(...seeds, 'words'), '', count * 4, false))
    .split(/\s+/)
    .filter((word) => word !== '')
  const words = output === null ? spoken.slice(0, count) : spoken
  const each = seconds / words.length
  return words.map((word, index) => ({ word, start: round(index * each), end: round((index + 1) * each) }))
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100
}

function eventsOf(text: string, seconds: number) {
  const event = (data: object): string => `data: ${JSON.stringify(data)}\n\n`
  const audio = Math.ceil(seconds * AUDIO_TOKENS_PER_SECOND)
  const output = countTokens(text)
  const usage = {
    type: 'tokens',
    input_tokens: audio,
    input_token_details: { audio_tokens: audio, text_tokens: 0 },
    output_tokens: output,
    total_tokens: audio + output,
  }
  return {
    opening: [],
    steps: tokensOf(text).map((delta) => [event({ type: 'transcript.text.delta', delta })]),
    closing: [event({ type: 'transcript.text.done', text, usage })],
  }
}

function segmentsOf(words: readonly Word[]) {
  const size = Math.max(1, Math.floor(SECONDS_PER_SEGMENT * WORDS_PER_SECOND))
  const segments: { start: number; end: number; text: string }[] = []
  for (let from = 0; from < words.length; from += size) {
    const part = words.slice(from, from + size)
    segments.push({
      start: part[0]?.start ?? 0,
      end: part.at(-1)?.end ?? 0,
      text: part.map(({ word }) => word).join(' '),
    })
  }
  return segments
}

function bodyOf(format: (typeof FORMATS)[number], text: string, words: readonly Word[], seconds: number): string {
  const usage = { type: 'duration', seconds: Math.ceil(seconds) }
  switch (format) {
    case 'json':
      return JSON.stringify({ text, usage })
    case 'text':
      return `${text}\n`
    case 'srt':
      return segmentsOf(words)
        .map((one, index) => `${index + 1}\n${clock(one.start, ',')} --> ${clock(one.end, ',')}\n${one.text}\n\n`)
        .join('')
    case 'vtt':
      return `WEBVTT\n\n${segmentsOf(words)
        .map((one) => `${clock(one.start, '.')} --> ${clock(one.end, '.')}\n${one.text}\n\n`)
        .join('')}`
    case 'verbose_json':
      return JSON.stringify({
        task: 'transcribe',
        language: 'english',
        duration: seconds,
        text,
        segments: segmentsOf(words).map((one, id) => ({
          id,
          seek: 0,
          ...one,
          tokens: [],
          temperature: 0,
          avg_logprob: -0.2,
          compression_ratio: 1,
          no_speech_prob: 0.01,
        })),
        words,
        usage,
      })
    case 'diarized_json':
      return JSON.stringify({
        task: 'transcribe',
        duration: seconds,
        text,
        segments: segmentsOf(words).map((one, index) => ({
          type: 'transcript.text.segment',
          id: `seg_${index}`,
          speaker: 'A',
          ...one,
        })),
        usage,
      })
  }
}

function clock(seconds: number, mark: string): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0')
  const ms = String(Math.round((seconds % 1) * 1_000)).padStart(3, '0')
  return `${two(seconds / 3_600)}:${two((seconds % 3_600) / 60)}:${two(seconds % 60)}${mark}${ms}`
}
