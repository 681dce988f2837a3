// The admin API as one function from request to answer: who may, then the routes, then errors in one shape.
import { bodyLimit } from 'hono/body-limit'
import { GatewayError } from '../core/error.ts'
import { createAccess } from './access.ts'
import { errorResponse, toGatewayError } from './errors.ts'
import { addAlertRoutes, type AlertRoutes } from './alerts.ts'
import { addBudgetRoutes } from './budgets.ts'
import { addInstallationRoutes, type Installation } from './installation.ts'
import { addCacheRoutes } from './cache.ts'
import { addCodeRoutes } from './codes.ts'
import { addDrillRoutes, type Drilling } from './drills.ts'
import { addExperimentRoutes, type ExperimentRoutes } from './experiments.ts'
import { addExplainRoute, type Explaining } from './explain.ts'
import { addGroupRoutes } from './groups.ts'
import { addKeyRoutes } from './keys.ts'
import { addPriceRoutes, type PriceRoutes } from './prices.ts'
import { addPromptRoutes } from './prompts.ts'
import { addQualityRoutes, type QualityRoutes } from './quality.ts'
import { addReportRoutes, type ReportTools } from './reports.ts'
import { addRequestRoutes } from './requests.ts'
import { type AdminApp, createAdminApp, type StoreRoutes, TOKEN_SCHEME } from './route.ts'
import { addSalesRoute } from './sales.ts'
import type { BudgetRoutes } from './set-budget.ts'
import { addTeamRoutes } from './teams.ts'
import { addTokenRoutes } from './tokens.ts'
import { addUserRoutes, type UserRoutes } from './users.ts'

const BODY_LIMIT_BYTES = 1024 * 1024
const DESCRIPTION_PATH = '/admin/openapi.json'

export type AdminOptions = StoreRoutes &
  Drilling &
  Explaining &
  ExperimentRoutes &
  BudgetRoutes &
  AlertRoutes &
  PriceRoutes &
  QualityRoutes &
  ReportTools &
  UserRoutes &
  Installation & {
    /** Hash of the token that the operator set (`WEIR_ADMIN_TOKEN`), which is an admin; null when none is set. */
    readonly operatorTokenHash: string | null
    /** Told of what became an `internal` error: for the log. */
    readonly onInternalError: (cause: unknown) => void
  }

export interface Admin {
  /** Answers every request; `address` is where the caller is, null when that is not known. Never throws. */
  fetch(request: Request, caller: { readonly address: string | null }): Promise<Response>
}

/** The admin API over a store. */
export function createAdmin(options: AdminOptions): Admin {
  const { onInternalError, metricsOpen, version } = options
  const app = createAdminApp()
  const checkAccess = createAccess(options)
  // What is not named here asks for a token: also what does not exist, and what is added one day.
  const open = new Set(['/', '/healthz', '/readyz', DESCRIPTION_PATH, ...(metricsOpen ? ['/metrics'] : [])])
  app.openAPIRegistry.registerComponent('securitySchemes', TOKEN_SCHEME, {
    type: 'http',
    scheme: 'bearer',
    description: 'An admin token. `weir admin token` makes one; a viewer’s may only read.',
  })

  app.use('*', async (context, next) => {
    await next()
    // Answers hold secrets and other people's spend: nobody on the way may keep or reinterpret them.
    context.res.headers.set('cache-control', 'no-store')
    context.res.headers.set('x-content-type-options', 'nosniff')
  })
  app.use('*', async (context, next) => {
    if (!open.has(context.req.path)) await checkAccess(context.req.raw, context.env.address)
    await next()
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
