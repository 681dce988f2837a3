// Which of a provider's credentials the next attempt uses, and which are benched.
//
// Round robin over those that are not benched; one whose bench ended within the last minute waits behind the others, so
// that it comes back gently. When all are benched the one that recovers first is tried rather than none.
import type { Clock } from '../core/clock.ts'
import type { Credential, Provider } from '../core/model.ts'
import type { Outcome } from '../core/outcome.ts'

type CredentialState = {
  readonly id: string
  /** When it may be used again, wall ms; null while it is in use. */
  readonly benchedUntil: number | null
  readonly reason: 'rate_limited' | 'credential_bad' | 'benched' | null
}

export interface CredentialPool {
  /** Null where the provider takes no credential. */
  choose(provider: Provider): Credential | null
  /** Takes a credential out until a moment (wall ms); a later moment stands, an earlier one does not shorten it. */
  bench(credentialId: string, untilMs: number): void
  /** Benches by how an attempt ended: a bad key for long, a rate limit for as long as the provider says; success ends a bench. */
  report(credential: Credential | null, outcome: Outcome): void
  /** Every credential that was ever benched, by id. */
  state(): readonly CredentialState[]
}

type Bench = { readonly until: number; readonly reason: CredentialState['reason'] }

// A key does not mend itself, but its owner tops up a balance or lifts a block: ask again now and then.
const BAD_MS = 5 * 60_000
// A provider that says 429 and not for how long: long enough to let other keys take over.
const RATE_LIMITED_MS = 1_000
const MAX_RATE_LIMITED_MS = 5 * 60_000
const GENTLE_MS = 60_000

export function createCredentialPool({ clock }: { readonly clock: Clock }): CredentialPool {
  const benches = new Map<string, Bench>()
  const turns = new Map<string, number>()

  const bench = (id: string, until: number, reason: CredentialState['reason']): void => {
    const known = benches.get(id)
    if (known === undefined || known.until < until) benches.set(id, { until, reason })
  }

  return {
    choose(provider) {
      const { credentials } = provider
      const count = credentials.length
      const first = credentials[0]
      if (first === undefined) return null
      if (count === 1) return first
      const turn = turns.get(provider.name) ?? 0
      turns.set(provider.name, (turn + 1) % count)
      if (benches.size === 0) return credentials[turn % count] ?? first
      const now = clock.now()
      let best = first
      let bestWaitMs = Infinity
      for (let step = 0; step < count; step++) {
        const candidate = credentials[(turn + step) % count] ?? first
        const until = benches.get(candidate.id)?.until ?? -Infinity
        if (until + GENTLE_MS <= now) return candidate
        // Those that came back lately compare by how long ago, those still out by how long to go.
        if (until - now < bestWaitMs) {
          best = candidate
          bestWaitMs = until - now
        }
      }
      return best
    },
    bench: (credentialId, untilMs) => bench(credentialId, untilMs, 'benched'),
    report(credential, outcome) {
      if (credential === null) return
      if (outcome.type === 'answered') benches.delete(credential.id)
      else if (outcome.type === 'credential_bad') bench(credential.id, clock.now() + BAD_MS, 'credential_bad')
      else if (outcome.type === 'rate_limited') {
        const waitMs = Math.min(outcome.retryAfterMs ?? RATE_LIMITED_MS, MAX_RATE_LIMITED_MS)
        bench(credential.id, clock.now() + waitMs, 'rate_limited')
      }
    },
    state() {
      const now = clock.now()
      return Array.from(benches, ([id, { until, reason }]) =>
        until > now ? { id, benchedUntil: until, reason } : { id, benchedUntil: null, reason: null },
      )
    },
  }
}
