// What trying targets stands on, put together: one health for all of them, their credentials, the sockets.
import type { Clock } from '../core/clock.ts'
import type { Provider } from '../core/model.ts'
import { estimateTokens, tokensOf } from '../ledger/estimate.ts'
import type { ProviderRoom } from '../limits/provider-room.ts'
import type { Logger } from '../metrics/log.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Redactor } from '../metrics/redact.ts'
import type { CredentialPool } from '../providers/credential-pool.ts'
import { createCredentialPool } from '../providers/credential-pool.ts'
import type { Upstream } from '../providers/upstream.ts'
import type { Wire } from '../providers/wire.ts'
import type { AttemptTools } from '../routing/attempt-run.ts'
import { createHealth } from '../routing/health.ts'
import { createHedgeBudget } from '../routing/hedge-budget.ts'

const MAX_ANSWER_BYTES = 256 * 1024 * 1024

export type AttemptParts = {
  readonly clock: Clock
  readonly random: () => number
  readonly upstream: Upstream
  readonly wireOf: (provider: Provider) => Wire
  readonly providerRoom: ProviderRoom
  readonly metrics: Metrics
  readonly log: Logger
  readonly redact: Redactor
  /** Told each credential that a provider does not take, when it is benched. */
  readonly onCredentialBad: (credentialId: string) => void
  /** Told each of them that works again. */
  readonly onCredentialGood: (credentialId: string) => void
}

export function createAttemptTools(parts: AttemptParts): AttemptTools & { readonly credentials: CredentialPool } {
  const { clock, random, upstream, wireOf, providerRoom, metrics, log, redact, onCredentialBad, onCredentialGood } =
    parts
  return {
    upstream,
    clock,
    random,
    wireOf,
    health: createHealth({
      clock,
      random,
      onTrip: ({ id }, outcome, untilMs) =>
        log.warn('deployment_cooling', {
          deployment: id,
          outcome: outcome.type,
          for_ms: Math.round(untilMs - clock.monotonicMs()),
        }),
    }),
    hedges: createHedgeBudget(),
    credentials: createCredentialPool({
      clock,
      onBad: (id) => {
        // Not named `credential`: such a field is masked.
        log.error('credential_bad', { benched: id })
        onCredentialBad(id)
      },
      onGood: onCredentialGood,
    }),
    roomMs: (provider) => providerRoom.waitMs(provider),
    onStart: ({ provider }) => providerRoom.requested(provider),
    onStated: ({ id }, { requests, tokens }) => {
      if (requests !== null) metrics.deploymentLimit(id, 'rpm', 1 - requests.remaining / requests.limit)
      if (tokens !== null) metrics.deploymentLimit(id, 'tpm', 1 - tokens.remaining / tokens.limit)
    },
    maxAnswerBytes: MAX_ANSWER_BYTES,
    estimateTokens,
    tokensOf,
    redact,
  }
}
