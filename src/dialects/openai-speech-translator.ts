// OpenAI's text to speech in the translated lane.
import type { Call } from '../core/call.ts'
import { GatewayError } from '../core/error.ts'
import type { BytesBody } from '../core/form.ts'
import { isObject } from '../core/json.ts'
import { SOUND_FORMATS } from '../core/speech.ts'
import type { SpeechAnswer } from '../core/speech.ts'
import { inputTokens, outputTokens } from '../core/usage.ts'
import type { Usage } from '../core/usage.ts'
import type { OperationTranslator, PieceWriter, ReadOperation } from './operation-translator.ts'
import { optionalString, requireString } from './read-fields.ts'

const SLOWEST = 0.25
const FASTEST = 4
const EVENTS = 'text/event-stream; charset=utf-8'

export const openaiSpeechTranslator: OperationTranslator<'speech'> = {
  operation: 'speech',
  readRequest,
  writeAnswer,
  pieces: ({ body }) => (body['stream_format'] === 'sse' ? EVENT_PIECES : PLAIN_PIECES),
}

function readRequest({ body }: Call): ReadOperation<'speech'> {
  const word = optionalString(body, 'response_format') ?? 'mp3'
  const format = SOUND_FORMATS.find((one) => one === word)
  if (format === undefined)
    throw malformed(`\`response_format\` must be one of ${SOUND_FORMATS.join(', ')}.`, 'response_format')
  const speed = body['speed'] ?? 1
  if (typeof speed !== 'number' || !(speed >= SLOWEST && speed <= FASTEST))
    throw malformed(`\`speed\` must be from ${SLOWEST} to ${FASTEST}.`, 'speed')
  const { voice } = body
  return {
    request: {
      text: requireString(body, 'input'),
      // One that was made from a recording is named by its id.
      voice: isObject(voice) ? requireString(voice, 'id') : requireString(body, 'voice'),
      format,
      speed,
      instructions: optionalString(body, 'instructions'),
    },
    warnings: [],
  }
}

function malformed(message: string, param: string): GatewayError {
  return new GatewayError('request_malformed', { message, param })
}

function writeAnswer({ sound, mediaType, usage }: SpeechAnswer, { body }: Call): BytesBody {
  if (body['stream_format'] !== 'sse') return { bytes: sound, contentType: mediaType }
  return { bytes: Buffer.concat([EVENT_PIECES.write(sound), EVENT_PIECES.end(usage)]), contentType: EVENTS }
}

const NOTHING = new Uint8Array(0)

const PLAIN_PIECES: PieceWriter = { contentType: null, write: (bytes) => bytes, end: () => NOTHING }

const EVENT_PIECES: PieceWriter = {
  contentType: EVENTS,
  write: (bytes) => event({ type: 'speech.audio.delta', audio: Buffer.from(bytes).toString('base64') }),
  end: (usage) => event({ type: 'speech.audio.done', usage: usageOf(usage) }),
}

function event(data: object): Uint8Array {
  return new TextEncoder().encode(`data: ${JSON.stringify(data)}\n\n`)
}

/** Providers that bill by the character count no tokens. */
function usageOf(usage: Usage | null): object {
  const input = usage === null ? 0 : inputTokens(usage)
  const output = usage === null ? 0 : outputTokens(usage)
  return { input_tokens: input, output_tokens: output, total_tokens: input + output }
}
