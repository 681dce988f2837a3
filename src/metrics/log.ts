// The log: one line for each event and one for each request, as JSON or as text for a terminal. Lines are written
// together every few milliseconds, so that a request pays for a line and not for a system call.
import type { RequestRecord } from '../core/ledger.ts'
import { formatUsd } from '../core/money.ts'
import { inputTokens, outputTokens } from '../core/usage.ts'
import { type Loggable, loggable, loggableText } from './loggable.ts'
import type { Redactor } from './redact.ts'

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
    const usual = options.format === 'json' ? usualRequestJson(record, redact, timestamp) : null
    return usual ?? lineOf(lineOfRequest(record, redact))
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

/** Only what callers can fill is redacted here: ids, counts and enumerations are ours. Undefined fields are left out. */
function lineOfRequest(record: RequestRecord, redact: Redactor): Line {
  const { dimensions, usage, attempts } = record
  const clean = (text: string | null): string | undefined => (text === null ? undefined : loggableText(text, redact))
  const model = clean(dimensions.requestedModel)
  const plain = attempts.length === 0 || (attempts.length === 1 && attempts[0]!.outcome.type === 'answered')
  return {
    atMs: record.at + record.durationMs,
    level: 'info',
    event: 'request',
    fields: {
      id: record.id,
      client_id: clean(record.clientRequestId),
      key_id: dimensions.keyId,
      team_id: dimensions.teamId ?? undefined,
      end_user: clean(dimensions.endUser),
      tags: dimensions.tags.length === 0 ? undefined : dimensions.tags.map((tag) => loggableText(tag, redact)),
      operation: dimensions.operation,
      dialect: dimensions.dialect,
      model,
      route: dimensions.route === dimensions.requestedModel ? model : clean(dimensions.route),
      target: clean(record.target),
      path: record.path === undefined ? undefined : clean(record.path),
      status: record.status,
      error: record.errorCode ?? undefined,
      stream: record.stream,
      duration_ms: tenths(record.durationMs),
      ttft_ms: record.ttftMs === null ? undefined : tenths(record.ttftMs),
      overhead_ms: Math.round(record.overheadMs * 1000) / 1000,
      attempts: plain ? attempts.length : attempts.map((attempt) => attemptFields(attempt, redact)),
      finish_reason: clean(record.finishReason),
      input_tokens: usage === null ? undefined : inputTokens(usage),
      output_tokens: usage === null ? undefined : outputTokens(usage),
      usage: record.usageSource ?? undefined,
      cost_usd: record.costNanoUsd === null ? undefined : formatUsd(record.costNanoUsd),
      saved_usd: record.savedNanoUsd === undefined ? undefined : formatUsd(record.savedNanoUsd),
    },
  }
}

/**
 * The JSON of `lineOfRequest` for what nearly every request is: answered at once by one target. Put together by hand,
 * because the line is the larger part of what logging costs a request; a test holds the two against each other. Null for
 * any other request.
 */
function usualRequestJson(record: RequestRecord, redact: Redactor, timestamp: (atMs: number) => string): string | null {
  const { dimensions, usage, attempts, ttftMs, costNanoUsd, target } = record
  const usual =
    attempts.length === 1 &&
    attempts[0]?.outcome.type === 'answered' &&
    record.errorCode === null &&
    record.clientRequestId === null &&
    record.path === undefined &&
    dimensions.teamId === null &&
    dimensions.endUser === null &&
    dimensions.tags.length === 0
  if (!usual || usage === null || costNanoUsd === null || target === null) return null
  const quoted = (text: string): string => JSON.stringify(loggableText(text, redact))
  const model = quoted(dimensions.requestedModel)
  const route = dimensions.route === dimensions.requestedModel ? model : quoted(dimensions.route)
  const goal = target === dimensions.requestedModel ? model : quoted(target)
  const ttft = ttftMs === null ? '' : `"ttft_ms":${tenths(ttftMs)},`
  const finish = record.finishReason === null ? '' : `"finish_reason":${quoted(record.finishReason)},`
  return (
    `{"time":"${timestamp(record.at + record.durationMs)}","level":"info","event":"request","id":"${record.id}",` +
    `"key_id":"${dimensions.keyId}","operation":"${dimensions.operation}","dialect":"${dimensions.dialect}",` +
    `"model":${model},"route":${route},"target":${goal},"status":${record.status},"stream":${record.stream},` +
    `"duration_ms":${tenths(record.durationMs)},${ttft}"overhead_ms":${Math.round(record.overheadMs * 1000) / 1000},` +
    `"attempts":1,${finish}"input_tokens":${inputTokens(usage)},"output_tokens":${outputTokens(usage)},` +
    `"usage":"${record.usageSource ?? 'estimated'}","cost_usd":"${formatUsd(costNanoUsd)}"}\n`
  )
}

function attemptFields(attempt: RequestRecord['attempts'][number], redact: Redactor): Loggable {
  return {
    target: loggableText(attempt.target, redact),
    outcome: attempt.outcome.type,
    status: attempt.status,
    duration_ms: tenths(attempt.durationMs),
    message: attempt.message === null ? null : loggableText(attempt.message, redact),
  }
}

const tenths = (ms: number): number => Math.round(ms * 10) / 10

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

/** RFC 3339 in UTC. Many lines share a second, so its part of the text is made once. */
function timestampMaker(): (atMs: number) => string {
  let second = Number.NaN
  let head = ''
  return (atMs) => {
    const ms = Math.round(atMs)
    if (!(Math.abs(ms) <= 8.64e15)) return 'Invalid Date'
    if (Math.floor(ms / 1000) !== second) {
      second = Math.floor(ms / 1000)
      head = new Date(second * 1000).toISOString().slice(0, -4)
    }
    return `${head}${String(ms - second * 1000).padStart(3, '0')}Z`
  }
}
