// The log: one line for each event and one for each request, as JSON or as text for a terminal. Lines are written
// together every few milliseconds, so that a request pays for a line and not for a system call.
import type { RequestRecord } from '../core/ledger.ts'
import { loggable } from './loggable.ts'
import type { Redactor } from './redact.ts'
import { createUsualLines, requestFields } from './request-line.ts'

const LEVELS = { debug: 0, info: 1, warn: 2, error: 3 } as const
export type LogLevel = keyof typeof LEVELS

/** Names in snake_case. A field whose last word names a secret (`api_key`, `token`) is masked. */
export type LogFields = Readonly<Record<string, unknown>>

/** Events are words in snake_case (`config_reloaded`); a `stage` field takes the stage's name of the request path. Nothing here ever throws. */
export interface Logger {
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
  /** One line for a finished request, at level info. */
  requestLine(record: RequestRecord): void
  /** Writes what is buffered now: before the process ends. */
  flush(): void
}

/** The longest line; a longer one keeps its event and says how long it was. */
const MAX_LINE = 16_384

type Line = { readonly atMs: number; readonly level: LogLevel; readonly event: string; readonly fields: LogFields }

/** How long lines wait to be written together: a system call a turn would cost a request more than its line does. */
const LINES_WAIT_MS = 20

function flushSoon(flush: () => void): void {
  setTimeout(flush, LINES_WAIT_MS).unref()
}

/**
 * Makes a log. `write` gets whole lines, each with its line end; one that throws loses them, and the next that does not
 * tells how many. `now` in ms since the epoch. `schedule` calls back a little later. An error does not wait so long.
 */
export function createLogger(options: {
  readonly level: LogLevel
  readonly format: 'json' | 'text'
  readonly write: (lines: string) => void
  readonly redact: Redactor
  readonly now: () => number
  readonly schedule?: (flush: () => void) => void
}): Logger {
  const { write, redact, now } = options
  const schedule = options.schedule ?? flushSoon
  const threshold = LEVELS[options.level]
  const format = options.format === 'json' ? formatJson : formatText
  const timestamp = timestampMaker()
  const usualLine = options.format === 'json' ? createUsualLines(redact) : null
  // Records are read-only, so they wait as they are and become lines after the answer has left.
  let waiting: (Line | RequestRecord)[] = []
  let lost = 0

  function push(line: Line | RequestRecord): void {
    if (waiting.push(line) === 1) schedule(flush)
  }

  function log(level: LogLevel, event: string, fields: LogFields): void {
    if (LEVELS[level] < threshold) return
    // Read at once: the caller may change its objects afterwards.
    const bounded = loggable(fields, redact)
    push({ atMs: now(), level, event, fields: typeof bounded === 'object' ? (bounded as LogFields) : {} })
    if (level === 'error') setImmediate(flush)
  }

  function flush(): void {
    if (waiting.length === 0) return
    const batch = waiting
    waiting = []
    let text = ''
    if (lost > 0) text = lineOf({ atMs: now(), level: 'warn', event: 'log_lines_lost', fields: { lines: lost } })
    for (const item of batch) text += 'event' in item ? lineOf(item) : requestText(item)
    try {
      write(text)
      lost = 0
    } catch {
      // A log that cannot be written must not stop the gateway; the loss is told as soon as writing works again.
      lost += batch.length
    }
  }

  function requestText(record: RequestRecord): string {
    const atMs = record.at + record.durationMs
    const usual = usualLine?.(record, timestamp(atMs)) ?? null
    return usual ?? lineOf({ atMs, level: 'info', event: 'request', fields: requestFields(record, redact) })
  }

  function lineOf(line: Line): string {
    const text = format(timestamp(line.atMs), line)
    if (text.length <= MAX_LINE) return `${text}\n`
    return `${format(timestamp(line.atMs), { ...line, fields: { id: line.fields.id, cut_line_length: text.length } })}\n`
  }

  return {
    debug: (event, fields = {}) => log('debug', event, fields),
    info: (event, fields = {}) => log('info', event, fields),
    warn: (event, fields = {}) => log('warn', event, fields),
    error: (event, fields = {}) => log('error', event, fields),
    requestLine: (record) => {
      if (LEVELS.info >= threshold) push(record)
    },
    flush,
  }
}

function formatJson(time: string, { level, event, fields }: Line): string {
  // One object less for each line than `{ time, level, event, ...fields }`.
  const rest = JSON.stringify(fields)
  return `{"time":"${time}","level":"${level}","event":${JSON.stringify(event)}${rest === '{}' ? '}' : `,${rest.slice(1)}`}`
}

function formatText(time: string, { level, event, fields }: Line): string {
  let text = `${time} ${level.padEnd(5)} ${event}`
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) text += ` ${name}=${textOf(value)}`
  }
  return text
}

/** Bare where nothing could be mistaken, else JSON; control characters never reach a terminal. */
function textOf(value: unknown): string {
  if (typeof value === 'string' && /^[\w.:/@*+…-]+$/.test(value)) return value
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** RFC 3339 in UTC. Lines that are written together share a second, and many of them a millisecond: both texts are made once. */
function timestampMaker(): (atMs: number) => string {
  let second = Number.NaN
  let head = ''
  let last = Number.NaN
  let text = ''
  return (atMs) => {
    const ms = Math.round(atMs)
    if (ms === last) return text
    if (!(Math.abs(ms) <= 8.64e15)) return 'Invalid Date'
    if (Math.floor(ms / 1000) !== second) {
      second = Math.floor(ms / 1000)
      head = new Date(second * 1000).toISOString().slice(0, -4)
    }
    last = ms
    text = `${head}${String(ms - second * 1000).padStart(3, '0')}Z`
    return text
  }
}
