// Text of options → values, with a usage error that shows how it is written.
import { parseDuration, parseInteger } from '../config/values.ts'
import type { LimitSet } from '../core/key.ts'
import { type Arguments, type Option, UsageError } from './command.ts'

/** `a, b` → `['a', 'b']`; null when it was not given. */
export function readList(args: Arguments, name: string): readonly string[] | null {
  const text = args.text(name)
  return text === null
    ? null
    : text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '')
}

/** A whole number from `min`; null when it was not given. */
export function readInteger(args: Arguments, name: string, min: number, max = Number.MAX_SAFE_INTEGER): number | null {
  const text = args.text(name)
  if (text === null) return null
  const value = parseInteger(text)
  if (value !== null && value >= min && value <= max) return value
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`
  throw new UsageError(`--${name} takes a whole number ${range}; found ${JSON.stringify(text)}.`)
}

/** `30s`, `7d` → ms. */
export function readDuration(args: Arguments, name: string): number | null {
  const text = args.text(name)
  if (text === null) return null
  const value = parseDuration(text)
  if (value === null)
    throw new UsageError(`--${name} takes a duration such as 30s, 12h or 7d; found ${JSON.stringify(text)}.`)
  return value
}

/** A moment: `2026-11-23`, RFC 3339, or a duration that is counted back from now (`past`) or on from it (`future`). */
export function readMoment(args: Arguments, name: string, now: number, direction: 'past' | 'future'): number | null {
  const text = args.text(name)
  if (text === null) return null
  const duration = parseDuration(text)
  if (duration !== null) return direction === 'past' ? now - duration : now + duration
  // A date alone is midnight UTC, as everything in reports is.
  const written = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?$/.test(text)
  const moment = written ? Date.parse(text.replace(' ', 'T')) : Number.NaN
  if (!Number.isNaN(moment)) return moment
  const span = direction === 'past' ? 'ago (7d)' : 'from now (30d)'
  throw new UsageError(
    `--${name} takes a date (2026-11-23), a time (2026-11-23T12:00:00Z) or a duration ${span}; found ${JSON.stringify(text)}.`,
  )
}

/** `a=1,b=2` → a mapping; null when it was not given. */
export function readPairs(args: Arguments, name: string): Readonly<Record<string, string>> | null {
  const list = readList(args, name)
  if (list === null) return null
  return Object.fromEntries(
    list.map((pair) => {
      const equals = pair.indexOf('=')
      if (equals < 1)
        throw new UsageError(`--${name} takes pairs such as owner=ada,stage=test; found ${JSON.stringify(pair)}.`)
      return [pair.slice(0, equals), pair.slice(equals + 1)]
    }),
  )
}

/** One of the words that `options` lists; null when it was not given. */
export function readChoice<T extends string>(args: Arguments, name: string, options: readonly T[]): T | null {
  const text = args.text(name)
  if (text === null) return null
  const found = options.find((option) => option === text)
  if (found === undefined) throw new UsageError(`--${name} takes ${options.join(', ')}; found ${JSON.stringify(text)}.`)
  return found
}

/** What must be given. */
export function required(args: Arguments, name: string, positional = false): string {
  const text = args.text(name)
  if (text === null) throw new UsageError(positional ? `<${name}> is missing.` : `--${name} is missing.`)
  return text
}

export const LIMIT_OPTIONS: Record<'rpm' | 'tpm' | 'concurrency', Option> = {
  rpm: { type: 'string', valueHint: 'n', description: 'Requests in any minute' },
  tpm: { type: 'string', valueHint: 'n', description: 'Tokens in any minute' },
  concurrency: { type: 'string', valueHint: 'n', description: 'Requests in flight at once' },
}

export function readLimits(args: Arguments): LimitSet {
  return {
    rpm: readInteger(args, 'rpm', 1),
    tpm: readInteger(args, 'tpm', 1),
    concurrency: readInteger(args, 'concurrency', 1),
  }
}

/** `rpm 60, concurrency 5`, or `none`. */
export function writeLimits(limits: LimitSet): string {
  const set = Object.entries(limits).filter((entry) => entry[1] !== null)
  return set.length === 0 ? 'none' : set.map(([kind, value]) => `${kind} ${value}`).join(', ')
}
