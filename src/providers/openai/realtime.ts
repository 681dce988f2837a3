// OpenAI's realtime sessions: their address, and what the server's events say of the answers.
import { objectOf, parseObject, stringOf } from '../../core/json-read.ts'
import type { JsonObject } from '../../core/json.ts'
import { NO_USAGE } from '../../core/usage.ts'
import type { Usage } from '../../core/usage.ts'
import { SILENT_LIVE } from '../realtime-wire.ts'
import type { LiveFacts, RealtimeWire } from '../realtime-wire.ts'
import { openaiPath } from './request.ts'
import { usageOfTranscription } from './transcription.ts'

function count(object: JsonObject | null, name: string): number {
  const value = object?.[name]
  return typeof value === 'number' && value > 0 ? Math.round(value) : 0
}

/**
 * Usage of a realtime response: `input_tokens` includes text, sound and pictures, each of which includes what was cached;
 * `output_tokens` includes text and sound.
 */
export function usageOfRealtime(raw: JsonObject): Usage {
  const input = objectOf(raw, 'input_token_details')
  const cached = input === null ? null : objectOf(input, 'cached_tokens_details')
  const output = objectOf(raw, 'output_token_details')
  const total = count(raw, 'input_tokens')
  const cacheRead = Math.min(total, count(input, 'cached_tokens'))
  const audioIn = Math.min(total - cacheRead, Math.max(0, count(input, 'audio_tokens') - count(cached, 'audio_tokens')))
  const imageIn = Math.min(
    total - cacheRead - audioIn,
    Math.max(0, count(input, 'image_tokens') - count(cached, 'image_tokens')),
  )
  const spoken = count(raw, 'output_tokens')
  const audioOut = Math.min(spoken, count(output, 'audio_tokens'))
  return {
    ...NO_USAGE,
    input: total - cacheRead - audioIn - imageIn,
    cacheRead,
    audioIn,
    imageIn,
    output: spoken - audioOut,
    audioOut,
    requests: 1,
  }
}

const BEGUN: LiveFacts = { ...SILENT_LIVE, begins: true }
/** A token of text is some four characters; of sound a twentieth of a second, as 24 kHz PCM in base64. */
const TEXT_FACTS: LiveFacts = { ...SILENT_LIVE, outputCharacters: 4 }
const CHARACTERS_OF_SOUND_PER_TOKEN = 3_200

/** Events that tell what the session is: of the API, and of its beta. */
const SESSIONS: ReadonlySet<string> = new Set([
  'session.created',
  'session.updated',
  'transcription_session.created',
  'transcription_session.updated',
])

/** What a session says of itself that later events need. `transcriber`: the model that writes down what is said; null: none. */
type SessionFacts = { readonly isTranscription: boolean; readonly transcriber: string | null }

const NO_SESSION: SessionFacts = { isTranscription: false, transcriber: null }

function sessionOf(text: string): SessionFacts {
  const event = parseObject(text)
  const session = event === null ? null : objectOf(event, 'session')
  if (event === null || session === null) return NO_SESSION
  const audio = objectOf(objectOf(session, 'audio') ?? {}, 'input') ?? {}
  const transcription = objectOf(audio, 'transcription') ?? objectOf(session, 'input_audio_transcription')
  return {
    isTranscription:
      session['type'] === 'transcription' || stringOf(event, 'type')?.startsWith('transcription_session') === true,
    transcriber: transcription === null ? null : stringOf(transcription, 'model'),
  }
}

/** A piece of what was said is written down: the answer of a session that does nothing else, and beside the answers of others. */
function readTranscript(text: string, { isTranscription, transcriber }: SessionFacts): LiveFacts {
  const event = parseObject(text)
  if (event === null) return SILENT_LIVE
  const raw = objectOf(event, 'usage')
  const usage = usageOfTranscription(event)
  if (!isTranscription) return usage === null ? SILENT_LIVE : { ...SILENT_LIVE, beside: { model: transcriber, usage } }
  return {
    ...SILENT_LIVE,
    outputCharacters: stringOf(event, 'transcript')?.length ?? 0,
    ends: true,
    usage,
    rawUsage: raw === null ? null : JSON.stringify(raw),
    finishReason: 'completed',
  }
}

function createReader(): (text: string) => LiveFacts {
  let session = NO_SESSION
  return (text) => {
    const type = typeOf(text)
    if (SESSIONS.has(type)) session = sessionOf(text)
    if (type === 'conversation.item.input_audio_transcription.completed') return readTranscript(text, session)
    if (type === 'input_audio_buffer.committed' && session.isTranscription) return BEGUN
    return readEvent(type, text)
  }
}

/** Nearly every event is a piece of sound or of text: those are not parsed. The type stands near the start, or at the end. */
function typeOf(text: string): string {
  return /"type"\s*:\s*"([\w.]+)"/.exec(text.length > 400 ? text.slice(0, 300) + text.slice(-100) : text)?.[1] ?? ''
}

function readEvent(type: string, text: string): LiveFacts {
  switch (type) {
    case 'response.created':
      return BEGUN
    case 'response.output_audio.delta':
    case 'response.audio.delta':
      return { ...SILENT_LIVE, outputCharacters: (text.length / CHARACTERS_OF_SOUND_PER_TOKEN) * 4 }
    case 'response.output_text.delta':
    case 'response.text.delta':
    case 'response.function_call_arguments.delta':
      return TEXT_FACTS
    default:
      return text.includes('response.done') ? readDone(text) : SILENT_LIVE
  }
}

function readDone(text: string): LiveFacts {
  const event = parseObject(text)
  if (event === null || event['type'] !== 'response.done') return SILENT_LIVE
  const response = objectOf(event, 'response')
  const usage = response === null ? null : objectOf(response, 'usage')
  return {
    ...SILENT_LIVE,
    ends: true,
    usage: usage === null ? null : usageOfRealtime(usage),
    rawUsage: usage === null ? null : JSON.stringify(usage),
    finishReason: response === null ? null : stringOf(response, 'status'),
  }
}

export const openaiRealtime: RealtimeWire = {
  url(deployment, query) {
    const path = openaiPath('realtime', deployment)
    if (path === null) return null
    const own = deployment.provider.quirks.query
    // A session that only transcribes names its model in its configuration, and is refused with one in its address.
    const isTranscription = new URLSearchParams(query).get('intent') === 'transcription'
    const model = isTranscription ? undefined : `model=${encodeURIComponent(deployment.model)}`
    const parts = [model, own, query === '' ? undefined : query]
    return `${deployment.provider.baseUrl}${path}?${parts.filter((part) => part !== undefined).join('&')}`
  },
  reader: createReader,
}
