// Gemini's generateContent and its relatives, as clients speak them.
//
// The model and the method stand in the path, not in the body: `readFacts` is given what `readGeminiPath` read there.
// Where it is not, `model` and `stream` of the body count.
import type { CallFacts } from '../core/call.ts'
import { GatewayError } from '../core/error.ts'
import { camelKeys } from '../core/formats/gemini-parts.ts'
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import { listOf, objectOf, stringOf } from '../core/json-read.ts'
import type { Dialect } from './dialect.ts'
import { geminiEmbeddingsTranslator } from './gemini-embeddings-translator.ts'
import { geminiArrayErrorEvents, geminiErrorBody, geminiErrorEvents } from './gemini-errors.ts'
import { geminiArrayTranslator, geminiTranslator } from './gemini-translator.ts'
import {
  optionalBoolean,
  optionalCount,
  optionalObject,
  requireModel,
  requirePresent,
  ROUTING_FIELDS,
} from './read-fields.ts'
import { readOptions } from './read-options.ts'

const METHODS = [
  'generateContent',
  'streamGenerateContent',
  'countTokens',
  'embedContent',
  'batchEmbedContents',
] as const
export type GeminiMethod = (typeof METHODS)[number]

/** What the path of a call says. */
export type GeminiAddress = { readonly model: string; readonly method: GeminiMethod }

export interface GeminiDialect extends Dialect {
  readFacts(body: JsonObject, address?: GeminiAddress): CallFacts
}

/**
 * The model and the method of a path such as `/v1beta/models/gemini-2.5-flash:generateContent`, or Vertex's with its
 * project; null when it is none. The model may hold slashes and colons, percent-encoded or not.
 */
export function readGeminiPath(path: string): GeminiAddress | null {
  const colon = path.lastIndexOf(':')
  const method = METHODS.find((one) => one === path.slice(colon + 1))
  const match = /\/models\/(.+)$/.exec(path.slice(0, Math.max(0, colon)))
  if (method === undefined || match?.[1] === undefined) return null
  try {
    return { model: decodeURIComponent(match[1]), method }
  } catch {
    return null
  }
}

/** The dialect of a method. A stream without `alt=sse` is one JSON array. */
export function geminiDialect(method: GeminiMethod, isSse: boolean): GeminiDialect {
  switch (method) {
    case 'generateContent':
      return gemini
    case 'streamGenerateContent':
      return isSse ? gemini : geminiArray
    case 'countTokens':
      return geminiCountTokens
    case 'embedContent':
    case 'batchEmbedContents':
      return geminiEmbeddings
  }
}

/** SDKs write the model with its kind. */
export function bareModel(name: string): string {
  return name.replace(/^models\//, '')
}

function factsOf(given: JsonObject, address: GeminiAddress | undefined): CallFacts {
  const body = camelKeys(given)
  const model = address?.model ?? stringOf(body, 'model')
  const config = camelKeys(optionalObject(body, 'generationConfig') ?? {})
  const perChoice = optionalCount(config, 'maxOutputTokens')
  const choices = Math.max(1, optionalCount(config, 'candidateCount') ?? 1)
  return {
    model: requireModel(model === null ? {} : { model: bareModel(model) }),
    stream: address === undefined ? optionalBoolean(body, 'stream') : address.method === 'streamGenerateContent',
    // Its streams always tell their usage.
    wantsStreamUsage: true,
    maxOutputTokens: perChoice === null ? null : perChoice * choices,
    endUser: null,
    options: readOptions(given),
  }
}

const BASE = {
  ownFields: ['weir', ...ROUTING_FIELDS],
  errorBody: geminiErrorBody,
  errorEvents: geminiErrorEvents,
} as const

export const gemini: GeminiDialect = {
  ...BASE,
  id: 'gemini',
  operation: 'chat',
  translator: geminiTranslator,
  readFacts(body, address) {
    requireContents(body)
    return factsOf(body, address)
  },
}

/** No provider speaks it natively here, so that it is always written by the translator. */
export const geminiArray: GeminiDialect = {
  ...gemini,
  id: 'gemini-array',
  translator: geminiArrayTranslator,
  errorEvents: geminiArrayErrorEvents,
}

export const geminiCountTokens: GeminiDialect = {
  ...BASE,
  id: 'gemini-count-tokens',
  operation: 'count_tokens',
  readFacts(body, address) {
    requireContents(countedRequest(body))
    return { ...factsOf(body, address), stream: false, maxOutputTokens: 0 }
  },
  tokenCount: {
    countable: (body) => countable(countedRequest(body)),
    answer: (tokens) => ({ totalTokens: tokens, promptTokensDetails: [{ modality: 'TEXT', tokenCount: tokens }] }),
  },
}

export const geminiEmbeddings: GeminiDialect = {
  ...BASE,
  id: 'gemini-embeddings',
  operation: 'embeddings',
  operationTranslator: geminiEmbeddingsTranslator,
  readFacts(body, address) {
    if (!Array.isArray(body['requests'])) requirePresent(body, 'content')
    else if (body['requests'].length === 0)
      throw new GatewayError('request_malformed', { message: '`requests` is empty.', param: 'requests' })
    return { ...factsOf(body, address), stream: false, maxOutputTokens: 0 }
  },
}

/** The contents, however a client writes them. */
function requireContents(body: JsonObject): void {
  const contents = requirePresent(body, 'contents')
  if (typeof contents === 'string' || isObject(contents)) return
  if (!Array.isArray(contents) || contents.length === 0)
    throw new GatewayError('request_malformed', {
      message: Array.isArray(contents) ? '`contents` is empty.' : '`contents` must be an array.',
      param: 'contents',
    })
}

/** The question may be asked with a whole request inside. */
function countedRequest(given: JsonObject): JsonObject {
  const body = camelKeys(given)
  return objectOf(body, 'generateContentRequest') ?? body
}

/** The words that a model reads: base64 is no text, and names of fields are none of it. */
function countable(request: JsonObject): { text: string; media: number } {
  const found = { text: [] as string[], media: 0 }
  const body = camelKeys(request)
  collect(body['systemInstruction'], found)
  collect(body['contents'], found)
  for (const tool of listOf(body, 'tools')) found.text.push(JSON.stringify(tool))
  return { text: found.text.join('\n'), media: found.media }
}

function collect(value: unknown, found: { readonly text: string[]; media: number }): void {
  if (typeof value === 'string') found.text.push(value)
  else if (Array.isArray(value)) for (const one of value as readonly unknown[]) collect(one, found)
  else if (isObject(value)) {
    const {
      role: _role,
      thoughtSignature: _proof,
      inlineData,
      fileData,
      functionCall,
      functionResponse,
      ...rest
    } = camelKeys(value)
    if (inlineData !== undefined || fileData !== undefined) found.media++
    for (const json of [functionCall, functionResponse]) if (json !== undefined) found.text.push(JSON.stringify(json))
    for (const member of Object.values(rest)) collect(member, found)
  }
}
