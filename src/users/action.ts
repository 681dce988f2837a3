// What can be done at `/user`: an action has a place in the JSON API, says who may, reads its fields strictly, and gives a
// body. Forms on pages do the same actions.
import type { z } from 'zod'
import type { BudgetWindow } from '../core/budget.ts'
import { GatewayError } from '../core/error.ts'
import type { VirtualKey } from '../core/key.ts'
import type { NanoUsd } from '../core/money.ts'
import type { User } from '../core/user.ts'
import type { KeyStore, LedgerStore, RequestStore, UserStore } from '../store/store.ts'
import type { CreditTools } from './credits.ts'
import { readFields } from './fields.ts'
import type { RegisterTools } from './register.ts'
import type { SessionTools, Visit } from './session.ts'

/** What a key of a user may spend. */
export type KeyLimit = { readonly window: BudgetWindow; readonly limitNanoUsd: NanoUsd }

export type UserTools = RegisterTools &
  SessionTools &
  CreditTools & {
    readonly store: UserStore &
      Pick<KeyStore, 'listKeys' | 'getKey' | 'getKeyOwner'> &
      RequestStore &
      Pick<LedgerStore, 'getEntry'>
    /** What a user has and has spent. */
    readonly balanceOf: (userId: string) => {
      readonly limitNanoUsd: NanoUsd
      readonly spentNanoUsd: NanoUsd
      readonly heldNanoUsd: NanoUsd
    }
    /** Makes a key of the user and puts it in force; the secret exists nowhere else. */
    readonly issueKey: (
      user: User,
      input: {
        readonly name: string
        readonly models: readonly string[] | null
        readonly expiresAt: number | null
        readonly limit: KeyLimit | null
      },
    ) => Promise<{ readonly key: VirtualKey; readonly secret: string }>
    /** Ends a key, with its limit. */
    readonly revokeKey: (key: VirtualKey) => Promise<void>
  }

export type Reply = {
  readonly status?: number
  /** Null: there is nothing to say. */
  readonly body: object | null
  /** A session that has begun; null: it is over; absent: as it was. */
  readonly session?: string | null
}

export type Action = {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below `/user/api/`; `{id}` stands for one part, and is a field. */
  readonly path: string
  /** Whether somebody must be logged in. */
  readonly isOwn: boolean
  readonly run: (input: unknown, visit: Visit, tools: UserTools) => Promise<Reply>
}

type Row<Schema extends z.ZodType, Who> = {
  readonly fields: Schema
  readonly run: (fields: z.output<Schema>, visit: Who, tools: UserTools) => Promise<Reply>
}

/** An action of who is logged in. Throws `login_required`. */
export function ownAction<Schema extends z.ZodType>(
  method: Action['method'],
  path: string,
  { fields, run }: Row<Schema, Visit & { readonly user: User; readonly secret: string }>,
): Action {
  return {
    method,
    path,
    isOwn: true,
    run: async (input, visit, tools) => {
      const { user, secret } = visit
      if (user === null || secret === null) throw new GatewayError('login_required')
      return run(readFields(fields, input), { ...visit, user, secret }, tools)
    },
  }
}

/** An action of anybody. */
export function openAction<Schema extends z.ZodType>(
  method: Action['method'],
  path: string,
  { fields, run }: Row<Schema, Visit>,
): Action {
  return {
    method,
    path,
    isOwn: false,
    run: async (input, visit, tools) => run(readFields(fields, input), visit, tools),
  }
}
