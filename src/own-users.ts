// `/user`: what users need of the running gateway, put together where there are users at all.
import { createLoginLimit } from './admin/login-limit.ts'
import type { Config } from './config/schema.ts'
import type { Clock } from './core/clock.ts'
import { randomId } from './core/id.ts'
import type { AddressOf } from './handle.ts'
import { type ByteBudget, readRawBody } from './http/body.ts'
import { issueKey } from './keys/issue-key.ts'
import type { KeyRing } from './keys/key-ring.ts'
import type { Hasher } from './keys/secret.ts'
import type { Balances } from './limits/balances.ts'
import type { BudgetDefinitions } from './limits/budget-definitions.ts'
import type { Budgets } from './limits/budgets.ts'
import type { Store } from './store/store.ts'
import type { KeyLimit, UserTools } from './users/action.ts'
import type { Passwords } from './users/passwords.ts'
import { answerUser } from './users/site.ts'

export type OwnUsersTools = {
  readonly store: Store
  readonly hash: Hasher
  readonly clock: Clock
  readonly keyRing: KeyRing
  readonly budgets: Budgets
  readonly budgetDefinitions: BudgetDefinitions
  readonly balances: Balances
  readonly passwords: Passwords
  readonly bytes: ByteBudget
  readonly config: () => Config
}

/** Answers a request of a path below `/user`. Throws what no user can mend. */
export type UserSite = (request: Request, path: string, addressOf: AddressOf) => Promise<Response>

const BODY_LIMIT_BYTES = 64 * 1024
const FAILURES_PER_MINUTE = 10
/** However many addresses somebody has: a name is tried so often, and no more. */
const FAILURES_PER_LOGIN = 20
const LOGIN_WINDOW_MS = 15 * 60_000
/** An office has many users, and no robot many welcomes. */
const REGISTRATIONS_PER_HOUR = 20
const HOUR_MS = 3_600_000

export function createUserSite(tools: OwnUsersTools): UserSite {
  const { store, hash, clock, keyRing, budgets, balances, passwords, bytes, config } = tools
  const users: UserTools = {
    store,
    hash,
    passwords,
    now: () => clock.now(),
    settings: () => config().users,
    credited: () => balances.refresh(),
    balanceOf: (userId) => budgets.balance(userId),
    failures: {
      byAddress: createLoginLimit({ clock, failures: FAILURES_PER_MINUTE }),
      byLogin: createLoginLimit({ clock, failures: FAILURES_PER_LOGIN, windowMs: LOGIN_WINDOW_MS, by: 'name' }),
    },
    registrations: createLoginLimit({
      clock,
      failures: REGISTRATIONS_PER_HOUR,
      windowMs: HOUR_MS,
      what: 'registrations',
    }),
    async issueKey(user, { limit, ...input }) {
      const { keyEndpoints, keyForbids } = config().users
      const allowed = { endpoints: keyEndpoints, forbids: keyForbids }
      const issued = issueKey({ ...input, ...allowed, userId: user.id }, { hash, clock })
      await store.insertKey(issued.key)
      if (limit !== null) await limitKey(issued.key.id, limit, tools)
      return issued
    },
    async revokeKey({ id }) {
      await store.deleteKey(id)
      keyRing.invalidate()
      const { data } = await store.listBudgets({ scope: 'key', subject: id, cursor: null, limit: 100 })
      for (const budget of data) await store.deleteBudget(budget.id)
      if (data.length > 0) await tools.budgetDefinitions.refresh()
    },
  }
  return async (request, path, addressOf) => {
    const readBody = async (): Promise<Uint8Array> => {
      if (request.body === null) return new Uint8Array()
      const { bodyTimeoutMs, jsonDepth, jsonKeys } = config().server
      const json = { depth: jsonDepth, keys: jsonKeys }
      const raw = await readRawBody(request, { bytes: BODY_LIMIT_BYTES, timeoutMs: bodyTimeoutMs, json }, bytes, clock)
      bytes.free(raw.heldBytes)
      return raw.bytes
    }
    return answerUser({ request, path, address: addressOf(), readBody }, users)
  }
}

async function limitKey(
  keyId: string,
  { window, limitNanoUsd }: KeyLimit,
  { store, clock, budgetDefinitions }: OwnUsersTools,
): Promise<void> {
  await store.insertBudget({
    id: randomId('budget'),
    scope: 'key',
    subject: keyId,
    window,
    limitNanoUsd,
    onExhausted: { type: 'reject' },
    borrowNanoUsd: null,
    alertAt: [],
    raises: [],
    source: 'store',
    createdAt: clock.now(),
  })
  await budgetDefinitions.refresh()
}
