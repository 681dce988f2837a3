// The normal form of embeddings: texts in, a vector for each out.
import type { JsonObject } from './json.ts'
import { NO_USAGE, usageSum } from './usage.ts'
import type { Usage } from './usage.ts'

/** What the vectors are for; some models make different ones. */
export type EmbeddingPurpose =
  | 'query'
  | 'document'
  | 'similarity'
  | 'classification'
  | 'clustering'
  | 'question'
  | 'fact'
  | 'code'

export type EmbeddingInput =
  | { readonly type: 'text'; readonly text: string }
  /** Numbers of the model's own vocabulary. */
  | { readonly type: 'tokens'; readonly tokens: readonly number[] }

export type EmbeddingsRequest = {
  /** At least one. */
  readonly inputs: readonly EmbeddingInput[]
  readonly purpose: EmbeddingPurpose | null
  /** Title of the one document that is embedded. */
  readonly title: string | null
  /** Length of each vector; null: the model's own. */
  readonly dimensions: number | null
  /** Whether a text that is too long is cut instead of refused; null: as the provider does it. */
  readonly truncate: boolean | null
  readonly endUser: string | null
}

export type EmbeddingsAnswer = {
  /** The model that answered, in the provider's words. */
  readonly model: string | null
  /** In the order of the inputs. */
  readonly vectors: readonly (readonly number[])[]
  readonly usage: Usage | null
  /** The provider's own usage object. */
  readonly rawUsage: JsonObject | null
}

/** The words of all vendors: OpenAI-compatible hosts, Cohere, Voyage (`input_type`), Jina (`task`), Gemini (`taskType`). */
const PURPOSES: ReadonlyMap<string, EmbeddingPurpose> = new Map([
  ['query', 'query'],
  ['search_query', 'query'],
  ['retrieval_query', 'query'],
  ['document', 'document'],
  ['passage', 'document'],
  ['search_document', 'document'],
  ['retrieval_document', 'document'],
  ['retrieval_passage', 'document'],
  ['similarity', 'similarity'],
  ['semantic_similarity', 'similarity'],
  ['text_matching', 'similarity'],
  ['classification', 'classification'],
  ['clustering', 'clustering'],
  ['separation', 'clustering'],
  ['question_answering', 'question'],
  ['fact_verification', 'fact'],
  ['code_retrieval_query', 'code'],
  ['code_query', 'code'],
])

/** A purpose by any vendor's word for it; null for a word that is not known. */
export function purposeOf(word: string): EmbeddingPurpose | null {
  return PURPOSES.get(word.toLowerCase().replaceAll(/[.-]/g, '_')) ?? null
}

/** The texts of the inputs; null when some are tokens, which only their own model understands. */
export function textsOf({ inputs }: EmbeddingsRequest): readonly string[] | null {
  const texts: string[] = []
  for (const input of inputs) {
    if (input.type === 'tokens') return null
    texts.push(input.text)
  }
  return texts
}

export const TEXTS_ONLY = 'Inputs of token numbers can be sent to no model but their own; send texts.'

/** The request in parts of at most so many inputs. */
export function splitInputs(request: EmbeddingsRequest, most: number): readonly EmbeddingsRequest[] {
  const { inputs } = request
  if (inputs.length <= most) return [request]
  return Array.from({ length: Math.ceil(inputs.length / most) }, (_, index) => ({
    ...request,
    inputs: inputs.slice(index * most, (index + 1) * most),
  }))
}

/** The answers to the parts of a request as one; its usage is their sum, where all of them tell it. */
export function joinVectors(answers: readonly EmbeddingsAnswer[]): EmbeddingsAnswer {
  let usage: Usage | null = NO_USAGE
  for (const answer of answers) usage = usage === null || answer.usage === null ? null : usageSum(usage, answer.usage)
  return {
    model: answers[0]?.model ?? null,
    vectors: answers.flatMap(({ vectors }) => vectors),
    usage,
    rawUsage: null,
  }
}
