// The gateway itself: its configuration, health, prices and metrics, and whether it is up.
import { createRoute, z } from '@hono/zod-openapi'
import { GatewayError } from '../core/error.ts'
import { errorBody } from './errors.ts'
import { type AdminApp, GUARDED, jsonAnswer, REFUSALS } from './route.ts'
import type { ModelFilter } from '../models/listed-model.ts'
import { Anything, ConfigProblems, ModelsQuery } from './schemas.ts'

/** What came of reading the configuration again; the running one stays when it has errors. */
type ReloadResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly errors: readonly { readonly message: string }[] }

export type Installation = {
  /** The running configuration, secrets redacted. */
  readonly config: () => unknown
  readonly reload: () => Promise<ReloadResult>
  readonly health: () => unknown
  /** The models that can be called, with what is known of them. */
  readonly models: (filter: ModelFilter) => unknown
  /** Metrics as Prometheus text. */
  readonly metricsText: () => Promise<string>
  /** Whether `/metrics` is served without a token: for a listener that only this machine reaches. */
  readonly metricsOpen: boolean
  /** Whether requests can be served: the store answers, and no shutdown has begun. */
  readonly ready: () => boolean
  readonly version: string
}

const common = { tags: ['gateway'], security: GUARDED }
const open = { tags: ['gateway'], method: 'get' as const }
const Status = z.object({ status: z.string() })
const Index = z.object({ name: z.string(), version: z.string(), links: z.record(z.string(), z.string()) })

const ROUTES = {
  config: createRoute({
    ...common,
    method: 'get',
    path: '/admin/config',
    operationId: 'getConfig',
    summary: 'The running configuration, secrets redacted',
    responses: { 200: jsonAnswer(Anything, 'The configuration.'), ...REFUSALS },
  }),
  reload: createRoute({
    ...common,
    method: 'post',
    path: '/admin/config/reload',
    operationId: 'reloadConfig',
    summary: 'Read the configuration again, all or nothing',
    responses: {
      200: jsonAnswer(z.object({ ok: z.literal(true) }), 'The new configuration is in force.'),
      422: jsonAnswer(ConfigProblems, 'It has problems; the old one stays in force.'),
      ...REFUSALS,
    },
  }),
  health: createRoute({
    ...common,
    method: 'get',
    path: '/admin/health',
    operationId: 'getHealth',
    summary: 'How the gateway, its store and its deployments are',
    responses: { 200: jsonAnswer(Anything, 'The state of each part.'), ...REFUSALS },
  }),
  models: createRoute({
    ...common,
    method: 'get',
    path: '/admin/models',
    operationId: 'listModels',
    summary: 'The models that can be called, with limits, abilities, dates and prices',
    request: { query: ModelsQuery },
    responses: { 200: jsonAnswer(Anything, 'The models; what is not known of them is null or absent.'), ...REFUSALS },
  }),
  healthz: createRoute({
    ...open,
    path: '/healthz',
    operationId: 'isUp',
    summary: 'Whether the process is up',
    responses: { 200: jsonAnswer(Status, 'It is.') },
  }),
  readyz: createRoute({
    ...open,
    path: '/readyz',
    operationId: 'isReady',
    summary: 'Whether requests can be served',
    responses: { 200: jsonAnswer(Status, 'They can.'), 503: jsonAnswer(Status, 'Not now.') },
  }),
  index: createRoute({
    ...open,
    path: '/',
    operationId: 'index',
    summary: 'What is here',
    responses: { 200: jsonAnswer(Index, 'Name, version and links.') },
  }),
}

function metricsRoute(metricsOpen: boolean) {
  return createRoute({
    ...(metricsOpen ? open : { ...open, security: GUARDED }),
    path: '/metrics',
    operationId: 'getMetrics',
    summary: 'Metrics for Prometheus',
    responses: {
      200: { description: 'Prometheus text format.', content: { 'text/plain': { schema: z.string() } } },
      ...REFUSALS,
    },
  })
}

export function addInstallationRoutes(app: AdminApp, installation: Installation): void {
  app.openapi(ROUTES.config, async (context) => context.json(await installation.config(), 200))
  app.openapi(ROUTES.health, async (context) => context.json(await installation.health(), 200))

  app.openapi(ROUTES.models, async (context) =>
    context.json(await installation.models(context.req.valid('query')), 200),
  )

  app.openapi(ROUTES.reload, async (context) => {
    const result = await installation.reload()
    if (result.ok) return context.json({ ok: true as const }, 200)
    const error = new GatewayError('config_invalid')
    return context.json({ ...errorBody(error), problems: result.errors.map((problem) => ({ ...problem })) }, 422)
  })

  // These are answered before anything of this is loaded (`admin.ts`).
  for (const route of [metricsRoute(installation.metricsOpen), ROUTES.healthz, ROUTES.readyz])
    app.openAPIRegistry.registerPath(route)
  app.openapi(ROUTES.index, (context) =>
    context.json(
      {
        name: 'weir',
        version: installation.version,
        links: { description: '/admin/openapi.json', metrics: '/metrics', health: '/healthz', ready: '/readyz' },
      },
      200,
    ),
  )
}
