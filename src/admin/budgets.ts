// Budgets: set, list with what is spent of them, change, raise for a while, remove.
import { createRoute, type z } from '@hono/zod-openapi'
import type { Budget as CoreBudget, BudgetScope } from '../core/budget.ts'
import { GatewayError } from '../core/error.ts'
import type { Store } from '../store/store.ts'
import { malformed, notFound } from './errors.ts'
import { type AdminApp, GUARDED, jsonAnswer, jsonBody, REFUSALS } from './route.ts'
import { IdParam, listOf } from './schemas.ts'
import { Budget, BudgetChange, BudgetInput, BudgetsQuery, RaiseInput, renderBudget } from './schemas-budgets.ts'
import { readLimitFields } from './schemas-budget-limits.ts'
import { type BudgetRoutes, insertBudget } from './set-budget.ts'
import { findTeam } from './teams.ts'
import { findUser } from '../users/credits.ts'

const MOST_RAISES = 50
const common = { tags: ['budgets'], security: GUARDED }

const ROUTES = {
  create: createRoute({
    ...common,
    method: 'post',
    path: '/admin/budgets',
    operationId: 'createBudget',
    summary: 'Set a budget',
    request: { body: jsonBody(BudgetInput) },
    responses: { 201: jsonAnswer(Budget, 'The budget. It is in force.'), ...REFUSALS },
  }),
  list: createRoute({
    ...common,
    method: 'get',
    path: '/admin/budgets',
    operationId: 'listBudgets',
    summary: 'List budgets with what is spent of them, those of the file too',
    request: { query: BudgetsQuery },
    responses: { 200: jsonAnswer(listOf(Budget), 'A page of budgets.'), ...REFUSALS },
  }),
  get: createRoute({
    ...common,
    method: 'get',
    path: '/admin/budgets/{id}',
    operationId: 'getBudget',
    summary: 'One budget with what is spent of it',
    request: { params: IdParam },
    responses: { 200: jsonAnswer(Budget, 'The budget.'), ...REFUSALS },
  }),
  change: createRoute({
    ...common,
    method: 'patch',
    path: '/admin/budgets/{id}',
    operationId: 'changeBudget',
    summary: 'Change what is named',
    request: { params: IdParam, body: jsonBody(BudgetChange) },
    responses: { 200: jsonAnswer(Budget, 'The budget as it is now.'), ...REFUSALS },
  }),
  raise: createRoute({
    ...common,
    method: 'post',
    path: '/admin/budgets/{id}/raise',
    operationId: 'raiseBudget',
    summary: 'Raise the limit until a moment',
    request: { params: IdParam, body: jsonBody(RaiseInput) },
    responses: { 200: jsonAnswer(Budget, 'The budget with its raise.'), ...REFUSALS },
  }),
  remove: createRoute({
    ...common,
    method: 'delete',
    path: '/admin/budgets/{id}',
    operationId: 'deleteBudget',
    summary: 'Remove a budget',
    request: { params: IdParam },
    responses: { 204: { description: 'It is gone; what was spent stays in the books.' }, ...REFUSALS },
  }),
}

export function addBudgetRoutes(app: AdminApp, { store, clock, budgets }: BudgetRoutes): void {
  function found(id: string): CoreBudget {
    const budget = budgets.list().find((known) => known.id === id)
    if (budget === undefined) throw notFound('budget', id)
    return budget
  }

  /** One that may be changed here. */
  function changeable(id: string): CoreBudget {
    const budget = found(id)
    if (budget.source === 'config')
      throw new GatewayError('conflict', {
        message: `The budget ${id} belongs to the configuration file: change it there.`,
      })
    return budget
  }

  const rendered = (budget: CoreBudget): z.output<typeof Budget> => renderBudget(budget, budgets.state())

  app.openapi(ROUTES.create, async (context) => {
    const { scope, id, ...limits } = context.req.valid('json')
    const subject = id === undefined ? null : await subjectOf(store, scope, id)
    const budget = await insertBudget(limits, { scope, subject }, { store, clock, budgets })
    return context.json(rendered(budget), 201)
  })

  app.openapi(ROUTES.list, async (context) => {
    const { scope, id, cursor, limit } = context.req.valid('query')
    const all = budgets
      .list()
      .filter((budget) => scope === undefined || budget.scope === scope)
      .filter((budget) => id === undefined || budget.subject === id)
    const start = cursor === undefined ? 0 : all.findIndex((budget) => budget.id === cursor) + 1
    const page = all.slice(start, start + limit)
    const states = budgets.state()
    return context.json(
      {
        data: page.map((budget) => renderBudget(budget, states)),
        next: start + limit < all.length ? (page.at(-1)?.id ?? null) : null,
      },
      200,
    )
  })

  app.openapi(ROUTES.get, async (context) => context.json(rendered(found(context.req.valid('param').id)), 200))

  app.openapi(ROUTES.change, async (context) => {
    const { id } = context.req.valid('param')
    const body = context.req.valid('json')
    const { window } = changeable(id)
    if (body.time_zone !== undefined && body.window === undefined)
      throw malformed('time_zone', 'Name the `window` that the time zone is for.')
    const zone = window.type === 'calendar' ? window.timeZone : 'UTC'
    const budget = await store.updateBudget(id, readLimitFields(body, zone))
    await budgets.refresh()
    if (budget === null) throw notFound('budget', id)
    return context.json(rendered(budget), 200)
  })

  app.openapi(ROUTES.raise, async (context) => {
    const { id } = context.req.valid('param')
    const { amount_usd: amountNanoUsd, until } = context.req.valid('json')
    const now = clock.now()
    if (until <= now) throw malformed('until', '`until` must be in the future.')
    const raises = [...changeable(id).raises.filter((raise) => raise.until > now), { amountNanoUsd, until }]
    if (raises.length > MOST_RAISES)
      throw malformed('amount_usd', `A budget has at most ${MOST_RAISES} raises at once.`)
    const budget = await store.updateBudget(id, { raises })
    await budgets.refresh()
    if (budget === null) throw notFound('budget', id)
    return context.json(rendered(budget), 200)
  })

  app.openapi(ROUTES.remove, async (context) => {
    const { id } = changeable(context.req.valid('param').id)
    const existed = await store.deleteBudget(id)
    await budgets.refresh()
    if (!existed) throw notFound('budget', id)
    return context.body(null, 204)
  })
}

/** The id of a key or team that is named; other subjects need not exist yet. */
async function subjectOf(store: Store, scope: BudgetScope, name: string): Promise<string> {
  if (scope === 'gateway') throw malformed('id', 'There is one gateway: leave `id` out.')
  if (scope === 'team') return (await findTeam(store, name)).id
  if (scope === 'user') return (await findUser(name, store)).id
  if (scope === 'key' && (await store.getKey(name)) === null)
    throw malformed('id', `There is no key with the id \`${name}\`.`)
  return name
}
