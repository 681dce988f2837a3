// The rate limit of a simulated model: the times of the requests of the last minute, exactly.
import type { Clock } from '../../core/clock.ts'

const WINDOW_MS = 60_000

export type RateLimit = {
  /** Takes one request, or says no. */
  take(): boolean
  /** How OpenAI tells callers where they stand. */
  headers(): Readonly<Record<string, string>>
}

/** At most `rpm` requests in any 60 s. */
export function createRateLimit(rpm: number, clock: Clock): RateLimit {
  let taken: number[] = []
  const prune = () => {
    const from = clock.monotonicMs() - WINDOW_MS
    const first = taken.findIndex((at) => at > from)
    if (first !== 0) taken = first === -1 ? [] : taken.slice(first)
  }
  return {
    take: () => {
      prune()
      if (taken.length >= rpm) return false
      taken.push(clock.monotonicMs())
      return true
    },
    headers: () => {
      prune()
      const oldest = taken[0]
      const resetMs = oldest === undefined ? 0 : oldest + WINDOW_MS - clock.monotonicMs()
      return {
        'x-ratelimit-limit-requests': String(rpm),
        'x-ratelimit-remaining-requests': String(rpm - taken.length),
        'x-ratelimit-reset-requests': `${(resetMs / 1000).toFixed(3)}s`,
      }
    },
  }
}
