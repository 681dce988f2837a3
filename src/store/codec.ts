// How values are written in columns: compact texts, because time and bytes go into what every request writes.
import { GatewayError } from '../core/error.ts'
import type { EntryStatus } from '../core/ledger.ts'
import type { Attempt, Consumed, Outcome } from '../core/outcome.ts'
import { NO_USAGE, USAGE_UNITS, type Usage } from '../core/usage.ts'

/** Stored as the place in this list: append only. */
export const ENTRY_STATUSES: readonly EntryStatus[] = [
  'complete',
  'aborted',
  'failed',
  'recovered',
  'adjusted',
  'cached',
]

const INT64_MAX = (1n << 63n) - 1n

/** The amount itself. Throws `internal` beyond 64 bits, because the driver would silently wrap it round. */
export function int64(amount: bigint): bigint {
  if (amount > INT64_MAX || amount < -INT64_MAX) {
    throw new GatewayError('internal', { message: `The amount ${amount} does not fit into the ledger.` })
  }
  return amount
}

/** The text as JSON. What it is used for hardly ever needs an escape, and to look costs a fraction of a serializer. */
export function quoted(text: string): string {
  return /^[\w#./: -]*$/.test(text) ? `"${text}"` : JSON.stringify(text)
}

/** Units of nearly every answer, in their place in the text. */
const COMMON_UNITS = ['input', 'cacheRead', 'output', 'reasoning', 'requests'] as const
const RARE_UNITS = USAGE_UNITS.filter((unit) => !(COMMON_UNITS as readonly string[]).includes(unit))

/** JSON object of the units that are not 0: `{"input":12,"output":3}`. */
export function usageText(usage: Usage): string {
  // Written out, because a look by a constant name costs a fraction of one by a name out of a list.
  let text = '{'
  if (usage.input !== 0) text += `"input":${usage.input}`
  if (usage.cacheRead !== 0) text += `${text === '{' ? '' : ','}"cacheRead":${usage.cacheRead}`
  if (usage.output !== 0) text += `${text === '{' ? '' : ','}"output":${usage.output}`
  if (usage.reasoning !== 0) text += `${text === '{' ? '' : ','}"reasoning":${usage.reasoning}`
  if (usage.requests !== 0) text += `${text === '{' ? '' : ','}"requests":${usage.requests}`
  if (hasRareUnits(usage))
    for (const unit of RARE_UNITS) {
      const amount = usage[unit]
      if (amount !== 0) text += `${text === '{' ? '' : ','}"${unit}":${amount}`
    }
  return `${text}}`
}

function hasRareUnits(usage: Usage): boolean {
  return (
    usage.cacheWrite5m + usage.cacheWrite1h + usage.audioIn + usage.audioOut + usage.imageIn + usage.imageOut > 0 ||
    usage.video + usage.images + usage.characters + usage.seconds + usage.searches > 0
  )
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
  message?: string | null,
  consumed?: readonly [usage: Partial<Usage>, costNanoUsd: string | null],
]

/** Attempts as JSON rows, relative to the record's target and time. */
export function attemptsText(attempts: readonly Attempt[], target: string | null, at: number): string {
  const only = attempts[0]
  // One answered attempt is what most requests are: its text is put together without a serializer.
  if (only !== undefined && attempts.length === 1) return `[${attemptText(only, target, at)}]`
  return `[${attempts.map((attempt) => attemptText(attempt, target, at)).join(',')}]`
}

function attemptText(attempt: Attempt, target: string | null, at: number): string {
  const { credentialId, outcome, ttftMs, message, consumed } = attempt
  const own = attempt.target === target ? '0' : JSON.stringify(attempt.target)
  const credential = credentialId === null ? 'null' : quoted(credentialId)
  const kind = outcome.type === 'answered' ? '"answered"' : outcomeText(outcome)
  const ttft = ttftMs === null ? 'null' : microseconds(ttftMs)
  const words = message === null ? (consumed === undefined ? '' : ',null') : `,${JSON.stringify(message)}`
  const paid = consumed === undefined ? '' : `,${consumedText(consumed)}`
  return `[${own},${credential},${kind},${attempt.status},${attempt.startedAt - at},${microseconds(attempt.durationMs)},${ttft}${words}${paid}]`
}

function consumedText({ usage, costNanoUsd }: Consumed): string {
  return `[${usageText(usage)},${costNanoUsd === null ? 'null' : `"${costNanoUsd}"`}]`
}

function readConsumed([usage, cost]: NonNullable<AttemptRow[8]>): Consumed {
  return { usage: { ...NO_USAGE, ...usage }, costNanoUsd: cost === null ? null : BigInt(cost) }
}

function outcomeText(outcome: Outcome): string {
  return Object.keys(outcome).length === 1 ? `"${outcome.type}"` : JSON.stringify(outcome)
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
    ...(row[8] === undefined ? {} : { consumed: readConsumed(row[8]) }),
  }))
}
