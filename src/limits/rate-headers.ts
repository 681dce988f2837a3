// Headroom as OpenAI's `x-ratelimit-*` headers.
import type { Headroom } from './limiter.ts'

/** `350ms`, `6s`, `1m0s`: the form of OpenAI's reset headers. */
export function formatReset(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.ceil(ms))}ms`
  const seconds = Math.ceil(ms / 1_000)
  return SECONDS[seconds] ?? inSeconds(seconds)
}

function inSeconds(seconds: number): string {
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}

/** Windows are of a minute: every request is told one of these. */
const SECONDS: readonly string[] = Array.from({ length: 62 }, (_, seconds) => inSeconds(seconds))

/** Sets the headers for what is limited; none where nothing is. */
export function setRateHeaders(headers: Record<string, string>, { requests, tokens }: Headroom): void {
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
}
