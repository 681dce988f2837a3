// Who may administrate: a token of the store with its role, or the operator's own token from the environment.
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import { type Hasher, sameHash } from '../keys/secret.ts'
import type { AdminRole, AdminStore } from '../store/store.ts'
import { createLoginLimit } from './login-limit.ts'

const FAILURES_PER_MINUTE = 10
const READING_METHODS: readonly string[] = ['GET', 'HEAD']
/** Questions that are too long for an address: they change nothing, though they are posted. */
const READING_PATHS: ReadonlySet<string> = new Set(['/admin/explain'])

/** What people wrote is for admins alone, also to read. */
const PRIVATE_PATH = /^\/admin\/(?:requests\/[^/]+\/prompt|labels\/open)\/?$/

/** Throws `unauthorized`, `forbidden` (a viewer that wants to change something) or `rate_limited`. */
export type Access = (request: Request, address: string | null) => Promise<void>

/** `operatorTokenHash`: hash of the token that the operator set, which is an admin; null when none is set. */
export function createAccess({
  store,
  hash,
  clock,
  operatorTokenHash,
}: {
  readonly store: Pick<AdminStore, 'findAdminTokenByHash'>
  readonly hash: Hasher
  readonly clock: Clock
  readonly operatorTokenHash: string | null
}): Access {
  const logins = createLoginLimit({ clock, failures: FAILURES_PER_MINUTE })

  async function roleOf(secret: string): Promise<AdminRole | null> {
    const hashed = hash(secret)
    // Both ways are always walked, so that the time tells nothing about which of them exists.
    const isOperator = sameHash(hashed, operatorTokenHash ?? '')
    const token = await store.findAdminTokenByHash(hashed)
    if (isOperator) return 'admin'
    return token !== null && sameHash(token.hash, hashed) ? token.role : null
  }

  return async (request, address) => {
    const secret = bearerOf(request)
    if (secret === null) throw new GatewayError('unauthorized')
    const role = await roleOf(secret)
    // Checked after the look-up: of many guesses that are under way at once, only the allowed number learns its result.
    logins.check(address)
    if (role === null) {
      logins.failed(address)
      throw new GatewayError('unauthorized')
    }
    if (role === 'viewer' && !isReading(request)) throw new GatewayError('forbidden')
  }
}

function isReading({ method, url }: Request): boolean {
  const { pathname } = new URL(url)
  if (PRIVATE_PATH.test(pathname)) return false
  return READING_METHODS.includes(method) || READING_PATHS.has(pathname)
}

function bearerOf(request: Request): string | null {
  return /^Bearer +(\S+)$/i.exec(request.headers.get('authorization')?.trim() ?? '')?.[1] ?? null
}
