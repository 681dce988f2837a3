// Rerank, as clients of Cohere and Jina speak it: documents in the order of what they say to a query.
import { GatewayError } from '../core/error.ts'
import type { JsonObject } from '../core/json.ts'
import type { CallFacts } from '../core/call.ts'
import type { Dialect } from './dialect.ts'
import { rerankV1Translator, rerankV2Translator } from './rerank-translator.ts'
import { openaiErrorBody, openaiErrorEvents } from './openai-errors.ts'
import {
  optionalCount,
  optionalString,
  requireArray,
  requireModel,
  requirePresent,
  ROUTING_FIELDS,
} from './read-fields.ts'
import { readOptions } from './read-options.ts'

/** What Cohere bills as one search: a query with up to this many documents. */
const DOCUMENTS_PER_SEARCH = 100

const BASE = {
  operation: 'rerank',
  ownFields: ['weir', ...ROUTING_FIELDS],
  // Cohere's SDKs look for a `message`, others for OpenAI's `error`.
  errorBody: (error: GatewayError, requestId: string): JsonObject => ({
    message: error.message,
    ...openaiErrorBody(error, requestId),
  }),
  errorEvents: openaiErrorEvents,
  readFacts(body: JsonObject): CallFacts {
    requirePresent(body, 'query')
    const documents = requireArray(body, 'documents')
    if (optionalCount(body, 'top_n') === 0)
      throw new GatewayError('request_malformed', { message: '`top_n` must be at least 1.', param: 'top_n' })
    return {
      model: requireModel(body),
      stream: false,
      wantsStreamUsage: false,
      maxOutputTokens: 0,
      endUser: optionalString(body, 'user'),
      options: readOptions(body),
      expected: { searches: Math.ceil(documents.length / DOCUMENTS_PER_SEARCH) },
    }
  },
} as const

/** Jina's, and Cohere's of old: documents may come as objects, and are told again in the answer where that is asked for. */
export const rerankV1: Dialect = { ...BASE, id: 'rerank-v1', operationTranslator: rerankV1Translator }

/** Cohere's of today: documents are texts, and the answer names them by their places. */
export const rerankV2: Dialect = { ...BASE, id: 'rerank-v2', operationTranslator: rerankV2Translator }
