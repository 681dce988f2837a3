// Who calls: the secret of the key wherever a client may put it, the address, and ids and options from headers.
import { GatewayError } from '../core/error.ts'
import type { GatewayOptions } from '../core/call.ts'

/**
 * The secret as sent: `Authorization: Bearer`, `x-api-key` (Anthropic's clients), `x-goog-api-key` or `?key=` (Gemini's).
 * Null when none was sent. Two different ones are a mistake that is refused, not guessed about.
 */
export function secretOf(request: Request): string | null {
  const { headers } = request
  const authorization = headers.get('authorization')
  const query = request.url.indexOf('?')
  let sent: string | null = null
  for (const secret of [
    authorization === null ? null : bearerOf(authorization),
    headers.get('x-api-key'),
    headers.get('x-goog-api-key'),
    query < 0 ? null : new URLSearchParams(request.url.slice(query)).get('key'),
  ]) {
    if (secret === null || secret === sent) continue
    if (sent !== null)
      throw new GatewayError('request_malformed', {
        message: 'Two different API keys were sent; send one, in one place or the same in each.',
        param: 'authorization',
      })
    sent = secret
  }
  return sent
}

function bearerOf(authorization: string): string | null {
  const match = /^bearer +(\S+)$/i.exec(authorization.trim())
  return match?.[1] ?? null
}

/** A client's own request id, without secrets, if it is one that can be echoed and logged safely. */
export function clientRequestIdOf(headers: Headers, redact: (text: string) => string): string | null {
  const id = headers.get('x-request-id') ?? headers.get('x-client-request-id')
  return id !== null && /^[\x21-\x7e]{1,200}$/.test(id) ? redact(id) : null
}

const MAX_TAGS = 16

/** The gateway's options: headers win over the body's `weir` object. Throws `request_malformed`. */
export function optionsOf(headers: Headers, inBody: GatewayOptions): GatewayOptions {
  const tags = headers.get('x-weir-tags')
  const timeout = headers.get('x-weir-timeout-ms')
  if (tags === null && timeout === null && inBody.tags.length === 0) return inBody
  const named = tags === null ? inBody.tags : tags.split(',').map((tag) => tag.trim())
  for (const tag of named)
    if (!/^[\w.:/@-]{1,64}$/.test(tag))
      throw new GatewayError('request_malformed', {
        message: 'A tag is 1 to 64 letters, digits or any of `_ . : / @ -`; tags are separated by commas.',
        param: 'x-weir-tags',
      })
  if (named.length > MAX_TAGS)
    throw new GatewayError('request_malformed', {
      message: `A request takes at most ${MAX_TAGS} tags.`,
      param: 'x-weir-tags',
    })
  if (timeout !== null && !/^[1-9]\d{0,8}$/.test(timeout))
    throw new GatewayError('request_malformed', {
      message: '`x-weir-timeout-ms` must be a whole number of at least 1.',
      param: 'x-weir-timeout-ms',
    })
  return { tags: [...new Set(named)], timeoutMs: timeout === null ? inBody.timeoutMs : Number(timeout) }
}

/**
 * The caller's address. Behind proxies that are trusted, it is the last address in `x-forwarded-for` that is none of
 * theirs: whatever stands before it was written by somebody who could write anything.
 * @param isTrusted whether an address belongs to a trusted proxy
 */
export function callerAddress(
  headers: Headers,
  socketAddress: string | null,
  isTrusted: (address: string | null) => boolean,
): string | null {
  const forwarded = headers.get('x-forwarded-for')
  if (forwarded === null || !isTrusted(socketAddress)) return socketAddress
  const hops = forwarded.split(',').map((hop) => hop.trim())
  for (const hop of hops.reverse()) if (!isTrusted(hop)) return hop
  return hops.at(-1) ?? socketAddress
}
