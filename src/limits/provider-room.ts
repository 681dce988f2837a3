// What a provider grants us by the operator's word (`providers.<name>.limits`): a provider that is full is left out of
// plans until there is room again, so that its 429 is not what tells us.
import type { Clock } from '../core/clock.ts'
import type { Provider } from '../core/model.ts'
import { SlidingWindow } from './sliding-window.ts'

export interface ProviderRoom {
  /** Why no request fits now, or null when one does. */
  whyFull(provider: Provider): string | null
  /** A request leaves for it. */
  requested(provider: Provider): void
  /** An answer of it used tokens. */
  used(providerName: string, tokens: number): void
}

type Windows = { readonly requests: SlidingWindow; readonly tokens: SlidingWindow }

/** Counts by provider name, so that the counts outlive a reload of the configuration. */
export function createProviderRoom({ clock }: { readonly clock: Clock }): ProviderRoom {
  const windows = new Map<string, Windows>()

  function windowsOf(name: string): Windows {
    let known = windows.get(name)
    if (known === undefined) windows.set(name, (known = { requests: new SlidingWindow(), tokens: new SlidingWindow() }))
    return known
  }

  return {
    whyFull({ name, limits: { rpm, tpm } }) {
      if (rpm === null && tpm === null) return null
      const { requests, tokens } = windowsOf(name)
      const now = clock.now()
      if (rpm !== null && requests.used(now) >= rpm) return `has had its ${rpm} requests of this minute`
      if (tpm !== null && tokens.used(now) >= tpm) return `has used its ${tpm} tokens of this minute`
      return null
    },
    requested({ name, limits }) {
      if (limits.rpm !== null || limits.tpm !== null) windowsOf(name).requests.take(1, clock.now())
    },
    used(name, amount) {
      windows.get(name)?.tokens.take(amount, clock.now())
    },
  }
}
