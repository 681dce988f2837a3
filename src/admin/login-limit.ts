// Failed log-ins are counted by address, so that an operator's own short token cannot be guessed at the speed of the wire.
import ipaddr from 'ipaddr.js'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'

const WINDOW_MS = 60_000
const ADDRESSES_KEPT = 10_000

export interface LoginLimit {
  /** Throws `rate_limited` while the address has used up its failures of the last minute. */
  check(address: string | null): void
  failed(address: string | null): void
}

/** At most `failures` failed log-ins in any minute from one address; callers without an address share one count. */
export function createLoginLimit({ clock, failures }: { clock: Clock; failures: number }): LoginLimit {
  const times = new LRUCache<string, readonly number[]>({ max: ADDRESSES_KEPT })

  function recent(bucket: string, now: number): readonly number[] {
    return (times.get(bucket) ?? []).filter((time) => now - time < WINDOW_MS)
  }

  return {
    check(address) {
      const now = clock.monotonicMs()
      const past = recent(bucketOf(address), now)
      const oldest = past.at(-failures)
      if (oldest === undefined) return
      throw new GatewayError('rate_limited', {
        message: 'Too many failed log-ins came from this address.',
        retryAfterMs: WINDOW_MS - (now - oldest),
      })
    },
    failed(address) {
      const now = clock.monotonicMs()
      const bucket = bucketOf(address)
      times.set(bucket, [...recent(bucket, now), now].slice(-failures))
    },
  }
}

/** Whoever has one IPv6 address has its whole /64. */
function bucketOf(address: string | null): string {
  if (address === null || !ipaddr.isValid(address)) return 'unknown'
  const parsed = ipaddr.process(address)
  return parsed instanceof ipaddr.IPv6 ? parsed.parts.slice(0, 4).join(':') : parsed.toString()
}
