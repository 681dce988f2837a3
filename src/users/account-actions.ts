// Actions on the account itself: registering, logging in and out, the password, and who one is.
import { z } from 'zod'
import { GatewayError } from '../core/error.ts'
import { formatUsd } from '../core/money.ts'
import type { User } from '../core/user.ts'
import { type Action, openAction, ownAction, type UserTools } from './action.ts'
import { writeMultiplier } from './multiplier.ts'
import { checkPassword } from './passwords.ts'
import { registerUser } from './register.ts'
import { beginSession, endSession, formToken, logIn } from './session.ts'

const login = z.string().max(200)
const password = z.string().max(1_000)
const nothing = z.strictObject({})

export type Me = {
  readonly id: string
  readonly login: string
  readonly group: string
  /** What is charged for a cost of 1. */
  readonly multiplier: string
  readonly created_at: string
  readonly balance_usd: string
  readonly credited_usd: string
  readonly charged_usd: string
  /** What requests in flight may be charged at most. */
  readonly held_usd: string
}

export const ACCOUNT_ACTIONS: readonly Action[] = [
  openAction('POST', 'login', {
    fields: z.strictObject({ login, password }),
    run: async (fields, { address }, tools) => welcome(await logIn(fields, address, tools), tools),
  }),
  openAction('POST', 'register', {
    fields: z.strictObject({ login, password, invitation: z.string().max(200).optional() }),
    async run({ invitation = null, ...fields }, { address }, tools) {
      const { failures, registrations } = tools
      // Whoever tries invitations, or who is registered, is slowed down like who tries passwords.
      failures.byAddress.check(address)
      registrations.check(address)
      try {
        const user = await registerUser({ ...fields, invitation }, tools)
        registrations.failed(address)
        return welcome(user, tools, 201)
      } catch (error) {
        if (error instanceof GatewayError && error.status < 500) failures.byAddress.failed(address)
        throw error
      }
    },
  }),
  ownAction('POST', 'logout', {
    fields: nothing,
    async run(_, { secret }, tools) {
      await endSession(secret, tools)
      return { status: 204, body: null, session: null }
    },
  }),
  ownAction('GET', 'me', {
    fields: nothing,
    run: async (_, { user, secret }, tools) => ({
      body: { ...(await meOf(user, tools)), csrf_token: formToken(secret, tools.hash) },
    }),
  }),
  ownAction('POST', 'password', {
    fields: z.strictObject({ current: password, password }),
    async run({ current, password: chosen }, { user, address }, tools) {
      checkPassword(chosen, user.login)
      await logIn({ login: user.login, password: current }, address, tools)
      await tools.store.setPasswordHash(user.id, await tools.passwords.hash(chosen))
      // All sessions are over; this one goes on under another secret.
      return welcome(user, tools)
    },
  }),
]

async function welcome(user: User, tools: UserTools, status = 200) {
  const session = await beginSession(user, tools)
  return { status, body: { ...(await meOf(user, tools)), csrf_token: formToken(session, tools.hash) }, session }
}

export async function meOf(user: User, { store, balanceOf }: UserTools): Promise<Me> {
  const owner = await store.getKeyOwner(user.id)
  const { limitNanoUsd, spentNanoUsd, heldNanoUsd } = balanceOf(user.id)
  return {
    id: user.id,
    login: user.login,
    group: user.group,
    multiplier: writeMultiplier(owner?.multiplierMillionths ?? 1_000_000n),
    created_at: new Date(user.createdAt).toISOString(),
    balance_usd: formatUsd(limitNanoUsd - spentNanoUsd),
    credited_usd: formatUsd(limitNanoUsd),
    charged_usd: formatUsd(spentNanoUsd),
    held_usd: formatUsd(heldNanoUsd),
  }
}
