// What an upstream's headers say of its limits: how much is granted, what is left of it, and how long to wait.

import type { HeaderSource } from '../core/headers.ts'

/** One limit as a provider states it with an answer. */
export type StatedLimit = {
  readonly limit: number
  /** Units left when the request came in. */
  readonly remaining: number
  /** Until all of it is there again; null where that was not said. */
  readonly resetMs: number | null
}

/** Null: nothing was said of that kind. */
export type StatedLimits = { readonly requests: StatedLimit | null; readonly tokens: StatedLimit | null }

type Names = { readonly limit: string; readonly remaining: string; readonly reset: string }

const names = (limit: string, remaining: string, reset: string): Names => ({ limit, remaining, reset })

// OpenAI's spelling, which most hosts share; Anthropic's; and that of hosts with one limit alone.
const REQUEST_HEADERS: readonly Names[] = [
  names('x-ratelimit-limit-requests', 'x-ratelimit-remaining-requests', 'x-ratelimit-reset-requests'),
  names(
    'anthropic-ratelimit-requests-limit',
    'anthropic-ratelimit-requests-remaining',
    'anthropic-ratelimit-requests-reset',
  ),
  names('x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset'),
]
const TOKEN_HEADERS: readonly Names[] = [
  names('x-ratelimit-limit-tokens', 'x-ratelimit-remaining-tokens', 'x-ratelimit-reset-tokens'),
  names('anthropic-ratelimit-tokens-limit', 'anthropic-ratelimit-tokens-remaining', 'anthropic-ratelimit-tokens-reset'),
  names(
    'anthropic-ratelimit-input-tokens-limit',
    'anthropic-ratelimit-input-tokens-remaining',
    'anthropic-ratelimit-input-tokens-reset',
  ),
  names(
    'anthropic-ratelimit-output-tokens-limit',
    'anthropic-ratelimit-output-tokens-remaining',
    'anthropic-ratelimit-output-tokens-reset',
  ),
]
const MAX_RETRY_MS = 24 * 3_600_000

/** The limits that an answer states, null where it states none. `now`: wall ms, for resets that are given as a moment. */
export function statedLimits(headers: HeaderSource, now: number): StatedLimits | null {
  const requests = firstStated(headers, REQUEST_HEADERS, now)
  const tokens = firstStated(headers, TOKEN_HEADERS, now)
  return requests === null && tokens === null ? null : { requests, tokens }
}

function firstStated(headers: HeaderSource, spellings: readonly Names[], now: number): StatedLimit | null {
  for (const { limit: limitName, remaining: remainingName, reset: resetName } of spellings) {
    const stated = headers.get(limitName)
    if (stated === null) continue
    const limit = Number(stated)
    const remaining = Number(headers.get(remainingName) ?? Number.NaN)
    if (!(limit > 0 && remaining >= 0)) continue
    const reset = headers.get(resetName)
    const resetMs = reset === null ? null : waitOf(reset, now)
    return { limit, remaining: Math.min(remaining, limit), resetMs: resetMs === null ? null : clamp(resetMs) }
  }
  return null
}

/**
 * How long an upstream asks to wait, in ms, null where it does not say: `retry-after-ms`, `retry-after` (seconds or a
 * date), else the latest reset among the limits that are used up. At most a day.
 */
export function retryAfterMs(headers: HeaderSource, now: number): number | null {
  const ms = headers.get('retry-after-ms')
  if (ms !== null && /^\d+(?:\.\d+)?$/.test(ms)) return clamp(Number(ms))
  const after = headers.get('retry-after')
  const asked = after === null ? null : waitOf(after, now)
  if (asked !== null) return clamp(asked)
  let latest: number | null = null
  for (const { remaining, reset } of [...REQUEST_HEADERS, ...TOKEN_HEADERS]) {
    const left = headers.get(remaining)
    const value = headers.get(reset)
    if (left === null || value === null || Number(left) > 0) continue
    const wait = waitOf(value, now)
    if (wait !== null) latest = Math.max(latest ?? 0, wait)
  }
  return latest === null ? null : clamp(latest)
}

/** `12`, `1.5`, `6m0s`, `250ms`, an HTTP or RFC 3339 date, or a moment as s or ms since the epoch. */
function waitOf(text: string, now: number): number | null {
  const value = text.trim()
  if (/^\d+(?:\.\d+)?$/.test(value)) {
    const number = Number(value)
    // A number this large is a moment: in ms from 1e12 on (2001), in s from 1e9 on.
    if (number >= 1e12) return number - now
    return number >= 1e9 ? number * 1_000 - now : number * 1_000
  }
  const parts = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/.exec(value)
  if (parts !== null && value !== '') {
    const [days = 0, hours = 0, minutes = 0, seconds = 0, ms = 0] = parts.slice(1).map((part) => Number(part ?? 0))
    return ((days * 24 + hours) * 60 + minutes) * 60_000 + seconds * 1_000 + ms
  }
  const date = Date.parse(value)
  return Number.isNaN(date) ? null : date - now
}

function clamp(ms: number): number {
  return Math.min(Math.max(Math.ceil(ms), 0), MAX_RETRY_MS)
}
