// The request log: newest first, and one request with everything that is known of it.
import { createRoute } from '@hono/zod-openapi'
import { named } from './change.ts'
import { notFound } from './errors.ts'
import { renderRequest, renderRequestDetail } from './render.ts'
import { type AdminApp, GUARDED, jsonAnswer, REFUSALS, type StoreRoutes } from './route.ts'
import { IdParam, listOf, RequestDetail, RequestLine, RequestsQuery } from './schemas.ts'

const common = { tags: ['requests'], security: GUARDED, method: 'get' as const }

const ROUTES = {
  list: createRoute({
    ...common,
    path: '/admin/requests',
    operationId: 'listRequests',
    summary: 'The request log, newest first',
    request: { query: RequestsQuery },
    responses: { 200: jsonAnswer(listOf(RequestLine), 'A page of requests.'), ...REFUSALS },
  }),
  get: createRoute({
    ...common,
    path: '/admin/requests/{id}',
    operationId: 'getRequest',
    summary: 'One request with its attempts and its ledger entry',
    request: { params: IdParam },
    responses: { 200: jsonAnswer(RequestDetail, 'The request.'), ...REFUSALS },
  }),
}

export function addRequestRoutes(app: AdminApp, { store }: Pick<StoreRoutes, 'store'>): void {
  app.openapi(ROUTES.list, async (context) => {
    const { key, team, cursor, limit, ...same } = context.req.valid('query')
    const page = await store.listRequests({
      cursor: cursor ?? null,
      limit,
      ...named({ keyId: key, teamId: team, ...same }),
    })
    return context.json({ data: page.data.map(renderRequest), next: page.next }, 200)
  })

  app.openapi(ROUTES.get, async (context) => {
    const { id } = context.req.valid('param')
    const record = await store.getRequest(id)
    if (record === null) throw notFound('request', id)
    return context.json(renderRequestDetail(record, await store.getEntry(id)), 200)
  })
}
