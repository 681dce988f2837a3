// Embeddings by Cohere's API (v2).
// https://docs.cohere.com/reference/embed
import { foreignFields } from '../../core/chat.ts'
import type { Part } from '../../core/chat.ts'
import { ProblemError } from '../../core/chat-answer.ts'
import type { EmbeddingAnswer, EmbeddingInput, EmbeddingRequest, EmbeddingTask } from '../../core/embeddings.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { defined, listOf, objectOf } from '../../core/json-read.ts'
import { usageOfCohere } from './usage.ts'

const FAMILY = 'cohere-chat'

/** What it knows of the purpose of vectors; it must be told one. */
const INPUT_TYPES: { readonly [task in EmbeddingTask]: string } = {
  query: 'search_query',
  question: 'search_query',
  document: 'search_document',
  fact: 'search_document',
  code: 'search_query',
  similarity: 'clustering',
  clustering: 'clustering',
  classification: 'classification',
}

export type WrittenEmbedding = {
  readonly body: JsonObject
  readonly warnings: readonly string[]
  readonly refusals: readonly string[]
}

export function writeCohereEmbedding(request: EmbeddingRequest, model: string): WrittenEmbedding {
  const warnings = foreignFields(request.raw, FAMILY).map((field) => `\`${field}\` is left out.`)
  if (request.title !== undefined) warnings.push('`title` is left out.')
  if (request.user !== undefined) warnings.push('`user` is left out.')
  const refusals: string[] = []
  const texts = request.inputs.flatMap((input) => (input.type === 'text' ? [input.text] : []))
  const isPlain = texts.length === request.inputs.length
  const body = defined<JsonObject>({
    ...request.raw?.[FAMILY],
    model,
    // Without a purpose, documents: what is stored is most of what is embedded.
    input_type: request.raw?.[FAMILY]?.['input_type'] ?? INPUT_TYPES[request.task ?? 'document'],
    embedding_types: ['float'],
    output_dimension: request.dimensions,
    texts: isPlain ? texts : undefined,
    inputs: isPlain ? undefined : request.inputs.map((input) => ({ content: contentOf(input, refusals) })),
  })
  return { body, warnings, refusals }
}

function contentOf(input: EmbeddingInput, refusals: string[]): readonly JsonObject[] {
  switch (input.type) {
    case 'text':
      return [{ type: 'text', text: input.text }]
    case 'parts':
      return input.parts.flatMap((part) => partJson(part, refusals))
    case 'tokens':
      refusals.push('Inputs given as tokens cannot be sent to this provider: their vocabulary is another vendor’s.')
      return []
  }
}

function partJson(part: Part, refusals: string[]): readonly JsonObject[] {
  if (part.type === 'text') return [{ type: 'text', text: part.text }]
  if (part.type === 'image' && part.source.type === 'inline') {
    const url = `data:${part.source.mediaType};base64,${part.source.data}`
    return [{ type: 'image_url', image_url: { url } }]
  }
  refusals.push(`A part of type ${part.type} cannot be sent to this provider as it is.`)
  return []
}

/** Throws ProblemError when there is no answer in it, or not one vector for each input. */
export function readCohereEmbedding(body: unknown, inputs: number): EmbeddingAnswer {
  if (!isObject(body)) throw new ProblemError('the answer is not an object')
  // v1, and hosts that stayed with it, give the list itself.
  const vectors = listOf(Array.isArray(body['embeddings']) ? body : (objectOf(body, 'embeddings') ?? {}), nameOf(body))
  if (!vectors.every(isVector)) throw new ProblemError('an embedding is not a list of numbers')
  if (vectors.length !== inputs)
    throw new ProblemError(`the answer holds ${vectors.length} embeddings for ${inputs} inputs`)
  const meta = objectOf(body, 'meta')
  return { model: null, vectors, usage: meta === null ? null : usageOfCohere(meta), rawUsage: meta }
}

function nameOf(body: JsonObject): string {
  return Array.isArray(body['embeddings']) ? 'embeddings' : 'float'
}

function isVector(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'number')
}
