// Opens the file of the SQLite store: settings of the connection, migrations, and errors that name the file.
import { type Changes, Database, SQLiteError, type SQLQueryBindings, type Statement } from 'bun:sqlite'
import { closeSync, openSync } from 'node:fs'
import { GatewayError } from '../core/error.ts'
import { APPLICATION_ID, MIGRATIONS } from './migrations.ts'

export type SqliteOptions = {
  /** A file, or ':memory:' for a store that dies with the process. */
  readonly path: string
  /** `process`: what is committed survives `kill -9`. `power`: it survives a power cut too, at the price of a disk flush for each commit. */
  readonly sync: 'process' | 'power'
}

/** How long a write waits for another process (a CLI) to finish its own. */
const BUSY_TIMEOUT_MS = 2_000

/** A statement that is prepared when it is first used: most of some 270 never are by most gateways, and together they take 1.2 MB of the heap. */
export class LaterStatement<Row, Values extends SQLQueryBindings[]> {
  readonly #prepare: () => Statement<Row, Values>
  #prepared: Statement<Row, Values> | null = null
  #bigints = false

  constructor(prepare: () => Statement<Row, Values>) {
    this.#prepare = prepare
  }

  /** Integers come as `bigint`, as those of money must. */
  safeIntegers(on: true): this {
    this.#bigints = on
    return this
  }

  run(...values: Values): Changes {
    return this.#statement().run(...values)
  }

  get(...values: Values): Row | null {
    return this.#statement().get(...values)
  }

  all(...values: Values): Row[] {
    return this.#statement().all(...values)
  }

  #statement(): Statement<Row, Values> {
    if (this.#prepared === null) {
      this.#prepared = this.#prepare()
      if (this.#bigints) this.#prepared.safeIntegers(true)
    }
    return this.#prepared
  }
}

/** A connection that ends its prepared statements when it is closed: otherwise SQLite would keep the file open for them. */
export class Connection extends Database {
  readonly #prepared: { finalize(): void }[] = []

  /** A statement that lives as long as the connection: for those that are made once. */
  statement<Row, Values extends SQLQueryBindings[] = SQLQueryBindings[]>(sql: string): LaterStatement<Row, Values> {
    return new LaterStatement(() => this.hotStatement<Row, Values>(sql))
  }

  /** The same, prepared now: for those of the request path, which are called without a step in between. */
  hotStatement<Row, Values extends SQLQueryBindings[] = SQLQueryBindings[]>(sql: string): Statement<Row, Values> {
    const statement = this.prepare<Row, Values>(sql) as Statement<Row, Values>
    this.#prepared.push(statement)
    return statement
  }

  override close(): void {
    for (const statement of this.#prepared.splice(0)) statement.finalize()
    this.clearQueryCache()
    super.close(false)
  }
}

/** The connection, migrated to the newest schema. Throws `store_unavailable` with the path when the file cannot be used. */
export function openConnection(options: SqliteOptions): Connection {
  let database: Connection | null = null
  try {
    // SQLite itself would create a file that others may read; its -wal and -shm take over the mode of the main file.
    if (options.path !== ':memory:') closeSync(openSync(options.path, 'a', 0o600))
    database = new Connection(options.path, { create: true, readwrite: true, strict: true })
    database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)
    refuseStrangers(database, options.path)
    database.run('PRAGMA journal_mode = WAL')
    // NORMAL syncs at checkpoints only: a committed transaction is in the kernel's hands, which outlive this process.
    database.run(`PRAGMA synchronous = ${options.sync === 'power' ? 'FULL' : 'NORMAL'}`)
    database.run('PRAGMA foreign_keys = ON')
    database.run('PRAGMA temp_store = MEMORY')
    database.run('PRAGMA cache_size = -4000')
    // 8 MB of log between checkpoints: hot pages are then copied once instead of many times. With twice as much a commit costs 5 %
    // less, and each checkpoint holds up the others for twice as long.
    database.run('PRAGMA wal_autocheckpoint = 2000')
    database.run('PRAGMA journal_size_limit = 67108864')
    migrate(database, options.path)
    return database
  } catch (error) {
    database?.close()
    if (error instanceof GatewayError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new GatewayError(
      'store_unavailable',
      { message: `The store ${options.path} cannot be opened: ${reason}.` },
      error,
    )
  }
}

function pragma(database: Database, name: string): number {
  return Number(Object.values(database.query<Record<string, number>, []>(`PRAGMA ${name}`).get() ?? {})[0])
}

/** A file of another program must not get our tables. */
function refuseStrangers(database: Database, path: string): void {
  if (pragma(database, 'application_id') === APPLICATION_ID) return
  const tables = database.query<{ count: number }, []>('SELECT count(*) AS count FROM sqlite_schema').get()?.count ?? 0
  if (tables > 0) {
    const message = `The file ${path} is a database of another program, not a store of Weir.`
    throw new GatewayError('store_unavailable', { message })
  }
}

function migrate(database: Database, path: string): void {
  if (pragma(database, 'user_version') === MIGRATIONS.length) return
  // The version is read again under the write lock: of two processes that start at once, one migrates.
  database
    .transaction(() => {
      const version = pragma(database, 'user_version')
      if (version > MIGRATIONS.length) {
        throw new GatewayError('store_unavailable', {
          message: `The store ${path} has schema ${version}, this program knows ${MIGRATIONS.length}: it was written by a newer release. Start that release, or restore an older copy.`,
        })
      }
      for (const step of MIGRATIONS.slice(version)) database.run(step)
      database.run(`PRAGMA application_id = ${APPLICATION_ID}`)
      database.run(`PRAGMA user_version = ${MIGRATIONS.length}`)
    })
    .immediate()
}

/** Runs one call into SQLite and turns its errors into `conflict` or `store_unavailable`. */
export async function guarded<T>(action: () => T): Promise<T> {
  try {
    return action()
  } catch (error) {
    throw translated(error)
  }
}

/** What SQLite threw, as the error of the contract; anything that is no fault of the storage stays as it is. */
function translated(error: unknown): unknown {
  if (error instanceof GatewayError) return error
  // A closed database throws plain errors.
  const code = error instanceof SQLiteError ? (error.code ?? '') : ''
  if (/^SQLITE_CONSTRAINT_(PRIMARYKEY|UNIQUE)/.test(code)) {
    return new GatewayError('conflict', { message: 'A row with this id, name or secret exists.' }, error)
  }
  if (code === 'SQLITE_CONSTRAINT_FOREIGNKEY') {
    return new GatewayError('conflict', { message: 'What this refers to does not exist, or is still in use.' }, error)
  }
  // A value that the schema refuses is a bug of the caller: trying again would not help.
  if (code.startsWith('SQLITE_CONSTRAINT') || code === 'SQLITE_MISMATCH' || error instanceof RangeError) return error
  return new GatewayError('store_unavailable', {}, error)
}
