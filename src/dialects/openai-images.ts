// OpenAI's images, as clients speak them: made from words, edited, varied.
import type { CallFacts } from '../core/call.ts'
import { GatewayError } from '../core/error.ts'
import type { JsonObject } from '../core/json.ts'
import type { Dialect } from './dialect.ts'
import { openaiErrorBody, openaiErrorEvents } from './openai-errors.ts'
import { imagesTranslator } from './openai-images-translator.ts'
import {
  optionalString,
  optionalWrittenBoolean,
  optionalWrittenCount,
  requireFile,
  requireModel,
  requirePresent,
  requireString,
  ROUTING_FIELDS,
} from './read-fields.ts'
import { readOptions } from './read-options.ts'

/** What OpenAI takes where a request names no model. */
const DEFAULT_MODEL = 'dall-e-2'
/** Tokens of one large picture of the best quality. */
const TOKENS_PER_IMAGE = 6_300
const MAX_IMAGES = 100

const BASE = {
  operation: 'images',
  ownFields: ['weir', ...ROUTING_FIELDS],
  errorBody: openaiErrorBody,
  errorEvents: openaiErrorEvents,
} as const

export const openaiImageGenerations: Dialect = {
  ...BASE,
  id: 'openai-image-generations',
  operationTranslator: imagesTranslator('generate'),
  readFacts(body) {
    requireString(body, 'prompt')
    return factsOf(body)
  },
}

export const openaiImageEdits: Dialect = {
  ...BASE,
  id: 'openai-image-edits',
  operationTranslator: imagesTranslator('edit'),
  takesForms: true,
  readFacts(body) {
    requireString(body, 'prompt')
    // As JSON, the pictures are named by their addresses.
    if (body['images'] === undefined) requireFile(body, 'image')
    return factsOf(body)
  },
}

export const openaiImageVariations: Dialect = {
  ...BASE,
  id: 'openai-image-variations',
  operationTranslator: imagesTranslator('vary'),
  takesForms: true,
  readFacts(body) {
    requirePresent(body, 'image')
    requireFile(body, 'image')
    return factsOf(body)
  },
}

function factsOf(body: JsonObject): CallFacts {
  const images = optionalWrittenCount(body, 'n') ?? 1
  if (images === 0 || images > MAX_IMAGES)
    throw new GatewayError('request_malformed', { message: `\`n\` must be from 1 to ${MAX_IMAGES}.`, param: 'n' })
  return {
    model: requireModel((body['model'] ?? null) === null ? { model: DEFAULT_MODEL } : body),
    stream: optionalWrittenBoolean(body, 'stream'),
    wantsStreamUsage: true,
    maxOutputTokens: 0,
    endUser: optionalString(body, 'user'),
    options: readOptions(body),
    expected: { images, imageOut: images * TOKENS_PER_IMAGE },
  }
}
