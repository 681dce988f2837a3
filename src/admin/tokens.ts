// Admin tokens: who may use this API.
import { createRoute } from '@hono/zod-openapi'
import { GatewayError } from '../core/error.ts'
import { issueAdminToken } from '../keys/issue-key.ts'
import { notFound } from './errors.ts'
import { renderToken } from './render.ts'
import { type AdminApp, GUARDED, jsonAnswer, jsonBody, REFUSALS, type StoreRoutes } from './route.ts'
import { IdParam, listOf, Token, TokenInput, TokenWithSecret } from './schemas.ts'

const common = { tags: ['tokens'], security: GUARDED }

const ROUTES = {
  create: createRoute({
    ...common,
    method: 'post',
    path: '/admin/tokens',
    operationId: 'createToken',
    summary: 'Issue an admin token',
    request: { body: jsonBody(TokenInput) },
    responses: { 201: jsonAnswer(TokenWithSecret, 'The token with its secret.'), ...REFUSALS },
  }),
  list: createRoute({
    ...common,
    method: 'get',
    path: '/admin/tokens',
    operationId: 'listTokens',
    summary: 'List admin tokens',
    responses: { 200: jsonAnswer(listOf(Token), 'All tokens.'), ...REFUSALS },
  }),
  remove: createRoute({
    ...common,
    method: 'delete',
    path: '/admin/tokens/{id}',
    operationId: 'deleteToken',
    summary: 'Revoke an admin token',
    request: { params: IdParam },
    responses: { 204: { description: 'It is gone.' }, ...REFUSALS },
  }),
}

/** `operatorTokenHash`: null when the store's tokens are the only ones, so that the last of them must stay. */
export function addTokenRoutes(
  app: AdminApp,
  { store, hash, clock, operatorTokenHash }: StoreRoutes & { readonly operatorTokenHash: string | null },
): void {
  app.openapi(ROUTES.create, async (context) => {
    const { token, secret } = issueAdminToken(context.req.valid('json'), { hash, clock })
    await store.insertAdminToken(token)
    return context.json({ ...renderToken(token), secret }, 201)
  })

  app.openapi(ROUTES.list, async (context) => {
    const tokens = await store.listAdminTokens()
    return context.json({ data: tokens.map(renderToken), next: null }, 200)
  })

  app.openapi(ROUTES.remove, async (context) => {
    const { id } = context.req.valid('param')
    const others = (await store.listAdminTokens()).filter((token) => token.id !== id && token.role === 'admin')
    if (others.length === 0 && operatorTokenHash === null)
      throw new GatewayError('conflict', { message: 'No admin token would be left: create another one first.' })
    if (!(await store.deleteAdminToken(id))) throw notFound('admin token', id)
    return context.body(null, 204)
  })
}
