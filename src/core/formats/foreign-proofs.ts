// Proofs of thoughts in formats of another vendor: a client carries them from turn to turn in a field that it never looks
// into, and there they stand in disguise. The fields are base64, and so is the disguise.
import type { Family, ReasoningPart } from '../chat.ts'
import type { JsonObject } from '../json.ts'
import { objectsOf, parseObject, stringOf } from '../json-read.ts'

const MARK = 'weir:'

/** How everything in disguise begins: base64 of `weir:{`, whose six bytes are eight whole letters. */
export const DISGUISE = 'd2Vpcjp7'

export type Proof = Pick<ReasoningPart, 'signature' | 'encrypted' | 'family' | 'id'>

/** A proof in disguise; null when there is nothing to prove. */
export function disguised({ family, signature, encrypted, id }: Proof): string | null {
  if (family === null || (signature === null && encrypted === null)) return null
  return written({ family, signature, encrypted, ...(id === undefined ? {} : { id }) })
}

/** The signature of a tool call in disguise. */
export function disguisedCall(call: {
  readonly id: string
  readonly signature: string
  readonly family: Family
}): string {
  return written({ family: call.family, calls: [{ id: call.id, signature: call.signature }] })
}

function written(value: JsonObject): string {
  return Buffer.from(MARK + JSON.stringify(value), 'utf8').toString('base64')
}

function read(text: string): { readonly family: Family; readonly value: JsonObject } | null {
  if (!text.startsWith(DISGUISE)) return null
  const value = parseObject(Buffer.from(text, 'base64').toString('utf8').slice(MARK.length))
  const family = value === null ? null : stringOf(value, 'family')
  return value === null || family === null ? null : { family: family as Family, value }
}

/** The proof behind a disguise; null when the text is none. */
export function undisguised(text: string): Proof | null {
  const found = read(text)
  if (found === null) return null
  const { family, value } = found
  const id = stringOf(value, 'id')
  return {
    signature: stringOf(value, 'signature'),
    encrypted: stringOf(value, 'encrypted'),
    family,
    ...(id === null ? {} : { id }),
  }
}

/** Signatures of calls behind a disguise, by the call's id; none in most. */
export function undisguisedCalls(text: string): readonly {
  readonly id: string
  readonly signature: string
  readonly family: Family
}[] {
  const found = read(text)
  if (found === null) return []
  return objectsOf(found.value, 'calls').flatMap((call) => {
    const [id, signature] = [stringOf(call, 'id'), stringOf(call, 'signature')]
    return id === null || signature === null ? [] : [{ id, signature, family: found.family }]
  })
}
