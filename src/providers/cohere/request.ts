// Where calls to Cohere's own API go.
import type { Operation, Provider } from '../../core/model.ts'

const PATHS: { readonly [operation in Operation]?: string } = {
  chat: '/v2/chat',
  embeddings: '/v2/embed',
  rerank: '/v2/rerank',
}

/** Absolute URL of an operation; null when Cohere has none. The base URL is `https://api.cohere.com`. */
export function cohereUrl(operation: Operation, { baseUrl }: Provider): string | null {
  const path = PATHS[operation]
  return path === undefined ? null : `${baseUrl}${path}`
}
