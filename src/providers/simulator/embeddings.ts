// POST …/embeddings: unit vectors made of the text's words, so that texts that share words point in similar directions.
import { type JsonObject, missing, readEnum, readInteger, readModel, readString } from './check.ts'
import { type Prompt, readPrompts } from './completions.ts'
import { randomOf } from './random.ts'
import { invalid } from './wire-error.ts'

export type EmbeddingRequest = {
  readonly model: string
  readonly inputs: readonly Prompt[]
  readonly promptTokens: number
  readonly dimensions: number
  readonly base64: boolean
  /** Text of the last input, where a directive may stand. */
  readonly question: string
}

const DEFAULT_DIMENSIONS = 1536
const MAX_DIMENSIONS = 4096
const MAX_INPUTS = 2048
const COORDINATES_PER_WORD = 16
// A share of the whole text keeps two texts of the same words in another order apart.
const TEXT_WEIGHT = 0.25

export function readEmbedding(body: JsonObject): EmbeddingRequest {
  const model = readModel(body)
  const written = body['input'] ?? null
  if (written === null) throw missing('input')
  const inputs = readPrompts(written, 'input')
  if (inputs.length > MAX_INPUTS || inputs.some((input) => input.tokens === 0))
    throw invalid(
      null,
      null,
      "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.",
    )
  readString(body, 'user')
  return {
    model,
    inputs,
    promptTokens: inputs.reduce((sum, input) => sum + input.tokens, 0),
    dimensions: readInteger(body, 'dimensions', { min: 1, max: MAX_DIMENSIONS }) ?? DEFAULT_DIMENSIONS,
    base64: readEnum(body, 'encoding_format', ['float', 'base64']) === 'base64',
    question: inputs.at(-1)?.text ?? '',
  }
}

export function embeddingBody(request: EmbeddingRequest, seed: number): string {
  const data = request.inputs.map(({ text }, index) => {
    const vector = embed(text, request.dimensions, seed)
    return { object: 'embedding', index, embedding: request.base64 ? base64Of(vector) : Array.from(vector) }
  })
  const usage = { prompt_tokens: request.promptTokens, total_tokens: request.promptTokens }
  return JSON.stringify({ object: 'list', data, model: request.model, usage })
}

/** A vector of length one, the same for the same text, dimensions and seed. */
export function embed(text: string, dimensions: number, seed: number): Float32Array {
  const sum = new Float64Array(dimensions)
  const add = (part: string, weight: number) => {
    const random = randomOf(seed, part)
    for (let count = 0; count < COORDINATES_PER_WORD; count++) {
      const at = Math.floor(random() * dimensions)
      sum[at] = (sum[at] ?? 0) + (random() < 0.5 ? -weight : weight)
    }
  }
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) add(`word ${word}`, 1)
  add(`text ${text}`, TEXT_WEIGHT)
  const length = Math.hypot(...sum)
  // In very few dimensions the signs may cancel out.
  if (length === 0) sum[0] = 1
  return Float32Array.from(sum, (value) => value / (length === 0 ? 1 : length))
}

// OpenAI sends float32, little-endian.
function base64Of(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4)
  vector.forEach((value, index) => bytes.writeFloatLE(value, index * 4))
  return bytes.toString('base64')
}
