// The whole public surface of the data plane on one screen.
import type { DialectId } from '../core/call.ts'
import type { Dialect } from '../dialects/dialect.ts'
import type { Entrance } from '../handle.ts'
import { anthropicCountTokens } from '../dialects/anthropic-count-tokens.ts'
import { anthropicMessages } from '../dialects/anthropic-messages.ts'
import { geminiLive } from '../dialects/gemini-live.ts'
import { openaiRealtime } from '../dialects/openai-realtime.ts'
import { gemini, readGeminiPath } from '../dialects/gemini.ts'
import { openaiChat } from '../dialects/openai-chat.ts'
import { openaiCompletions } from '../dialects/openai-completions.ts'
import { openaiEmbeddings } from '../dialects/openai-embeddings.ts'
import { openaiImageEdits, openaiImageGenerations, openaiImageVariations } from '../dialects/openai-images.ts'
import { openaiModerations } from '../dialects/openai-moderations.ts'
import { openaiResponses } from '../dialects/openai-responses.ts'
import { openaiSpeech } from '../dialects/openai-speech.ts'
import { openaiTranscriptions, openaiTranslations } from '../dialects/openai-transcription.ts'
import { rerankV1, rerankV2 } from '../dialects/rerank.ts'
import { geminiEntrance } from './gemini-entrance.ts'

/**
 * What answers: `relay` sends the call down the path, and so does `addressed`, where the path names model and method;
 * the others are answered by the gateway itself.
 */
type EndpointKind =
  | 'relay'
  | 'addressed'
  | 'models'
  | 'model'
  | 'models_v1beta'
  | 'model_v1beta'
  | 'request'
  | 'budget'
  | 'billing_subscription'
  | 'billing_usage'
  | 'feedback'
  | 'feedback_webhook'
  | 'response'
  | 'response_delete'
  | 'response_cancel'
  | 'response_input_items'
  | 'file_upload'
  | 'files'
  | 'file'
  | 'file_content'
  | 'file_delete'
  | 'batch_create'
  | 'batches'
  | 'batch'
  | 'batch_cancel'
  | 'pass'
  | 'user'
  | 'realtime'
  | 'live'
  | 'health'
  | 'ready'

export type Endpoint = Entrance & {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Exact path, or a prefix ending in `/` whose rest is the parameter, or one with `{id}` for a part without a slash. */
  readonly path: string
  readonly kind: EndpointKind
}

const ID = '{id}'
const RESPONSE = `/v1/responses/${ID}`
const FILE = `/v1/files/${ID}`
const BATCH = `/v1/batches/${ID}`

/** `HEAD` is answered where `GET` is. */
const PASS_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** Google's SDK writes the first slash twice (3.1.0), and names the newest version that it knows. */
const LIVE_PATHS = ['/', '//'].flatMap((slash) =>
  ['v1', 'v1beta', 'v1alpha'].map(
    (version) => `${slash}ws/google.ai.generativelanguage.${version}.GenerativeService.BidiGenerateContent`,
  ),
)

const ENDPOINTS: readonly Endpoint[] = [
  { method: 'POST', path: '/v1/chat/completions', kind: 'relay', family: 'chat', dialect: openaiChat },
  { method: 'POST', path: '/v1/completions', kind: 'relay', family: 'completions', dialect: openaiCompletions },
  { method: 'POST', path: '/v1/embeddings', kind: 'relay', family: 'embeddings', dialect: openaiEmbeddings },
  { method: 'POST', path: '/v1/moderations', kind: 'relay', family: 'moderations', dialect: openaiModerations },
  { method: 'POST', path: '/v1/images/generations', kind: 'relay', family: 'images', dialect: openaiImageGenerations },
  { method: 'POST', path: '/v1/images/edits', kind: 'relay', family: 'images', dialect: openaiImageEdits },
  { method: 'POST', path: '/v1/images/variations', kind: 'relay', family: 'images', dialect: openaiImageVariations },
  { method: 'POST', path: '/v1/audio/speech', kind: 'relay', family: 'audio', dialect: openaiSpeech },
  { method: 'POST', path: '/v1/audio/transcriptions', kind: 'relay', family: 'audio', dialect: openaiTranscriptions },
  { method: 'POST', path: '/v1/audio/translations', kind: 'relay', family: 'audio', dialect: openaiTranslations },
  { method: 'POST', path: '/v1/rerank', kind: 'relay', family: 'rerank', dialect: rerankV1 },
  { method: 'POST', path: '/v2/rerank', kind: 'relay', family: 'rerank', dialect: rerankV2 },
  { method: 'POST', path: '/v1/messages', kind: 'relay', family: 'chat', dialect: anthropicMessages },
  { method: 'POST', path: '/v1/messages/count_tokens', kind: 'relay', family: 'chat', dialect: anthropicCountTokens },
  { method: 'POST', path: '/v1/responses', kind: 'relay', family: 'responses', dialect: openaiResponses },
  { method: 'GET', path: RESPONSE, kind: 'response', family: 'responses', dialect: openaiResponses },
  { method: 'DELETE', path: RESPONSE, kind: 'response_delete', family: 'responses', dialect: openaiResponses },
  {
    method: 'POST',
    path: `${RESPONSE}/cancel`,
    kind: 'response_cancel',
    family: 'responses',
    dialect: openaiResponses,
  },
  {
    method: 'GET',
    path: `${RESPONSE}/input_items`,
    kind: 'response_input_items',
    family: 'responses',
    dialect: openaiResponses,
  },
  { method: 'POST', path: '/v1beta/models/', kind: 'addressed', family: null, dialect: gemini },
  { method: 'POST', path: '/v1/models/', kind: 'addressed', family: null, dialect: gemini },
  { method: 'GET', path: '/v1beta/models', kind: 'models_v1beta', family: null, dialect: gemini },
  { method: 'GET', path: '/v1beta/models/', kind: 'model_v1beta', family: null, dialect: gemini },
  { method: 'GET', path: '/v1/models', kind: 'models', family: null, dialect: openaiChat },
  { method: 'GET', path: '/v1/models/', kind: 'model', family: null, dialect: openaiChat },
  { method: 'GET', path: '/v1/requests/', kind: 'request', family: null, dialect: openaiChat },
  { method: 'POST', path: '/v1/files', kind: 'file_upload', family: 'files', dialect: openaiChat },
  { method: 'GET', path: '/v1/files', kind: 'files', family: 'files', dialect: openaiChat },
  { method: 'GET', path: FILE, kind: 'file', family: 'files', dialect: openaiChat },
  { method: 'GET', path: `${FILE}/content`, kind: 'file_content', family: 'files', dialect: openaiChat },
  { method: 'DELETE', path: FILE, kind: 'file_delete', family: 'files', dialect: openaiChat },
  { method: 'POST', path: '/v1/batches', kind: 'batch_create', family: 'batches', dialect: openaiChat },
  { method: 'GET', path: '/v1/batches', kind: 'batches', family: 'batches', dialect: openaiChat },
  { method: 'GET', path: BATCH, kind: 'batch', family: 'batches', dialect: openaiChat },
  { method: 'POST', path: `${BATCH}/cancel`, kind: 'batch_cancel', family: 'batches', dialect: openaiChat },
  { method: 'POST', path: '/v1/feedback', kind: 'feedback', family: null, dialect: openaiChat },
  { method: 'POST', path: '/v1/feedback/', kind: 'feedback_webhook', family: null, dialect: openaiChat },
  { method: 'GET', path: '/v1/budget', kind: 'budget', family: null, dialect: openaiChat },
  // Some clients have `/v1` in their base URL, and some have not.
  ...['/v1', ''].flatMap((base) =>
    (['subscription', 'usage'] as const).map((what): Endpoint => ({
      method: 'GET',
      path: `${base}/dashboard/billing/${what}`,
      kind: `billing_${what}`,
      family: null,
      dialect: openaiChat,
    })),
  ),
  ...PASS_METHODS.map((method): Endpoint => ({
    method,
    path: '/pass/',
    kind: 'pass',
    family: 'pass',
    dialect: openaiChat,
  })),
  ...(['GET', 'POST', 'DELETE'] as const).flatMap((method) =>
    ['/user', '/user/'].map((path): Endpoint => ({ method, path, kind: 'user', family: null, dialect: openaiChat })),
  ),
  { method: 'GET', path: '/v1/realtime', kind: 'realtime', family: 'realtime', dialect: openaiRealtime },
  ...LIVE_PATHS.map((path): Endpoint => ({
    method: 'GET',
    path,
    kind: 'live',
    family: 'realtime',
    dialect: geminiLive,
  })),
  { method: 'GET', path: '/healthz', kind: 'health', family: null, dialect: openaiChat },
  { method: 'GET', path: '/readyz', kind: 'ready', family: null, dialect: openaiChat },
]

/** The dialects of what is relayed, by id. */
export const DIALECTS: ReadonlyMap<DialectId, Dialect> = new Map(
  ENDPOINTS.flatMap(({ kind, dialect }) => (kind === 'relay' || kind === 'addressed' ? [[dialect.id, dialect]] : [])),
)

export type Match =
  | { readonly type: 'found'; readonly endpoint: Endpoint; readonly parameter: string }
  /** `OPTIONS` of a path that is there. */
  | { readonly type: 'options'; readonly allow: readonly string[] }
  | { readonly type: 'wrong_method'; readonly allow: readonly string[] }
  | { readonly type: 'none' }

/** What most requests ask for is found without a look at the table: each exact path with its ready-made match. */
const EXACT: ReadonlyMap<string, Match & { readonly type: 'found' }> = new Map(
  ENDPOINTS.filter(({ path }) => !path.endsWith('/') && !path.includes(ID)).map((endpoint) => [
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

/** Questions whose answer is short and whole. */
const BRIEF: ReadonlySet<EndpointKind> = new Set<EndpointKind>([
  'models',
  'model',
  'models_v1beta',
  'model_v1beta',
  'request',
  'budget',
  'billing_subscription',
  'billing_usage',
  'health',
  'ready',
])

export function isBrief(match: Match): boolean {
  return match.type === 'found' && BRIEF.has(match.endpoint.kind)
}

/** Where a call that is relayed comes in; null for what the gateway answers itself. */
export function entranceOf(match: Match, path: string, url: string): Entrance | null {
  if (match.type !== 'found') return null
  const { endpoint } = match
  if (endpoint.kind === 'relay') return endpoint
  return endpoint.kind === 'addressed' ? geminiEntrance(path, url) : null
}

function parameterOf(endpoint: Endpoint, path: string): string | null {
  if (endpoint.kind === 'addressed' && readGeminiPath(path) === null) return null
  const at = endpoint.path.indexOf(ID)
  if (at < 0 && !endpoint.path.endsWith('/')) return endpoint.path === path ? '' : null
  const [before, after] =
    at < 0 ? [endpoint.path, ''] : [endpoint.path.slice(0, at), endpoint.path.slice(at + ID.length)]
  if (!path.startsWith(before) || !path.endsWith(after) || path.length <= before.length + after.length) return null
  const parameter = path.slice(before.length, path.length - after.length)
  if (at >= 0 && parameter.includes('/')) return null
  try {
    return decodeURIComponent(parameter)
  } catch {
    return null
  }
}
