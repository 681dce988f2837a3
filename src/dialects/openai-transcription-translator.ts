// OpenAI's speech to text in the translated lane: as JSON, as text or subtitles, or as events.
import type { Call } from '../core/call.ts'
import { GatewayError } from '../core/error.ts'
import { filesOf } from '../core/form.ts'
import type { BytesBody } from '../core/form.ts'
import type { JsonObject } from '../core/json.ts'
import { segmentsOf } from '../core/transcription.ts'
import type { TranscriptionAnswer, TranscriptionRequest } from '../core/transcription.ts'
import type { OperationTranslator, ReadOperation } from './operation-translator.ts'
import { optionalString, optionalWrittenBoolean } from './read-fields.ts'

const FORMATS = ['json', 'text', 'srt', 'verbose_json', 'vtt', 'diarized_json'] as const
type Format = (typeof FORMATS)[number]

export function transcriptionTranslator(task: TranscriptionRequest['task']): OperationTranslator<'transcription'> {
  return {
    operation: 'transcription',
    readRequest: (call) => readRequest(call, task),
    writeAnswer: (answer, call) => writeAnswer(answer, call, task),
  }
}

function readRequest({ body, form = [] }: Call, task: TranscriptionRequest['task']): ReadOperation<'transcription'> {
  const [file] = filesOf(form, 'file')
  if (file === undefined) throw malformed('`file` must be a file of a form (multipart/form-data).', 'file')
  const written = body['temperature'] ?? null
  const temperature = written === null ? null : Number(written)
  if (temperature !== null && !(temperature >= 0 && temperature <= 2))
    throw malformed('`temperature` must be from 0 to 2.', 'temperature')
  return {
    request: {
      task,
      sound: file,
      language: optionalString(body, 'language'),
      prompt: optionalString(body, 'prompt'),
      temperature,
      speakers: formatOf(body) === 'diarized_json',
    },
    warnings: ['include', 'chunking_strategy', 'known_speaker_names', 'known_speaker_references'].flatMap((name) =>
      (body[name] ?? null) === null ? [] : [`\`${name}\` is left out.`],
    ),
  }
}

function formatOf(body: JsonObject): Format {
  const word = optionalString(body, 'response_format') ?? 'json'
  const format = FORMATS.find((one) => one === word)
  if (format !== undefined) return format
  throw malformed(`\`response_format\` must be one of ${FORMATS.join(', ')}.`, 'response_format')
}

function malformed(message: string, param: string): GatewayError {
  return new GatewayError('request_malformed', { message, param })
}

function writeAnswer(
  answer: TranscriptionAnswer,
  { body }: Call,
  task: TranscriptionRequest['task'],
): JsonObject | BytesBody {
  if (optionalWrittenBoolean(body, 'stream')) return eventsOf(answer)
  const usage = answer.durationS === null ? {} : { usage: { type: 'duration', seconds: Math.ceil(answer.durationS) } }
  const format = formatOf(body)
  switch (format) {
    case 'json':
      return { text: answer.text, ...usage }
    case 'text':
      return text(`${answer.text}\n`, 'text/plain')
    case 'srt':
      return text(subtitles(answer, ','), 'application/x-subrip')
    case 'vtt':
      return text(`WEBVTT\n\n${subtitles(answer, '.')}`, 'text/vtt')
    case 'verbose_json':
      return { ...verbose(answer, body, task), ...usage }
    case 'diarized_json':
      return {
        task,
        duration: answer.durationS ?? 0,
        text: answer.text,
        segments: segmentsOf(answer).map((segment, index) => ({
          type: 'transcript.text.segment',
          id: `seg_${index}`,
          start: segment.startS,
          end: segment.endS,
          text: segment.text,
          speaker: segment.speaker ?? 'A',
        })),
        ...usage,
      }
  }
}

function text(written: string, type: string): BytesBody {
  return { bytes: new TextEncoder().encode(written), contentType: `${type}; charset=utf-8` }
}

/** What was heard, as one piece: it is not known before the end. */
function eventsOf(answer: TranscriptionAnswer): BytesBody {
  const events = [
    { type: 'transcript.text.delta', delta: answer.text },
    { type: 'transcript.text.done', text: answer.text },
  ]
  return text(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''), 'text/event-stream')
}

function verbose(answer: TranscriptionAnswer, body: JsonObject, task: string): JsonObject {
  const granularities = body['timestamp_granularities']
  const wantsWords = Array.isArray(granularities) && granularities.includes('word')
  return {
    task,
    language: answer.language ?? '',
    duration: answer.durationS ?? 0,
    text: answer.text,
    segments: segmentsOf(answer).map((segment, id) => ({
      id,
      seek: 0,
      start: segment.startS,
      end: segment.endS,
      text: segment.text,
      tokens: [],
      temperature: 0,
      // Measures of Whisper's own, which others do not have: as of what is certain.
      avg_logprob: 0,
      compression_ratio: 1,
      no_speech_prob: 0,
    })),
    ...(wantsWords
      ? { words: answer.words.map(({ word, startS, endS }) => ({ word, start: startS, end: endS })) }
      : {}),
  }
}

function subtitles(answer: TranscriptionAnswer, mark: string): string {
  return segmentsOf(answer)
    .map(
      (segment, index) =>
        `${mark === ',' ? `${index + 1}\n` : ''}${clock(segment.startS, mark)} --> ${clock(segment.endS, mark)}\n${segment.text}\n\n`,
    )
    .join('')
}

/** `00:01:02.500` */
function clock(seconds: number, mark: string): string {
  const ms = Math.round(seconds * 1_000)
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0')
  return `${two(ms / 3_600_000)}:${two((ms % 3_600_000) / 60_000)}:${two((ms % 60_000) / 1_000)}${mark}${String(ms % 1_000).padStart(3, '0')}`
}
