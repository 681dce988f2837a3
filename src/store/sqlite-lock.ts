// One gateway per data folder. The lock is SQLite's own on an empty file: the operating system lets go of it when the
// process ends, however it ends, which no file with a process id in it can promise.
import { Database } from 'bun:sqlite'
import { closeSync, openSync } from 'node:fs'

export interface FolderLock {
  release(): void
}

/** Takes the lock; null when another process (or this one) has it. Throws where the file cannot be made. */
export function lockFile(file: string): FolderLock | null {
  closeSync(openSync(file, 'a', 0o600))
  const database = new Database(file, { create: true, readwrite: true })
  try {
    database.run('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (isBusy(error)) return null
    throw error
  }
  return { release: () => database.close() }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^SQLITE_(?:BUSY|LOCKED)/.test(String(error.code))
}
