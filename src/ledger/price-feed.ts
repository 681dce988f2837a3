// Price files from outside: their forms, where they are, and how large they may be.
import { createHash } from 'node:crypto'

/** The forms that are understood, by the project that publishes them. */
export const FEED_FORMS = ['genai-prices', 'litellm', 'models.dev'] as const
export type FeedForm = (typeof FEED_FORMS)[number]

/** Where each project publishes its file. */
export const FEED_URLS: Readonly<Record<FeedForm, string>> = {
  'genai-prices': 'https://raw.githubusercontent.com/pydantic/genai-prices/main/prices/new_data/v2/data.json',
  litellm: 'https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json',
  'models.dev': 'https://models.dev/api.json',
}

/** Larger than any of them by an order of magnitude. */
export const MAX_FEED_BYTES = 32 * 1024 * 1024

/** The name of a file's content: the same text has the same version. */
export function feedVersion(form: FeedForm, text: string): string {
  return `${form}-${createHash('sha256').update(text).digest('hex').slice(0, 12)}`
}
