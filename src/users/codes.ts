// Codes that work once: what they look like, and making them. Only their hashes are kept.
import { randomBytes } from 'node:crypto'
import { GatewayError } from '../core/error.ts'
import { randomId } from '../core/id.ts'
import type { NanoUsd } from '../core/money.ts'
import type { CodeKind, UserCode } from '../core/user.ts'

/** Crockford's base 32: nothing in it is mistaken for something else when it is read aloud or typed. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
/** 125 random bits, which nobody guesses. */
const LENGTH = 25
const LETTERS = new RegExp(`^[${ALPHABET}]{${LENGTH}}$`)

/** `K3XQZ-…`, five groups of five. */
export function newCode(): string {
  return inGroups(Array.from(randomBytes(LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]).join(''))
}

function inGroups(letters: string): string {
  return letters.replaceAll(/.{5}(?!$)/g, '$&-')
}

/** The code as it was made, however it was typed. Throws `code_invalid` for what is none. */
export function readCode(written: string): string {
  const letters = written
    .slice(0, 200)
    .toUpperCase()
    .replaceAll(/[\s-]/g, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1')
  if (!LETTERS.test(letters)) throw new GatewayError('code_invalid')
  return inGroups(letters)
}

/** What is kept of a code. @param hash the gateway's keyed hash */
export function hashCode(code: string, hash: (secret: string) => string): string {
  return hash(`code:${code}`)
}

export type NewCodes = {
  readonly kind: CodeKind
  readonly count: number
  readonly amountNanoUsd: NanoUsd
  readonly group: string | null
  readonly note: string
  /** Id of a user; null: the operator. */
  readonly madeBy: string | null
  readonly expiresAt: number | null
}

/** Codes that are not stored yet, each with the text that exists nowhere else. */
export function makeCodes(
  { count, ...same }: NewCodes,
  { hash, now }: { readonly hash: (secret: string) => string; readonly now: number },
): readonly { readonly code: string; readonly row: UserCode }[] {
  const batch = randomId('batch')
  return Array.from({ length: count }, () => {
    const code = newCode()
    const id = randomId('code')
    const row = { ...same, id, batch, hash: hashCode(code, hash), createdAt: now, usedBy: null, usedAt: null }
    return { code, row }
  })
}
