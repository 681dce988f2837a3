// Codes to give away: money for a balance, or the right to register. Each works once, and is shown once.
import { createRoute } from '@hono/zod-openapi'
import { GatewayError } from '../core/error.ts'
import { makeCodes } from '../users/codes.ts'
import { named } from './change.ts'
import { malformed } from './errors.ts'
import { type AdminApp, GUARDED, jsonAnswer, jsonBody, REFUSALS, type StoreRoutes } from './route.ts'
import { IdParam, listOf } from './schemas.ts'
import { Code, CodesInput, CodesQuery, NewCodes, renderCode } from './schemas-users.ts'

const common = { tags: ['codes'], security: GUARDED }

const ROUTES = {
  create: createRoute({
    ...common,
    method: 'post',
    path: '/admin/codes',
    operationId: 'createCodes',
    summary: 'Make codes that work once',
    request: { body: jsonBody(CodesInput) },
    responses: { 201: jsonAnswer(NewCodes, 'The codes.'), ...REFUSALS },
  }),
  list: createRoute({
    ...common,
    method: 'get',
    path: '/admin/codes',
    operationId: 'listCodes',
    summary: 'List codes with who used them, newest first',
    request: { query: CodesQuery },
    responses: { 200: jsonAnswer(listOf(Code), 'A page of codes, without the codes themselves.'), ...REFUSALS },
  }),
  remove: createRoute({
    ...common,
    method: 'delete',
    path: '/admin/codes/{id}',
    operationId: 'deleteCode',
    summary: 'Delete a code that was not used',
    request: { params: IdParam },
    responses: { 204: { description: 'Nobody can use it any more.' }, ...REFUSALS },
  }),
}

export function addCodeRoutes(app: AdminApp, { store, hash, clock }: StoreRoutes): void {
  app.openapi(ROUTES.create, async (context) => {
    const {
      kind,
      count,
      amount_usd: amountNanoUsd = 0n,
      group = null,
      note = '',
      expires_at,
    } = context.req.valid('json')
    const now = clock.now()
    if (kind === 'redemption' && amountNanoUsd === 0n) throw malformed('amount_usd', 'Say what a code is worth.')
    if (kind === 'redemption' && group !== null) throw malformed('group', 'Only an invitation names a group.')
    if (expires_at !== undefined && expires_at <= now) throw malformed('expires_at', '`expires_at` is in the past.')
    if (group !== null && (await store.listGroups()).every(({ name }) => name !== group))
      throw malformed('group', `There is no group \`${group}\`.`)
    const made = makeCodes(
      { kind, count, amountNanoUsd, group, note, madeBy: null, expiresAt: expires_at ?? null },
      { hash, now },
    )
    await store.insertCodes(made.map(({ row }) => row))
    const codes = made.map(({ code, row }) => ({ id: row.id, code }))
    return context.json({ batch: made[0]?.row.batch ?? '', codes }, 201)
  })

  app.openapi(ROUTES.list, async (context) => {
    const { batch, cursor, limit } = context.req.valid('query')
    const page = await store.listCodes({ cursor: cursor ?? null, limit, ...named({ batch }) })
    return context.json({ data: page.data.map(renderCode), next: page.next }, 200)
  })

  app.openapi(ROUTES.remove, async (context) => {
    const { id } = context.req.valid('param')
    if (!(await store.deleteCode(id)))
      throw new GatewayError('not_found', { message: `There is no unused code \`${id}\`.` })
    return context.body(null, 204)
  })
}
