// Who calls: the secret of the key wherever a client may put it, the address, and ids from headers.
import type { HeaderSource } from '../core/headers.ts'
import type { ClientRequest } from '../core/client-request.ts'
import { GatewayError } from '../core/error.ts'

/**
 * The secret as sent: `Authorization: Bearer`, `x-api-key` (Anthropic's clients), `x-goog-api-key` or `?key=` (Gemini's).
 * Null when none was sent. Two different ones are a mistake that is refused, not guessed about.
 */
export function secretOf(request: ClientRequest): string | null {
  const { headers } = request
  const authorization = headers.get('authorization')
  const bearer = authorization === null ? null : bearerOf(authorization)
  const anthropic = headers.get('x-api-key')
  const google = headers.get('x-goog-api-key')
  const query = request.url.indexOf('?')
  // As nearly everybody sends it.
  if (anthropic === null && google === null && query < 0) return bearer
  const inQuery = query < 0 ? null : new URLSearchParams(request.url.slice(query)).get('key')
  const sent = new Set([bearer, anthropic, google, inQuery])
  sent.delete(null)
  if (sent.size > 1)
    throw new GatewayError('request_malformed', {
      message: 'Two different API keys were sent; send one, in one place or the same in each.',
      param: 'authorization',
    })
  const [only = null] = sent
  return only
}

function bearerOf(authorization: string): string | null {
  if (authorization.startsWith('Bearer ') && !SPACE.test(authorization.slice(BEARER_LENGTH)))
    return authorization.slice(BEARER_LENGTH)
  const match = /^bearer +(\S+)$/i.exec(authorization.trim())
  return match?.[1] ?? null
}

const BEARER_LENGTH = 'Bearer '.length
/** Or nothing at all. */
const SPACE = /\s|^$/

/** A client's own request id, without secrets, if it is one that can be echoed and logged safely. */
export function clientRequestIdOf(headers: HeaderSource, redact: (text: string) => string): string | null {
  const id = headers.get('x-request-id') ?? headers.get('x-client-request-id')
  return id !== null && /^[\x21-\x7e]{1,200}$/.test(id) ? redact(id) : null
}

/**
 * The caller's address. Behind proxies that are trusted, it is the last address in `x-forwarded-for` that is none of
 * theirs: whatever stands before it was written by somebody who could write anything.
 * @param isTrusted whether an address belongs to a trusted proxy
 */
export function callerAddress(
  headers: HeaderSource,
  socketAddress: string | null,
  isTrusted: (address: string | null) => boolean,
): string | null {
  const forwarded = headers.get('x-forwarded-for')
  if (forwarded === null || !isTrusted(socketAddress)) return socketAddress
  const hops = forwarded.split(',').map((hop) => hop.trim())
  for (const hop of hops.reverse()) if (!isTrusted(hop)) return hop
  return hops.at(-1) ?? socketAddress
}
