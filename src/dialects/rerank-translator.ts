// Rerank in the translated lane, in the form of Jina's clients and Cohere's of old, and in that of Cohere's of today.
import type { Call } from '../core/call.ts'
import { GatewayError } from '../core/error.ts'
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import type { RerankAnswer } from '../core/rerank.ts'
import { inputTokens } from '../core/usage.ts'
import type { OperationTranslator, ReadOperation } from './operation-translator.ts'
import { optionalBoolean, optionalCount, requireArray, requireString } from './read-fields.ts'
import type { AnswerContext } from './translator.ts'

export const rerankV1Translator: OperationTranslator<'rerank'> = {
  operation: 'rerank',
  readRequest,
  writeAnswer: (answer, { body }, context) =>
    written(answer, context, optionalBoolean(body, 'return_documents') ? body : null),
}

export const rerankV2Translator: OperationTranslator<'rerank'> = {
  operation: 'rerank',
  readRequest,
  writeAnswer: (answer, _, context) => written(answer, context, null),
}

function readRequest({ body }: Call): ReadOperation<'rerank'> {
  const chunks = optionalCount(body, 'max_chunks_per_doc')
  return {
    request: {
      query: requireString(body, 'query'),
      documents: requireArray(body, 'documents').map((document, index) => textOf(document, `documents[${index}]`)),
      limit: optionalCount(body, 'top_n'),
      maxDocumentTokens: optionalCount(body, 'max_tokens_per_doc'),
    },
    warnings: [
      ...(chunks === null ? [] : ['`max_chunks_per_doc` is left out.']),
      ...(Array.isArray(body['rank_fields']) ? ['`rank_fields` are left out: the text of each document counts.'] : []),
    ],
  }
}

function textOf(document: unknown, path: string): string {
  if (typeof document === 'string') return document
  if (isObject(document) && typeof document['text'] === 'string') return document['text']
  throw new GatewayError('request_malformed', {
    message: `\`${path}\` must be a text, or an object with a \`text\`.`,
    param: path,
  })
}

function written(answer: RerankAnswer, context: AnswerContext, told: JsonObject | null): JsonObject {
  const documents = told?.['documents'] as readonly unknown[] | undefined
  const { usage } = answer
  const tokens = usage === null ? 0 : inputTokens(usage)
  return {
    id: answer.id ?? context.id,
    model: answer.model ?? context.model,
    results: answer.ranks.map(({ index, score }) => ({
      index,
      relevance_score: score,
      ...(documents === undefined ? {} : { document: { text: textOf(documents[index], `documents[${index}]`) } }),
    })),
    ...(tokens > 0 ? { usage: { total_tokens: tokens } } : {}),
    meta: {
      api_version: { version: '2' },
      billed_units: usage === null || usage.searches === 0 ? {} : { search_units: usage.searches },
    },
  }
}
