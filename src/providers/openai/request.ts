// A request to an OpenAI-compatible host: the caller's own body with the few fields changed that must be.
import type { Call, DialectId } from '../../core/call.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { listOf } from '../../core/json-read.ts'
import type { Deployment, Operation } from '../../core/model.ts'

const PATHS: { readonly [operation in Operation]?: string } = {
  chat: '/chat/completions',
  completions: '/completions',
  embeddings: '/embeddings',
  moderations: '/moderations',
  images: '/images',
  audio: '/audio',
  rerank: '/rerank',
  realtime: '/realtime',
}

/** Where an operation has several endpoints: what follows its path. */
const SUFFIXES: { readonly [dialect in DialectId]?: string } = {
  'openai-image-generations': '/generations',
  'openai-image-edits': '/edits',
  'openai-image-variations': '/variations',
  'openai-speech': '/speech',
  'openai-transcriptions': '/transcriptions',
  'openai-translations': '/translations',
}

/** Where the call goes; null when the host has no such endpoint. */
export function openaiUrl(call: Call, deployment: Deployment): string | null {
  return prefillUrl(call.body, deployment) ?? urlOf(call.operation, deployment, SUFFIXES[call.dialect])
}

/** Where a chat goes that ends with a turn marked to be gone on with; null where that is nowhere else. */
export function prefillUrl(body: JsonObject, { provider }: Deployment): string | null {
  const { prefillPath } = provider.quirks
  if (prefillPath === undefined) return null
  const last = listOf(body, 'messages').at(-1)
  return isObject(last) && last['prefix'] === true ? provider.baseUrl + prefillPath : null
}

/** Where a translated chat goes; null when the host does not chat. */
export function openaiChatUrl(deployment: Deployment): string | null {
  return urlOf('chat', deployment)
}

/** Where translated embeddings go; null when the host has none. */
export function openaiEmbeddingsUrl(deployment: Deployment): string | null {
  return urlOf('embeddings', deployment)
}

/** Where translated moderations go; null when the host has none. */
export function openaiModerationsUrl(deployment: Deployment): string | null {
  return urlOf('moderations', deployment)
}

/** Path of an operation below the base URL; null when the host has none. */
export function openaiPath(operation: Operation, { provider, model }: Deployment): string | null {
  const own = provider.quirks.paths?.[operation]
  const path = own === undefined ? PATHS[operation] : own
  if (path === undefined || path === null) return null
  return path.includes('{model}') ? path.replaceAll('{model}', encodeURIComponent(model)) : path
}

function urlOf(operation: Operation, deployment: Deployment, suffix = ''): string | null {
  const { provider } = deployment
  const { quirks } = provider
  const named = openaiPath(operation, deployment)
  if (named === null) return null
  return `${provider.baseUrl}${named}${suffix}${quirks.query === undefined ? '' : `?${quirks.query}`}`
}

/** The body that leaves: model renamed, our own fields gone, usage asked for in streams; every other byte is the caller's. */
export function openaiBody(call: Call, { provider, model }: Deployment, ownFields: readonly string[]): string {
  const { body, members, facts } = call
  const edits: Record<string, string | null> = {}
  if (body['model'] !== model) edits['model'] = JSON.stringify(model)
  for (const field of ownFields) if (members.has(field)) edits[field] = null
  if (facts.stream && !facts.wantsStreamUsage && provider.quirks.streamUsage !== false)
    edits['stream_options'] = JSON.stringify({ ...(body['stream_options'] as object | null), include_usage: true })
  if (provider.quirks.streamUsage === false && members.has('stream_options')) edits['stream_options'] = null
  const bound = provider.quirks.maxTokensField
  const other = bound === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens'
  if (bound !== undefined && members.has(other)) {
    edits[other] = null
    if (!members.has(bound)) edits[bound] = JSON.stringify(body[other])
  }
  return members.edited(edits)
}
