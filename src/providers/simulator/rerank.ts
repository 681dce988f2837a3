// POST …/rerank: documents in the order of the words that they share with the query.
import {
  type JsonObject,
  isObject,
  missing,
  readBoolean,
  readInteger,
  readModel,
  readString,
  wrongType,
} from './check.ts'
import { embed } from './embeddings.ts'
import { countTokens } from './tokens.ts'
import type { Reading } from './work.ts'
import { invalid } from './wire-error.ts'

const DIMENSIONS = 256
const MAX_DOCUMENTS = 1_000
const DOCUMENTS_PER_SEARCH = 100

export function readRerank(body: JsonObject): Reading {
  const model = readModel(body)
  const query = readString(body, 'query')
  if (query === null) throw missing('query')
  const documents = documentsOf(body['documents'] ?? null)
  const limit = readInteger(body, 'top_n', { min: 1, max: MAX_DOCUMENTS }) ?? documents.length
  const isTold = readBoolean(body, 'return_documents') === true
  const promptTokens = [query, ...documents].reduce((sum, text) => sum + countTokens(text), 0)
  return {
    model,
    stream: false,
    promptTokens,
    question: query,
    answer: ({ id }, _model, _script, [seed]) => {
      const sought = embed(query, DIMENSIONS, Number(seed))
      const results = documents
        .map((text, index) => ({
          index,
          relevance_score: likeness(sought, embed(text, DIMENSIONS, Number(seed))),
          ...(isTold ? { document: { text } } : {}),
        }))
        .sort((one, other) => other.relevance_score - one.relevance_score || one.index - other.index)
        .slice(0, limit)
      const searches = Math.ceil(documents.length / DOCUMENTS_PER_SEARCH)
      const meta = { api_version: { version: '2' }, billed_units: { search_units: searches } }
      const body = JSON.stringify({ id, model, results, usage: { total_tokens: promptTokens }, meta })
      return { stream: false, body, events: null, tokens: 0 }
    },
  }
}

function documentsOf(documents: unknown): readonly string[] {
  if (documents === null) throw missing('documents')
  if (!Array.isArray(documents)) throw wrongType('documents', 'an array', documents)
  if (documents.length === 0 || documents.length > MAX_DOCUMENTS)
    throw invalid('documents', 'invalid_value', `Invalid 'documents': expected 1 to ${MAX_DOCUMENTS} of them.`)
  return documents.map((document: unknown, index) => {
    if (typeof document === 'string') return document
    if (isObject(document) && typeof document['text'] === 'string') return document['text']
    throw wrongType(`documents[${index}]`, 'a string', document)
  })
}

/** 0 to 1, rounded so that every machine writes the same digits. */
function likeness(one: Float32Array, other: Float32Array): number {
  let sum = 0
  for (let index = 0; index < one.length; index++) sum += (one[index] ?? 0) * (other[index] ?? 0)
  return Math.round(Math.min(1, Math.max(0, sum)) * 1e6) / 1e6
}
