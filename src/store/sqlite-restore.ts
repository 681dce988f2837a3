// Puts a copy of the store in its place. The copy is opened and checked under another name first, so that a damaged one
// changes nothing; the store that was there is kept beside it.
import { copyFileSync, existsSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { GatewayError } from '../core/error.ts'
import { openConnection } from './sqlite-connection.ts'
import { lockFile } from './sqlite-lock.ts'

const SIDES = ['', '-wal', '-shm'] as const

/** Throws `store_unavailable` where the copy is none or damaged, and `conflict` while a gateway runs on the folder. */
export function restoreSqlite({
  copy,
  target,
  lock,
}: {
  readonly copy: string
  readonly target: string
  /** Held by the gateway that runs on the store. */
  readonly lock: string
}): void {
  const held = lockFile(lock)
  if (held === null)
    throw new GatewayError('conflict', { message: `A gateway runs on ${path.dirname(target)}. Stop it first.` })
  const draft = `${target}.restoring`
  try {
    remove(draft)
    copyFileSync(copy, draft)
    checkCopy(draft, copy)
    const before = `${target}.before-restore`
    remove(before)
    for (const side of SIDES) if (existsSync(target + side)) renameSync(target + side, before + side)
    renameSync(draft, target)
  } finally {
    remove(draft)
    held.release()
  }
}

function checkCopy(draft: string, copy: string): void {
  const database = openConnection({ path: draft, sync: 'power' })
  try {
    const found = database.query<{ integrity_check: string }, []>('PRAGMA integrity_check(1)').get()?.integrity_check
    if (found !== 'ok')
      throw new GatewayError('store_unavailable', { message: `The copy ${copy} is damaged: ${found ?? 'no answer'}.` })
    database.run('PRAGMA wal_checkpoint(TRUNCATE)')
  } finally {
    database.close()
  }
}

function remove(file: string): void {
  for (const side of SIDES) rmSync(file + side, { force: true })
}
