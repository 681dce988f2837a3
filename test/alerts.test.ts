// Alerts through a whole gateway: what happens in it reaches a receiver, signed, once.
import { expect, test } from 'bun:test'
import { Webhook } from 'standardwebhooks'
import { providerAt, QUESTION, startGateway, startUpstream } from './gateway.ts'

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

/** A receiver that verifies each message, and tells when it has so many. */
function startReceiver() {
  const messages: Record<string, unknown>[] = []
  const wakers: (() => void)[] = []
  const server = startUpstream((request, _, body) => {
    messages.push(new Webhook(SECRET).verify(body, Object.fromEntries(request.headers)) as Record<string, unknown>)
    for (const wake of wakers.splice(0)) wake()
    return new Response(null, { status: 204 })
  })
  return {
    messages,
    config: `alerts: { webhook: { url: "${server.url}/weir", secret: ${SECRET} } }`,
    async has(count: number) {
      while (messages.length < count) await new Promise<void>((resolve) => void wakers.push(resolve))
    },
    [Symbol.dispose]: () => server[Symbol.dispose](),
  }
}

test('a credential that a provider refuses is told once', async () => {
  using receiver = startReceiver()
  using upstream = startUpstream(() => Response.json({ error: { message: 'Incorrect API key' } }, { status: 401 }))
  await using gateway = await startGateway(providerAt(upstream.url, receiver.config))
  gateway.gateway.alerts.start()
  for (let index = 0; index < 3; index++) await gateway.call('/v1/chat/completions', QUESTION)
  await receiver.has(1)
  expect(receiver.messages).toMatchObject([
    {
      kind: 'credential_bad',
      severity: 'critical',
      title: 'The credential up#1 is not accepted any more',
      subject: { scope: 'credential', id: 'up#1' },
      data: { provider: 'up' },
    },
  ])
  expect(JSON.stringify(receiver.messages)).not.toContain('upstream-secret-value')
})
