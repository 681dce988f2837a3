// Users, their groups and their sessions in SQLite.
import { GatewayError } from '../core/error.ts'
import type { KeyOwner, User, UserGroup, UserSession } from '../core/user.ts'
import { pageOf, parseTimeCursor, timeCursor } from './page.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import { type createCodeStore, createCreditWriter, takeCode } from './sqlite-user-codes.ts'
import type { UserStore } from './store.ts'

type GroupRow = {
  readonly name: string
  readonly multiplier_millionths: bigint
  readonly models: string | null
  readonly created_at: bigint
}
type UserRow = {
  readonly id: string
  readonly login: string
  readonly user_group: string
  readonly disabled: number
  readonly created_at: number
  readonly invited_by: string | null
}
type SessionRow = UserRow & { readonly hash: string; readonly begun_at: number; readonly expires_at: number }

const GROUP = 'name, multiplier_millionths, models, created_at'
const USER = 'u.id, u.login, u.user_group, u.disabled, u.created_at, u.invited_by'

/** What a request needs to know of the user of its key; null: there is no such user. */
export function createOwnerReader(database: Connection): (userId: string) => KeyOwner | null {
  const select = database
    .statement<GroupRow & { readonly disabled: bigint }, [string]>(
      `SELECT u.disabled, ${GROUP.replaceAll(/\w+/g, 'g.$&')} FROM users u JOIN user_groups g ON g.name = u.user_group
       WHERE u.id = ?`,
    )
    .safeIntegers(true)
  return (userId) => {
    const row = select.get(userId)
    if (row === null) return null
    const { name, multiplierMillionths, models } = readGroup(row)
    return { userId, group: name, multiplierMillionths, models, disabled: row.disabled === 1n }
  }
}

export function createUserStore(
  database: Connection,
): Omit<UserStore, keyof ReturnType<typeof createCodeStore> | 'sales'> {
  return { ...createGroups(database), ...createUsers(database), ...createSessions(database) }
}

function createGroups(
  database: Connection,
): Pick<UserStore, 'listGroups' | 'insertGroup' | 'updateGroup' | 'deleteGroup'> {
  const list = database.statement<GroupRow, []>(`SELECT ${GROUP} FROM user_groups ORDER BY name`).safeIntegers(true)
  const select = database
    .statement<GroupRow, [string]>(`SELECT ${GROUP} FROM user_groups WHERE name = ?`)
    .safeIntegers(true)
  const insert = database.statement('INSERT INTO user_groups VALUES (?, ?, ?, ?)')
  const change = database.statement('UPDATE user_groups SET multiplier_millionths = ?, models = ? WHERE name = ?')
  const drop = database.statement('DELETE FROM user_groups WHERE name = ?')
  // A code that was used has said its group already.
  const forgetIn = database.statement(
    'UPDATE user_codes SET user_group = NULL WHERE user_group = ? AND used_at IS NOT NULL',
  )

  return {
    listGroups: () => guarded(() => list.all().map(readGroup)),
    insertGroup: ({ name, multiplierMillionths, models, createdAt }) =>
      guarded(() => {
        insert.run(name, multiplierMillionths, modelsText(models), createdAt)
      }),
    updateGroup: (name, patch) =>
      guarded(() =>
        database
          .transaction(() => {
            const row = select.get(name)
            if (row === null) return null
            const changed = { ...readGroup(row), ...patch }
            change.run(changed.multiplierMillionths, modelsText(changed.models), name)
            return changed
          })
          .immediate(),
      ),
    deleteGroup: (name) =>
      guarded(() =>
        database
          .transaction(() => {
            forgetIn.run(name)
            return drop.run(name).changes > 0
          })
          .immediate(),
      ),
  }
}

function createUsers(
  database: Connection,
): Pick<UserStore, 'insertUser' | 'getUser' | 'findUser' | 'listUsers' | 'updateUser' | 'eraseUser'> {
  const byId = database.statement<UserRow, [string]>(`SELECT ${USER} FROM users u WHERE u.id = ?`)
  const byLogin = database.statement<UserRow, [string]>(`SELECT ${USER} FROM users u WHERE u.login = ?`)
  const list = database.statement<UserRow, (string | number | null)[]>(
    `SELECT ${USER} FROM users u WHERE (u.created_at, u.id) > (?1, ?2) AND (?3 IS NULL OR u.user_group = ?3)
     ORDER BY u.created_at, u.id LIMIT ?4`,
  )
  const insert = database.statement('INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?)')
  const change = database.statement('UPDATE users SET login = ?, user_group = ?, disabled = ? WHERE id = ?')
  const erase = database.statement('UPDATE users SET login = ?, disabled = 1, password = NULL WHERE id = ?')
  const dropKeys = database.statement(
    'DELETE FROM virtual_keys WHERE id IN (SELECT key_id FROM user_keys WHERE user_id = ?)',
  )
  const dropSessions = database.statement('DELETE FROM user_sessions WHERE user_id = ?')
  const addCredit = createCreditWriter(database)
  const take = takeCode(database)

  return {
    insertUser: ({ user, passwordHash, credits, invitation }) =>
      guarded(() => {
        database
          .transaction(() => {
            const { id, login, group, disabled, createdAt, invitedBy } = user
            insert.run(id, login, group, disabled ? 1 : 0, createdAt, invitedBy, passwordHash)
            if (invitation !== null && !take(invitation, { userId: id, now: createdAt }))
              throw new GatewayError('code_invalid')
            for (const credit of credits) addCredit(credit)
          })
          .immediate()
      }),
    getUser: (id) => guarded(() => readUserOrNull(byId.get(id))),
    findUser: (login) => guarded(() => readUserOrNull(byLogin.get(login))),
    listUsers: ({ cursor, limit, group }) =>
      guarded(() => {
        const { at, id } = parseTimeCursor(cursor)
        return pageOf(list.all(at, id, group ?? null, limit + 1).map(readUser), limit, timeCursor)
      }),
    updateUser: (id, patch) =>
      guarded(() =>
        database
          .transaction(() => {
            const current = readUserOrNull(byId.get(id))
            if (current === null) return null
            const changed = { ...current, ...patch }
            change.run(changed.login, changed.group, changed.disabled ? 1 : 0, id)
            if (changed.disabled) dropSessions.run(id)
            return changed
          })
          .immediate(),
      ),
    eraseUser: (id) =>
      guarded(() =>
        database
          .transaction(() => {
            dropKeys.run(id)
            dropSessions.run(id)
            return erase.run(`erased:${id}`, id).changes > 0
          })
          .immediate(),
      ),
  }
}

function createSessions(
  database: Connection,
): Pick<UserStore, 'passwordHashOf' | 'setPasswordHash' | 'insertSession' | 'findSession' | 'deleteSession'> {
  const password = database.statement<{ password: string | null }, [string]>('SELECT password FROM users WHERE id = ?')
  const setPassword = database.statement('UPDATE users SET password = ? WHERE id = ?')
  const insert = database.statement('INSERT INTO user_sessions VALUES (?, ?, ?, ?)')
  const select = database.statement<SessionRow, [string, number]>(
    `SELECT ${USER}, s.hash, s.created_at AS begun_at, s.expires_at FROM user_sessions s JOIN users u ON u.id = s.user_id
     WHERE s.hash = ? AND s.expires_at > ?`,
  )
  const drop = database.statement('DELETE FROM user_sessions WHERE hash = ?')
  const dropAll = database.statement('DELETE FROM user_sessions WHERE user_id = ?')
  const dropOld = database.statement(
    `DELETE FROM user_sessions WHERE user_id = ?1 AND hash NOT IN
       (SELECT hash FROM user_sessions WHERE user_id = ?1 ORDER BY created_at DESC, hash LIMIT ?2)`,
  )
  const dropExpired = database.statement('DELETE FROM user_sessions WHERE expires_at <= ?')

  return {
    passwordHashOf: (userId) => guarded(() => password.get(userId)?.password ?? null),
    setPasswordHash: (userId, passwordHash) =>
      guarded(() => {
        database
          .transaction(() => {
            setPassword.run(passwordHash, userId)
            dropAll.run(userId)
          })
          .immediate()
      }),
    insertSession: ({ hash, userId, createdAt, expiresAt }, most) =>
      guarded(() => {
        database
          .transaction(() => {
            dropExpired.run(createdAt)
            insert.run(hash, userId, createdAt, expiresAt)
            dropOld.run(userId, most)
          })
          .immediate()
      }),
    findSession: (hash, now) =>
      guarded(() => {
        const row = select.get(hash, now)
        return row === null ? null : { session: readSession(row), user: readUser(row) }
      }),
    deleteSession: (hash) => guarded(() => drop.run(hash).changes > 0),
  }
}

function readGroup(row: GroupRow): UserGroup {
  return {
    name: row.name,
    multiplierMillionths: row.multiplier_millionths,
    models: row.models === null ? null : (JSON.parse(row.models) as readonly string[]),
    createdAt: Number(row.created_at),
  }
}

function modelsText(models: readonly string[] | null): string | null {
  return models === null ? null : JSON.stringify(models)
}

function readUserOrNull(row: UserRow | null): User | null {
  return row === null ? null : readUser(row)
}

function readUser(row: UserRow): User {
  return {
    id: row.id,
    login: row.login,
    group: row.user_group,
    disabled: row.disabled === 1,
    createdAt: row.created_at,
    invitedBy: row.invited_by,
  }
}

function readSession(row: SessionRow): UserSession {
  return { hash: row.hash, userId: row.id, createdAt: row.begun_at, expiresAt: row.expires_at }
}
