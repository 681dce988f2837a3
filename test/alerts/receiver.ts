// A receiver of webhooks that verifies each message as docs/alerts.md shows it, and keeps what it took.
import { Webhook } from 'standardwebhooks'
import { startUpstream } from '../gateway.ts'

export const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

export type ReceivedAlert = {
  readonly id: string
  readonly kind: string
  readonly title: string
  readonly data: Readonly<Record<string, unknown>>
}

export type Receiver = Disposable & {
  readonly url: string
  /** Each message that was taken, in order; one that came twice stands here twice. */
  readonly messages: ReceivedAlert[]
  /** The same, each id once: what a receiver acts upon. */
  unique(): readonly ReceivedAlert[]
  /** Tries that were refused. */
  readonly refused: { count: number }
  /** Resolves when it holds. */
  when(condition: () => boolean): Promise<void>
}

/** `answer`: `yes` takes the message, `no` does not, `silence` takes it and never says so. `isFast`: the sender's clock runs faster than ours, so its moments cannot be judged. */
export function startReceiver(
  answer: () => 'yes' | 'no' | 'silence' = () => 'yes',
  { isFast = false }: { readonly isFast?: boolean } = {},
): Receiver {
  const messages: ReceivedAlert[] = []
  const refused = { count: 0 }
  const wakers: (() => void)[] = []
  const server = startUpstream((request, _, body) => {
    const verified = isFast
      ? signed(request, body)
      : new Webhook(SECRET).verify(body, Object.fromEntries(request.headers))
    const said = answer()
    if (said === 'no') refused.count++
    else messages.push(verified as ReceivedAlert)
    for (const wake of wakers.splice(0)) wake()
    if (said === 'silence') return new Promise<Response>(() => {})
    return new Response(null, { status: said === 'yes' ? 204 : 503 })
  })
  return {
    url: `${server.url}/weir`,
    messages,
    unique: () => [...new Map(messages.toReversed().map((message) => [message.id, message])).values()].toReversed(),
    refused,
    async when(condition) {
      while (!condition()) await new Promise<void>((resolve) => void wakers.push(resolve))
    },
    [Symbol.dispose]: () => server[Symbol.dispose](),
  }
}

function signed(request: Request, body: string): unknown {
  const of = (name: string): string => request.headers.get(name) ?? ''
  const signature = new Webhook(SECRET).sign(of('webhook-id'), new Date(Number(of('webhook-timestamp')) * 1_000), body)
  if (signature !== of('webhook-signature')) throw new Error('the signature is wrong')
  return JSON.parse(body)
}
