// Header hygiene in both directions: what goes up is what we built, what comes back is what is listed.
import type { HeaderSource } from '../core/headers.ts'
import type { Credential, Provider } from '../core/model.ts'

/** Headers that neither the config nor a wire format may set: they belong to the connection, or to the gateway. */
export const NEVER_UPSTREAM: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'accept-encoding',
  'cookie',
  'expect',
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
])

/** The headers of every call with this credential; a wire format's own are added to them. */
export function providerHeaders(
  provider: Provider,
  credential: Credential | null,
  userAgent: string,
): Record<string, string> {
  const headers: Record<string, string> = {
    accept: '*/*',
    // A compressed stream is held back until the compressor has a block full.
    'accept-encoding': 'identity',
    'user-agent': userAgent,
    ...provider.headers,
  }
  if (credential === null) return headers
  switch (provider.auth.type) {
    case 'bearer':
      headers['authorization'] = `Bearer ${credential.secret}`
      return headers
    case 'header':
      headers[provider.auth.header.toLowerCase()] = provider.auth.prefix + credential.secret
      return headers
    case 'query':
    // Made for each request, when its body is final.
    case 'aws':
    case 'google':
    case 'none':
      return headers
  }
}

/** Adds a wire format's headers; what authenticates and what belongs to the connection stays ours. */
export function withCallHeaders(
  own: Readonly<Record<string, string>>,
  call: Readonly<Record<string, string>>,
  authHeader: string | null,
): Record<string, string> {
  const headers = { ...own }
  for (const name in call) {
    const key = name.toLowerCase()
    const value = call[name]
    if (value !== undefined && key !== authHeader && !NEVER_UPSTREAM.has(key)) headers[key] = value
  }
  return headers
}

/** Lower-case name of the header that carries the credential, or null. */
export function authHeaderOf(provider: Provider): string | null {
  switch (provider.auth.type) {
    case 'bearer':
    case 'aws':
    case 'google':
      return 'authorization'
    case 'header':
      return provider.auth.header.toLowerCase()
    case 'query':
    case 'none':
      return null
  }
}

// Vendors’ names for the id of a request, in the order in which they are believed.
const REQUEST_IDS = [
  'x-request-id',
  'request-id',
  'x-amzn-requestid',
  'apim-request-id',
  'cf-ray',
  'x-goog-request-id',
  'x-ms-request-id',
  'x-groq-request-id',
] as const

const RELAYED = [
  'content-type',
  'openai-processing-ms',
  'openai-model',
  'openai-version',
  'retry-after',
  'retry-after-ms',
] as const

/**
 * What of an upstream’s headers a client may see: the content type, timing, when to come back, and the vendor’s request id
 * as `x-upstream-request-id`. Cookies, organisation ids, server names and the vendor’s rate limits (they are ours, not the
 * client’s) stay here; so do the lengths and encodings of a body that is passed on decoded.
 */
export function relayableHeaders(headers: HeaderSource): Record<string, string> {
  const relayed: Record<string, string> = {}
  for (const name of RELAYED) {
    const value = headers.get(name)
    if (value !== null) relayed[name] = value
  }
  for (const name of REQUEST_IDS) {
    const value = headers.get(name)
    if (value === null) continue
    relayed['x-upstream-request-id'] = value.slice(0, 200)
    break
  }
  return relayed
}
