// Alerts: what was told to whom, and trying the destinations.
import { createRoute, z } from '@hono/zod-openapi'
import { listedJson } from '../alerts/message.ts'
import { namedBy } from '../alerts/named.ts'
import type { Tried } from '../alerts/try.ts'
import { ALERT_KINDS } from '../core/alert.ts'
import { didYouMean } from '../core/nearest.ts'
import type { AlertStore, KeyStore } from '../store/store.ts'
import { malformed } from './errors.ts'
import { type AdminApp, GUARDED, jsonAnswer, jsonBody, REFUSALS } from './route.ts'
import { listOf, pageFields } from './schemas.ts'

export type AlertRoutes = {
  readonly store: AlertStore & Pick<KeyStore, 'getKey' | 'getTeam'>
  readonly alerts: {
    /** Names of all destinations. */
    readonly destinations: () => readonly string[]
    /** Sends a test message at once; `only`: to one destination. */
    readonly try: (request: { readonly only: string | null; readonly by: string }) => Promise<readonly Tried[]>
  }
}

const common = { tags: ['alerts'], security: GUARDED }
const text = z.string()
const Delivery = z
  .object({
    destination: text,
    state: z.enum(['waiting', 'delivered', 'given_up']),
    tries: z.number(),
    next_at: text.nullable().openapi({ description: 'When it is tried next, while it waits.' }),
    ended_at: text.nullable(),
    problem: text.nullable().openapi({ description: 'Why the last try failed.' }),
  })
  .openapi('AlertDelivery')
const Alert = z
  .object({
    id: text,
    kind: z.enum(ALERT_KINDS),
    severity: z.enum(['info', 'warning', 'critical']),
    is_over: z.boolean().openapi({ description: 'It tells that what `incident` told of is over.' }),
    incident: text.openapi({
      description: 'Id of the alert that told of the beginning; its own, where it ends nothing.',
    }),
    at: text,
    subject: z.object({ scope: text, id: text, name: text.nullable(), team: text.nullable() }),
    title: text,
    text,
    data: z.unknown().openapi({ type: 'object', description: 'The facts, as webhooks get them: docs/alerts.md.' }),
    deliveries: z.array(Delivery),
  })
  .openapi('Alert')
const AlertsQuery = z.strictObject({ kind: z.enum(ALERT_KINDS).optional(), ...pageFields })
const TestInput = z
  .strictObject({
    destination: text.min(1).optional().openapi({ description: 'Its name, e.g. `slack`. Default: all.' }),
  })
  .openapi('AlertTestInput')
const Result = z
  .object({
    destination: text,
    problem: text.nullable().openapi({ description: 'Null: it was delivered.' }),
  })
  .openapi('AlertTest')

const ROUTES = {
  list: createRoute({
    ...common,
    method: 'get',
    path: '/admin/alerts',
    operationId: 'listAlerts',
    summary: 'What was told, and where it went, newest first',
    request: { query: AlertsQuery },
    responses: { 200: jsonAnswer(listOf(Alert), 'A page of alerts.'), ...REFUSALS },
  }),
  test: createRoute({
    ...common,
    method: 'post',
    path: '/admin/alerts/test',
    operationId: 'testAlerts',
    summary: 'Send a test message to the destinations now',
    request: { body: jsonBody(TestInput) },
    responses: { 200: jsonAnswer(z.object({ data: z.array(Result) }), 'What came of each.'), ...REFUSALS },
  }),
}

export function addAlertRoutes(app: AdminApp, { store, alerts }: AlertRoutes): void {
  app.openapi(ROUTES.list, async (context) => {
    const { kind, cursor, limit } = context.req.valid('query')
    const page = await store.listAlerts({ cursor: cursor ?? null, limit, ...(kind === undefined ? {} : { kind }) })
    const data = await Promise.all(
      page.data.map(async (listed) => listedJson(listed, await namedBy(store, listed.alert.subject))),
    )
    return context.json({ data, next: page.next }, 200)
  })

  app.openapi(ROUTES.test, async (context) => {
    const { destination: only = null } = context.req.valid('json')
    const known = alerts.destinations()
    if (only !== null && !known.includes(only)) {
      const hint =
        didYouMean(only, known) ?? `Known: ${known.join(', ') || 'none; `alerts` of the configuration names them'}.`
      throw malformed('destination', `There is no destination ${JSON.stringify(only)}. ${hint}`)
    }
    const tried = await alerts.try({ only, by: 'The admin API' })
    return context.json({ data: tried.map((one) => ({ ...one })) }, 200)
  })
}
