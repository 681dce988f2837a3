// Failed log-ins are counted, by address or by name, so that nothing short can be guessed at the speed of the wire.
import ipaddr from 'ipaddr.js'
import { LRUCache } from 'lru-cache'
import { atMost } from '../core/bound.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'

const MINUTE_MS = 60_000
const BUCKETS_KEPT = 10_000

export interface LoginLimit {
  /** Throws `rate_limited` while whoever it is has used up the failures of the window. */
  check(who: string | null): void
  failed(who: string | null): void
}

/**
 * At most `failures` failed log-ins (or what else `what` says) in any window from one address; callers without an address
 * share one count. `by: 'name'` counts those of one name, wherever they come from.
 */
export function createLoginLimit({
  clock,
  failures,
  windowMs = MINUTE_MS,
  by = 'address',
  what = 'failed log-ins',
}: {
  readonly clock: Clock
  readonly failures: number
  readonly windowMs?: number
  readonly by?: 'address' | 'name'
  readonly what?: string
}): LoginLimit {
  const times = new LRUCache<string, readonly number[]>(atMost(BUCKETS_KEPT))
  const bucketOf = by === 'address' ? bucketOfAddress : (name: string | null): string => name ?? ''

  function recent(bucket: string, now: number): readonly number[] {
    return (times.get(bucket) ?? []).filter((time) => now - time < windowMs)
  }

  return {
    check(who) {
      const now = clock.monotonicMs()
      const past = recent(bucketOf(who), now)
      const oldest = past.at(-failures)
      if (oldest === undefined) return
      throw new GatewayError('rate_limited', {
        message: `Too many ${what} came ${by === 'address' ? 'from this address' : 'with this name'}.`,
        retryAfterMs: windowMs - (now - oldest),
      })
    },
    failed(who) {
      const now = clock.monotonicMs()
      const bucket = bucketOf(who)
      times.set(bucket, [...recent(bucket, now), now].slice(-failures))
    },
  }
}

/** Whoever has one IPv6 address has its whole /64. */
function bucketOfAddress(address: string | null): string {
  if (address === null || !ipaddr.isValid(address)) return 'unknown'
  const parsed = ipaddr.process(address)
  return parsed instanceof ipaddr.IPv6 ? parsed.parts.slice(0, 4).join(':') : parsed.toString()
}
