// The list of models in the form that Gemini's clients read: `GET /v1beta/models` and `GET /v1beta/models/{name}`.
import type { JsonObject } from '../core/json.ts'

/** What is known of a model; null where it is not. */
export type ListedModel = {
  /** The name that a caller may use. */
  readonly id: string
  readonly title: string | null
  readonly contextTokens: number | null
  readonly maxOutputTokens: number | null
  readonly methods: 'chat' | 'embeddings' | 'any'
}

const CHAT = ['generateContent', 'streamGenerateContent', 'countTokens'] as const
const EMBEDDINGS = ['embedContent', 'batchEmbedContents'] as const
const METHODS = { chat: CHAT, embeddings: EMBEDDINGS, any: [...CHAT, ...EMBEDDINGS] } as const

const DEFAULT_PAGE = 50
const MAX_PAGE = 1_000

export function geminiModelJson(model: ListedModel): JsonObject {
  return {
    name: `models/${model.id}`,
    baseModelId: model.id,
    version: '001',
    displayName: model.title ?? model.id,
    ...(model.contextTokens === null ? {} : { inputTokenLimit: model.contextTokens }),
    ...(model.maxOutputTokens === null ? {} : { outputTokenLimit: model.maxOutputTokens }),
    supportedGenerationMethods: METHODS[model.methods],
  }
}

/**
 * One page of the list. A page token is the name of the last model before the page: it stays right while models come and
 * go. What is no sensible size or no known token is taken for the default, and for the start.
 */
export function geminiModelList(
  models: readonly ListedModel[],
  page: { readonly size: string | null; readonly token: string | null },
): JsonObject {
  const asked = Math.floor(Number(page.size ?? DEFAULT_PAGE))
  const size = asked >= 1 ? Math.min(MAX_PAGE, asked) : DEFAULT_PAGE
  const from = page.token === null ? 0 : models.findIndex(({ id }) => id === page.token) + 1
  const shown = models.slice(from, from + size)
  const last = shown.at(-1)
  return {
    models: shown.map(geminiModelJson),
    ...(last !== undefined && from + size < models.length ? { nextPageToken: last.id } : {}),
  }
}
