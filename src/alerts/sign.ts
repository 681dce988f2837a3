// The signature of a webhook, by the rules of Standard Webhooks (github.com/standard-webhooks/standard-webhooks): an HMAC
// over id, moment and body. A receiver that refuses old moments and ids that it has seen cannot be sent the same thing twice.
import { createHmac } from 'node:crypto'

const PREFIX = 'whsec_'

/** The headers of one try. `at`: ms since the epoch. */
export function signatureHeaders(
  secret: string,
  { id, at, body }: { readonly id: string; readonly at: number; readonly body: string },
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(at / 1_000))
  const signature = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}

/** `whsec_…` is base64 of the key; any other text is the key itself. */
function keyOf(secret: string): Buffer {
  return secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), 'base64') : Buffer.from(secret, 'utf8')
}
