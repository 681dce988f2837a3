// The routes of the admin API, for callers who may use it.
import { bodyLimit } from 'hono/body-limit'
import { GatewayError } from '../core/error.ts'
import { errorResponse, toGatewayError } from './errors.ts'
import { addAlertRoutes } from './alerts.ts'
import { addBudgetRoutes } from './budgets.ts'
import { addInstallationRoutes } from './installation.ts'
import { addCacheRoutes } from './cache.ts'
import { addCodeRoutes } from './codes.ts'
import { addDrillRoutes } from './drills.ts'
import { addExperimentRoutes } from './experiments.ts'
import { addExplainRoute } from './explain.ts'
import { addGroupRoutes } from './groups.ts'
import { addKeyRoutes } from './keys.ts'
import { addPriceRoutes } from './prices.ts'
import { addPromptRoutes } from './prompts.ts'
import { addQualityRoutes } from './quality.ts'
import { addReportRoutes } from './reports.ts'
import { addRequestRoutes } from './requests.ts'
import { type Admin, type AdminOptions, DESCRIPTION_PATH } from './options.ts'
import { type AdminApp, createAdminApp, TOKEN_SCHEME } from './route.ts'
import { addSalesRoute } from './sales.ts'
import { addTeamRoutes } from './teams.ts'
import { addTokenRoutes } from './tokens.ts'
import { addUserRoutes } from './users.ts'

const BODY_LIMIT_BYTES = 1024 * 1024

/** The admin API over a store. Who may ask is decided before. */
export function createAdminApi(options: AdminOptions): Admin {
  const { onInternalError, version } = options
  const app = createAdminApp()
  app.openAPIRegistry.registerComponent('securitySchemes', TOKEN_SCHEME, {
    type: 'http',
    scheme: 'bearer',
    description: 'An admin token. `weir admin token` makes one; a viewer’s may only read.',
  })

  app.use(
    '*',
    bodyLimit({
      maxSize: BODY_LIMIT_BYTES,
      onError: () => {
        throw new GatewayError('request_too_large', {
          message: 'The body is larger than the 1 MiB that this API takes.',
        })
      },
    }),
  )
  addKeyRoutes(app, options)
  addTeamRoutes(app, options)
  addBudgetRoutes(app, options)
  addUserRoutes(app, options)
  addGroupRoutes(app, options)
  addCodeRoutes(app, options)
  addPriceRoutes(app, options)
  addAlertRoutes(app, options)
  addTokenRoutes(app, options)
  addRequestRoutes(app, options)
  addExplainRoute(app, options)
  addReportRoutes(app, options)
  addSalesRoute(app, options)
  addDrillRoutes(app, options)
  addExperimentRoutes(app, options)
  addCacheRoutes(app, options)
  addQualityRoutes(app, options)
  addPromptRoutes(app, options)
  addInstallationRoutes(app, options)
  app.get(DESCRIPTION_PATH, (context) => context.json(describe(app, version)))

  app.notFound((context) => {
    const allow = methodsAt(app, context.req.path)
    const error =
      allow.length === 0
        ? new GatewayError('not_found')
        : new GatewayError('method_not_allowed', { headers: { allow: allow.join(', ') } })
    return errorResponse(error)
  })
  app.onError((error) => errorResponse(toGatewayError(error, onInternalError)))

  return { fetch: async (request, caller) => app.fetch(request, caller) }
}

function describe(app: AdminApp, version: string) {
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Weir admin API', version, description: 'Keys, teams, the request log and spend of one gateway.' },
    servers: [{ url: '/' }],
    tags: [
      'keys',
      'teams',
      'budgets',
      'users',
      'groups',
      'codes',
      'alerts',
      'prices',
      'tokens',
      'requests',
      'reports',
      'quality',
      'prompts',
      'cache',
      'drills',
      'experiments',
      'gateway',
    ].map((name) => ({
      name,
    })),
  })
}

/** Methods that this path takes; none when there is no such path. */
function methodsAt(app: AdminApp, path: string): readonly string[] {
  const parts = path.replace(/\/$/, '').split('/')
  const methods = app.routes
    .filter((route) => route.method !== 'ALL')
    .filter((route) => {
      const wanted = route.path.replace(/\/$/, '').split('/')
      return wanted.length === parts.length && wanted.every((part, at) => part.startsWith(':') || part === parts[at])
    })
    .map((route) => route.method)
  return [...new Set(methods)]
}
