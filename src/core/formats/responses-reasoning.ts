// Reasoning items of OpenAI's Responses ↔ parts.
//
// Clients of Responses send back what they know of a thought: its id, its summary and `encrypted_content`. The proof of
// another vendor's thought (a signature, an encrypted form) therefore travels in `encrypted_content`, behind a mark, with
// the very text that it proves; so does the signature of a tool call, in an item of its own after the call.
import { rawOf } from '../chat.ts'
import type { Family, ReasoningPart, ToolCallPart } from '../chat.ts'
import type { JsonObject } from '../json.ts'
import { namesOf, objectsOf, parseObject, restOf, stringOf } from '../json-read.ts'

const FAMILY = 'openai-responses'
const MARK = 'weir:'

const FAMILIES: { readonly [family in Family]: true } = {
  'openai-chat': true,
  'openai-responses': true,
  'anthropic-messages': true,
  gemini: true,
  'gemini-interactions': true,
  'bedrock-converse': true,
  'cohere-chat': true,
  'mistral-chat': true,
  'ollama-chat': true,
  custom: true,
}

function isFamily(word: string | null): word is Family {
  return word !== null && Object.hasOwn(FAMILIES, word)
}

/** Signatures of tool calls by the call's id, and whose they are. */
export type CallSignatures = ReadonlyMap<string, { readonly signature: string; readonly family: Family }>

const REASONING_FIELDS = namesOf('type id summary content encrypted_content status')

/**
 * The parts of a reasoning item, one for each piece of text, then one for what is encrypted; they share the item's id.
 * An item that says nothing has none.
 */
export function partsOfReasoning(item: JsonObject): readonly ReasoningPart[] {
  const id = stringOf(item, 'id')
  const base = {
    type: 'reasoning',
    ...(id === null ? {} : { id }),
    ...rawOf(FAMILY, restOf(item, REASONING_FIELDS)),
  } as const
  const encrypted = stringOf(item, 'encrypted_content')
  const parcel = parcelOf(encrypted)
  if (parcel !== null)
    return objectsOf(parcel.value, 'thoughts').map((thought) => ({
      ...base,
      text: stringOf(thought, 'text') ?? '',
      signature: stringOf(thought, 'signature'),
      encrypted: stringOf(thought, 'encrypted'),
      family: parcel.family,
    }))
  const plain = { ...base, signature: null, encrypted: null, family: FAMILY } as const
  const parts: ReasoningPart[] = []
  for (const piece of objectsOf(item, 'summary'))
    parts.push({ ...plain, text: stringOf(piece, 'text') ?? '', isSummary: true })
  for (const piece of objectsOf(item, 'content')) parts.push({ ...plain, text: stringOf(piece, 'text') ?? '' })
  if (encrypted !== null && encrypted !== '') parts.push({ ...plain, text: '', encrypted })
  return parts
}

/** The signatures of tool calls that a reasoning item carries; none in most. */
export function signaturesOfReasoning(item: JsonObject): CallSignatures {
  const signatures = new Map<string, { signature: string; family: Family }>()
  const parcel = parcelOf(stringOf(item, 'encrypted_content'))
  if (parcel === null) return signatures
  for (const call of objectsOf(parcel.value, 'calls')) {
    const id = stringOf(call, 'id')
    const signature = stringOf(call, 'signature')
    if (id !== null && signature !== null) signatures.set(id, { signature, family: parcel.family })
  }
  return signatures
}

function parcelOf(encrypted: string | null): { readonly family: Family; readonly value: JsonObject } | null {
  if (encrypted === null || !encrypted.startsWith(MARK)) return null
  const value = parseObject(encrypted.slice(MARK.length))
  if (value === null) return null
  const family = stringOf(value, 'family')
  return isFamily(family) ? { family, value } : null
}

/** What an item of these parts carries as `encrypted_content` towards a client; null when there is nothing to prove. */
export function encryptedForClient(parts: readonly ReasoningPart[]): string | null {
  const family = parts[0]?.family ?? null
  if (family === null || family === FAMILY) return encryptedOf(parts)
  const proven = parts.filter(({ signature, encrypted }) => signature !== null || encrypted !== null)
  if (proven.length === 0) return null
  return parcel(family, {
    thoughts: proven.map(({ text, signature, encrypted }) => ({
      text,
      ...(signature === null ? {} : { signature }),
      ...(encrypted === null ? {} : { encrypted }),
    })),
  })
}

/** The encrypted form of this family's own thought; null when there is none. */
export function encryptedOf(parts: readonly ReasoningPart[]): string | null {
  return parts.findLast(({ encrypted }) => encrypted !== null)?.encrypted ?? null
}

function parcel(family: Family, value: JsonObject): string {
  return MARK + JSON.stringify({ family, ...value })
}

/** The item that follows a signed tool call, so that the signature comes back; null when the call has none. */
export function signatureItem(call: ToolCallPart, id: string): JsonObject | null {
  if (call.signature === undefined || call.family === undefined) return null
  const encrypted = parcel(call.family, { calls: [{ id: call.id, signature: call.signature }] })
  return { id, type: 'reasoning', summary: [], encrypted_content: encrypted }
}

/** Summary and content of a reasoning item, from parts that share it. */
export function reasoningTexts(parts: readonly ReasoningPart[]): JsonObject {
  const told = parts.filter(({ text }) => text !== '')
  const summary = told.filter(({ isSummary }) => isSummary === true)
  const content = told.filter(({ isSummary }) => isSummary !== true)
  return {
    summary: summary.map(({ text }) => ({ type: 'summary_text', text })),
    ...(content.length === 0 ? {} : { content: content.map(({ text }) => ({ type: 'reasoning_text', text })) }),
  }
}
