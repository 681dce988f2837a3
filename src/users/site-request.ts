// What comes in at `/user`, and what all answers there have in common.
import type { GatewayError } from '../core/error.ts'
import type { Reply, UserTools } from './action.ts'
import { sessionCookie } from './session.ts'

export type SiteRequest = {
  readonly request: Request
  /** Of the address, from its first slash. */
  readonly path: string
  readonly address: string | null
  /** Reads the body within bounds; call it once. */
  readonly readBody: () => Promise<Uint8Array>
}

/** Nobody on the way keeps what is one user's, or takes it for something else. */
export const PRIVATE = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const

export function isReading({ method }: Request): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** Hands out the cookie of a session that has begun, or takes back that of one that is over. */
export function setSession(headers: Headers, request: Request, { session }: Reply, { settings }: UserTools): void {
  if (session !== undefined) headers.append('set-cookie', sessionCookie(request, session, settings().sessionMs))
}

export function retryHeader({ detail: { retryAfterMs } }: GatewayError): Readonly<Record<string, string>> {
  return retryAfterMs === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) }
}
