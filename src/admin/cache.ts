// The cache: what it holds, what it has saved, and forgetting it.
import { createRoute, z } from '@hono/zod-openapi'
import { formatUsd } from '../core/money.ts'
import { type AdminApp, GUARDED, jsonAnswer, REFUSALS, type StoreRoutes } from './route.ts'

const DAYS = 30
const DAY_MS = 86_400_000

const Share = z.object({
  route: z.string(),
  answers: z.number(),
  bytes: z.number(),
  uses: z.number().openapi({ description: 'How often the answers that are held now were given again.' }),
})
const Saving = z.object({ route: z.string(), requests: z.number(), saved_usd: z.string() })
const State = z
  .object({
    answers: z.number(),
    bytes: z.number(),
    routes: z.array(Share),
    savings: z.object({ days: z.number(), requests: z.number(), saved_usd: z.string(), routes: z.array(Saving) }),
  })
  .openapi('Cache')
const Purged = z.object({ purged: z.number() }).openapi('CachePurged')
const common = { tags: ['cache'], security: GUARDED }

const ROUTES = {
  show: createRoute({
    ...common,
    method: 'get',
    path: '/admin/cache',
    operationId: 'getCache',
    summary: 'What the cache holds, and what answers that were given again have saved in the last 30 days',
    responses: { 200: jsonAnswer(State, 'The cache.'), ...REFUSALS },
  }),
  purge: createRoute({
    ...common,
    method: 'delete',
    path: '/admin/cache',
    operationId: 'purgeCache',
    summary: 'Forget the answers of a route, or all',
    request: { query: z.strictObject({ route: z.string().min(1).optional() }) },
    responses: { 200: jsonAnswer(Purged, 'How many there were.'), ...REFUSALS },
  }),
}

export function addCacheRoutes(app: AdminApp, { store, clock }: Pick<StoreRoutes, 'store' | 'clock'>): void {
  app.openapi(ROUTES.show, async (context) => {
    const routes = await store.cacheShares()
    const savings = await store.cacheSavings({ from: clock.now() - (DAYS - 1) * DAY_MS })
    return context.json(
      {
        answers: routes.reduce((sum, { answers }) => sum + answers, 0),
        bytes: routes.reduce((sum, { bytes }) => sum + bytes, 0),
        routes: [...routes],
        savings: {
          days: DAYS,
          requests: savings.reduce((sum, { requests }) => sum + requests, 0),
          saved_usd: formatUsd(savings.reduce((sum, { savedNanoUsd }) => sum + savedNanoUsd, 0n)),
          routes: savings.map(({ route, requests, savedNanoUsd }) => ({
            route,
            requests,
            saved_usd: formatUsd(savedNanoUsd),
          })),
        },
      },
      200,
    )
  })
  app.openapi(ROUTES.purge, async (context) => {
    const { route } = context.req.valid('query')
    return context.json({ purged: await store.purgeAnswers({ route: route ?? null }) }, 200)
  })
}
