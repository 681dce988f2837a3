// Secrets that we issue: 256 random bits, shown once, kept only as a keyed hash.
import { randomBytes, timingSafeEqual } from 'node:crypto'

/** HMAC-SHA-256 of a secret under the gateway's pepper, base64url (43 characters). */
export type Hasher = (secret: string) => string

const RANDOM_BYTES = 32

/** Secret of a virtual key: `sk-weir-` and 43 base64url characters. Scanners of leaked secrets know keys by such a prefix. */
export function newSecret(): string {
  return `sk-weir-${randomBytes(RANDOM_BYTES).toString('base64url')}`
}

/** Secret of an admin token: like a virtual key's, told apart by its prefix. */
export function newAdminSecret(): string {
  return `sk-weir-admin-${randomBytes(RANDOM_BYTES).toString('base64url')}`
}

/**
 * Makes the one hash function of the gateway. A plain hash would do for 256 random bits; the pepper also covers secrets
 * that an operator chose (`WEIR_ADMIN_TOKEN`) or brought along from another gateway: the store alone reveals nothing.
 */
export function createHasher(pepper: Uint8Array): Hasher {
  // Begun once: both blocks of the pepper are hashed then, and each secret goes on from a copy, for half of what `createHmac` takes.
  const begun = new Bun.CryptoHasher('sha256', pepper)
  return (secret) => begun.copy().update(secret).digest('base64url')
}

/** Last four characters of a secret, to tell keys apart in lists. */
export function hintOf(secret: string): string {
  return secret.slice(-4)
}

/** Whether two hashes are equal, in a time that does not depend on where they differ. */
export function sameHash(left: string, right: string): boolean {
  const a = Buffer.from(left)
  const b = Buffer.from(right)
  return a.length === b.length && timingSafeEqual(a, b)
}
