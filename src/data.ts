// The data folder: `weir.db`, and `weir.key` with the secret that key hashes are made with, unless WEIR_SECRET is given.
//
// The secret never reaches the store; what is derived from it does not lead back to it. A copy of the store alone therefore
// opens nothing, and a store without its secret is refused instead of treating every virtual key as unknown.
import { hkdfSync, randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { GatewayError } from './core/error.ts'
import { createHasher, type Hasher, sameHash } from './keys/secret.ts'
import { type FolderLock, lockFile } from './store/sqlite-lock.ts'
import { openSqliteStore } from './store/sqlite.ts'
import type { Store } from './store/store.ts'

export const DATABASE_FILE = 'weir.db'
export const SECRET_FILE = 'weir.key'
/** Held by the gateway that runs on the folder; empty, and left where it is. */
export const LOCK_FILE = 'weir.lock'
/** Below this WEIR_SECRET could be guessed. */
const SHORTEST_SECRET = 32

export type OpenedData = {
  readonly store: Store
  /** Hash of virtual keys and admin tokens. */
  readonly hash: Hasher
  readonly close: () => Promise<void>
}

export type DataEnvironment = Readonly<Record<string, string | undefined>>

/** Where the data folder is: `WEIR_DATA`, else `./weir-data`. */
export function dataFolderOf(environment: DataEnvironment): string {
  const folder = environment['WEIR_DATA'] ?? ''
  return folder === '' ? 'weir-data' : folder
}

/**
 * Opens the store of a data folder, making folder (0700), secret (0600) and store where they are missing. Throws
 * `store_unavailable` when that is impossible, or when the secret is not the one that the store was made with.
 * `alone`: as the gateway of this folder, of which there is one; throws when another one runs.
 */
export async function openData(
  folder: string,
  environment: DataEnvironment,
  options: { readonly sync?: 'process' | 'power'; readonly alone?: boolean } = {},
): Promise<OpenedData> {
  const secret = readSecret(folder, environment)
  const lock = options.alone === true ? lockFolder(folder) : null
  let store: Store | null = null
  try {
    store = openSqliteStore({ path: path.join(folder, DATABASE_FILE), sync: options.sync ?? 'process' })
    const check = derive(secret, 'weir secret check v1').toString('base64url')
    // The first opener writes it; everybody after must come with the same secret.
    const known = await store.initSetting('secret_check', check)
    if (!sameHash(known, check)) {
      const source = hasSecret(environment) ? 'WEIR_SECRET' : path.join(folder, SECRET_FILE)
      throw unusable(
        `The secret in ${source} is not the one that ${path.join(folder, DATABASE_FILE)} was made with: every key would be unknown. Bring back the old secret.`,
      )
    }
    const opened = store
    const close = async (): Promise<void> => {
      await opened.close()
      lock?.release()
    }
    return { store, hash: createHasher(derive(secret, 'weir key pepper v1')), close }
  } catch (error) {
    await store?.close()
    lock?.release()
    throw error
  }
}

// A second gateway would book the requests that the first one has in flight as left behind by a crash.
function lockFolder(folder: string): FolderLock {
  const file = path.join(folder, LOCK_FILE)
  let lock: FolderLock | null
  try {
    lock = lockFile(file)
  } catch (error) {
    throw unusable(`The lock ${file} cannot be taken: ${reasonOf(error)}.`, error)
  }
  if (lock !== null) return lock
  throw unusable(
    `Another gateway runs on the data folder ${folder}. Stop it first, or give this one a folder of its own by WEIR_DATA.`,
  )
}

function hasSecret(environment: DataEnvironment): boolean {
  return (environment['WEIR_SECRET'] ?? '') !== ''
}

function readSecret(folder: string, environment: DataEnvironment): Buffer {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw unusable(`The data folder ${folder} cannot be made: ${reasonOf(error)}.`, error)
  }
  if (hasSecret(environment)) {
    const given = Buffer.from(environment['WEIR_SECRET'] ?? '', 'utf8')
    if (given.length < SHORTEST_SECRET)
      throw unusable(
        `WEIR_SECRET has ${given.length} characters; it needs at least ${SHORTEST_SECRET}, e.g. of \`openssl rand -base64 32\`.`,
      )
    return given
  }
  const file = path.join(folder, SECRET_FILE)
  try {
    const secret = readSecretFile(file)
    if (secret !== null) return secret
    // The secret is made before the store is: without it, the store belongs to a secret that is lost or is elsewhere.
    if (existsSync(path.join(folder, DATABASE_FILE)))
      throw unusable(
        `The secret ${file} is missing. Bring the file back, or give the WEIR_SECRET that the store was made with.`,
      )
    return makeSecretFile(file)
  } catch (error) {
    if (error instanceof GatewayError) throw error
    throw unusable(`The secret ${file} cannot be used: ${reasonOf(error)}.`, error)
  }
}

/** Null when there is no such file. */
function readSecretFile(file: string): Buffer | null {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
  const secret = Buffer.from(text.trim(), 'utf8')
  if (secret.length < SHORTEST_SECRET)
    throw unusable(
      `The secret ${file} is cut short. Bring back the file from a copy; a new one would make every key unknown.`,
    )
  return secret
}

// Written whole under another name and then linked: of two processes that start at once, one makes it and both read the same.
function makeSecretFile(file: string): Buffer {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  const descriptor = openSync(draft, 'wx', 0o600)
  try {
    writeSync(descriptor, `${randomBytes(32).toString('base64url')}\n`)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  try {
    linkSync(draft, file)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  } finally {
    unlinkSync(draft)
  }
  const secret = readSecretFile(file)
  if (secret === null) throw new Error('it vanished while it was made')
  return secret
}

function derive(secret: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', purpose, 32))
}

function unusable(message: string, cause?: unknown): GatewayError {
  return new GatewayError('store_unavailable', { message }, cause)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
