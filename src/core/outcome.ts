// How one try of one target ended.

/** The classes of routing.md; each knows what comes next. */
export type OutcomeType =
  | 'answered'
  | 'rate_limited'
  | 'overloaded'
  | 'unreachable'
  | 'timed_out'
  | 'broken'
  | 'credential_bad'
  | 'context_too_long'
  | 'filtered'
  | 'rejected'
  | 'cancelled'

export type Stage = 'connect' | 'first_token' | 'idle' | 'total'

export type Outcome =
  | { readonly type: 'answered' }
  | { readonly type: 'rate_limited'; readonly retryAfterMs: number | null }
  | { readonly type: 'overloaded'; readonly retryAfterMs: number | null }
  | { readonly type: 'unreachable'; readonly reason: string }
  | { readonly type: 'timed_out'; readonly stage: Stage }
  | { readonly type: 'broken'; readonly reason: string }
  | { readonly type: 'credential_bad' }
  | { readonly type: 'context_too_long' }
  | { readonly type: 'filtered' }
  | { readonly type: 'rejected' }
  /** Our own doing: the client went away, or a hedge was won by another attempt. */
  | { readonly type: 'cancelled' }

/** The outcome with its words, which may be the provider's, made fit to be shown. */
export function redactOutcome(outcome: Outcome, redact: (text: string) => string): Outcome {
  return 'reason' in outcome ? { ...outcome, reason: redact(outcome.reason) } : outcome
}

/** One try of one target, as it is logged. */
export type Attempt = {
  /** Deployment id, `provider/model`. */
  readonly target: string
  readonly credentialId: string | null
  readonly outcome: Outcome
  /** HTTP status of the upstream; null when none came. */
  readonly status: number | null
  readonly startedAt: number
  readonly durationMs: number
  readonly ttftMs: number | null
  /** The provider's own error text, bounded and redacted; null when there was none. */
  readonly message: string | null
}
