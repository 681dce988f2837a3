// The list of models in the form that Gemini's clients read: `GET /v1beta/models` and `GET /v1beta/models/{name}`.
import type { JsonObject } from '../core/json.ts'

/** A name that the caller may use: no more is known of every model. */
type ListedModel = { readonly id: string }

/** What a model really takes is its provider's to say. */
const METHODS = [
  'generateContent',
  'streamGenerateContent',
  'countTokens',
  'embedContent',
  'batchEmbedContents',
] as const

const DEFAULT_PAGE = 50
const MAX_PAGE = 1_000

export function geminiModelJson({ id }: ListedModel): JsonObject {
  return {
    name: `models/${id}`,
    baseModelId: id,
    version: '001',
    displayName: id,
    supportedGenerationMethods: METHODS,
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
