// Actions on the keys of a user. Whose key it is not does not learn that it is there.
import { z } from 'zod'
import { parseAmount, parseWindow } from '../config/budget-values.ts'
import { GatewayError } from '../core/error.ts'
import type { VirtualKey } from '../core/key.ts'
import type { User } from '../core/user.ts'
import { type Action, type KeyLimit, ownAction, type UserTools } from './action.ts'

const DAY_MS = 86_400_000
const MOST_DAYS = 3_660
/** More than any user has keys. */
const PAGE = 10_000

export type OwnKey = {
  readonly id: string
  readonly name: string
  readonly models: readonly string[] | null
  readonly hint: string
  readonly disabled: boolean
  readonly created_at: string
  readonly expires_at: string | null
}

const text = z.string().trim().min(1)
const models = z
  .union([z.array(text.max(256)).max(100), z.string().max(5_000)])
  .transform((list) => (typeof list === 'string' ? list.split(',') : list).map((glob) => glob.trim()).filter(Boolean))

export const KEY_ACTIONS: readonly Action[] = [
  ownAction('GET', 'keys', {
    fields: z.strictObject({}),
    run: async (_, { user }, tools) => ({ body: { data: await keysOf(user, tools), next: null } }),
  }),
  ownAction('POST', 'keys', {
    fields: z.strictObject({
      name: text.max(200),
      models: models.optional(),
      expires_in_days: z.coerce.number().int().min(1).max(MOST_DAYS).optional(),
      limit_usd: z.union([z.string().max(40), z.number()]).optional(),
      window: z.enum(['once', 'day', 'week', 'month']).optional(),
    }),
    async run({ name, models: globs = null, expires_in_days: days, limit_usd: limit, window }, { user }, tools) {
      const { maxKeys } = tools.settings()
      const tooMany = new GatewayError('conflict', {
        message: `You have ${maxKeys} keys, which is as many as there may be.`,
      })
      if ((await keysOf(user, tools)).length >= maxKeys) throw tooMany
      const { key, secret } = await tools.issueKey(user, {
        name,
        models: globs,
        expiresAt: days === undefined ? null : tools.now() + days * DAY_MS,
        limit: limitOf(limit, window),
      })
      // Of several that were made at once none stays that is too many.
      if ((await keysOf(user, tools)).length > maxKeys) {
        await tools.revokeKey(key)
        throw tooMany
      }
      return { status: 201, body: { ...keyJson(key), secret } }
    },
  }),
  ownAction('DELETE', 'keys/{id}', {
    fields: z.strictObject({ id: text.max(200) }),
    async run({ id }, { user }, tools) {
      await tools.revokeKey(await ownKey(id, user, tools))
      return { status: 204, body: null }
    },
  }),
]

/** Throws `not_found` for what is not the user's. */
export async function ownKey(id: string, user: User, { store }: UserTools): Promise<VirtualKey> {
  const key = await store.getKey(id)
  if (key !== null && key.userId === user.id) return key
  throw new GatewayError('not_found', { message: `You have no key ${JSON.stringify(id.slice(0, 100))}.` })
}

export async function keysOf(user: User, { store }: UserTools): Promise<readonly OwnKey[]> {
  const { data } = await store.listKeys({ userId: user.id, cursor: null, limit: PAGE })
  return data.map(keyJson)
}

function keyJson(key: VirtualKey): OwnKey {
  return {
    id: key.id,
    name: key.name,
    models: key.models,
    hint: key.secrets[0]?.hint ?? '',
    disabled: key.disabled,
    created_at: new Date(key.createdAt).toISOString(),
    expires_at: key.expiresAt === null ? null : new Date(key.expiresAt).toISOString(),
  }
}

function limitOf(written: string | number | undefined, window: string | undefined): KeyLimit | null {
  if (written === undefined) return null
  const limitNanoUsd = parseAmount(written)
  const parsed = parseWindow(window ?? 'once', 'UTC')
  if (limitNanoUsd === null || parsed === null)
    throw new GatewayError('request_malformed', {
      message: 'A limit is dollars such as 5 or 0.25, nine decimal places at most.',
      param: 'limit_usd',
    })
  return { window: parsed, limitNanoUsd }
}
