// Keys, users and groups of another gateway into the store. Each is one step that is known again by what it is (a key by the
// hash of its secret, a user by the login, a group by its name), so an import that broke off is simply done again.
import type { Clock } from '../core/clock.ts'
import { type Budget, DEFAULT_ALERT_AT } from '../core/budget.ts'
import { GatewayError } from '../core/error.ts'
import { randomId } from '../core/id.ts'
import { adoptKey } from '../keys/issue-key.ts'
import type { Hasher } from '../keys/secret.ts'
import type { KeyStore, BudgetStore, UserStore } from '../store/store.ts'
import type { Accounts, ForeignGroup, ForeignKey, ForeignUser } from './accounts.ts'

export type WriteTools = {
  readonly store: Pick<KeyStore, 'findKeyByHash' | 'insertKey'> &
    Pick<BudgetStore, 'insertBudget'> &
    Pick<UserStore, 'findUser' | 'insertUser' | 'listGroups' | 'insertGroup' | 'updateGroup'>
  readonly hash: Hasher
  readonly clock: Clock
  /** What keys of users may be used for, and may not have. */
  readonly userKeys: { readonly endpoints: readonly string[]; readonly forbids: readonly string[] }
}

type Count = { readonly made: number; readonly known: number }
export type WrittenAccounts = { readonly keys: Count; readonly users: Count; readonly groups: Count }

export async function writeAccounts({ keys, users, groups }: Accounts, tools: WriteTools): Promise<WrittenAccounts> {
  return {
    groups: await each(groups, (group) => writeGroup(group, tools)),
    users: await each(users, (user) => writeUser(user, tools)),
    keys: await each(keys, (key) => writeKey(key, tools)),
  }
}

async function each<T>(items: readonly T[], write: (item: T) => Promise<boolean>): Promise<Count> {
  let made = 0
  for (const item of items) if (await write(item)) made++
  return { made, known: items.length - made }
}

/** The group that is there from the beginning is given the terms only while nobody has changed it. */
async function writeGroup(
  { name, multiplierMillionths, models }: ForeignGroup,
  { store, clock }: WriteTools,
): Promise<boolean> {
  const known = (await store.listGroups()).find((group) => group.name === name)
  if (known === undefined) {
    await store.insertGroup({ name, multiplierMillionths, models, createdAt: clock.now() })
    return true
  }
  const isUntouched = known.multiplierMillionths === 1_000_000n && known.models === null
  const isSame = multiplierMillionths === known.multiplierMillionths && models === known.models
  if (!isUntouched || isSame) return false
  await store.updateGroup(name, { multiplierMillionths, models })
  return true
}

async function writeUser(user: ForeignUser, { store, clock }: WriteTools): Promise<boolean> {
  if ((await store.findUser(user.login)) !== null) return false
  const at = clock.now()
  const id = randomId('user')
  const { login, group, disabled, passwordHash, balanceNanoUsd: amountNanoUsd, reference } = user
  await store.insertUser({
    user: { id, login, group, disabled, createdAt: at, invitedBy: null },
    passwordHash,
    credits:
      amountNanoUsd === 0n
        ? []
        : [{ id: randomId('credit'), userId: id, at, kind: 'correction', amountNanoUsd, reference, note: 'imported' }],
    invitation: null,
  })
  return true
}

async function writeKey(foreign: ForeignKey, tools: WriteTools): Promise<boolean> {
  const { store, hash, clock, userKeys } = tools
  if ((await store.findKeyByHash(hash(foreign.secrets[0]))) !== null) return false
  const { name, secrets, login, models, addresses, disabled, expiresAt, limitNanoUsd, metadata } = foreign
  const user = login === null ? null : await store.findUser(login)
  if (login !== null && user === null) throw new GatewayError('not_found', { message: `There is no user ${login}.` })
  const own = user === null ? {} : { userId: user.id, ...userKeys }
  const key = adoptKey({ name, models, addresses, disabled, expiresAt, metadata, ...own }, secrets, { hash, clock })
  // First what holds the key, then the key: a crash in between leaves none that may spend without a bound.
  if (limitNanoUsd !== null) await store.insertBudget(onceFor(key.id, limitNanoUsd, clock.now()))
  await store.insertKey(key)
  return true
}

function onceFor(keyId: string, limitNanoUsd: bigint, createdAt: number): Budget {
  return {
    id: randomId('budget'),
    scope: 'key',
    subject: keyId,
    window: { type: 'once' },
    limitNanoUsd,
    onExhausted: { type: 'reject' },
    borrowNanoUsd: null,
    alertAt: DEFAULT_ALERT_AT,
    raises: [],
    source: 'store',
    createdAt,
  }
}
