// Which of a provider's credentials the next attempt uses, and which are benched because they are bad. (How much of its
// rate limits a credential has left belongs to credential and model together, and is handed in as a wait.)
//
// Round robin over those that need not wait; one whose bench ended within the last minute waits behind the others, so
// that it comes back gently. When all have to wait the one that is ready first is chosen rather than none.
import type { Clock } from '../core/clock.ts'
import type { Credential, Provider } from '../core/model.ts'
import type { Outcome } from '../core/outcome.ts'

type CredentialState = {
  readonly id: string
  /** When it may be used again, wall ms; null while it is in use. */
  readonly benchedUntil: number | null
  readonly reason: 'credential_bad' | 'benched' | null
}

/** What one attempt knows of the credentials that it may choose from. */
type CredentialFacts = {
  /** How long a credential has to wait for its place in the provider's limits, ms. */
  readonly waitMs: (credential: Credential) => number
  /** Ids that were tried before; null: none. */
  readonly tried: ReadonlySet<string> | null
}

export interface CredentialPool {
  /** Null where the provider takes no credential, or where all were tried. */
  choose(provider: Provider, facts: CredentialFacts): Credential | null
  /** How long until any of the provider's credentials is off the bench, ms; 0 where one is, or none is needed. */
  benchMs(provider: Provider): number
  /** Takes a credential out until a moment (wall ms); a later moment stands, an earlier one does not shorten it. */
  bench(credentialId: string, untilMs: number): void
  /** Benches a bad key for long; success ends a bench. */
  report(credential: Credential | null, outcome: Outcome): void
  /** Every credential that was ever benched, by id. */
  state(): readonly CredentialState[]
}

type Bench = { readonly until: number; readonly reason: CredentialState['reason'] }

// A key does not mend itself, but its owner tops up a balance or lifts a block: ask again now and then.
const BAD_MS = 5 * 60_000
const GENTLE_MS = 60_000

/**
 * `onBad`: told each credential that is benched because a provider does not take it: somebody has to mend it. `onGood`: told
 * each of them that works again.
 */
export function createCredentialPool({
  clock,
  onBad,
  onGood,
}: {
  readonly clock: Clock
  readonly onBad?: (credentialId: string) => void
  readonly onGood?: (credentialId: string) => void
}): CredentialPool {
  const benches = new Map<string, Bench>()
  const turns = new Map<string, number>()

  const bench = (id: string, until: number, reason: CredentialState['reason']): void => {
    const known = benches.get(id)
    if (known === undefined || known.until < until) benches.set(id, { until, reason })
  }

  return {
    choose({ name, credentials }, { waitMs, tried }) {
      const count = credentials.length
      const first = credentials[0]
      if (first === undefined) return null
      if (count === 1) return tried?.has(first.id) === true ? null : first
      const turn = turns.get(name) ?? 0
      turns.set(name, (turn + 1) % count)
      const now = clock.now()
      let best: Credential | null = null
      let bestWaitMs = Infinity
      for (let step = 0; step < count; step++) {
        const candidate = credentials[(turn + step) % count] ?? first
        if (tried?.has(candidate.id) === true) continue
        const until = benches.get(candidate.id)?.until ?? -Infinity
        const limitMs = waitMs(candidate)
        if (until + GENTLE_MS <= now && limitMs <= 0) return candidate
        // Those that came back lately compare by how long ago, those still out by how long to go.
        const wait = limitMs > 0 ? Math.max(until - now, limitMs) : until - now
        if (best === null || wait < bestWaitMs) {
          best = candidate
          bestWaitMs = wait
        }
      }
      return best
    },
    benchMs({ credentials }) {
      if (benches.size === 0 || credentials.length === 0) return 0
      const now = clock.now()
      let shortest = Infinity
      for (const { id } of credentials) shortest = Math.min(shortest, (benches.get(id)?.until ?? 0) - now)
      return Math.max(0, shortest)
    },
    bench: (credentialId, untilMs) => bench(credentialId, untilMs, 'benched'),
    report(credential, outcome) {
      if (credential === null) return
      if (outcome.type === 'answered') {
        if (benches.size === 0) return
        if (benches.get(credential.id)?.reason === 'credential_bad') onGood?.(credential.id)
        benches.delete(credential.id)
      } else if (outcome.type === 'credential_bad') {
        if ((benches.get(credential.id)?.until ?? 0) <= clock.now()) onBad?.(credential.id)
        bench(credential.id, clock.now() + BAD_MS, 'credential_bad')
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
