// What a client-facing format of live sessions must be able to do, beside being a dialect. Pure: text in, text out.
import type { GatewayError } from '../core/error.ts'
import type { Dialect } from './dialect.ts'

/** How a session ends for its client: a code of RFC 6455, and a reason of at most 123 bytes. */
export type Goodbye = { readonly code: number; readonly reason: string }

/** `agreed`: headers of the answer, with the protocol that is agreed on. */
type Offered = {
  readonly key: string | null
  readonly headers: Readonly<Record<string, string>>
  readonly agreed: Readonly<Record<string, string>>
}

export interface RealtimeDialect extends Dialect {
  /** The model that the address names; null: the first message names it. Throws `request_malformed`. */
  modelOf(query: URLSearchParams): string | null
  /** The model that the first message names. Throws `request_malformed`. */
  modelIn(first: string): string
  /** Parameters of the address that are between the client and the gateway. */
  readonly ownParameters: readonly string[]
  /** The same message with the target's model where it names one; the very text where it does not. */
  rename(text: string, model: string): string
  /** What the subprotocols that were offered say; browsers can say it nowhere else. */
  readProtocols(offered: readonly string[]): Offered
  /** A message that tells of an error; null: the format has none, the goodbye tells it. */
  errorMessage(error: GatewayError, requestId: string): string | null
}

const MOST_REASON_BYTES = 123

/** A reason as a close frame can carry it. */
export function reasonOf(text: string): string {
  let reason = text
  while (Buffer.byteLength(reason) > MOST_REASON_BYTES) reason = reason.slice(0, -1)
  return reason
}

/** How a session ends that met an error. */
export function goodbyeOf(error: GatewayError): Goodbye {
  return { code: codeOf(error), reason: reasonOf(error.message) }
}

function codeOf({ code, status }: GatewayError): number {
  if (code === 'draining') return 1001
  if (code === 'session_ended') return 1000
  if (code === 'request_too_large') return 1009
  if (code === 'request_malformed') return 1007
  // A policy, such as a limit or what a key may not do; else the gateway, or who stands behind it.
  return status < 500 ? 1008 : 1011
}
