// Teams: create, list, change, delete, and finding one by what people call it.
import { createRoute } from '@hono/zod-openapi'
import { randomId } from '../core/id.ts'
import { NO_LIMITS, type Team as CoreTeam } from '../core/key.ts'
import type { KeyStore } from '../store/store.ts'
import { named } from './change.ts'
import { malformed, notFound } from './errors.ts'
import { renderTeam } from './render.ts'
import { type AdminApp, GUARDED, jsonAnswer, jsonBody, REFUSALS, type StoreRoutes } from './route.ts'
import { IdParam, listOf, PageQuery, Team, TeamChange, TeamInput } from './schemas.ts'
import { type BudgetRoutes, insertBudget } from './set-budget.ts'

const PAGE_SIZE = 200
const common = { tags: ['teams'], security: GUARDED }

const ROUTES = {
  create: createRoute({
    ...common,
    method: 'post',
    path: '/admin/teams',
    operationId: 'createTeam',
    summary: 'Create a team',
    request: { body: jsonBody(TeamInput) },
    responses: { 201: jsonAnswer(Team, 'The team.'), ...REFUSALS },
  }),
  list: createRoute({
    ...common,
    method: 'get',
    path: '/admin/teams',
    operationId: 'listTeams',
    summary: 'List teams',
    request: { query: PageQuery },
    responses: { 200: jsonAnswer(listOf(Team), 'A page of teams.'), ...REFUSALS },
  }),
  get: createRoute({
    ...common,
    method: 'get',
    path: '/admin/teams/{id}',
    operationId: 'getTeam',
    summary: 'One team',
    request: { params: IdParam },
    responses: { 200: jsonAnswer(Team, 'The team.'), ...REFUSALS },
  }),
  change: createRoute({
    ...common,
    method: 'patch',
    path: '/admin/teams/{id}',
    operationId: 'changeTeam',
    summary: 'Change what is named',
    request: { params: IdParam, body: jsonBody(TeamChange) },
    responses: { 200: jsonAnswer(Team, 'The team as it is now.'), ...REFUSALS },
  }),
  remove: createRoute({
    ...common,
    method: 'delete',
    path: '/admin/teams/{id}',
    operationId: 'deleteTeam',
    summary: 'Delete a team without keys',
    request: { params: IdParam },
    responses: { 204: { description: 'It is gone; its requests stay in the books.' }, ...REFUSALS },
  }),
}

export function addTeamRoutes(app: AdminApp, routes: StoreRoutes & BudgetRoutes): void {
  const { store, keys, clock } = routes
  async function teamOf(id: string): Promise<CoreTeam> {
    const team = await store.getTeam(id)
    if (team === null) throw notFound('team', id)
    return team
  }

  app.openapi(ROUTES.create, async (context) => {
    const { name, models, limits, tags, metadata, organisation, budget } = context.req.valid('json')
    const team: CoreTeam = {
      id: randomId('team'),
      name,
      organisation: organisation ?? null,
      limits: { ...NO_LIMITS, ...named(limits ?? {}) },
      models: models ?? null,
      tags: tags ?? [],
      metadata: metadata ?? {},
      disabled: false,
      createdAt: clock.now(),
    }
    await store.insertTeam(team)
    if (budget !== undefined) await insertBudget(budget, { scope: 'team', subject: team.id }, routes)
    return context.json(renderTeam(team), 201)
  })

  app.openapi(ROUTES.list, async (context) => {
    const { cursor, limit } = context.req.valid('query')
    const page = await store.listTeams({ cursor: cursor ?? null, limit })
    return context.json({ data: page.data.map(renderTeam), next: page.next }, 200)
  })

  app.openapi(ROUTES.get, async (context) => context.json(renderTeam(await teamOf(context.req.valid('param').id)), 200))

  app.openapi(ROUTES.change, async (context) => {
    const { id } = context.req.valid('param')
    const { limits, ...same } = context.req.valid('json')
    const before = await teamOf(id)
    const team = await store.updateTeam(
      id,
      named({ ...same, limits: limits && { ...before.limits, ...named(limits) } }),
    )
    keys.invalidate()
    if (team === null) throw notFound('team', id)
    return context.json(renderTeam(team), 200)
  })

  app.openapi(ROUTES.remove, async (context) => {
    const { id } = context.req.valid('param')
    const existed = await store.deleteTeam(id)
    keys.invalidate()
    if (!existed) throw notFound('team', id)
    return context.body(null, 204)
  })
}

/** The team with this id or name. Throws `request_malformed` about the field `team` when there is none. */
export async function findTeam(store: KeyStore, idOrName: string): Promise<CoreTeam> {
  const byId = await store.getTeam(idOrName)
  if (byId !== null) return byId
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<KeyStore['listTeams']>> = await store.listTeams({ cursor, limit: PAGE_SIZE })
    const byName = page.data.find((team) => team.name === idOrName)
    if (byName !== undefined) return byName
    cursor = page.next
  } while (cursor !== null)
  throw malformed('team', `There is no team with the id or name \`${idOrName}\`.`)
}
