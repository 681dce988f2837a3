// Which conversation a request belongs to, read from its body in whatever dialect, without translating it.
//
// A conversation is named by its caller (`x-weir-session`), else by the key, the system prompt and the first words of the
// user: they stand in each of its requests. A first request names no conversation yet, so that a thousand equal
// questions are a thousand requests and not one conversation.
import type { Call } from '../core/call.ts'
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import { hashText } from './order.ts'

export type Thread = {
  readonly hash: number
  /** Somebody has answered in it before, or its caller names it. */
  readonly isKnown: boolean
  readonly inToolLoop: boolean
}

/** More of a text, and more pieces of it, tell conversations apart no better. */
const MAX_HASHED = 512
const MAX_PIECES = 256
const MAX_DEPTH = 6
/** What may differ from turn to turn though the words are the same: form, ids, what is marked for the cache. */
const UNSPOKEN: ReadonlySet<string> = new Set(['type', 'role', 'id', 'cache_control'])
/** Turns of a model in every dialect. */
const MODEL_ROLES: ReadonlySet<unknown> = new Set(['assistant', 'model'])
const TOOL_ROLES: ReadonlySet<unknown> = new Set(['tool', 'function'])
const TOOL_RESULTS: ReadonlySet<unknown> = new Set(['tool_result', 'function_call_output', 'custom_tool_call_output'])
const MODEL_ITEMS: ReadonlySet<unknown> = new Set(['function_call', 'custom_tool_call', 'reasoning'])

/** Null: the request is no part of a conversation. `session`: what its caller calls it. */
export function threadOf(call: Call, keyId: string, session: string | null): Thread | null {
  const body = call.history === undefined || !isObject(call.history.whole) ? call.body : call.history.whole
  const turns = turnsOf(body)
  const inToolLoop = bringsToolResult(turns.at(-1))
  if (session !== null) return { hash: hashText(session, hashText(keyId)), isKnown: true, inToolLoop }
  const first = turns.find((turn) => isObject(turn) && turn['role'] === 'user')
  if (first === undefined) return null
  let hash = hashText(keyId)
  hash = hashValue(body['system'] ?? body['instructions'] ?? body['systemInstruction'] ?? turns[0], hash)
  hash = hashValue(first, hash)
  return { hash, isKnown: turns.some(isOfModel), inToolLoop }
}

function turnsOf(body: JsonObject): readonly unknown[] {
  const turns = body['messages'] ?? body['contents'] ?? body['input']
  return Array.isArray(turns) ? turns : []
}

function isOfModel(turn: unknown): boolean {
  return isObject(turn) && (MODEL_ROLES.has(turn['role']) || MODEL_ITEMS.has(turn['type']))
}

function bringsToolResult(turn: unknown): boolean {
  if (!isObject(turn)) return false
  if (TOOL_ROLES.has(turn['role']) || TOOL_RESULTS.has(turn['type'])) return true
  const parts = turn['content'] ?? turn['parts']
  return (
    Array.isArray(parts) &&
    parts
      .slice(0, MAX_PIECES)
      .some((part) => isObject(part) && (TOOL_RESULTS.has(part['type']) || part['functionResponse'] !== undefined))
  )
}

/** The texts of a value, however deep they lie, up to a bound. */
function hashValue(value: unknown, seed: number): number {
  let hash = seed
  let left = MAX_HASHED
  let pieces = 0
  const isEnough = (depth: number): boolean => left <= 0 || pieces >= MAX_PIECES || depth > MAX_DEPTH
  const visitAll = (items: readonly unknown[], depth: number): void => {
    for (let index = 0; index < items.length && !isEnough(depth); index++) visit(items[index], depth)
  }
  const visit = (one: unknown, depth: number): void => {
    pieces++
    if (typeof one === 'string') {
      const text = one.length > left ? one.slice(0, left) : one
      left -= text.length
      hash = hashText(text, hash)
    } else if (Array.isArray(one)) visitAll(one, depth + 1)
    else if (isObject(one))
      for (const name in one) {
        if (isEnough(depth + 1)) return
        if (!UNSPOKEN.has(name)) visit(one[name], depth + 1)
      }
  }
  visit(value, 0)
  return hash
}
