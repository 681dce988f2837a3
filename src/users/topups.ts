// Payments, as the operator's shop tells of them: signed as Standard Webhooks are (https://www.standardwebhooks.com), so that
// a stranger cannot invent one, and named by the payment's id, so that one that is told twice is credited once.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { parseAmount } from '../config/budget-values.ts'
import { readWebhookSecret } from '../config/schema-users.ts'
import { GatewayError } from '../core/error.ts'
import type { Credit } from '../core/user.ts'
import { creditUser, type CreditTools, findUser } from './credits.ts'
import { readFields } from './fields.ts'

/** Older messages, and those of a clock that is wrong, are refused: one that was caught is of no use for long. */
const TOLERANCE_MS = 5 * 60_000

const payment = z.strictObject({
  payment_id: z.string().min(1).max(200),
  /** Id or login. */
  user: z.string().min(1).max(200),
  /** Below zero: a refund. */
  amount_usd: z.union([z.string().max(40), z.number()]).transform((value, context) => {
    const written = String(value).trim()
    const nano = parseAmount(written.replace(/^-/, ''))
    if (nano !== null && nano !== 0n) return written.startsWith('-') ? -nano : nano
    context.addIssue({ code: 'custom', message: 'expected dollars above or below 0, nine decimal places at most' })
    return z.NEVER
  }),
  note: z.string().max(200).default(''),
})

/** Throws `signature_invalid`, `request_malformed`, `not_found` (no such user) or `conflict` (another payment of this id). */
export async function takeTopUp(
  headers: Headers,
  body: Uint8Array,
  secret: string | undefined,
  tools: CreditTools,
): Promise<{ readonly credit: Credit; readonly isNew: boolean }> {
  const key = secret === undefined ? null : readWebhookSecret(secret)
  if (key === null)
    throw new GatewayError('signature_invalid', {
      message: 'No top-ups are taken here: `users.topup_secret` is not set.',
    })
  checkSignature(headers, body, { key, now: tools.now() })
  const fields = readFields(payment, parseJson(body))
  const user = await findUser(fields.user, tools.store)
  return creditUser(
    user,
    { kind: 'topup', amountNanoUsd: fields.amount_usd, reference: fields.payment_id, note: fields.note },
    tools,
  )
}

function checkSignature(
  headers: Headers,
  body: Uint8Array,
  { key, now }: { readonly key: Uint8Array; readonly now: number },
): void {
  const id = headers.get('webhook-id') ?? ''
  const timestamp = headers.get('webhook-timestamp') ?? ''
  const seconds = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) : Number.NaN
  if (id === '' || Number.isNaN(seconds))
    throw new GatewayError('signature_invalid', {
      message: 'The headers `webhook-id` and `webhook-timestamp` (seconds since 1970) are missing.',
    })
  if (Math.abs(now - seconds * 1_000) > TOLERANCE_MS)
    throw new GatewayError('signature_invalid', {
      message: `\`webhook-timestamp\` is ${timestamp}, and here it is ${Math.floor(now / 1_000)}.`,
    })
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest()
  // There may be several, while secrets are exchanged.
  const signatures = (headers.get('webhook-signature') ?? '').split(' ').slice(0, 10)
  const isSigned = signatures.some((signature) => {
    const sent = signature.startsWith('v1,') ? Buffer.from(signature.slice(3), 'base64') : Buffer.alloc(0)
    return sent.length === expected.length && timingSafeEqual(sent, expected)
  })
  if (!isSigned) throw new GatewayError('signature_invalid')
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (error) {
    throw new GatewayError('request_malformed', { message: 'The body is not valid JSON.' }, error)
  }
}
