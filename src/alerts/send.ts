// One try to bring a message to a channel.
import type { Clock } from '../core/clock.ts'
import { POST_MS, type Poster } from '../providers/post.ts'
import type { Channel } from './destinations.ts'
import type { Message } from './message.ts'
import { postOf } from './posts.ts'

export type Sent =
  | { readonly type: 'delivered' }
  | {
      readonly type: 'failed'
      readonly problem: string
      /** It is this message that the receiver does not take: others may go through. */
      readonly isRefusal: boolean
      readonly retryAfterMs: number | null
    }

/** Never throws for what the receiver does. */
export type Send = (message: Message, channel: Channel) => Promise<Sent>

/** A mail server may take its time for each of its answers. */
const EMAIL_MS = 30_000
/** No try takes longer. */
export const SEND_MS = Math.max(POST_MS, EMAIL_MS)

/** What a receiver answers to a message that it will never take. Others (401, 404, 5xx) tell of the receiver. */
const REFUSALS: ReadonlySet<number | null> = new Set([400, 413, 422])

export function createSend({ post, clock }: { readonly post: Poster; readonly clock: Clock }): Send {
  return async (message, channel) => {
    if (channel.type === 'email') {
      const { sendEmail } = await import('./email.ts')
      const problem = await within(EMAIL_MS, sendEmail(message, channel), clock)
      return problem === null
        ? { type: 'delivered' }
        : { type: 'failed', problem, isRefusal: false, retryAfterMs: null }
    }
    const { status, problem, retryAfterMs } = await post(postOf(message, channel, clock.now()))
    if (problem === null) return { type: 'delivered' }
    return { type: 'failed', problem, isRefusal: REFUSALS.has(status), retryAfterMs }
  }
}

/** What comes of it, or that it took too long: then nobody waits for it any more. */
async function within(ms: number, sending: Promise<string | null>, clock: Clock): Promise<string | null> {
  const late = Promise.withResolvers<string>()
  const cancel = clock.after(ms, () => late.resolve(`the mail server took longer than ${ms / 1_000} s`))
  try {
    return await Promise.race([sending, late.promise])
  } finally {
    cancel()
  }
}
