// Groups of users: what they are charged for a cost of 1, and the models that they may use.
import { createRoute } from '@hono/zod-openapi'
import { named } from './change.ts'
import { notFound } from './errors.ts'
import { type AdminApp, GUARDED, jsonAnswer, jsonBody, REFUSALS, type StoreRoutes } from './route.ts'
import { listOf } from './schemas.ts'
import { Group, GroupChange, GroupInput, NameParam, renderGroup } from './schemas-users.ts'

const common = { tags: ['groups'], security: GUARDED }

const ROUTES = {
  create: createRoute({
    ...common,
    method: 'post',
    path: '/admin/groups',
    operationId: 'createGroup',
    summary: 'Make a group of users',
    request: { body: jsonBody(GroupInput) },
    responses: { 201: jsonAnswer(Group, 'The group.'), ...REFUSALS },
  }),
  list: createRoute({
    ...common,
    method: 'get',
    path: '/admin/groups',
    operationId: 'listGroups',
    summary: 'List the groups of users',
    responses: { 200: jsonAnswer(listOf(Group), 'All groups, by name.'), ...REFUSALS },
  }),
  change: createRoute({
    ...common,
    method: 'patch',
    path: '/admin/groups/{name}',
    operationId: 'changeGroup',
    summary: 'Change what is named',
    request: { params: NameParam, body: jsonBody(GroupChange) },
    responses: { 200: jsonAnswer(Group, 'The group as it is now.'), ...REFUSALS },
  }),
  remove: createRoute({
    ...common,
    method: 'delete',
    path: '/admin/groups/{name}',
    operationId: 'deleteGroup',
    summary: 'Delete a group without users',
    request: { params: NameParam },
    responses: { 204: { description: 'It is gone; what it was charged stays in the books.' }, ...REFUSALS },
  }),
}

export function addGroupRoutes(app: AdminApp, { store, keys, clock }: StoreRoutes): void {
  app.openapi(ROUTES.create, async (context) => {
    const { name, multiplier, models = null } = context.req.valid('json')
    const group = { name, multiplierMillionths: multiplier, models, createdAt: clock.now() }
    await store.insertGroup(group)
    return context.json(renderGroup(group), 201)
  })

  app.openapi(ROUTES.list, async (context) =>
    context.json({ data: (await store.listGroups()).map(renderGroup), next: null }, 200),
  )

  app.openapi(ROUTES.change, async (context) => {
    const { name } = context.req.valid('param')
    const { multiplier, models } = context.req.valid('json')
    const group = await store.updateGroup(name, named({ multiplierMillionths: multiplier, models }))
    keys.invalidate()
    if (group === null) throw notFound('group', name)
    return context.json(renderGroup(group), 200)
  })

  app.openapi(ROUTES.remove, async (context) => {
    const { name } = context.req.valid('param')
    if (!(await store.deleteGroup(name))) throw notFound('group', name)
    return context.body(null, 204)
  })
}
