// Virtual keys: issue, list, change, rotate, revoke.
import { createRoute, type z } from '@hono/zod-openapi'
import type { VirtualKey } from '../core/key.ts'
import { checkKeyFields, issueKey, newKeySecret } from '../keys/issue-key.ts'
import type { KeyPatch } from '../store/store.ts'
import { named } from './change.ts'
import { malformed, notFound } from './errors.ts'
import { renderKey } from './render.ts'
import { type AdminApp, GUARDED, jsonAnswer, jsonBody, REFUSALS } from './route.ts'
import { IdParam, Key, KeyChange, KeyInput, KeysQuery, KeyWithSecret, listOf, Rotation } from './schemas.ts'
import { type BudgetRoutes, insertBudget } from './set-budget.ts'
import { findUser } from '../users/credits.ts'
import { findTeam } from './teams.ts'
import type { UserRoutes } from './users.ts'

const common = { tags: ['keys'], security: GUARDED }

const ROUTES = {
  create: createRoute({
    ...common,
    method: 'post',
    path: '/admin/keys',
    operationId: 'createKey',
    summary: 'Issue a key',
    request: { body: jsonBody(KeyInput) },
    responses: { 201: jsonAnswer(KeyWithSecret, 'The key with its secret.'), ...REFUSALS },
  }),
  list: createRoute({
    ...common,
    method: 'get',
    path: '/admin/keys',
    operationId: 'listKeys',
    summary: 'List keys',
    request: { query: KeysQuery },
    responses: { 200: jsonAnswer(listOf(Key), 'A page of keys.'), ...REFUSALS },
  }),
  get: createRoute({
    ...common,
    method: 'get',
    path: '/admin/keys/{id}',
    operationId: 'getKey',
    summary: 'One key',
    request: { params: IdParam },
    responses: { 200: jsonAnswer(Key, 'The key.'), ...REFUSALS },
  }),
  change: createRoute({
    ...common,
    method: 'patch',
    path: '/admin/keys/{id}',
    operationId: 'changeKey',
    summary: 'Change what is named',
    request: { params: IdParam, body: jsonBody(KeyChange) },
    responses: { 200: jsonAnswer(Key, 'The key as it is now.'), ...REFUSALS },
  }),
  remove: createRoute({
    ...common,
    method: 'delete',
    path: '/admin/keys/{id}',
    operationId: 'deleteKey',
    summary: 'Revoke and delete a key',
    request: { params: IdParam },
    responses: { 204: { description: 'It is gone; its requests stay in the books.' }, ...REFUSALS },
  }),
  rotate: createRoute({
    ...common,
    method: 'post',
    path: '/admin/keys/{id}/rotate',
    operationId: 'rotateKey',
    summary: 'Give a key a new secret',
    request: { params: IdParam, body: jsonBody(Rotation) },
    responses: { 200: jsonAnswer(KeyWithSecret, 'The key with its new secret.'), ...REFUSALS },
  }),
}

export function addKeyRoutes(app: AdminApp, routes: UserRoutes & BudgetRoutes): void {
  const { store, keys, hash, clock } = routes
  async function keyOf(id: string): Promise<VirtualKey> {
    const key = await store.getKey(id)
    if (key === null) throw notFound('key', id)
    return key
  }

  async function teamIdOf(team: string | null | undefined): Promise<string | null | undefined> {
    return typeof team === 'string' ? (await findTeam(store, team)).id : team
  }

  async function patchFrom(body: z.output<typeof KeyChange>, key: VirtualKey): Promise<KeyPatch> {
    const { team, limits, require_end_user: requireEndUser, expires_at: expiresAt, ...same } = body
    if (typeof team === 'string' && key.userId !== undefined) throw malformed('team', 'A key of a user has no team.')
    return named({
      ...same,
      teamId: await teamIdOf(team),
      limits: limits && { ...key.limits, ...named(limits) },
      requireEndUser,
      expiresAt,
    })
  }

  app.openapi(ROUTES.create, async (context) => {
    const {
      name,
      team,
      user,
      limits,
      require_end_user: requireEndUser,
      expires_at: expiresAt,
      budget,
      ...same
    } = context.req.valid('json')
    if (user !== undefined && typeof team === 'string') throw malformed('team', 'A key of a user has no team.')
    const { keyEndpoints, keyForbids } = routes.users.settings()
    const { key, secret } = issueKey(
      {
        // What users may do with keys that they make themselves.
        ...(user === undefined ? {} : { endpoints: keyEndpoints, forbids: keyForbids }),
        ...named({
          ...same,
          userId: user === undefined ? undefined : (await findUser(user, store)).id,
          teamId: await teamIdOf(team),
          limits: limits && named(limits),
          requireEndUser,
          expiresAt,
        }),
        name,
      },
      { hash, clock },
    )
    await store.insertKey(key)
    if (budget !== undefined) await insertBudget(budget, { scope: 'key', subject: key.id }, routes)
    return context.json({ ...renderKey(key), secret }, 201)
  })

  app.openapi(ROUTES.list, async (context) => {
    const { team, user, cursor, limit } = context.req.valid('query')
    const page = await store.listKeys({ cursor: cursor ?? null, limit, ...named({ teamId: team, userId: user }) })
    return context.json({ data: page.data.map(renderKey), next: page.next }, 200)
  })

  app.openapi(ROUTES.get, async (context) => context.json(renderKey(await keyOf(context.req.valid('param').id)), 200))

  app.openapi(ROUTES.change, async (context) => {
    const { id } = context.req.valid('param')
    const patch = await patchFrom(context.req.valid('json'), await keyOf(id))
    checkKeyFields(patch, clock.now())
    const key = await store.updateKey(id, patch)
    keys.invalidate()
    if (key === null) throw notFound('key', id)
    return context.json(renderKey(key), 200)
  })

  app.openapi(ROUTES.remove, async (context) => {
    const { id } = context.req.valid('param')
    const existed = await store.deleteKey(id)
    keys.invalidate()
    if (!existed) throw notFound('key', id)
    return context.body(null, 204)
  })

  app.openapi(ROUTES.rotate, async (context) => {
    const { id } = context.req.valid('param')
    const { secret, record } = newKeySecret({ hash })
    const key = await store.rotateKey(id, record, clock.now() + context.req.valid('json').grace_s * 1000)
    keys.invalidate()
    if (key === null) throw notFound('key', id)
    return context.json({ ...renderKey(key), secret }, 200)
  })
}
