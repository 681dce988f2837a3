// Anthropic's bodies at clouds that serve Claude: the model is in the address, and the version of the API in the body.
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
// https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude
import type { Call } from '../../core/call.ts'
import type { ChatRequest, Part } from '../../core/chat.ts'
import type { JsonObject } from '../../core/json.ts'
import { editsOfForeignThoughts } from './foreign-thoughts.ts'

/** The written body as such a cloud takes it. `leftOut`: what it has no field for. */
export function bodyElsewhere(body: JsonObject, version: string, leftOut: readonly string[]): JsonObject {
  const rest: Record<string, JsonObject[string]> = { anthropic_version: version, ...body }
  for (const name of leftOut) delete rest[name]
  return rest
}

/**
 * The caller's own body as such a cloud takes it; every other byte is the caller's. `betas`: the names of the header
 * `anthropic-beta` go into the body, where the cloud looks for them.
 */
export function callElsewhere(
  call: Call,
  changes: {
    readonly version: string
    readonly ownFields: readonly string[]
    readonly leftOut: readonly string[]
    readonly betas: 'body' | 'header'
  },
): string {
  const { members, headers } = call
  const edits: Record<string, string | null> = { ...editsOfForeignThoughts(call) }
  if (!members.has('anthropic_version')) edits['anthropic_version'] = JSON.stringify(changes.version)
  for (const field of [...changes.ownFields, ...changes.leftOut]) if (members.has(field)) edits[field] = null
  const betas = headers['anthropic-beta']
  if (changes.betas === 'body' && betas !== undefined && !members.has('anthropic_beta'))
    edits['anthropic_beta'] = JSON.stringify(betas.split(',').map((beta) => beta.trim()))
  return members.edited(edits)
}

/** Unlike Anthropic, the clouds fetch nothing, and keep no files: a refusal, where a request names such things. */
export function placesElsewhere({ messages }: ChatRequest): readonly string[] {
  const isElsewhere = (part: Part): boolean => {
    if (part.type === 'tool_result') return part.parts.some(isElsewhere)
    if (part.type !== 'image' && part.type !== 'file') return false
    return part.source.type === 'url' || part.source.type === 'file'
  }
  return messages.some(({ parts }) => parts.some(isElsewhere))
    ? ['Images and files must be sent as their content to this provider.']
    : []
}
