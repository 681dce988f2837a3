// Proofs of thoughts in Gemini's `thoughtSignature`: its own as they are, those of other vendors in disguise.
//
// Clients send signatures back as they came, and never look into them: so a client of Gemini's dialect can carry
// Anthropic's proof from turn to turn.
import type { Family } from '../chat.ts'
import { disguised, undisguised } from './foreign-proofs.ts'
import type { Proof } from './foreign-proofs.ts'

const FAMILY: Family = 'gemini'

/** What Google documents for calls which its models did not make, or whose signature is lost. */
export const NO_SIGNATURE = 'skip_thought_signature_validator'

/** What a `thoughtSignature` proves: Google's own thought, or the one in the disguise. */
export function proofOf(thoughtSignature: string | null): Proof {
  const foreign = thoughtSignature === null ? null : undisguised(thoughtSignature)
  return foreign ?? { signature: thoughtSignature, encrypted: null, family: FAMILY }
}

/** The `thoughtSignature` of a thought; null when nothing proves it. */
export function thoughtSignatureOf(part: Proof): string | null {
  return part.family === FAMILY ? part.signature : disguised(part)
}
