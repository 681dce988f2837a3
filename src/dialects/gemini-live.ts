// Gemini's live sessions, as clients speak them: the first message sets the session up and names the model.
import { GatewayError } from '../core/error.ts'
import { objectOf, parseObject, stringOf } from '../core/json-read.ts'
import { bareModel } from './gemini.ts'
import { geminiErrorBody } from './gemini-errors.ts'
import { requireModel } from './read-fields.ts'
import { NO_OPTIONS } from './read-options.ts'
import type { RealtimeDialect } from './realtime.ts'

export const geminiLive: RealtimeDialect = {
  id: 'gemini-live',
  operation: 'realtime',
  ownFields: [],
  readFacts: (body) => ({
    model: requireModel(body),
    stream: true,
    wantsStreamUsage: true,
    maxOutputTokens: null,
    endUser: null,
    options: NO_OPTIONS,
  }),
  modelOf: () => null,
  modelIn(first) {
    const message = parseObject(first)
    const setup = message === null ? null : objectOf(message, 'setup')
    const model = setup === null ? null : stringOf(setup, 'model')
    if (model === null || model === '')
      throw new GatewayError('request_malformed', {
        message: 'The first message of a session must be a `setup` with a `model`.',
        param: 'setup.model',
      })
    return bareModel(model)
  },
  ownParameters: ['key'],
  rename(text, model) {
    if (!text.includes('"setup"')) return text
    const message = parseObject(text)
    const setup = message === null ? null : objectOf(message, 'setup')
    if (message === null || setup === null) return text
    return JSON.stringify({ ...message, setup: { ...setup, model: `models/${model}` } })
  },
  readProtocols: () => ({ key: null, headers: {}, agreed: {} }),
  // An error is told by the goodbye, as Google's own service does.
  errorMessage: () => null,
  errorBody: geminiErrorBody,
  errorEvents: (error, requestId) => `data: ${JSON.stringify(geminiErrorBody(error, requestId))}\n\n`,
}
