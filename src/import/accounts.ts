// Tokens, users and groups of one-api and new-api → what is to be made of them here. Pure: nothing is written.
//
// A token is kept there as it is, without the `sk-` that clients put in front of it (and may leave out). Both spellings become
// secrets of one key here, so clients go on with what they have. Quota is money: so many units to the dollar (`QuotaPerUnit`).
import { parseBlock } from '../keys/permit.ts'
import { type NanoUsd, parseUsd } from '../core/money.ts'
import { parseMultiplier } from '../users/multiplier.ts'
import { type ForeignRow, type ForeignTables, integerIn, isDeleted, parsed, partsOf, textIn } from './channel-rows.ts'
import { routeName } from './draft.ts'
import type { Finding, Outcome } from './finding.ts'

export type ForeignKey = {
  readonly name: string
  readonly secrets: readonly [string, ...string[]]
  /** Login of its user; null: it is the operator's. */
  readonly login: string | null
  readonly models: readonly string[] | null
  readonly addresses: readonly string[] | null
  readonly disabled: boolean
  /** ms since the epoch. */
  readonly expiresAt: number | null
  /** What may be spent by it, ever; null: no bound of its own. */
  readonly limitNanoUsd: NanoUsd | null
  readonly metadata: Readonly<Record<string, string>>
}

export type ForeignUser = {
  readonly login: string
  readonly group: string
  readonly disabled: boolean
  readonly balanceNanoUsd: NanoUsd
  /** bcrypt, which is verified as it is; null: nobody can log in. */
  readonly passwordHash: string | null
  /** Of the credit that the balance begins with. */
  readonly reference: string
}

export type ForeignGroup = {
  readonly name: string
  readonly multiplierMillionths: bigint
  readonly models: readonly string[] | null
}

export type Accounts = {
  readonly keys: readonly ForeignKey[]
  readonly users: readonly ForeignUser[]
  readonly groups: readonly ForeignGroup[]
  readonly findings: readonly Finding[]
}

export type AccountsInput = {
  readonly tables: ForeignTables
  /** Name of the other gateway: part of references, so that nothing is credited twice. */
  readonly source: string
  /** Whether users become users here, who pay; else their keys are the operator's. */
  readonly withUsers: boolean
  /** Group → names of models that it may ask for. */
  readonly modelsOf: ReadonlyMap<string, readonly string[]>
  readonly now: number
}

type Note = (outcome: Outcome, place: string, message: string) => void

const ENABLED = 1
const ROLES: Readonly<Record<number, string>> = { 10: 'an administrator', 100: 'the root user' }
const DEFAULT_PER_USD = '500000'

export function importAccounts(input: AccountsInput): Accounts {
  const { tables, withUsers } = input
  const findings: Finding[] = []
  const note: Note = (outcome, place, message) => void findings.push({ outcome, place, line: null, message })
  const toUsd = quotaReader(tables.options.get('QuotaPerUnit') ?? DEFAULT_PER_USD)
  const users = readUsers(input, toUsd, note)
  const groups = withUsers ? readGroups(input, users, note) : []
  const keys = tables.tokens.flatMap((row) => readToken(row, input, users, toUsd, note))
  return {
    keys,
    users: withUsers ? [...users.values()].flatMap(({ user }) => (user === null ? [] : [user])) : [],
    groups,
    findings,
  }
}

type QuotaReader = (quota: number) => NanoUsd

/** `perUsd`: units of quota that are a dollar, decimal text. Rounded half up. */
function quotaReader(perUsd: string): QuotaReader {
  const micro = parseUsd(perUsd, 6)
  const per = micro === null || micro <= 0n ? parseUsd(DEFAULT_PER_USD, 6)! : micro
  return (quota) => {
    const nano = BigInt(quota) * 10n ** 15n
    return nano <= 0n ? 0n : (nano + per / 2n) / per
  }
}

/** A row of `users`; `user` is null where nobody is made of it. */
type KnownUser = {
  readonly row: ForeignRow
  readonly user: ForeignUser | null
  readonly group: string
  readonly disabled: boolean
}

function readUsers(
  { tables, source, withUsers }: AccountsInput,
  toUsd: QuotaReader,
  note: Note,
): ReadonlyMap<number, KnownUser> {
  const found = new Map<number, KnownUser>()
  const logins = new Set<string>()
  for (const row of tables.users) {
    if (isDeleted(row)) continue
    const id = integerIn(row, 'id')
    const place = `users #${id} (${textIn(row, 'username')})`
    const group = textIn(row, 'group') || 'default'
    const disabled = integerIn(row, 'status') !== ENABLED
    const balance = toUsd(integerIn(row, 'quota'))
    const role = ROLES[integerIn(row, 'role')]
    if (role !== undefined) note('changed', place, `${role} there; here whoever has an admin token administers`)
    const login = [textIn(row, 'username'), textIn(row, 'email')].map((text) => text.toLowerCase()).find(isLogin)
    if (!withUsers) {
      if (balance > 0n) note('dropped', place, 'the balance: without --users nobody has one here')
      found.set(id, { row, user: null, group, disabled })
    } else if (login === undefined || logins.has(login)) {
      note('dropped', place, 'neither its name nor its e-mail address can be a login here that nobody else has')
      found.set(id, { row, user: null, group, disabled: true })
    } else {
      logins.add(login)
      const hash = textIn(row, 'password')
      const passwordHash = /^\$2[aby]\$\d\d\$.{53}$/.test(hash) ? hash : null
      note(
        passwordHash === null ? 'changed' : 'carried',
        place,
        `user \`${login}\`${passwordHash === null ? ', who needs a new password' : ' with the password of before'}`,
      )
      const user = { login, group, disabled, balanceNanoUsd: balance, passwordHash, reference: `${source}:user:${id}` }
      found.set(id, { row, user, group, disabled })
    }
  }
  return found
}

function isLogin(text: string): boolean {
  return /^[a-z0-9][a-z0-9._%+@-]{1,99}$/.test(text) && !text.startsWith('user_')
}

function readGroups(input: AccountsInput, users: ReadonlyMap<number, KnownUser>, note: Note): readonly ForeignGroup[] {
  const ratios = parsed(input.tables.options.get('GroupRatio') ?? '{}')
  const ratioOf = (name: string): string => {
    const value =
      typeof ratios === 'object' && ratios !== null ? (ratios as Readonly<Record<string, unknown>>)[name] : undefined
    return typeof value === 'number' ? String(value) : '1'
  }
  const names = new Set(['default', ...input.modelsOf.keys(), ...[...users.values()].map(({ group }) => group)])
  const all = new Set([...input.modelsOf.values()].flat())
  return [...names].map((name) => {
    const multiplier = parseMultiplier(ratioOf(name))
    const place = `groups ${name}`
    const models = input.modelsOf.get(name) ?? []
    if (multiplier === null) note('changed', place, `a ratio of ${ratioOf(name)} is none here: its multiplier is 1`)
    else note('carried', place, `multiplier ${ratioOf(name)}, ${models.length} models`)
    return {
      name,
      multiplierMillionths: multiplier ?? 1_000_000n,
      models: models.length === all.size ? null : models,
    }
  })
}

function readToken(
  row: ForeignRow,
  input: AccountsInput,
  users: ReadonlyMap<number, KnownUser>,
  toUsd: QuotaReader,
  note: Note,
): readonly ForeignKey[] {
  if (isDeleted(row)) return []
  const id = integerIn(row, 'id')
  const name = textIn(row, 'name') || `token ${id}`
  const place = `tokens #${id} (${name})`
  const drop = (message: string): readonly ForeignKey[] => {
    note('dropped', place, message)
    return []
  }
  const owner = users.get(integerIn(row, 'user_id'))
  if (owner === undefined) return drop('its user is not there any more')
  if (input.withUsers && owner.user === null) return drop('nobody is made of its user')
  const secret = textIn(row, 'key').replace(/^sk-/, '')
  if (!/^[\x21-\x7e]{20,500}$/.test(secret)) return drop('it has fewer than 20 characters, or such as cannot be sent')
  const expires = integerIn(row, 'expired_time')
  const expiresAt = expires <= 0 ? null : expires * 1000
  if (expiresAt !== null && expiresAt <= input.now)
    return drop(`it ended ${new Date(expiresAt).toISOString().slice(0, 10)}`)
  const addresses = partsOf(`${textIn(row, 'subnet')},${textIn(row, 'allow_ips')}`, /[,\s]+/)
  const wrong = addresses.find((address) => parseBlock(address) === null)
  // Without them the key would be good from everywhere.
  if (wrong !== undefined) return drop(`\`${wrong}\` is neither an address nor a CIDR block`)
  const isUnlimited = integerIn(row, 'unlimited_quota') === 1 || row['unlimited_quota'] === true
  // A user who is switched off holds back all keys of theirs; without users the keys themselves must say it.
  const disabled = integerIn(row, 'status') === 2 || (!input.withUsers && owner.disabled)
  const spelling = 'clients go on with the secret that they have'
  if (isUnlimited && !input.withUsers)
    note('changed', place, `a key without a budget (${spelling}); there the balance of its user held it`)
  else note('carried', place, `${disabled ? 'a key that is switched off' : 'a key'}: ${spelling}`)
  return [
    {
      name: name.slice(0, 200),
      secrets: [`sk-${secret}`, secret],
      login: owner.user?.login ?? null,
      models: modelsOfToken(row, owner, input),
      addresses: addresses.length === 0 ? null : addresses,
      disabled,
      expiresAt,
      limitNanoUsd: isUnlimited ? null : toUsd(integerIn(row, 'remain_quota')),
      metadata: { imported: `${input.source} token ${id}`, user: textIn(owner.row, 'username').slice(0, 200) },
    },
  ]
}

/** Its own list, else what its group may ask for where groups differ. Null: all. */
function modelsOfToken(row: ForeignRow, owner: KnownUser, { modelsOf }: AccountsInput): readonly string[] | null {
  const isLimited = integerIn(row, 'model_limits_enabled') === 1 || row['model_limits_enabled'] === true
  const own = partsOf(`${textIn(row, 'models')}${isLimited ? `,${textIn(row, 'model_limits')}` : ''}`).map(routeName)
  if (own.length > 0) return own
  const group = textIn(row, 'group') || owner.group
  const all = new Set([...modelsOf.values()].flat())
  // `auto` tries every group that its user may use.
  const allowed = group === 'auto' ? undefined : (modelsOf.get(group) ?? [])
  return allowed === undefined || allowed.length === all.size ? null : allowed
}
