// Admin tokens and the gateway's own settings in SQLite.
import { type Connection, guarded } from './sqlite-connection.ts'
import type { AdminRole, AdminStore, AdminToken } from './store.ts'

type TokenRow = {
  readonly id: string
  readonly name: string
  readonly role: AdminRole
  readonly hash: string
  readonly created_at: number
}

export function createAdminStore(database: Connection): AdminStore {
  const byHash = database.statement<TokenRow, [string]>('SELECT * FROM admin_tokens WHERE hash = ?')
  const list = database.statement<TokenRow, []>('SELECT * FROM admin_tokens ORDER BY created_at, id')
  const insert = database.statement(
    'INSERT INTO admin_tokens (id, name, role, hash, created_at) VALUES (?, ?, ?, ?, ?)',
  )
  const drop = database.statement('DELETE FROM admin_tokens WHERE id = ?')
  const setting = database.statement<{ value: string }, [string]>('SELECT value FROM settings WHERE name = ?')
  const initSetting = database.statement('INSERT INTO settings VALUES (?, ?) ON CONFLICT DO NOTHING')

  return {
    findAdminTokenByHash: (hash) =>
      guarded(() => {
        const row = byHash.get(hash)
        return row === null ? null : readToken(row)
      }),
    listAdminTokens: () => guarded(() => list.all().map(readToken)),
    insertAdminToken: (token) =>
      guarded(() => {
        insert.run(token.id, token.name, token.role, token.hash, token.createdAt)
      }),
    deleteAdminToken: (id) => guarded(() => drop.run(id).changes > 0),
    getSetting: (name) => guarded(() => setting.get(name)?.value ?? null),
    initSetting: (name, value) =>
      guarded(() => {
        initSetting.run(name, value)
        return setting.get(name)?.value ?? value
      }),
  }
}

function readToken({ id, name, role, hash, created_at }: TokenRow): AdminToken {
  return { id, name, role, hash, createdAt: created_at }
}
