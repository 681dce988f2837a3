// Users: made, listed with their balances, changed, credited, erased.
import { createRoute, type z } from '@hono/zod-openapi'
import { GatewayError } from '../core/error.ts'
import { randomId } from '../core/id.ts'
import type { User as CoreUser } from '../core/user.ts'
import type { BudgetState } from '../limits/budgets.ts'
import { creditUser, type CreditTools, findUser } from '../users/credits.ts'
import { readLogin } from '../users/login-name.ts'
import { checkPassword } from '../users/passwords.ts'
import { makeUser, type RegisterTools } from '../users/register.ts'
import { named } from './change.ts'
import { malformed, notFound } from './errors.ts'
import { type AdminApp, GUARDED, jsonAnswer, jsonBody, REFUSALS, type StoreRoutes } from './route.ts'
import { IdParam, listOf } from './schemas.ts'
import {
  Credit,
  CreditInput,
  CreditsQuery,
  renderCredit,
  renderUser,
  User,
  UserChange,
  UserInput,
  UsersQuery,
} from './schemas-users.ts'

export type UserRoutes = StoreRoutes & {
  readonly users: Pick<RegisterTools, 'passwords' | 'settings'> &
    Pick<CreditTools, 'credited'> & {
      /** What a user has and has spent, of the running gateway. */
      readonly balanceOf: (userId: string) => BudgetState
    }
}

type CreditsAsked = z.output<typeof CreditsQuery> & { readonly userId?: string }

const common = { tags: ['users'], security: GUARDED }

const ROUTES = {
  create: createRoute({
    ...common,
    method: 'post',
    path: '/admin/users',
    operationId: 'createUser',
    summary: 'Make a user',
    request: { body: jsonBody(UserInput) },
    responses: { 201: jsonAnswer(User, 'The user.'), ...REFUSALS },
  }),
  list: createRoute({
    ...common,
    method: 'get',
    path: '/admin/users',
    operationId: 'listUsers',
    summary: 'List users with their balances',
    request: { query: UsersQuery },
    responses: { 200: jsonAnswer(listOf(User), 'A page of users.'), ...REFUSALS },
  }),
  get: createRoute({
    ...common,
    method: 'get',
    path: '/admin/users/{id}',
    operationId: 'getUser',
    summary: 'One user with the balance',
    request: { params: IdParam },
    responses: { 200: jsonAnswer(User, 'The user.'), ...REFUSALS },
  }),
  change: createRoute({
    ...common,
    method: 'patch',
    path: '/admin/users/{id}',
    operationId: 'changeUser',
    summary: 'Change what is named',
    request: { params: IdParam, body: jsonBody(UserChange) },
    responses: { 200: jsonAnswer(User, 'The user as it is now.'), ...REFUSALS },
  }),
  erase: createRoute({
    ...common,
    method: 'delete',
    path: '/admin/users/{id}',
    operationId: 'eraseUser',
    summary: 'Erase a login, its password and its keys',
    request: { params: IdParam },
    responses: { 204: { description: 'It is gone; what was credited and charged stays in the books.' }, ...REFUSALS },
  }),
  credit: createRoute({
    ...common,
    method: 'post',
    path: '/admin/users/{id}/credits',
    operationId: 'creditUser',
    summary: 'Put money on a balance, or take it back',
    request: { params: IdParam, body: jsonBody(CreditInput) },
    responses: {
      201: jsonAnswer(Credit, 'The credit. It counts.'),
      200: jsonAnswer(Credit, 'The credit that was there already.'),
      ...REFUSALS,
    },
  }),
  credits: createRoute({
    ...common,
    method: 'get',
    path: '/admin/users/{id}/credits',
    operationId: 'listCreditsOfUser',
    summary: 'What was put on a balance, newest first',
    request: { params: IdParam, query: CreditsQuery },
    responses: { 200: jsonAnswer(listOf(Credit), 'A page of credits.'), ...REFUSALS },
  }),
  allCredits: createRoute({
    ...common,
    method: 'get',
    path: '/admin/credits',
    operationId: 'listCredits',
    summary: 'What was put on all balances, newest first',
    request: { query: CreditsQuery },
    responses: { 200: jsonAnswer(listOf(Credit), 'A page of credits.'), ...REFUSALS },
  }),
}

export function addUserRoutes(app: AdminApp, routes: UserRoutes): void {
  const { store, keys, clock, users } = routes
  const tools = { ...routes, ...users, now: () => clock.now() }
  const rendered = (user: CoreUser) => renderUser(user, users.balanceOf(user.id))

  app.openapi(ROUTES.create, async (context) => {
    const { login, password = null, group = null, credit_usd: creditNanoUsd = 0n } = context.req.valid('json')
    const user = await makeUser({ login, password, group, creditNanoUsd }, tools)
    return context.json(rendered(user), 201)
  })

  app.openapi(ROUTES.list, async (context) => {
    const { group, login, cursor, limit } = context.req.valid('query')
    if (login !== undefined) {
      const user = await store.findUser(login.trim().toLowerCase())
      return context.json({ data: user === null ? [] : [rendered(user)], next: null }, 200)
    }
    const page = await store.listUsers({ cursor: cursor ?? null, limit, ...named({ group }) })
    return context.json({ data: page.data.map(rendered), next: page.next }, 200)
  })

  app.openapi(ROUTES.get, async (context) =>
    context.json(rendered(await findUser(context.req.valid('param').id, store)), 200),
  )

  app.openapi(ROUTES.change, async (context) => {
    const { password, login, ...patch } = context.req.valid('json')
    const known = await findUser(context.req.valid('param').id, store)
    const renamed = login === undefined ? undefined : readLogin(login)
    if (password !== undefined) checkPassword(password, renamed ?? known.login)
    const user = await changed(known.id, named({ ...patch, login: renamed }))
    if (password !== undefined) await store.setPasswordHash(user.id, await users.passwords.hash(password))
    // Requests know the group and the state of the user from the cached key.
    keys.invalidate()
    return context.json(rendered(user), 200)
  })

  async function changed(id: string, patch: Parameters<typeof store.updateUser>[1]): Promise<CoreUser> {
    try {
      const user = await store.updateUser(id, patch)
      if (user !== null) return user
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'conflict') throw error
      const isGroup = patch.group !== undefined && (await store.listGroups()).every(({ name }) => name !== patch.group)
      if (isGroup) throw malformed('group', `There is no group \`${patch.group}\`.`)
      throw new GatewayError('conflict', { message: `There is a user ${patch.login} already.`, param: 'login' }, error)
    }
    throw notFound('user', id)
  }

  app.openapi(ROUTES.erase, async (context) => {
    const { id } = await findUser(context.req.valid('param').id, store)
    await store.eraseUser(id)
    keys.invalidate()
    return context.body(null, 204)
  })

  app.openapi(ROUTES.credit, async (context) => {
    const { amount_usd: amountNanoUsd, note = '', reference = randomId('hand') } = context.req.valid('json')
    const user = await findUser(context.req.valid('param').id, store)
    const { credit, isNew } = await creditUser(user, { kind: 'correction', amountNanoUsd, reference, note }, tools)
    return isNew ? context.json(renderCredit(credit), 201) : context.json(renderCredit(credit), 200)
  })

  app.openapi(ROUTES.credits, async (context) => {
    const { id: userId } = await findUser(context.req.valid('param').id, store)
    return context.json(await creditsOf({ userId, ...context.req.valid('query') }), 200)
  })

  app.openapi(ROUTES.allCredits, async (context) => context.json(await creditsOf(context.req.valid('query')), 200))

  async function creditsOf({ cursor, ...query }: CreditsAsked) {
    const { data, next } = await store.listCredits({ cursor: cursor ?? null, ...named(query), limit: query.limit })
    return { data: data.map(renderCredit), next }
  }
}
