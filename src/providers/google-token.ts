// Access tokens of Google's clouds for a service account: a signed claim (a JWT) is exchanged for a token that lives an hour.
// https://developers.google.com/identity/protocols/oauth2/service-account#httprest
//
// A token is kept until shortly before it ends, and asked for once however many calls wait for it. While the old one
// still holds, a failed exchange is no one's failure: it is tried again with the next call.
import { createPrivateKey, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { isObject } from '../core/json.ts'
import { numberOf, parseObject, stringOf } from '../core/json-read.ts'
import { UpstreamFailure } from './failure.ts'

export type ServiceAccount = {
  readonly email: string
  readonly key: KeyObject
  readonly keyId: string | null
  /** Where claims are exchanged, which is also whom they are for. */
  readonly tokenUrl: string
}

/** What is given as a service account is none. Its message never holds a part of it. */
export class ServiceAccountError extends Error {
  constructor(problem: string) {
    super(problem)
    this.name = 'ServiceAccountError'
  }
}

const TOKEN_URL = 'https://oauth2.googleapis.com/token'
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'
const CLAIM_LIFE_S = 3_600
/** A token is replaced when it has less than this left, and not used at all with less than the second. */
const RENEW_BEFORE_MS = 5 * 60_000
const UNUSABLE_BEFORE_MS = 30_000
/** After an exchange that failed while the old token holds. */
const RETRY_AFTER_MS = 10_000

/** Reads the JSON key file of a service account. Throws ServiceAccountError. */
export function readServiceAccount(text: string): ServiceAccount {
  const file = parseObject(text)
  if (file === null) throw new ServiceAccountError('this is no JSON object: give the key file of a service account')
  const type = stringOf(file, 'type')
  if (type !== 'service_account')
    throw new ServiceAccountError(
      `credentials of the type \`${type ?? '(none)'}\` are not taken: give a service account`,
    )
  const email = stringOf(file, 'client_email')
  const pem = stringOf(file, 'private_key')
  if (email === null || pem === null) throw new ServiceAccountError('`client_email` or `private_key` is missing')
  const tokenUrl = stringOf(file, 'token_uri') ?? TOKEN_URL
  if (!URL.canParse(tokenUrl) || new URL(tokenUrl).protocol !== 'https:')
    throw new ServiceAccountError('`token_uri` is no https URL')
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch {
    // The cause is left behind: it may quote the key.
    throw new ServiceAccountError('`private_key` is no private key')
  }
  if (key.asymmetricKeyType !== 'rsa') throw new ServiceAccountError('`private_key` is no RSA key')
  return { email, key, keyId: stringOf(file, 'private_key_id'), tokenUrl }
}

export type TokenRequest = {
  readonly method: 'POST'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The exchange of a claim that is made at `nowMs`. */
export function tokenRequest(account: ServiceAccount, nowMs: number): TokenRequest {
  const issued = Math.floor(nowMs / 1_000)
  const header = { alg: 'RS256', typ: 'JWT', ...(account.keyId === null ? {} : { kid: account.keyId }) }
  const claims = {
    iss: account.email,
    scope: SCOPE,
    aud: account.tokenUrl,
    iat: issued,
    exp: issued + CLAIM_LIFE_S,
  }
  const unsigned = `${base64url(header)}.${base64url(claims)}`
  const signature = sign('RSA-SHA256', Buffer.from(unsigned), account.key).toString('base64url')
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: `${unsigned}.${signature}`,
  })
  return {
    method: 'POST',
    url: account.tokenUrl,
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: form.toString(),
  }
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** What came back of the exchange. */
export type TokenReply = { readonly status: number; readonly body: string }

/** Sends a request and reads its whole, bounded answer. Rejects, best with UpstreamFailure, when none came. */
export type TokenSend = (request: TokenRequest) => Promise<TokenReply>

/** A token, and until when it holds; throws UpstreamFailure with the outcome for whoever needed it. */
function readTokenReply(reply: TokenReply, nowMs: number): { readonly token: string; readonly endsAt: number } {
  const body = parseObject(reply.body)
  if (reply.status >= 500 || reply.status === 429)
    throw new UpstreamFailure({ type: 'overloaded', retryAfterMs: null }, problemOf(reply.status, body))
  if (reply.status !== 200) throw new UpstreamFailure({ type: 'credential_bad' }, problemOf(reply.status, body))
  const token = isObject(body) ? stringOf(body, 'access_token') : null
  if (body === null || token === null || token === '')
    throw new UpstreamFailure({ type: 'broken', reason: 'the token endpoint gave no token' })
  const lifeSeconds = numberOf(body, 'expires_in') ?? CLAIM_LIFE_S
  return { token, endsAt: nowMs + lifeSeconds * 1_000 }
}

function problemOf(status: number, body: ReturnType<typeof parseObject>): Error {
  const said = body === null ? null : (stringOf(body, 'error_description') ?? stringOf(body, 'error'))
  return new Error(`the token endpoint answered ${status}${said === null ? '' : `: ${said.slice(0, 300)}`}`)
}

/** Gives a token that holds for the next call. Throws UpstreamFailure when there is none to be had. */
export type GoogleTokens = () => Promise<string>

/** `now`: ms since the epoch. */
export function createGoogleTokens(account: ServiceAccount, send: TokenSend, now: () => number): GoogleTokens {
  let current: { readonly token: string; readonly endsAt: number } | null = null
  let retryAt = 0
  let exchange: Promise<string> | null = null

  async function renew(): Promise<string> {
    try {
      const askedAt = now()
      current = readTokenReply(await send(tokenRequest(account, askedAt)), askedAt)
      return current.token
    } catch (error) {
      retryAt = now() + RETRY_AFTER_MS
      throw error
    }
  }

  function shared(): Promise<string> {
    exchange ??= renew().finally(() => {
      exchange = null
    })
    return exchange
  }

  return async () => {
    const left = current === null ? 0 : current.endsAt - now()
    if (current !== null && left > RENEW_BEFORE_MS) return current.token
    if (current !== null && left > UNUSABLE_BEFORE_MS) {
      // The old token holds: nobody waits, and a failure is dealt with by the next call.
      if (now() >= retryAt) shared().catch(() => undefined)
      return current.token
    }
    return shared()
  }
}
