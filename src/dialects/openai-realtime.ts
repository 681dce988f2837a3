// OpenAI's realtime sessions, as clients speak them.
import { objectOf, parseObject, stringOf } from '../core/json-read.ts'
import { GatewayError } from '../core/error.ts'
import type { JsonObject } from '../core/json.ts'
import { openaiErrorBody, openaiErrorEvents } from './openai-errors.ts'
import { requireModel } from './read-fields.ts'
import { NO_OPTIONS } from './read-options.ts'
import type { RealtimeDialect } from './realtime.ts'

const KEY = 'openai-insecure-api-key.'

/** Events that configure a session: of the API, and of its beta for sessions that transcribe. */
const UPDATES: ReadonlySet<unknown> = new Set(['session.update', 'transcription_session.update'])

function sessionOf(event: JsonObject): JsonObject | null {
  return UPDATES.has(event['type']) ? objectOf(event, 'session') : null
}

/** The model that writes down what is said. */
function transcriberOf(session: JsonObject): string | null {
  const { transcription } = placesOf(session)
  return transcription === null ? null : stringOf(transcription, 'model')
}

function placesOf(session: JsonObject) {
  const audio = objectOf(session, 'audio') ?? {}
  const input = objectOf(audio, 'input') ?? {}
  return { audio, input, transcription: objectOf(input, 'transcription') ?? objectOf(session, BETA) }
}

const BETA = 'input_audio_transcription'

function withTranscriber(session: JsonObject, model: string): JsonObject {
  const { audio, input, transcription } = placesOf(session)
  const renamed = { ...transcription, model }
  return objectOf(session, BETA) === null
    ? { ...session, audio: { ...audio, input: { ...input, transcription: renamed } } }
    : { ...session, [BETA]: renamed }
}

export const openaiRealtime: RealtimeDialect = {
  id: 'openai-realtime',
  operation: 'realtime',
  ownFields: [],
  forwardedHeaders: ['openai-beta', 'openai-safety-identifier'],
  readFacts: (body) => ({
    model: requireModel(body),
    stream: true,
    wantsStreamUsage: true,
    maxOutputTokens: null,
    endUser: null,
    options: NO_OPTIONS,
  }),
  modelOf(query) {
    const model = query.get('model')
    if (model !== null && model !== '') return model
    // A session that only transcribes names its model when it is set up.
    if (query.get('intent') === 'transcription') return null
    throw new GatewayError('request_malformed', { message: 'The address must name a `model`.', param: 'model' })
  },
  modelIn(first) {
    const event = parseObject(first)
    const session = event === null ? null : sessionOf(event)
    const model = session === null ? null : transcriberOf(session)
    if (model === null)
      throw new GatewayError('request_malformed', {
        message:
          'The first event of a session that transcribes must be a `session.update` that names its model (`session.audio.input.transcription.model`).',
        param: 'session.audio.input.transcription.model',
      })
    return model
  },
  ownParameters: ['model', 'key'],
  /** A session may name its model once more when it is set up. */
  rename(text, model) {
    if (!text.includes('session.update')) return text // also of a `transcription_session.update`
    const event = parseObject(text)
    const session = event === null ? null : sessionOf(event)
    if (event === null || session === null) return text
    const isTranscription = event['type'] !== 'session.update' || session['type'] === 'transcription'
    if (isTranscription)
      return transcriberOf(session) === null
        ? text
        : JSON.stringify({ ...event, session: withTranscriber(session, model) })
    return stringOf(session, 'model') === null ? text : JSON.stringify({ ...event, session: { ...session, model } })
  },
  readProtocols(offered) {
    const key = offered.find((name) => name.startsWith(KEY))?.slice(KEY.length) ?? null
    const headers = offered.includes('openai-beta.realtime-v1') ? { 'openai-beta': 'realtime=v1' } : {}
    return { key, headers, agreed: offered.includes('realtime') ? { 'sec-websocket-protocol': 'realtime' } : {} }
  },
  errorMessage(error, requestId) {
    const { error: detail } = openaiErrorBody(error, requestId)
    return JSON.stringify({
      type: 'error',
      event_id: `event_${requestId}`,
      error: { ...(detail as object), event_id: null },
    })
  },
  errorBody: openaiErrorBody,
  errorEvents: openaiErrorEvents,
}
