// Users come to be: made by the operator, or registered by themselves as far as the configuration lets them.
import type { UsersConfig } from '../config/schema-users.ts'
import { GatewayError } from '../core/error.ts'
import { randomId } from '../core/id.ts'
import { parseUsd, type NanoUsd } from '../core/money.ts'
import type { Credit, User, UserCode } from '../core/user.ts'
import type { UserStore } from '../store/store.ts'
import { hashCode, readCode } from './codes.ts'
import { readLogin } from './login-name.ts'
import { checkPassword, type Passwords } from './passwords.ts'

export type RegisterTools = {
  readonly store: Pick<UserStore, 'insertUser' | 'findCode' | 'findUser'>
  readonly hash: (secret: string) => string
  readonly now: () => number
  readonly passwords: Passwords
  readonly settings: () => UsersConfig
  readonly credited: () => Promise<void>
}

/** What the operator says of a new user; `password` of null: nobody can log in. */
export type MadeUser = {
  readonly login: string
  readonly password: string | null
  readonly group: string | null
  /** What the balance begins with. */
  readonly creditNanoUsd?: NanoUsd
}

/** Throws `conflict` where the login is taken or there is no such group. */
export async function makeUser(made: MadeUser, tools: RegisterTools): Promise<User> {
  const { password, group, creditNanoUsd: amountNanoUsd = 0n } = made
  const login = readLogin(made.login)
  if (password !== null) checkPassword(password, login)
  const user = newUser(login, group ?? tools.settings().defaultGroup, null, tools.now())
  const passwordHash = password === null ? null : await tools.passwords.hash(password)
  const credit = { userId: user.id, at: user.createdAt, kind: 'correction', amountNanoUsd, note: '' } as const
  const credits = amountNanoUsd === 0n ? [] : [{ ...credit, id: randomId('credit'), reference: `begin:${user.id}` }]
  await insert({ user, passwordHash, credits, invitation: null }, tools)
  if (credits.length > 0) await tools.credited()
  return user
}

export type Registration = { readonly login: string; readonly password: string; readonly invitation: string | null }

/** Throws `registration_closed`, `code_invalid`, `conflict` where the login is taken, or `request_malformed`. */
export async function registerUser(input: Registration, tools: RegisterTools): Promise<User> {
  const { store, hash, passwords, settings, now, credited } = tools
  const { registration, defaultGroup } = settings()
  if (registration === 'closed') throw new GatewayError('registration_closed')
  if (registration === 'invitation' && input.invitation === null)
    throw new GatewayError('registration_closed', { message: 'Who registers here needs an invitation.' })
  const login = readLogin(input.login)
  checkPassword(input.password, login)
  const at = now()
  let invitation: UserCode | null = null
  if (input.invitation !== null) {
    invitation = await store.findCode('invitation', hashCode(readCode(input.invitation), hash), at)
    if (invitation === null) throw new GatewayError('code_invalid')
  }
  const user = newUser(login, invitation?.group ?? defaultGroup, invitation?.madeBy ?? null, at)
  const passwordHash = await passwords.hash(input.password)
  const credits = creditsOf(user, invitation, settings())
  await insert({ user, passwordHash, credits, invitation: invitation?.id ?? null }, tools)
  if (credits.length > 0) await credited()
  return user
}

function newUser(login: string, group: string, invitedBy: string | null, createdAt: number): User {
  return { id: randomId('user'), login, group, disabled: false, createdAt, invitedBy }
}

/** What everybody begins with, what the invitation is worth, and what its maker gets for it. */
function creditsOf(
  user: User,
  invitation: UserCode | null,
  { welcomeUsd, inviterUsd }: UsersConfig,
): readonly Credit[] {
  const gifts: readonly (readonly [userId: string | null, amount: NanoUsd, reference: string, note: string])[] = [
    [user.id, parseUsd(welcomeUsd, 9) ?? 0n, `welcome:${user.id}`, 'welcome'],
    [user.id, invitation?.amountNanoUsd ?? 0n, `invitation:${invitation?.id ?? ''}`, 'invitation'],
    [invitation?.madeBy ?? null, parseUsd(inviterUsd, 9) ?? 0n, `inviter:${user.id}`, 'for an invitation'],
  ]
  return gifts.flatMap(([userId, amountNanoUsd, reference, note]) =>
    userId === null || amountNanoUsd === 0n
      ? []
      : [{ id: randomId('credit'), userId, at: user.createdAt, kind: 'gift', amountNanoUsd, reference, note }],
  )
}

async function insert(added: Parameters<UserStore['insertUser']>[0], { store }: RegisterTools): Promise<void> {
  const { login, group } = added.user
  try {
    await store.insertUser(added)
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'conflict') throw error
    const taken = (await store.findUser(login)) !== null
    throw new GatewayError(
      'conflict',
      taken
        ? { message: `There is a user ${login} already.`, param: 'login' }
        : { message: `There is no group ${JSON.stringify(group)}.`, param: 'group' },
      error,
    )
  }
}
