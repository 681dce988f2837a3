// How values are written in columns: compact texts, because time and bytes go into what every request writes.
import { GatewayError } from '../core/error.ts'
import type { EntryStatus } from '../core/ledger.ts'
import type { Attempt, Outcome } from '../core/outcome.ts'
import { NO_USAGE, USAGE_UNITS, type Usage } from '../core/usage.ts'

/** Stored as the place in this list: append only. */
export const ENTRY_STATUSES: readonly EntryStatus[] = ['complete', 'aborted', 'failed', 'recovered']

const INT64_MAX = (1n << 63n) - 1n

/** The amount itself. Throws `internal` beyond 64 bits, because the driver would silently wrap it round. */
export function int64(amount: bigint): bigint {
  if (amount > INT64_MAX || amount < -INT64_MAX) {
    throw new GatewayError('internal', { message: `The amount ${amount} does not fit into the ledger.` })
  }
  return amount
}

/** JSON object of the units that are not 0: `{"input":12,"output":3}`. */
export function usageText(usage: Usage): string {
  let text = ''
  for (const unit of USAGE_UNITS) {
    const amount = usage[unit]
    if (amount !== 0) text += `${text === '' ? '{' : ','}"${unit}":${amount}`
  }
  return text === '' ? '{}' : `${text}}`
}

export function parseUsage(text: string): Usage {
  return { ...NO_USAGE, ...(JSON.parse(text) as Partial<Usage>) }
}

/** Durations are kept to the microsecond: an integer takes half the room of a float. */
export function microseconds(ms: number): number {
  return Math.round(ms * 1_000)
}

/** An attempt as it is written: 0 for the record's own target, the start counted from the record's time. */
type AttemptRow = readonly [
  target: string | 0,
  credentialId: string | null,
  outcome: Outcome | Outcome['type'],
  status: number | null,
  startedAfterMs: number,
  durationUs: number,
  ttftUs: number | null,
  message?: string,
]

/** Attempts as JSON rows, relative to the record's target and time. */
export function attemptsText(attempts: readonly Attempt[], target: string | null, at: number): string {
  let text = '['
  for (const attempt of attempts) {
    const { outcome, ttftMs, message } = attempt
    if (text !== '[') text += ','
    text += `[${attempt.target === target ? '0' : JSON.stringify(attempt.target)},${JSON.stringify(attempt.credentialId)},`
    text += Object.keys(outcome).length === 1 ? `"${outcome.type}"` : JSON.stringify(outcome)
    text += `,${attempt.status},${attempt.startedAt - at},${microseconds(attempt.durationMs)},`
    text += `${ttftMs === null ? 'null' : microseconds(ttftMs)}${message === null ? '' : `,${JSON.stringify(message)}`}]`
  }
  return `${text}]`
}

export function parseAttempts(text: string, target: string | null, at: number): readonly Attempt[] {
  return (JSON.parse(text) as readonly AttemptRow[]).map((row) => ({
    target: row[0] === 0 ? (target ?? '') : row[0],
    credentialId: row[1],
    outcome: typeof row[2] === 'string' ? ({ type: row[2] } as Outcome) : row[2],
    status: row[3],
    startedAt: row[4] + at,
    durationMs: row[5] / 1_000,
    ttftMs: row[6] === null ? null : row[6] / 1_000,
    message: row[7] ?? null,
  }))
}
