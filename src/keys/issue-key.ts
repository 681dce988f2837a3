// Making virtual keys, new secrets for them, and admin tokens. Pure: whoever calls writes the result to the store.
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import { randomId } from '../core/id.ts'
import { type KeySecret, type LimitSet, NO_LIMITS, OPTION_NAMES, type VirtualKey } from '../core/key.ts'
import type { AdminRole, AdminToken, KeyPatch } from '../store/store.ts'
import { ENDPOINT_FAMILIES, parseBlock } from './permit.ts'
import { type Hasher, hintOf, newAdminSecret, newSecret } from './secret.ts'

/** What a new key may be given; what is left out restricts nothing. */
export type NewKey = {
  readonly name: string
  readonly teamId?: string | null
  /** Id of the user whose key it is to be. */
  readonly userId?: string
  readonly models?: readonly string[] | null
  readonly endpoints?: readonly string[] | null
  /** CIDR blocks or single addresses. */
  readonly addresses?: readonly string[] | null
  readonly limits?: Partial<LimitSet>
  readonly tags?: readonly string[]
  /** Options that its requests may not have. */
  readonly forbids?: readonly string[]
  readonly requireEndUser?: boolean
  readonly metadata?: Readonly<Record<string, string>>
  readonly disabled?: boolean
  /** ms since the epoch. */
  readonly expiresAt?: number | null
}

/** A key with its secret, which exists nowhere else. */
export type IssuedKey = { readonly key: VirtualKey; readonly secret: string }

/** Makes a key that is not stored yet. Throws `request_malformed` naming the field that makes no sense. */
export function issueKey(input: NewKey, { hash, clock }: { hash: Hasher; clock: Clock }): IssuedKey {
  const { secret, record } = newKeySecret({ hash })
  return { key: keyWith([record], input, clock.now()), secret }
}

/**
 * Makes a key whose secret somebody has already: of another gateway, or of the operator's own choice. Each of `secrets` opens
 * it; the first is shown by its last characters. Throws as `issueKey` does, and for a secret that could be guessed.
 */
export function adoptKey(
  input: NewKey,
  secrets: readonly [string, ...string[]],
  { hash, clock }: { hash: Hasher; clock: Clock },
): VirtualKey {
  const records = secrets.map((secret) => adoptedSecret(secret, { hash }))
  return keyWith(records, input, clock.now())
}

/** What is shorter could be tried out: there is nothing slow about asking. */
const SHORTEST_SECRET = 20
const LONGEST_SECRET = 512

/** The record of a secret that was not made here. Throws `request_malformed` for one that could be guessed or not be sent. */
export function adoptedSecret(secret: string, { hash }: { hash: Hasher }): KeySecret {
  const { length } = secret
  if (length < SHORTEST_SECRET || length > LONGEST_SECRET || !/^[\x21-\x7e]+$/.test(secret))
    throw malformed(
      'secret',
      `A secret has ${SHORTEST_SECRET} to ${LONGEST_SECRET} visible ASCII characters without spaces.`,
    )
  return { hash: hash(secret), hint: hintOf(secret), expiresAt: null }
}

function keyWith(secrets: readonly KeySecret[], input: NewKey, now: number): VirtualKey {
  const key: VirtualKey = {
    id: randomId('key'),
    name: input.name,
    teamId: input.teamId ?? null,
    ...(input.userId === undefined ? {} : { userId: input.userId }),
    models: input.models ?? null,
    endpoints: input.endpoints ?? null,
    addresses: input.addresses ?? null,
    limits: { ...NO_LIMITS, ...input.limits },
    tags: input.tags ?? [],
    ...(input.forbids === undefined ? {} : { forbids: input.forbids }),
    requireEndUser: input.requireEndUser ?? false,
    metadata: input.metadata ?? {},
    disabled: input.disabled ?? false,
    createdAt: now,
    expiresAt: input.expiresAt ?? null,
    secrets,
  }
  checkKeyFields(key, now)
  return key
}

/** A new secret for a key, and the record of it for `store.rotateKey`. */
export function newKeySecret({ hash }: { hash: Hasher }): { secret: string; record: KeySecret } {
  const secret = newSecret()
  return { secret, record: { hash: hash(secret), hint: hintOf(secret), expiresAt: null } }
}

/** Makes an admin token that is not stored yet, with its secret. */
export function issueAdminToken(
  input: { readonly name: string; readonly role: AdminRole },
  { hash, clock }: { hash: Hasher; clock: Clock },
): { token: AdminToken; secret: string } {
  const secret = newAdminSecret()
  const token = { id: randomId('token'), ...input, hash: hash(secret), createdAt: clock.now() }
  return { token, secret }
}

/** Refuses values of a new or changed key that could never work: `request_malformed` with the field as in the admin API. */
export function checkKeyFields(fields: KeyPatch, now: number): void {
  if (fields.name?.trim() === '') throw malformed('name', 'A key needs a name.')
  for (const [index, endpoint] of (fields.endpoints ?? []).entries())
    if (!ENDPOINT_FAMILIES.some((family) => family === endpoint))
      throw malformed(
        `endpoints[${index}]`,
        `\`${endpoint}\` is no endpoint family; there are ${ENDPOINT_FAMILIES.join(', ')}.`,
      )
  for (const [index, option] of (fields.forbids ?? []).entries())
    if (!OPTION_NAMES.some((name) => name === option))
      throw malformed(`forbids[${index}]`, `\`${option}\` is no option; there are ${OPTION_NAMES.join(', ')}.`)
  for (const [index, address] of (fields.addresses ?? []).entries())
    if (parseBlock(address) === null)
      throw malformed(`addresses[${index}]`, `\`${address}\` is neither an IP address nor a CIDR block.`)
  for (const [kind, limit] of Object.entries(fields.limits ?? {}))
    if (limit !== null && !(Number.isSafeInteger(limit) && limit > 0))
      throw malformed(`limits.${kind}`, `\`limits.${kind}\` must be a whole number above 0, or null for no limit.`)
  if (fields.expiresAt !== undefined && fields.expiresAt !== null && !(fields.expiresAt > now))
    throw malformed('expires_at', '`expires_at` is in the past.')
}

function malformed(param: string, message: string): GatewayError {
  return new GatewayError('request_malformed', { message, param })
}
