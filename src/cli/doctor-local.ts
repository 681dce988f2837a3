// The checks of `weir doctor` that look at this machine only.
import { Database } from 'bun:sqlite'
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import path from 'node:path'
import { DATABASE_FILE, openData, SECRET_FILE } from '../data.ts'
import type { CliContext } from './command.ts'
import { writeTime } from './format.ts'

export type FindingStatus = 'ok' | 'warn' | 'fail'
export type Finding = {
  readonly status: FindingStatus
  readonly subject: string
  readonly message: string
  readonly hint: string | null
}

type Environment = Readonly<Record<string, string | undefined>>

/** Whether the folder can be written and whether others can read the secret. */
export function checkDataFolder(folder: string, environment: Environment): Finding[] {
  const subject = 'data folder'
  const place = path.resolve(folder)
  if (!existsSync(folder)) {
    const parent = nearestParent(place)
    return isWritable(parent)
      ? [{ status: 'ok', subject, message: `${place} is not there yet; the first start makes it`, hint: null }]
      : [
          {
            status: 'fail',
            subject,
            message: `${place} is not there, and ${parent} cannot be written`,
            hint: 'Set WEIR_DATA.',
          },
        ]
  }
  if (!statSync(folder).isDirectory())
    return [{ status: 'fail', subject, message: `${place} is no folder`, hint: 'Set WEIR_DATA.' }]
  if (!isWritable(folder))
    return [
      {
        status: 'fail',
        subject,
        message: `${place} cannot be written`,
        hint: 'Give it to the user that runs the gateway.',
      },
    ]
  const findings: Finding[] = [{ status: 'ok', subject, message: place, hint: null }]
  const files = [DATABASE_FILE, ...((environment['WEIR_SECRET'] ?? '') === '' ? [SECRET_FILE] : [])]
  for (const name of files) {
    const file = path.join(folder, name)
    if (!existsSync(file)) continue
    const mode = statSync(file).mode & 0o777
    if ((mode & 0o077) !== 0)
      findings.push({
        status: 'warn',
        subject,
        message: `${name} can be read by other users (mode ${mode.toString(8).padStart(3, '0')})`,
        hint: `chmod 600 ${file}`,
      })
  }
  return findings
}

function nearestParent(place: string): string {
  let parent = path.dirname(place)
  while (!existsSync(parent) && parent !== path.dirname(parent)) parent = path.dirname(parent)
  return parent
}

function isWritable(place: string): boolean {
  try {
    accessSync(place, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Whether the store opens with its secret, and whether its file is whole. */
export async function checkStore(folder: string, environment: Environment): Promise<Finding[]> {
  const subject = 'store'
  const file = path.join(folder, DATABASE_FILE)
  if (!existsSync(file))
    return [{ status: 'ok', subject, message: 'not there yet; the first start makes it', hint: null }]
  try {
    const damage = quickCheck(file)
    if (damage !== null)
      return [
        {
          status: 'fail',
          subject,
          message: `${file} is damaged: ${damage}`,
          hint: 'Bring back a copy of the data folder.',
        },
      ]
    const data = await openData(folder, environment)
    const keys = await data.store.listKeys({ cursor: null, limit: 1 })
    await data.close()
    const hint = keys.data.length === 0 ? 'Make one with `weir keys create`.' : null
    return [{ status: 'ok', subject, message: hint === null ? 'whole' : 'whole, and without any key', hint }]
  } catch (error) {
    return [{ status: 'fail', subject, message: error instanceof Error ? error.message : String(error), hint: null }]
  }
}

function quickCheck(file: string): string | null {
  const database = new Database(file, { readonly: true })
  try {
    const rows = database.query<{ quick_check: string }, []>('PRAGMA quick_check(3)').all()
    const words = rows.map((row) => row.quick_check)
    return words.length === 1 && words[0] === 'ok' ? null : words.join('; ')
  } finally {
    database.close()
  }
}

/** Before this moment no gateway existed. */
const EARLIEST = Date.UTC(2026, 10, 1)
const TOLERANCE_MS = 60_000

/** Whether the clock shows a time that can be: not before this program, and not before the newest request. */
export async function checkClock(folder: string, context: CliContext): Promise<Finding[]> {
  const subject = 'clock'
  const now = context.clock.now()
  const hint = 'Set the clock, and turn on time synchronisation.'
  if (now < EARLIEST) return [{ status: 'fail', subject, message: `it shows ${writeTime(now)}, which is past`, hint }]
  const newest = await newestRequest(folder, context.environment)
  if (newest !== null && newest > now + TOLERANCE_MS)
    return [
      {
        status: 'fail',
        subject,
        message: `it shows ${writeTime(now)}, but the newest request is of ${writeTime(newest)}`,
        hint,
      },
    ]
  return [{ status: 'ok', subject, message: writeTime(now), hint: null }]
}

// Null also when the store does not open: the check of the store says why.
async function newestRequest(folder: string, environment: Environment): Promise<number | null> {
  if (!existsSync(path.join(folder, DATABASE_FILE))) return null
  try {
    const data = await openData(folder, environment)
    const page = await data.store.listRequests({ cursor: null, limit: 1 })
    await data.close()
    return page.data[0]?.at ?? null
  } catch {
    return null
  }
}

/** Files that are open besides the two sockets of each request. */
const OWN_FILES = 64

/** Whether as many sockets may be open as `server.max_in_flight` needs. */
export function checkFiles(limit: number | null, maxInFlight: number | null): Finding[] {
  const subject = 'open files'
  if (limit === null || maxInFlight === null) return []
  const needed = 2 * maxInFlight + OWN_FILES
  if (limit >= needed)
    return [
      {
        status: 'ok',
        subject,
        message: limit === Number.POSITIVE_INFINITY ? 'unlimited' : `${limit} allowed`,
        hint: null,
      },
    ]
  return [
    {
      status: 'warn',
      subject,
      message: `${limit} allowed; ${maxInFlight} requests at once (server.max_in_flight) need ${needed}`,
      hint: `Raise it (ulimit -n ${needed}), or lower server.max_in_flight.`,
    },
  ]
}
