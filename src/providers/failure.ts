// What goes wrong between us and an upstream, in the words of the outcome table.
import type { Outcome } from '../core/outcome.ts'

/** An attempt that ended without a usable answer. Its message never holds a URL: some carry a key in their query. */
export class UpstreamFailure extends Error {
  readonly outcome: Outcome

  constructor(outcome: Outcome, cause?: unknown) {
    super('reason' in outcome ? outcome.reason : outcome.type, cause === undefined ? undefined : { cause })
    this.name = 'UpstreamFailure'
    this.outcome = outcome
  }
}

// Codes of Bun's fetch (1.4) and of node:net, as seen in experiments; the same names mean the same in both.
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset before the answer',
  ECONNABORTED: 'the connection was reset before the answer',
  EPIPE: 'the connection was reset before the answer',
  ENOTFOUND: 'its name could not be resolved',
  EAI_AGAIN: 'its name could not be resolved',
  EHOSTUNREACH: 'there is no way to its address',
  ENETUNREACH: 'there is no way to its address',
  EPROTO: 'the TLS handshake failed',
  ERR_PROXY_TUNNEL: 'the proxy refused the tunnel',
  FailedToOpenSocket: 'no connection could be opened (an unusable certificate authority does this, too)',
}

// Bytes came, and they were no HTTP.
const NOT_HTTP: ReadonlySet<string> = new Set([
  'Malformed_HTTP_Response',
  'InvalidHTTPResponse',
  'ResponseHeadersTooLarge',
])

const CLOSED: ReadonlySet<string> = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE'])

/** A socket that was closed by the other side. */
function isClosed(error: unknown): boolean {
  return CLOSED.has(codeOf(error))
}

/** An idle connection's close that was on its way when a request was sent: nobody has worked on the request in this time. */
const STALE_SOCKET_MS = 5

/** Whether a request on a connection that had lain idle failed because the other side was just closing it. */
export function isStale(error: unknown, sinceSentMs: number): boolean {
  return isClosed(error) && sinceSentMs <= STALE_SOCKET_MS
}

/** An error of fetch or of a socket as an outcome; `hasHead`: the answer had begun. */
export function outcomeOf(error: unknown, hasHead: boolean): Outcome {
  const code = codeOf(error)
  if (hasHead)
    return {
      type: 'broken',
      reason: CLOSED.has(code) ? 'the connection closed in the middle of the answer' : `the answer broke off (${code})`,
    }
  if (NOT_HTTP.has(code)) return { type: 'broken', reason: 'the answer is not HTTP' }
  if (code === 'ETIMEDOUT') return { type: 'timed_out', stage: 'connect' }
  if (/CERT|SIGNATURE|CRL|HOSTNAME/.test(code))
    return { type: 'unreachable', reason: `its certificate is not to be trusted (${code})` }
  return { type: 'unreachable', reason: REASONS[code] ?? `the connection failed (${code})` }
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown'
  if ('code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.name : 'unknown'
}
