// Sends a test message to destinations at once, past the outbox: whoever asks wants to see what comes of it.
import type { AlertsConfig } from '../config/schema-alerts.ts'
import { randomId } from '../core/id.ts'
import { destinationsOf } from './destinations.ts'
import { messageOf } from './message.ts'
import type { Send } from './send.ts'

/** `problem` of null: it was delivered. */
export type Tried = { readonly destination: string; readonly problem: string | null }

/** `only`: the name of one destination; null: all. Nothing comes back where there is none of that name. */
export async function tryDestinations(
  config: AlertsConfig,
  { only, by }: { readonly only: string | null; readonly by: string },
  { send, now }: { readonly send: Send; readonly now: () => number },
): Promise<readonly Tried[]> {
  const at = now()
  const id = randomId('alert_test')
  const message = messageOf(
    {
      id,
      incidentId: id,
      alert: {
        kind: 'test',
        subject: { scope: 'gateway', id: '' },
        threshold: '',
        window: { from: at, until: at },
        at,
        facts: { by },
      },
    },
    { name: null, teamId: null, teamName: null },
  )
  const chosen = destinationsOf(config).filter(({ name }) => only === null || name === only)
  return Promise.all(
    chosen.map(async ({ name, channel }) => {
      const sent = await send(message, channel)
      return { destination: name, problem: sent.type === 'delivered' ? null : sent.problem }
    }),
  )
}
