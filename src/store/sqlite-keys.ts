// Virtual keys, their secrets and teams in SQLite. What nothing searches by lies in `body` as JSON.
import type { KeySecret, Team, VirtualKey } from '../core/key.ts'
import { parseTimeCursor, pageOf, timeCursor } from './page.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import { createOwnerReader } from './sqlite-users.ts'
import type { KeyStore, KeyWithTeam } from './store.ts'

type KeyRow = {
  readonly id: string
  readonly team_id: string | null
  readonly created_at: number
  readonly body: string
}
type KeyBody = Omit<VirtualKey, 'id' | 'teamId' | 'createdAt' | 'secrets'>
type SecretRow = { readonly hash: string; readonly hint: string; readonly expires_at: number | null }
type TeamRow = { readonly id: string; readonly name: string; readonly created_at: number; readonly body: string }
type TeamBody = Omit<Team, 'id' | 'name' | 'createdAt'>

export function createKeyStore(database: Connection): KeyStore {
  const secretsOf = database.statement<SecretRow, [string]>(
    'SELECT hash, hint, expires_at FROM key_secrets WHERE key_id = ? ORDER BY position DESC',
  )
  const selectByHash = database.statement<KeyRow, [string]>(
    `SELECT k.id, k.team_id, k.created_at, k.body FROM key_secrets s JOIN virtual_keys k ON k.id = s.key_id WHERE s.hash = ?`,
  )
  const selectKey = database.statement<KeyRow, [string]>(
    'SELECT id, team_id, created_at, body FROM virtual_keys WHERE id = ?',
  )
  const listKeys = database.statement<KeyRow, [number, string, number]>(
    `SELECT id, team_id, created_at, body FROM virtual_keys
     WHERE (created_at, id) > (?, ?) ORDER BY created_at, id LIMIT ?`,
  )
  const listTeamKeys = database.statement<KeyRow, [string, number, string, number]>(
    `SELECT id, team_id, created_at, body FROM virtual_keys
     WHERE team_id = ? AND (created_at, id) > (?, ?) ORDER BY created_at, id LIMIT ?`,
  )
  const listUserKeys = database.statement<KeyRow, [string, number, string, number]>(
    `SELECT k.id, k.team_id, k.created_at, k.body FROM user_keys u JOIN virtual_keys k ON k.id = u.key_id
     WHERE u.user_id = ? AND (k.created_at, k.id) > (?, ?) ORDER BY k.created_at, k.id LIMIT ?`,
  )
  const insertUserKey = database.statement('INSERT INTO user_keys VALUES (?, ?)')
  const ownerOf = createOwnerReader(database)
  const insertKey = database.statement('INSERT INTO virtual_keys VALUES (?, ?, ?, ?)')
  const changeKey = database.statement('UPDATE virtual_keys SET team_id = ?, body = ? WHERE id = ?')
  const dropKey = database.statement('DELETE FROM virtual_keys WHERE id = ?')
  const insertSecret = database.statement('INSERT INTO key_secrets VALUES (?, ?, ?, ?, ?)')
  const lastPosition = database.statement<{ last: number | null }, [string]>(
    'SELECT max(position) AS last FROM key_secrets WHERE key_id = ?',
  )
  const endSecrets = database.statement(
    'UPDATE key_secrets SET expires_at = ?2 WHERE key_id = ?1 AND (expires_at IS NULL OR expires_at > ?2)',
  )
  const selectTeam = database.statement<TeamRow, [string]>('SELECT id, name, created_at, body FROM teams WHERE id = ?')
  const listTeams = database.statement<TeamRow, [number, string, number]>(
    'SELECT id, name, created_at, body FROM teams WHERE (created_at, id) > (?, ?) ORDER BY created_at, id LIMIT ?',
  )
  const insertTeam = database.statement('INSERT INTO teams VALUES (?, ?, ?, ?)')
  const changeTeam = database.statement('UPDATE teams SET name = ?, body = ? WHERE id = ?')
  const dropTeam = database.statement('DELETE FROM teams WHERE id = ?')
  // Counts commits of other connections to this file, of any table: caches may be dropped once too often, never too late.
  const version = database.statement<{ data_version: number }, []>('PRAGMA data_version')

  function readKey(row: KeyRow): VirtualKey {
    const secrets = secretsOf
      .all(row.id)
      .map(({ hash, hint, expires_at }): KeySecret => ({ hash, hint, expiresAt: expires_at }))
    return { ...(JSON.parse(row.body) as KeyBody), id: row.id, teamId: row.team_id, createdAt: row.created_at, secrets }
  }

  function key(id: string): VirtualKey | null {
    const row = selectKey.get(id)
    return row === null ? null : readKey(row)
  }

  function team(id: string | null): Team | null {
    const row = id === null ? null : selectTeam.get(id)
    return row === null ? null : readTeam(row)
  }

  /** Reads and writes under one lock, so that two patches of one row cannot undo each other. */
  function changing<T>(action: () => T): Promise<T> {
    return guarded(() => database.transaction(action).immediate())
  }

  return {
    findKeyByHash: (hash) =>
      guarded((): KeyWithTeam | null => {
        const row = selectByHash.get(hash)
        if (row === null) return null
        const found = { key: readKey(row), team: team(row.team_id) }
        const owner = found.key.userId === undefined ? null : ownerOf(found.key.userId)
        return owner === null ? found : { ...found, owner }
      }),

    getKey: (id) => guarded(() => key(id)),

    listKeys: ({ cursor, limit, teamId, userId }) =>
      guarded(() => {
        const { at, id } = parseTimeCursor(cursor)
        const rows =
          userId !== undefined
            ? listUserKeys.all(userId, at, id, limit + 1)
            : teamId === undefined
              ? listKeys.all(at, id, limit + 1)
              : listTeamKeys.all(teamId, at, id, limit + 1)
        return pageOf(rows.map(readKey), limit, timeCursor)
      }),

    insertKey: (added) =>
      changing(() => {
        insertKey.run(added.id, added.teamId, added.createdAt, keyBody(added))
        if (added.userId !== undefined) insertUserKey.run(added.userId, added.id)
        // The first of the list is the current secret: it gets the highest position.
        const secrets = added.secrets.toReversed()
        for (const [position, { hash, hint, expiresAt }] of secrets.entries()) {
          insertSecret.run(hash, added.id, position, hint, expiresAt)
        }
      }),

    updateKey: (id, patch) =>
      changing(() => {
        const current = key(id)
        if (current === null) return null
        const changed = { ...current, ...patch }
        changeKey.run(changed.teamId, keyBody(changed), id)
        return changed
      }),

    rotateKey: (id, secret, graceUntil) =>
      changing(() => {
        if (selectKey.get(id) === null) return null
        endSecrets.run(id, graceUntil)
        insertSecret.run(secret.hash, id, (lastPosition.get(id)?.last ?? -1) + 1, secret.hint, secret.expiresAt)
        return key(id)
      }),

    deleteKey: (id) => guarded(() => dropKey.run(id).changes > 0),

    getKeyOwner: (userId) => guarded(() => ownerOf(userId)),

    getTeam: (id) => guarded(() => team(id)),

    listTeams: ({ cursor, limit }) =>
      guarded(() => {
        const { at, id } = parseTimeCursor(cursor)
        return pageOf(listTeams.all(at, id, limit + 1).map(readTeam), limit, timeCursor)
      }),

    insertTeam: (added) =>
      guarded(() => {
        insertTeam.run(added.id, added.name, added.createdAt, teamBody(added))
      }),

    updateTeam: (id, patch) =>
      changing(() => {
        const current = team(id)
        if (current === null) return null
        const changed = { ...current, ...patch }
        changeTeam.run(changed.name, teamBody(changed), id)
        return changed
      }),

    deleteTeam: (id) => guarded(() => dropTeam.run(id).changes > 0),

    keysVersion: () => guarded(() => version.get()?.data_version ?? 0),
  }
}

function keyBody(key: VirtualKey): string {
  const { id: _id, teamId: _teamId, createdAt: _createdAt, secrets: _secrets, ...body } = key
  return JSON.stringify(body satisfies KeyBody)
}

function teamBody(team: Team): string {
  const { id: _id, name: _name, createdAt: _createdAt, ...body } = team
  return JSON.stringify(body satisfies TeamBody)
}

function readTeam(row: TeamRow): Team {
  return { ...(JSON.parse(row.body) as TeamBody), id: row.id, name: row.name, createdAt: row.created_at }
}
