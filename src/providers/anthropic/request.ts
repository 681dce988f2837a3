// A request to Anthropic's API: the caller's own body with the few fields changed that must be.
import type { Call, DialectId } from '../../core/call.ts'
import type { Deployment, Operation, Provider } from '../../core/model.ts'
import { editsOfForeignThoughts } from './foreign-thoughts.ts'

const PATHS: { readonly [dialect in DialectId]?: string } = {
  'anthropic-messages': '/messages',
  'anthropic-count-tokens': '/messages/count_tokens',
}

/** Where the call goes; null when the host has no such endpoint, or the call is not in Anthropic's format. */
export function anthropicUrl({ dialect, operation }: Call, deployment: Deployment): string | null {
  const path = PATHS[dialect]
  return path === undefined ? null : urlOf(operation, path, deployment)
}

/** A path of its own API at a host: with the version, and what the host wants in the query. */
export function anthropicPathUrl({ baseUrl, quirks }: Provider, path: string): string {
  // Base URLs are written with the version, as OpenAI's are, and without, as Anthropic's SDKs want them.
  const version = /\/v\d+$/.test(baseUrl) ? '' : '/v1'
  return `${baseUrl}${version}${path}${quirks.query === undefined ? '' : `?${quirks.query}`}`
}

/** Where a translated chat goes. */
export function anthropicChatUrl(deployment: Deployment): string | null {
  return urlOf('chat', '/messages', deployment)
}

function urlOf(operation: Operation, standard: string, { provider }: Deployment): string | null {
  const { paths, query } = provider.quirks
  const own = paths?.[operation]
  if (own === null) return null
  if (own === undefined) return anthropicPathUrl(provider, standard)
  return `${provider.baseUrl}${own}${query === undefined ? '' : `?${query}`}`
}

/** The body that leaves: model renamed, our own fields gone; every other byte is the caller's. */
export function anthropicBody(call: Call, { model }: Deployment, ownFields: readonly string[]): string {
  const { body, members } = call
  const edits: Record<string, string | null> = { ...editsOfForeignThoughts(call) }
  if (body['model'] !== model) edits['model'] = JSON.stringify(model)
  for (const field of ownFields) if (members.has(field)) edits[field] = null
  return members.edited(edits)
}
