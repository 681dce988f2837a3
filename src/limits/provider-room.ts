// What a provider grants us by the operator's word (`providers.<name>.limits`): a provider that is full is passed over, or
// waited for, until there is room again, so that its 429 is not what tells us.
import type { Clock } from '../core/clock.ts'
import type { Provider } from '../core/model.ts'
import { SlidingWindow } from './sliding-window.ts'

export interface ProviderRoom {
  /** How long until a request fits, ms; 0 when one fits now. */
  waitMs(provider: Provider): number
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
    waitMs({ name, limits: { rpm, tpm } }) {
      if (rpm === null && tpm === null) return 0
      const { requests, tokens } = windowsOf(name)
      const now = clock.monotonicMs()
      const forRequest = rpm === null ? 0 : (requests.waitMs(1, rpm, now) ?? 0)
      return tpm === null ? forRequest : Math.max(forRequest, tokens.waitMs(1, tpm, now) ?? 0)
    },
    requested({ name, limits }) {
      if (limits.rpm !== null || limits.tpm !== null) windowsOf(name).requests.take(1, clock.monotonicMs())
    },
    used(name, amount) {
      windows.get(name)?.tokens.take(amount, clock.monotonicMs())
    },
  }
}
