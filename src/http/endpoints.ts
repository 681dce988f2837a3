// The whole public surface of the data plane on one screen.
import type { Entrance } from '../handle.ts'
import { anthropicCountTokens } from '../dialects/anthropic-count-tokens.ts'
import { anthropicMessages } from '../dialects/anthropic-messages.ts'
import { openaiChat } from '../dialects/openai-chat.ts'
import { openaiCompletions } from '../dialects/openai-completions.ts'
import { openaiEmbeddings } from '../dialects/openai-embeddings.ts'

/** What answers: `relay` sends the call down the path; the others are answered by the gateway itself. */
export type EndpointKind = 'relay' | 'models' | 'model' | 'request' | 'health' | 'ready'

export type Endpoint = Entrance & {
  readonly method: 'GET' | 'POST'
  /** Exact path, or a prefix ending in `/` whose rest is the parameter. */
  readonly path: string
  readonly kind: EndpointKind
}

export const ENDPOINTS: readonly Endpoint[] = [
  { method: 'POST', path: '/v1/chat/completions', kind: 'relay', family: 'chat', dialect: openaiChat },
  { method: 'POST', path: '/v1/completions', kind: 'relay', family: 'completions', dialect: openaiCompletions },
  { method: 'POST', path: '/v1/embeddings', kind: 'relay', family: 'embeddings', dialect: openaiEmbeddings },
  { method: 'POST', path: '/v1/messages', kind: 'relay', family: 'chat', dialect: anthropicMessages },
  { method: 'POST', path: '/v1/messages/count_tokens', kind: 'relay', family: 'chat', dialect: anthropicCountTokens },
  { method: 'GET', path: '/v1/models', kind: 'models', family: null, dialect: openaiChat },
  { method: 'GET', path: '/v1/models/', kind: 'model', family: null, dialect: openaiChat },
  { method: 'GET', path: '/v1/requests/', kind: 'request', family: null, dialect: openaiChat },
  { method: 'GET', path: '/healthz', kind: 'health', family: null, dialect: openaiChat },
  { method: 'GET', path: '/readyz', kind: 'ready', family: null, dialect: openaiChat },
]

export type Match =
  | { readonly type: 'found'; readonly endpoint: Endpoint; readonly parameter: string }
  /** `OPTIONS` of a path that is there. */
  | { readonly type: 'options'; readonly allow: readonly string[] }
  | { readonly type: 'wrong_method'; readonly allow: readonly string[] }
  | { readonly type: 'none' }

/** What most requests ask for is found without a look at the table: each exact path with its ready-made match. */
const EXACT: ReadonlyMap<string, Match & { readonly type: 'found' }> = new Map(
  ENDPOINTS.filter(({ path }) => !path.endsWith('/')).map((endpoint) => [
    endpoint.path,
    { type: 'found', endpoint, parameter: '' },
  ]),
)

/** Finds the endpoint of a path; a trailing slash does not matter, and `HEAD` is answered where `GET` is. */
export function matchEndpoint(method: string, path: string): Match {
  const exact = EXACT.get(path)
  if (exact !== undefined && exact.endpoint.method === method) return exact
  const trimmed = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
  const sought = method === 'HEAD' ? 'GET' : method
  const allow: string[] = []
  for (const endpoint of ENDPOINTS) {
    const parameter = parameterOf(endpoint, trimmed)
    if (parameter === null) continue
    if (endpoint.method === sought) return { type: 'found', endpoint, parameter }
    allow.push(endpoint.method)
    if (endpoint.method === 'GET') allow.push('HEAD')
  }
  if (allow.length === 0) return { type: 'none' }
  allow.push('OPTIONS')
  return { type: method === 'OPTIONS' ? 'options' : 'wrong_method', allow }
}

function parameterOf(endpoint: Endpoint, path: string): string | null {
  if (!endpoint.path.endsWith('/')) return endpoint.path === path ? '' : null
  if (!path.startsWith(endpoint.path) || path.length === endpoint.path.length) return null
  try {
    return decodeURIComponent(path.slice(endpoint.path.length))
  } catch {
    return null
  }
}
