// The list of models in the form that Gemini's clients read: `GET /v1beta/models` and `GET /v1beta/models/{name}`.
import type { JsonObject } from '../core/json.ts'
import { defined } from '../core/json-read.ts'
import type { ModelFacts } from '../core/model-facts.ts'

/** A name that the caller may use, with what is known of the model. */
type ListedModel = { readonly id: string; readonly facts: ModelFacts }

const CHAT = ['generateContent', 'streamGenerateContent', 'countTokens'] as const
const EMBEDDING = ['embedContent', 'batchEmbedContents'] as const

/** Of a model that nobody knows, its provider decides. */
function methodsOf({ kind }: ModelFacts): readonly string[] {
  if (kind === 'chat') return CHAT
  return kind === 'embedding' ? EMBEDDING : [...CHAT, ...EMBEDDING]
}

const DEFAULT_PAGE = 50
const MAX_PAGE = 1_000

export function geminiModelJson({ id, facts }: ListedModel): JsonObject {
  return defined<JsonObject>({
    name: `models/${id}`,
    baseModelId: id,
    version: '001',
    displayName: facts.title ?? id,
    inputTokenLimit: facts.maxInputTokens ?? facts.contextTokens ?? undefined,
    outputTokenLimit: facts.maxOutputTokens ?? undefined,
    supportedGenerationMethods: methodsOf(facts),
    thinking: facts.abilities.reasoning,
  })
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
