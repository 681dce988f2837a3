// Embeddings of Gemini's API (`batchEmbedContents`) and of Vertex (`predict`).
import type { EmbeddingAnswer, EmbeddingInput, EmbeddingRequest, EmbeddingTask } from '../../core/embeddings.ts'
import { ProblemError } from '../../core/chat-answer.ts'
import { contentParts } from '../../core/formats/gemini-parts.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { defined, listOf, objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import { NO_USAGE } from '../../core/usage.ts'
import type { Usage } from '../../core/usage.ts'

const FAMILY = 'gemini'

const TASKS: { readonly [task in EmbeddingTask]: string } = {
  query: 'RETRIEVAL_QUERY',
  document: 'RETRIEVAL_DOCUMENT',
  similarity: 'SEMANTIC_SIMILARITY',
  classification: 'CLASSIFICATION',
  clustering: 'CLUSTERING',
  question: 'QUESTION_ANSWERING',
  fact: 'FACT_VERIFICATION',
  code: 'CODE_RETRIEVAL_QUERY',
}

export type WrittenEmbeddings = {
  readonly body: JsonObject
  readonly warnings: readonly string[]
  /** What cannot be left out without changing what was asked for, a sentence each. */
  readonly refusals: readonly string[]
}

/** The body of `batchEmbedContents`, also for one input. */
export function writeGeminiEmbeddings(request: EmbeddingRequest, model: string): WrittenEmbeddings {
  const common = defined<JsonObject>({
    ...request.raw?.[FAMILY],
    model: `models/${model.replace(/^models\//, '')}`,
    taskType: request.task === undefined ? undefined : TASKS[request.task],
    title: request.title,
    outputDimensionality: request.dimensions,
  })
  const requests = request.inputs.map((input) => ({ ...common, content: { parts: partsOf(input) } }))
  return { body: { requests }, warnings: warningsOf(request), refusals: refusalsOf(request) }
}

/** The body of Vertex's `predict`: texts only. */
export function writeVertexEmbeddings(request: EmbeddingRequest): WrittenEmbeddings {
  const { autoTruncate, ...beside } = request.raw?.[FAMILY] ?? {}
  const instances = request.inputs.map((input) =>
    defined<JsonObject>({
      ...beside,
      content: textIn(input) ?? '',
      task_type: request.task === undefined ? undefined : TASKS[request.task],
      title: request.title,
    }),
  )
  const parameters = defined<JsonObject>({ outputDimensionality: request.dimensions, autoTruncate })
  const refusals = [...refusalsOf(request)]
  if (request.inputs.some((input) => textIn(input) === null && input.type === 'parts'))
    refusals.push('Only texts can be embedded by this provider.')
  return {
    body: { instances, ...(Object.keys(parameters).length > 0 ? { parameters } : {}) },
    warnings: warningsOf(request),
    refusals,
  }
}

function warningsOf({ user }: EmbeddingRequest): readonly string[] {
  return user === undefined ? [] : ['`user` is left out.']
}

function refusalsOf({ inputs }: EmbeddingRequest): readonly string[] {
  return inputs.some(({ type }) => type === 'tokens') ? ['This provider takes texts and no token numbers.'] : []
}

function partsOf(input: EmbeddingInput): readonly JsonObject[] {
  const parts = input.type === 'parts' ? input.parts : [{ type: 'text', text: textIn(input) ?? '' } as const]
  return contentParts(parts, { idOf: () => null, foreignThoughts: false })
}

/** The input as one text; null when there is more in it. */
function textIn(input: EmbeddingInput): string | null {
  switch (input.type) {
    case 'text':
      return input.text
    case 'tokens':
      return ''
    case 'parts': {
      const texts = input.parts.flatMap((part) => (part.type === 'text' ? [part.text] : []))
      return texts.length === input.parts.length ? texts.join('') : null
    }
  }
}

/** Reads what any of the three methods gives. Throws ProblemError when there are no vectors in it. */
export function readGeminiEmbeddings(body: unknown): EmbeddingAnswer {
  if (!isObject(body)) throw new ProblemError('the answer is not an object')
  const error = objectOf(body, 'error')
  if (error !== null) throw new ProblemError(`an error inside a 200: ${stringOf(error, 'message') ?? 'unknown'}`)
  const predictions = objectsOf(body, 'predictions').map((one) => objectOf(one, 'embeddings') ?? {})
  const single = objectOf(body, 'embedding')
  const embeddings = single === null ? [...objectsOf(body, 'embeddings'), ...predictions] : [single]
  if (embeddings.length === 0) throw new ProblemError('the answer holds no data')
  const vectors = embeddings.map((one) => listOf(one, 'values').filter((value) => typeof value === 'number'))
  return { model: null, vectors, ...usageOf(body, predictions) }
}

function usageOf(body: JsonObject, predictions: readonly JsonObject[]): Pick<EmbeddingAnswer, 'usage' | 'rawUsage'> {
  const raw = objectOf(body, 'usageMetadata')
  if (raw !== null) return { usage: embeddingUsage(raw), rawUsage: raw }
  if (predictions.length === 0) return { usage: null, rawUsage: null }
  // Vertex tells the tokens with each vector, and the characters that it bills beside them.
  const tokens = predictions.reduce((sum, one) => sum + count(objectOf(one, 'statistics') ?? {}, 'token_count'), 0)
  const metadata = objectOf(body, 'metadata') ?? {}
  const characters = count(metadata, 'billableCharacterCount')
  return {
    usage: { ...NO_USAGE, input: tokens, characters, requests: 1 },
    rawUsage: { ...metadata, token_count: tokens },
  }
}

/** Usage of an embedding, where it is told. */
export function embeddingUsage(raw: JsonObject): Usage {
  return { ...NO_USAGE, input: count(raw, 'promptTokenCount') || count(raw, 'totalTokenCount'), requests: 1 }
}

function count(object: JsonObject, name: string): number {
  const value = object[name]
  return typeof value === 'number' && value > 0 ? Math.round(value) : 0
}
