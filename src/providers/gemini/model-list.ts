// The list of models as Gemini's API gives it.
import type { JsonObject } from '../../core/json.ts'
import { listOf, numberOf, objectsOf, stringOf } from '../../core/json-read.ts'

export type ListedGeminiModel = {
  /** Without `models/`. */
  readonly id: string
  readonly title: string | null
  readonly contextTokens: number | null
  readonly maxOutputTokens: number | null
  readonly methods: readonly string[]
}

export type GeminiModelPage = { readonly models: readonly ListedGeminiModel[]; readonly nextPageToken: string | null }

/** One page of `GET /models`; Vertex calls them `publisherModels`. */
export function readGeminiModels(body: JsonObject): GeminiModelPage {
  const models = [...objectsOf(body, 'models'), ...objectsOf(body, 'publisherModels')].map(
    (model): ListedGeminiModel => ({
      id: (stringOf(model, 'name') ?? '').replace(/^.*models\//, ''),
      title: stringOf(model, 'displayName'),
      contextTokens: numberOf(model, 'inputTokenLimit'),
      maxOutputTokens: numberOf(model, 'outputTokenLimit'),
      methods: listOf(model, 'supportedGenerationMethods').filter((method) => typeof method === 'string'),
    }),
  )
  return { models: models.filter(({ id }) => id !== ''), nextPageToken: stringOf(body, 'nextPageToken') || null }
}
