// How one try of one target ended.
import type { NanoUsd } from './money.ts'
import type { Usage } from './usage.ts'

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
  | 'unfit'

/** `pace`: it sent, and too slowly. */
export type Stage = 'connect' | 'first_token' | 'idle' | 'pace' | 'total'

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
  /** A whole answer without the form that was asked for, where its route asks another target then: no failure of the provider's. */
  | { readonly type: 'unfit'; readonly reason: string }

/** A row of a table from status and words to outcome. */
export type OutcomeRule = {
  /** Exact statuses; a single digit is a whole class (`5` for 500–599). */
  readonly statuses: readonly number[]
  /** Over the code and the message, in lower case; absent: the status alone decides. */
  readonly words?: RegExp
  readonly outcome: Exclude<OutcomeType, 'answered' | 'timed_out' | 'cancelled' | 'unfit'>
}

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
  /** What it consumed without giving the answer; absent: nothing, or it is the request's own usage. */
  readonly consumed?: Consumed
}

/** Its cost is a part of the entry's; null: not priced (yet). */
export type Consumed = { readonly usage: Usage; readonly costNanoUsd: NanoUsd | null }
