// Who is at the other end of a browser: log-ins, the sessions that they begin, and forms that come from our own pages.
//
// A session is a random secret in a cookie that no script can read; the store keeps its keyed hash. Whoever changes
// something proves that the page with the form was ours: its token is another keyed hash of the cookie, which pages of
// others cannot know. Before there is a session, a visitor's cookie plays its part, so that nobody can be logged in as
// somebody else without noticing.
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { UsersConfig } from '../config/schema-users.ts'
import { GatewayError } from '../core/error.ts'
import type { User } from '../core/user.ts'
import type { UserStore } from '../store/store.ts'
import type { Passwords } from './passwords.ts'

/** Failures are counted apart from whoever they belong to. Throws `rate_limited` while there were too many. */
type FailureLimit = {
  check(who: string | null): void
  failed(who: string | null): void
}

export type SessionTools = {
  readonly store: Pick<UserStore, 'findUser' | 'passwordHashOf' | 'insertSession' | 'findSession' | 'deleteSession'>
  readonly hash: (secret: string) => string
  readonly now: () => number
  readonly passwords: Passwords
  readonly settings: () => UsersConfig
  readonly failures: { readonly byAddress: FailureLimit; readonly byLogin: FailureLimit }
  /** Counts those that went well. */
  readonly registrations: FailureLimit
}

/** Whose request it is. `secret`: of the session, or of a visitor without one; null: a visitor without a cookie. */
export type Visit = {
  readonly address: string | null
  readonly user: User | null
  readonly secret: string | null
}

const SESSION_COOKIE = 'weir_user'
const VISITOR_COOKIE = 'weir_visitor'
const SECRET = /^[\w-]{43}$/
const MOST_SESSIONS = 20
/** A form may lie open in a browser for a day. */
const VISITOR_SECONDS = 86_400

/** The user with this login and password. Throws `login_failed`, `user_disabled`, `rate_limited` or `overloaded`. */
export async function logIn(
  { login: written, password }: { readonly login: string; readonly password: string },
  address: string | null,
  { store, passwords, failures }: SessionTools,
): Promise<User> {
  const login = written.trim().toLowerCase().slice(0, 100)
  const refuseGuesser = (): void => {
    failures.byAddress.check(address)
    failures.byLogin.check(login)
  }
  refuseGuesser()
  const user = await store.findUser(login)
  // Who is not there takes as long as who is.
  const isRight = await passwords.verify(password, user === null ? null : await store.passwordHashOf(user.id))
  // Again: of many guesses that were under way at once, only the allowed number learns what came of them.
  refuseGuesser()
  if (user === null || !isRight) {
    failures.byAddress.failed(address)
    failures.byLogin.failed(login)
    throw new GatewayError('login_failed')
  }
  if (user.disabled) throw new GatewayError('user_disabled')
  return user
}

/** Begins a session and returns its secret. */
export async function beginSession(user: User, { store, hash, now, settings }: SessionTools): Promise<string> {
  const secret = randomBytes(32).toString('base64url')
  const createdAt = now()
  await store.insertSession(
    { hash: hash(`session:${secret}`), userId: user.id, createdAt, expiresAt: createdAt + settings().sessionMs },
    MOST_SESSIONS,
  )
  return secret
}

export async function endSession(secret: string, { store, hash }: SessionTools): Promise<void> {
  await store.deleteSession(hash(`session:${secret}`))
}

export async function visitOf(request: Request, address: string | null, tools: SessionTools): Promise<Visit> {
  const cookies = cookiesOf(request)
  const secret = cookies.get(SESSION_COOKIE)
  if (secret !== undefined) {
    const found = await tools.store.findSession(tools.hash(`session:${secret}`), tools.now())
    if (found !== null && !found.user.disabled) return { address, user: found.user, secret }
  }
  return { address, user: null, secret: cookies.get(VISITOR_COOKIE) ?? null }
}

/** What a form of ours carries. */
export function formToken(secret: string, hash: (secret: string) => string): string {
  return hash(`form:${secret}`)
}

/** Throws `form_stale` unless the token is that of the visitor, and the request comes from one of our own pages. */
export function checkForm(
  request: Request,
  token: string | null,
  { secret }: Visit,
  hash: (secret: string) => string,
): void {
  // Every browser of today says it; who says nothing is no browser, or has the token.
  const site = request.headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin' && site !== 'none') throw new GatewayError('form_stale')
  if (secret === null || token === null) throw new GatewayError('form_stale')
  const expected = Buffer.from(formToken(secret, hash))
  const sent = Buffer.from(token)
  if (expected.length !== sent.length || !timingSafeEqual(expected, sent)) throw new GatewayError('form_stale')
}

export function newVisitor(): string {
  return randomBytes(32).toString('base64url')
}

export function visitorCookie(request: Request, secret: string): string {
  return cookie(request, VISITOR_COOKIE, secret, VISITOR_SECONDS)
}

/** `secret` of null: the session is over. */
export function sessionCookie(request: Request, secret: string | null, sessionMs: number): string {
  return cookie(request, SESSION_COOKIE, secret ?? '', secret === null ? 0 : Math.floor(sessionMs / 1_000))
}

// Anywhere but on the machine itself the cookie travels over HTTPS only. A proxy on the same machine may name that one.
function cookie(request: Request, name: string, value: string, seconds: number): string {
  const { hostname } = new URL(request.url)
  const isLocal = hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]'
  const isPlain = isLocal && request.headers.get('x-forwarded-proto')?.startsWith('https') !== true
  return `${name}=${value}; Path=/user; Max-Age=${seconds}; HttpOnly; SameSite=Lax${isPlain ? '' : '; Secure'}`
}

function cookiesOf(request: Request): ReadonlyMap<string, string> {
  const pairs = (request.headers.get('cookie') ?? '').slice(0, 8_192).split(';')
  return new Map(
    pairs.flatMap((pair): [string, string][] => {
      const equals = pair.indexOf('=')
      const value = pair.slice(equals + 1).trim()
      return equals > 0 && SECRET.test(value) ? [[pair.slice(0, equals).trim(), value]] : []
    }),
  )
}
