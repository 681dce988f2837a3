// Kept responses and how a conversation goes on from them: what `previous_response_id` and `item_reference` stand for.
import type { JsonObject, JsonValue } from '../json.ts'
import { isObject } from '../json.ts'
import { listOf, objectsOf, stringOf } from '../json-read.ts'

/** A response that the gateway keeps for its owner. */
export type StoredResponse = {
  readonly id: string
  /** Virtual key that made it: nobody else may read it or go on from it. */
  readonly keyId: string
  /** Milliseconds since the epoch, as is the other time. */
  readonly createdAt: number
  /** From this moment on it does not exist any more. */
  readonly expiresAt: number
  /** The response that this one went on from; null: it began a conversation. */
  readonly previousId: string | null
  /** What this request itself sent, with ids; what came before stands in the responses before it. */
  readonly input: readonly JsonObject[]
  /** The response object as it was answered. */
  readonly response: JsonObject
}

/** `input` as a list of items: a text is one message of the user. */
export function inputItems(input: JsonValue | undefined): readonly JsonObject[] {
  if (typeof input === 'string') return [{ type: 'message', role: 'user', content: input }]
  return Array.isArray(input) ? (input as readonly JsonValue[]).filter((item) => isObject(item)) : []
}

/** Ids that the input refers to instead of repeating what they stand for. */
export function referencedIds(input: JsonValue | undefined): readonly string[] {
  return inputItems(input).flatMap((item) => (isReference(item) ? (stringOf(item, 'id') ?? []) : []))
}

function isReference(item: JsonObject): boolean {
  const type = stringOf(item, 'type')
  // A bare id is a reference too: the type may be left out.
  return type === 'item_reference' || (type === null && item['role'] === undefined && stringOf(item, 'id') !== null)
}

export type FullInput = {
  readonly items: readonly JsonObject[]
  /** References that nothing is known of. */
  readonly missing: readonly string[]
}

/**
 * The whole conversation as input: all that was said and answered before, then what this request says.
 * @param chain the responses before this one, oldest first
 * @param kept items by id, for references to what no response of the chain holds
 */
export function fullInput(
  chain: readonly StoredResponse[],
  input: JsonValue | undefined,
  kept: ReadonlyMap<string, JsonObject> = new Map(),
): FullInput {
  const before = chain.flatMap((stored) => [...stored.input, ...objectsOf(stored.response, 'output')])
  const known = new Map(kept)
  const told = new Set<string>()
  for (const item of before) {
    const id = stringOf(item, 'id')
    if (id === null) continue
    known.set(id, item)
    told.add(id)
  }
  const missing: string[] = []
  const items = [...before]
  for (const item of inputItems(input)) {
    if (!isReference(item)) {
      items.push(item)
      continue
    }
    const id = stringOf(item, 'id') ?? ''
    const meant = known.get(id)
    if (meant === undefined) missing.push(id)
    // What a response of the chain holds stands there already.
    else if (!told.has(id)) items.push(meant)
  }
  return { items, missing }
}

/** The body as if the caller had sent the whole conversation itself. */
export function withFullInput(body: JsonObject, items: readonly JsonObject[]): JsonObject {
  const { previous_response_id: _previous, ...rest } = body
  return { ...rest, input: items }
}

const ID_PREFIXES: { readonly [type: string]: string } = {
  message: 'msg',
  reasoning: 'rs',
  function_call: 'fc',
  function_call_output: 'fco',
  custom_tool_call: 'ctc',
  custom_tool_call_output: 'ctco',
}

/**
 * The items of a request as they are kept: each has an id and its type, and content is a list, as clients expect of
 * `input_items`.
 * @param suffix makes the ids unlike those of other requests
 */
export function keptItems(items: readonly JsonObject[], suffix: string): readonly JsonObject[] {
  return items.map((item, index) => {
    const type = stringOf(item, 'type') ?? 'message'
    const id = stringOf(item, 'id') ?? `${ID_PREFIXES[type] ?? 'item'}_${suffix}_${index}`
    if (type !== 'message') return { ...item, type, id }
    const role = stringOf(item, 'role') ?? 'user'
    const kind = role === 'assistant' ? { type: 'output_text', annotations: [], logprobs: [] } : { type: 'input_text' }
    const content = stringOf(item, 'content')
    return {
      ...item,
      type,
      id,
      role,
      status: stringOf(item, 'status') ?? 'completed',
      content: content === null ? listOf(item, 'content') : [{ ...kind, text: content }],
    }
  })
}
