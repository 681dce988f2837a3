// Headroom as OpenAI's `x-ratelimit-*` headers.
import type { Headroom } from './limiter.ts'

/** `350ms`, `6s`, `1m0s`: the form of OpenAI's reset headers. */
export function formatReset(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.ceil(ms))}ms`
  const seconds = Math.ceil(ms / 1_000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}

/** Headers for what is limited; none where nothing is. */
export function rateHeaders(headroom: Headroom): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const unit of ['requests', 'tokens'] as const) {
    const room = headroom[unit]
    if (room === null) continue
    headers[`x-ratelimit-limit-${unit}`] = String(room.limit)
    headers[`x-ratelimit-remaining-${unit}`] = String(room.remaining)
    headers[`x-ratelimit-reset-${unit}`] = formatReset(room.resetMs)
  }
  return headers
}
