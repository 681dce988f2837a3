// Proofs of thoughts in Gemini's `thoughtSignature`: its own as they are, those of other vendors in disguise.
//
// Clients send signatures back as they came, and never look into them: so a client of Gemini's dialect can carry
// Anthropic's proof from turn to turn. The field is base64, and so is the disguise.
import type { Family, ReasoningPart } from '../chat.ts'
import { parseObject, stringOf } from '../json-read.ts'

const FAMILY: Family = 'gemini'
const MARK = 'weir:'

/** How every disguised proof begins: base64 of `weir:{`, whose six bytes are eight whole letters. */
export const DISGUISE = 'd2Vpcjp7'

/** What Google documents for calls which its models did not make, or whose signature is lost. */
export const NO_SIGNATURE = 'skip_thought_signature_validator'

type Proof = Pick<ReasoningPart, 'signature' | 'encrypted' | 'family' | 'id'>

/** What a `thoughtSignature` proves: Google's own thought, or the one in the disguise. */
export function proofOf(thoughtSignature: string | null): Proof {
  const own = { signature: thoughtSignature, encrypted: null, family: FAMILY } as const
  if (thoughtSignature === null || !thoughtSignature.startsWith(DISGUISE)) return own
  const text = Buffer.from(thoughtSignature, 'base64').toString('utf8')
  const proof = parseObject(text.slice(MARK.length))
  const family = proof === null ? null : stringOf(proof, 'family')
  if (proof === null || family === null) return own
  const id = stringOf(proof, 'id')
  return {
    signature: stringOf(proof, 'signature'),
    encrypted: stringOf(proof, 'encrypted'),
    family: family as Family,
    ...(id === null ? {} : { id }),
  }
}

/** The `thoughtSignature` of a thought; null when nothing proves it. */
export function thoughtSignatureOf(part: Proof): string | null {
  if (part.family === FAMILY) return part.signature
  if (part.family === null || (part.signature === null && part.encrypted === null)) return null
  const { family, signature, encrypted, id } = part
  const proof = { family, signature, encrypted, ...(id === undefined ? {} : { id }) }
  return Buffer.from(MARK + JSON.stringify(proof), 'utf8').toString('base64')
}
