// OpenAI's realtime sessions, as clients speak them.
import { objectOf, parseObject, stringOf } from '../core/json-read.ts'
import { GatewayError } from '../core/error.ts'
import { openaiErrorBody, openaiErrorEvents } from './openai-errors.ts'
import { requireModel } from './read-fields.ts'
import { NO_OPTIONS } from './read-options.ts'
import type { RealtimeDialect } from './realtime.ts'

const KEY = 'openai-insecure-api-key.'

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
    if (model === null || model === '')
      throw new GatewayError('request_malformed', { message: 'The address must name a `model`.', param: 'model' })
    return model
  },
  modelIn() {
    throw new GatewayError('request_malformed', { message: 'The address must name a `model`.', param: 'model' })
  },
  ownParameters: ['model', 'key'],
  /** A session may name its model once more when it is set up. */
  rename(text, model) {
    if (!text.includes('session.update')) return text
    const event = parseObject(text)
    const session = event?.['type'] === 'session.update' ? objectOf(event, 'session') : null
    if (session === null || stringOf(session, 'model') === null) return text
    return JSON.stringify({ ...event, session: { ...session, model } })
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
