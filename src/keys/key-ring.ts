// From a secret to the key and team behind it.
//
// A look-up is: hash the secret, ask the cache, on a miss ask the store once. Known and unknown secrets take the same
// steps, and both outcomes are cached. What the cache holds is what the store said; whether a secret has expired, a key is
// disabled or an address may call is judged at every use. Changes made through this process drop the cache (`invalidate`),
// changes made elsewhere do so at the next `checkElsewhere`. A look-up that was under way when the cache was dropped still
// answers whoever waits for it, but is neither cached nor shared with later callers: those see the change.
import { LRUCache } from 'lru-cache'
import { atMost } from '../core/bound.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import type { KeySecret } from '../core/key.ts'
import type { KeyOwner } from '../core/user.ts'
import type { KeyStore, KeyWithTeam } from '../store/store.ts'
import { addressAllowed } from './permit.ts'
import { type Hasher, sameHash } from './secret.ts'

/** The caller's network address, looked up only where a key asks for it. */
export type CallerAddress = () => string | null

export interface KeyRing {
  /**
   * The key of this secret and its team; at once where the cache knows it. Throws (or rejects with) `key_missing`,
   * `key_unknown`, `key_disabled`, `key_expired`, `address_not_allowed`, or `store_unavailable`.
   */
  authenticate(secret: string | null, addressOf: CallerAddress): KeyWithTeam | Promise<KeyWithTeam>
  /**
   * The key of this id and its team, for work that a caller has left behind, judged as at a call but for its secret and
   * its address. Rejects with `key_unknown`, `key_disabled`, `key_expired` or `store_unavailable`.
   */
  recall(keyId: string): Promise<KeyWithTeam>
  /** Whose key it is, also where it may not be used any more; null: there is no such key. */
  find(keyId: string): Promise<KeyWithTeam | null>
  /** A user as the owner of keys, also of those that are gone; null: it is no user's id. */
  owner(userId: string): Promise<KeyOwner | null>
  /** Forgets everything: to be called after each change of keys or teams. */
  invalidate(): void
  /** Forgets everything if another process changed keys or teams since the last call. */
  checkElsewhere(): Promise<void>
}

/** What the store said of a hash; `match` is the secret of the key that has it. */
type Found = KeyWithTeam & { readonly match: KeySecret }
type Cached = { readonly found: Found | null; readonly staleAtMs: number }

/** `cacheMs`: how long an answer of the store is believed; `cacheSize`: how many are kept, of known and of unknown secrets each. */
export function createKeyRing({
  store,
  hash,
  clock,
  cacheMs,
  cacheSize,
  hasUsers = () => false,
}: {
  readonly store: Pick<KeyStore, 'findKeyByHash' | 'getKey' | 'getTeam' | 'getKeyOwner' | 'keysVersion'>
  readonly hash: Hasher
  readonly clock: Clock
  readonly cacheMs: number
  readonly cacheSize: number
  /** Whether keys of users are good for anything; asked at each use of one. */
  readonly hasUsers?: () => boolean
}): KeyRing {
  // Two caches, so that a flood of invented secrets cannot push out the keys in use.
  const known = new LRUCache<string, Cached>(atMost(cacheSize))
  const unknown = new LRUCache<string, Cached>(atMost(cacheSize))
  const pending = new Map<string, Promise<Found | null>>()
  let generation = 0
  let versionSeen: number | null = null

  function authenticate(secret: string | null, addressOf: CallerAddress): KeyWithTeam | Promise<KeyWithTeam> {
    if (secret === null || secret === '') throw new GatewayError('key_missing')
    const hashed = hash(secret)
    const cached = known.get(hashed) ?? unknown.get(hashed)
    if (cached !== undefined && cached.staleAtMs > clock.monotonicMs()) return judge(cached.found, addressOf)
    return lookedUp(hashed, addressOf)
  }

  // Apart, as its closure would cost every call an object to close over.
  function lookedUp(hashed: string, addressOf: CallerAddress): Promise<KeyWithTeam> {
    return lookUp(hashed).then((found) => judge(found, addressOf))
  }

  function lookUp(hashed: string): Promise<Found | null> {
    let search = pending.get(hashed)
    if (search === undefined) {
      search = ask(hashed)
      pending.set(hashed, search)
    }
    return search
  }

  async function ask(hashed: string): Promise<Found | null> {
    const begunAt = generation
    try {
      const found = withMatch(await store.findKeyByHash(hashed), hashed)
      if (begunAt === generation) {
        const [cache, other] = found === null ? [unknown, known] : [known, unknown]
        other.delete(hashed)
        cache.set(hashed, { found, staleAtMs: clock.monotonicMs() + cacheMs })
      }
      return found
    } finally {
      // After an invalidation the place may belong to a later look-up of the same hash.
      if (begunAt === generation) pending.delete(hashed)
    }
  }

  function judge(found: Found | null, addressOf: CallerAddress): KeyWithTeam {
    if (found === null) throw new GatewayError('key_unknown')
    const { key, match } = found
    refuseIdle(found, clock, hasUsers)
    if (match.expiresAt !== null && match.expiresAt <= clock.now())
      throw new GatewayError('key_expired', {
        message: 'This secret was replaced by a newer one, and its grace period is over.',
      })
    if (key.addresses !== null && !addressAllowed(key.addresses, addressOf()))
      throw new GatewayError('address_not_allowed')
    return found
  }

  async function find(keyId: string): Promise<KeyWithTeam | null> {
    const key = await store.getKey(keyId)
    if (key === null) return null
    const team = key.teamId === null ? null : await store.getTeam(key.teamId)
    const owner = key.userId === undefined ? null : await store.getKeyOwner(key.userId)
    return owner === null ? { key, team } : { key, team, owner }
  }

  async function recall(keyId: string): Promise<KeyWithTeam> {
    const found = await find(keyId)
    if (found === null) throw new GatewayError('key_unknown')
    refuseIdle(found, clock, hasUsers)
    return found
  }

  function invalidate(): void {
    generation++
    known.clear()
    unknown.clear()
    pending.clear()
  }

  async function checkElsewhere(): Promise<void> {
    const version = await store.keysVersion()
    // The first answer says nothing about what was cached before it, so it counts as a change.
    if (version === versionSeen) return
    versionSeen = version
    invalidate()
  }

  return { authenticate, recall, find, owner: (userId) => store.getKeyOwner(userId), invalidate, checkElsewhere }
}

/** Throws where the key may not be used at all, whoever has it. */
function refuseIdle({ key, team, owner }: KeyWithTeam, clock: Clock, hasUsers: () => boolean): void {
  if (key.disabled) throw new GatewayError('key_disabled')
  if (team?.disabled === true)
    throw new GatewayError('key_disabled', { message: 'The team of this API key is disabled.' })
  if (key.expiresAt !== null && key.expiresAt <= clock.now()) throw new GatewayError('key_expired')
  if (key.userId === undefined) return
  // Nothing else would charge them.
  if (owner === undefined || !hasUsers())
    throw new GatewayError('key_disabled', {
      message: 'This API key belongs to a user, and users are switched off here.',
    })
  if (owner.disabled) throw new GatewayError('key_disabled', { message: 'The user of this API key is disabled.' })
}

/** Which secret of the key was sent. The store searched an index, whose time depends on the hash; this does not. */
function withMatch(result: KeyWithTeam | null, hashed: string): Found | null {
  const match = result?.key.secrets.find((secret) => sameHash(secret.hash, hashed))
  return result === null || match === undefined ? null : { ...result, match }
}
