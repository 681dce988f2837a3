// What trying needs and what comes of it: one request's run, the tools of all runs, and the answer.
import type { ClosingSignal } from '../core/closing-signal.ts'
import type { Call } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { HeaderSource } from '../core/headers.ts'
import type { Deployment, Provider } from '../core/model.ts'
import type { Attempt, Outcome } from '../core/outcome.ts'
import type { Usage } from '../core/usage.ts'
import type { Dialect } from '../dialects/dialect.ts'
import type { AnswerStream } from '../providers/answer-stream.ts'
import type { CredentialPool } from '../providers/credential-pool.ts'
import type { StatedLimits } from '../providers/stated-limits.ts'
import type { Upstream } from '../providers/upstream.ts'
import type { AnswerFacts, Wire } from '../providers/wire.ts'
import type { HedgeBudget } from './hedge-budget.ts'
import type { Health } from './health.ts'
import type { MediaFacts } from './lane.ts'
import type { Transcript } from './transcript.ts'
import type { Joint } from './translated.ts'
import type { Plan } from './plan.ts'

export type WholeAnswer = {
  readonly type: 'whole'
  readonly deployment: Deployment
  readonly status: number
  readonly headers: HeaderSource
  readonly bytes: Uint8Array
  readonly facts: AnswerFacts
  /** What was left out or bent on the way, a sentence each. */
  readonly warnings: readonly string[]
}

/** Where an answer comes from; an answer that is continued elsewhere moves. */
export type Origin = {
  deployment: Deployment
  /** Its line among the attempts of the run. */
  attempt: number
}

export type StreamAnswer = {
  readonly type: 'stream'
  readonly origin: Readonly<Origin>
  readonly status: number
  readonly headers: HeaderSource
  readonly stream: AnswerStream
  /** It has no events, so that an error in the middle cannot be told in it. */
  readonly isBytes?: true
  readonly warnings: readonly string[]
  /** What the caller sees of it; absent or null: it cannot be continued elsewhere. */
  readonly transcript?: Transcript | null
  /** Ends the upstream; harmless after its end. */
  readonly cancel: () => void
  /** Told once how the stream ended, for the health of its target; `outputTokens`: null where they are not known. */
  readonly finished: (outcome: Outcome, outputTokens: number | null) => void
}

export type Answer = WholeAnswer | StreamAnswer

export type AttemptTools = {
  readonly upstream: Upstream
  readonly clock: Clock
  readonly random: () => number
  readonly wireOf: (provider: Provider) => Wire
  readonly health: Health
  readonly hedges: HedgeBudget
  readonly credentials: Pick<CredentialPool, 'choose' | 'benchMs' | 'report'>
  /** How long a request has to wait for room in what the operator says that a provider grants, ms. */
  readonly roomMs: (provider: Provider) => number
  /** Told each attempt that begins. */
  readonly onStart: (deployment: Deployment) => void
  /** Told what a provider states of its own limits. */
  readonly onStated: (deployment: Deployment, stated: StatedLimits) => void
  readonly maxAnswerBytes: number
  readonly estimateTokens: (text: string) => number
  /** Output tokens of so many characters, where nobody reports them. */
  readonly tokensOf: (characters: number) => number
  /** Takes secrets out of a provider's words, which may repeat what it was sent. */
  readonly redact: (text: string) => string
}

/** One request being tried: `attempts` grows as targets are tried and is read by the log whatever happens. */
export type AttemptRun = {
  readonly requestId: string
  readonly call: Call
  readonly dialect: Dialect
  readonly plan: Plan
  readonly lossy: 'allow' | 'refuse'
  readonly media: MediaFacts
  readonly signal: ClosingSignal
  /** Monotonic ms at which the request must have ended. */
  readonly deadlineMs: number
  /** What the request uses by the estimate that was made before it was sent. */
  readonly estimate: Usage
  readonly attempts: Attempt[]
  /** What is wrong with the form of a whole answer, so that another target shall be asked; null: nothing. Absent: nobody looks. */
  readonly review?: ((answer: WholeAnswer) => Promise<string | null>) | undefined
  /** Absent: the answer begins here. */
  readonly continuing?: Continuing
}

/** An answer that broke off and goes on elsewhere. */
type Continuing = {
  /** The call that asks a target to go on. */
  callFor(deployment: Deployment): Call
  /** Joins what comes from it to what was there. */
  jointFor(deployment: Deployment): Joint
}
