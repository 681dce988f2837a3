// Headroom as OpenAI's `x-ratelimit-*` headers.
import type { Headroom } from './limiter.ts'

/** `350ms`, `6s`, `1m0s`: the form of OpenAI's reset headers. */
export function formatReset(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.ceil(ms))}ms`
  const seconds = Math.ceil(ms / 1_000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}

/** Headers for what is limited; none where nothing is. */
export function rateHeaders({ requests, tokens }: Headroom): Record<string, string> {
  const headers: Record<string, string> = {}
  if (requests !== null) {
    headers['x-ratelimit-limit-requests'] = String(requests.limit)
    headers['x-ratelimit-remaining-requests'] = String(requests.remaining)
    headers['x-ratelimit-reset-requests'] = formatReset(requests.resetMs)
  }
  if (tokens !== null) {
    headers['x-ratelimit-limit-tokens'] = String(tokens.limit)
    headers['x-ratelimit-remaining-tokens'] = String(tokens.remaining)
    headers['x-ratelimit-reset-tokens'] = formatReset(tokens.resetMs)
  }
  return headers
}
