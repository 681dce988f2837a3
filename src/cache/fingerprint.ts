// What makes two requests the same: a hash of everything that may change their answer.
//
// Order of members, white space and the spelling of numbers and characters do not count, nor do the gateway's own fields
// and those that only tell who asks. Everything else does: a field that nobody here knows may change the answer.
import { createHash } from 'node:crypto'
import type { Call, DialectId, RoutingOptions } from '../core/call.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'

/** Fields that tell a provider who asks or where to look for a cached prompt, and change nothing of the answer. */
const BESIDE: Partial<Record<DialectId, readonly string[]>> = {
  'openai-chat': ['user', 'safety_identifier', 'prompt_cache_key', 'prompt_cache_retention'],
  'openai-completions': ['user'],
  'openai-embeddings': ['user'],
  'anthropic-messages': ['metadata'],
}

/**
 * Hash of a request, base64url.
 * @param routing what its caller asks of routing, in the body and in headers
 * @param within whatever else must be the same, such as the scope of a cache
 */
export function fingerprint(
  call: Call,
  { ownFields, routing, within }: { ownFields: readonly string[]; routing: RoutingOptions | null; within: string },
): string {
  const { dialect, facts, body, headers } = call
  const left = new Set([...ownFields, ...(BESIDE[dialect] ?? [])])
  const asked: JsonObject = Object.fromEntries(Object.entries(body).filter(([name]) => !left.has(name)))
  const hash = createHash('sha256')
  for (const part of [
    within,
    dialect,
    facts.model,
    String(facts.stream),
    JSON.stringify(Object.entries(headers).toSorted(([one], [other]) => (one < other ? -1 : 1))),
    routing === null ? '' : routingText(routing),
    canonicalJson(asked) ?? call.text,
  ])
    // Lengths in between: no two lists of parts read alike.
    hash.update(`${part.length}:`).update(part)
  // Of a file the body tells no more than its name and length.
  for (const part of call.form ?? []) if (part.type === 'file') hash.update(`${part.bytes.length}:`).update(part.bytes)
  return hash.digest('base64url')
}

/** What decides who answers. Who asked in which conversation, and how long anybody may wait, do not. */
function routingText({ fallbacks, isAlone, providers, region, task, qualityFloor }: RoutingOptions): string {
  return JSON.stringify([fallbacks, isAlone, providers, region, task, qualityFloor], (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
}

/**
 * JSON with members in one order and without white space. Null where a number is too large to be told from its
 * neighbours: what was written is then all there is to compare.
 */
export function canonicalJson(value: JsonValue): string | null {
  if (typeof value === 'number') return Number.isInteger(value) && !Number.isSafeInteger(value) ? null : String(value)
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const parts: string[] = []
  if (Array.isArray(value)) {
    for (const item of value as readonly JsonValue[]) {
      const part = canonicalJson(item)
      if (part === null) return null
      parts.push(part)
    }
    return `[${parts.join(',')}]`
  }
  const members = value as JsonObject
  for (const name of Object.keys(members).sort()) {
    const part = canonicalJson(members[name] as JsonValue)
    if (part === null) return null
    parts.push(`${JSON.stringify(name)}:${part}`)
  }
  return `{${parts.join(',')}}`
}

const CACHEABLE: ReadonlySet<Call['operation']> = new Set<Call['operation']>([
  'chat',
  'completions',
  'embeddings',
  'moderations',
  'rerank',
  'responses',
])

/** Whether the answer to a call can be anybody else's: it is JSON, and neither goes on from kept state nor leaves some. */
export function isCacheable({ operation, form, body }: Call): boolean {
  if (!CACHEABLE.has(operation) || form !== undefined) return false
  if (operation !== 'responses') return true
  return body['store'] === false && body['previous_response_id'] === undefined && body['background'] !== true
}
