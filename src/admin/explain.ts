// How a request would be routed now.
import { createRoute } from '@hono/zod-openapi'
import type { JsonObject } from '../core/json.ts'
import type { KeyWithTeam } from '../store/store.ts'
import { notFound } from './errors.ts'
import { type AdminApp, GUARDED, jsonAnswer, jsonBody, REFUSALS, type StoreRoutes } from './route.ts'
import { Anything, ExplainInput } from './schemas.ts'

/** A request that nobody sends; `caller` null: somebody who may do everything. */
type Question = {
  readonly request: JsonObject
  /** Id of a dialect, or anything else. */
  readonly dialect: string
  readonly caller: KeyWithTeam | null
  readonly headers: Headers
}

export type Explaining = {
  /** The plan as routing would make it now. Throws what the request itself would be refused with. */
  readonly explain: (question: Question) => unknown
}

const ROUTE = createRoute({
  tags: ['requests'],
  security: GUARDED,
  method: 'post',
  path: '/admin/explain',
  operationId: 'explain',
  summary:
    'How a request would be routed now: every candidate with its reason and numbers, and who is left out and why',
  request: { body: jsonBody(ExplainInput) },
  responses: { 200: jsonAnswer(Anything, 'The plan.'), ...REFUSALS },
})

export function addExplainRoute(app: AdminApp, { store, explain }: Pick<StoreRoutes, 'store'> & Explaining): void {
  app.openapi(ROUTE, async (context) => {
    const { request, dialect = 'openai-chat', key: id, headers = {} } = context.req.valid('json')
    const key = id === undefined ? null : await store.getKey(id)
    if (id !== undefined && key === null) throw notFound('key', id)
    const caller = key === null ? null : { key, team: key.teamId === null ? null : await store.getTeam(key.teamId) }
    // JSON was parsed: there is nothing else in it.
    const question = { request: request as JsonObject, dialect, caller, headers: new Headers(headers) }
    return context.json(explain(question), 200)
  })
}
