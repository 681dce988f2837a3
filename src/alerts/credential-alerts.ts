// Credentials that providers do not take, and those of them that work again.
import type { Alert } from '../core/alert.ts'
import type { Clock } from '../core/clock.ts'
import { credentialBad } from './signals.ts'

export interface CredentialAlerts {
  /** Called each time that it is refused. */
  bad(credentialId: string): void
  good(credentialId: string): void
}

export function createCredentialAlerts({
  clock,
  tell,
}: {
  readonly clock: Clock
  readonly tell: (alert: Alert) => void
}): CredentialAlerts {
  /** When those that are refused were told first, so that the end is told of that alert. */
  const since = new Map<string, number>()
  return {
    bad(id) {
      if (!since.has(id)) since.set(id, clock.now())
      tell(credentialBad(id, clock.now()))
    },
    good(id) {
      const begun = since.get(id)
      if (begun === undefined) return
      since.delete(id)
      tell({ ...credentialBad(id, begun), at: clock.now(), isOver: true })
    },
  }
}
