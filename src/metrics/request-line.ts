// What the log says of a finished request, and a short way to the line of one that went as nearly all do.
import type { RequestRecord } from '../core/ledger.ts'
import { formatUsd } from '../core/money.ts'
import { inputTokens, outputTokens } from '../core/usage.ts'
import { type Loggable, loggableText } from './loggable.ts'
import type { Redactor } from './redact.ts'

/** Only what callers can fill is redacted here: ids, counts and enumerations are ours. Undefined fields are left out. */
export function requestFields(record: RequestRecord, redact: Redactor): Readonly<Record<string, unknown>> {
  return {
    ...namesOf(record, redact),
    duration_ms: tenths(record.durationMs),
    ttft_ms: record.ttftMs === null ? undefined : tenths(record.ttftMs),
    overhead_ms: thousandths(record.overheadMs),
    ...courseOf(record, redact),
    input_tokens: record.usage === null ? undefined : inputTokens(record.usage),
    output_tokens: record.usage === null ? undefined : outputTokens(record.usage),
    usage: record.usageSource ?? undefined,
    cost_usd: record.costNanoUsd === null ? undefined : formatUsd(record.costNanoUsd),
    saved_usd: record.savedNanoUsd === undefined ? undefined : formatUsd(record.savedNanoUsd),
  }
}

function namesOf(record: RequestRecord, redact: Redactor): Readonly<Record<string, unknown>> {
  const { dimensions } = record
  const clean = (text: string | null): string | undefined => (text === null ? undefined : loggableText(text, redact))
  const model = clean(dimensions.requestedModel)
  return {
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
  }
}

function courseOf({ attempts, finishReason }: RequestRecord, redact: Redactor): Readonly<Record<string, unknown>> {
  const plain = attempts.length === 0 || (attempts.length === 1 && attempts[0]!.outcome.type === 'answered')
  return {
    attempts: plain ? attempts.length : attempts.map((attempt) => attemptFields(attempt, redact)),
    finish_reason: finishReason === null ? undefined : loggableText(finishReason, redact),
  }
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
const thousandths = (ms: number): number => Math.round(ms * 1000) / 1000

/** What the lines of a key have in common, as JSON: all but an id and numbers. */
type Shared = {
  readonly of: Named
  /** From behind the id to before the duration. */
  readonly names: string
  /** How many attempts there were and why the answer ended, to before the tokens. */
  readonly course: string
  /** From behind the tokens to before the cost. */
  readonly end: string
}

/** What decides on it, of the last request of the key. */
type Named = Pick<
  RequestRecord,
  'dimensions' | 'target' | 'finishReason' | 'status' | 'stream' | 'path' | 'usageSource'
>

/** Keys whose last line is remembered; more of them start anew. */
const MAX_KEYS = 1_000
/** Longer names are looked at anew each time by the redactor, which costs more than all that is saved here. */
const MAX_NAME = 100

/**
 * The lines, as JSON, of what nearly every request is: answered at once by one target, and much like the one before it of the
 * same key. Null for any other request. Put together by hand of as few pieces as there can be, because the line is the larger
 * part of what logging costs a request; a test holds it against `requestFields`. `time` as it is to stand in the line.
 */
export function createUsualLines(redact: Redactor): (record: RequestRecord, time: string) => string | null {
  const byKey = new Map<string, Shared>()
  let lastTime = ''
  let begin = ''

  function sharedOf(record: RequestRecord): Shared | null {
    // Secrets may have come to be known since the last line: a name that holds one is no usual one.
    if (!isClean(record, redact)) return null
    const { keyId } = record.dimensions
    const known = byKey.get(keyId)
    if (known !== undefined && isAlike(known.of, record)) return known
    const made = makeShared(record, redact)
    if (byKey.size >= MAX_KEYS) byKey.clear()
    byKey.set(keyId, made)
    return made
  }

  return (record, time) => {
    const { attempts, usage, costNanoUsd, ttftMs } = record
    if (attempts.length !== 1 || attempts[0]?.outcome.type !== 'answered' || usage === null || costNanoUsd === null)
      return null
    if (record.clientRequestId !== null || record.errorCode !== null || record.savedNanoUsd !== undefined) return null
    const shared = sharedOf(record)
    if (shared === null) return null
    if (time !== lastTime) {
      lastTime = time
      begin = `{"time":"${time}","level":"info","event":"request","id":"`
    }
    const between = ttftMs === null ? ',"overhead_ms":' : `,"ttft_ms":${tenths(ttftMs)},"overhead_ms":`
    return `${begin}${record.id}${shared.names}${tenths(record.durationMs)}${between}${thousandths(record.overheadMs)}${
      shared.course
    }${inputTokens(usage)},"output_tokens":${outputTokens(usage)}${shared.end}${formatUsd(costNanoUsd)}"}\n`
  }
}

function makeShared(record: RequestRecord, redact: Redactor): Shared {
  const { dimensions, target, finishReason, status, stream, path, usageSource } = record
  const { id: _, ...names } = namesOf(record, redact)
  return {
    of: { dimensions, target, finishReason, status, stream, path, usageSource },
    names: `",${membersOf(names)},"duration_ms":`,
    course: `,${membersOf(courseOf(record, redact))},"input_tokens":`,
    end: `,${membersOf({ usage: usageSource ?? 'estimated' })},"cost_usd":"`,
  }
}

/** Members of an object as JSON, without its braces. */
function membersOf(fields: object): string {
  return JSON.stringify(fields).slice(1, -1)
}

function isAlike(one: Named, other: RequestRecord): boolean {
  const known = one.dimensions
  const { dimensions } = other
  return (
    known.requestedModel === dimensions.requestedModel &&
    known.route === dimensions.route &&
    one.target === other.target &&
    one.finishReason === other.finishReason &&
    one.status === other.status &&
    one.stream === other.stream &&
    one.usageSource === other.usageSource &&
    one.path === other.path &&
    known.endUser === dimensions.endUser &&
    known.teamId === dimensions.teamId &&
    known.operation === dimensions.operation &&
    known.dialect === dimensions.dialect &&
    areSame(known.tags, dimensions.tags)
  )
}

function areSame(some: readonly string[], others: readonly string[]): boolean {
  if (some === others) return true
  if (some.length !== others.length) return false
  for (let index = 0; index < some.length; index++) if (some[index] !== others[index]) return false
  return true
}

function isClean({ dimensions, target, finishReason, path }: RequestRecord, redact: Redactor): boolean {
  const { requestedModel, route, endUser, tags } = dimensions
  for (const tag of tags) if (!isCleanName(tag, redact)) return false
  return (
    isCleanName(requestedModel, redact) &&
    (route === requestedModel || isCleanName(route, redact)) &&
    (target === requestedModel || isCleanName(target, redact)) &&
    isCleanName(finishReason, redact) &&
    isCleanName(endUser, redact) &&
    isCleanName(path ?? null, redact)
  )
}

function isCleanName(name: string | null, redact: Redactor): boolean {
  return name === null || (name.length <= MAX_NAME && redact(name) === name)
}
