// Which target is tried next, and what a failure means for the rest: the course of one request through its plan.
//
// - In the order of the plan: whoever is in and has room. A target that is coming back gets its share and no more, as long
//   as another is open.
// - All that are in have to wait for room: the one with the shortest wait, if that is short and fits the deadline.
// - Nobody is in: the one that recovers first is tried once rather than nobody.
// - A target is tried once (and again with another credential, or after a pause where its failure may pass). One that
//   said 429 and nothing is left: once more, when the wait fits.
// - What is wrong with the request itself ends it, unless the route names targets for just that cause.
import type { GatewayError } from '../core/error.ts'
import type { MediaPlace } from '../core/media.ts'
import type { Credential, Deployment } from '../core/model.ts'
import type { Outcome } from '../core/outcome.ts'
import { failure } from './attempt-failure.ts'
import type { Refused } from './attempt-failure.ts'
import type { AttemptRun, AttemptTools } from './attempt-run.ts'
import { laneTo } from './lane.ts'
import type { Lane, LaneFacts, NativeLane, TranslatedLane } from './lane.ts'
import type { OperationLane } from './operation-lane.ts'
import type { PlannedTarget } from './plan.ts'
import type { FallbackCause } from './route.ts'

export type Step =
  | {
      readonly type: 'try'
      readonly target: PlannedTarget
      readonly lane: NativeLane | TranslatedLane | OperationLane
      readonly credential: Credential | null
      /** Until there is room for it in the provider's limits. */
      readonly waitMs: number
      /** Before the same target is tried again. */
      readonly pauseMs: number
    }
  | { readonly type: 'counted'; readonly target: PlannedTarget; readonly lane: Extract<Lane, { type: 'counted' }> }
  /** What the request names by address has to be fetched first; then the course goes on. */
  | { readonly type: 'fetch'; readonly places: readonly MediaPlace[] }
  | { readonly type: 'none'; readonly error: GatewayError }

export type TryStep = Extract<Step, { type: 'try' }>

/** How a try failed; `rejection`: what its caller is told if the request is at fault. */
export type Failed = {
  readonly type: 'failed'
  readonly outcome: Outcome
  readonly rejection: GatewayError | null
}

/** What is known of a target that was tried. */
type Trace = {
  credentials: Set<string>
  retries: number
  isOver: boolean
}

/** Longer than this nobody waits for room: a caller can do something better with its time. */
const LONGEST_WAIT_MS = 15_000
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 2_000
const NOT_CHOSEN: ReadonlySet<string> | null = null

export class Course {
  readonly #run: AttemptRun
  readonly #tools: AttemptTools
  #queue: readonly PlannedTarget[]
  /** Null until something failed. */
  #traces: Map<Deployment, Trace> | null = null
  #refused: Refused[] | null = null
  #again: TryStep | null = null
  #limited: PlannedTarget | null = null
  /** A target that refused a request twice is not asked a third time. */
  #hasReturned = false
  /** When the waiting for room is over, all waits together; null until the first. */
  #patientUntilMs: number | null = null
  #isLastResortUsed = false
  #fetches = 0
  #rejection: GatewayError | null = null

  constructor(run: AttemptRun, tools: AttemptTools) {
    this.#run = run
    this.#tools = tools
    this.#queue = run.plan.targets
  }

  next(): Step {
    const again = this.#again
    if (again === null) return this.#choose(null)
    this.#again = null
    return again
  }

  /** What can be sent at once beside a try that is under way; null: nothing. */
  beside(target: PlannedTarget): TryStep | null {
    const step = this.#choose(target)
    return step.type === 'try' && step.waitMs <= 0 ? step : null
  }

  #choose(beside: PlannedTarget | null): Step {
    const nowMs = this.#tools.clock.monotonicMs()
    if (nowMs >= this.#run.deadlineMs && this.#run.attempts.length > 0) return this.#none(null)
    let eased: Step | null = null
    let shortest: Step | null = null
    let shortestMs = Infinity
    let first: PlannedTarget | null = null
    let firstMs = Infinity
    for (const target of this.#queue) {
      if (target.deployment === beside?.deployment || this.#traces?.get(target.deployment)?.isOver === true) continue
      const gate = this.#tools.health.gate(target.deployment)
      const outMs =
        gate === 'out' ? this.#outMs(target, nowMs) : this.#tools.credentials.benchMs(target.deployment.provider)
      if (outMs > 0) {
        if (outMs < firstMs) [first, firstMs] = [target, outMs]
        continue
      }
      const step = this.#stepTo(target, 0)
      if (step === null) continue
      const waitMs = step.type === 'try' ? step.waitMs : 0
      if (waitMs > 0) {
        if (waitMs < shortestMs) [shortest, shortestMs] = [step, waitMs]
      } else if (gate === 'easing' && this.#tools.random() >= this.#tools.health.easeShare(target.deployment))
        eased ??= step
      else return step
    }
    if (eased !== null) return eased
    if (beside !== null) return this.#none(null)
    return this.#later(shortest, shortestMs, first, firstMs, nowMs)
  }

  /** Nobody can be sent to at once. */
  #later(shortest: Step | null, shortestMs: number, first: PlannedTarget | null, firstMs: number, nowMs: number): Step {
    if (shortest !== null && this.#fits(shortestMs, nowMs)) return shortest
    if (first !== null && !this.#isLastResortUsed) {
      this.#isLastResortUsed = true
      const step = this.#stepTo(first, 0)
      if (step !== null && (step.type !== 'try' || this.#fits(step.waitMs, nowMs))) return step
    }
    const limited = this.#limited
    if (limited !== null) {
      this.#limited = null
      this.#hasReturned = true
      this.#traces?.get(limited.deployment)?.credentials.clear()
      const step = this.#stepTo(limited, 0)
      if (step !== null && step.type === 'try' && this.#fits(step.waitMs, nowMs)) return step
    }
    const waitMs = Math.min(shortestMs, firstMs)
    return this.#none(waitMs === Infinity ? null : waitMs)
  }

  /** Takes note of a failed try, and decides whether the same target gets another. Throws what is the request's own fault. */
  failed(step: TryStep, { outcome, rejection }: Failed): void {
    const { target } = step
    const trace = this.#traceOf(target.deployment)
    if (step.credential !== null) trace.credentials.add(step.credential.id)
    switch (outcome.type) {
      case 'rejected':
        throw rejection ?? failure(this.#run, [], null)
      case 'context_too_long':
        this.#only('context_length', rejection)
        return
      case 'filtered':
        this.#only('content_filter', rejection)
        return
      case 'credential_bad':
      case 'rate_limited': {
        // Another credential of the same provider first: the caller asked for this model.
        const other = this.#stepTo(target, 0)
        if (other !== null && other.type === 'try' && other.credential !== null && other.waitMs <= 0) {
          this.#again = other
          return
        }
        trace.isOver = true
        if (outcome.type === 'rate_limited') {
          if (!this.#hasReturned) this.#limited ??= target
          this.#first('rate_limit')
        }
        return
      }
      case 'overloaded':
        if (this.#mayRetry(target, trace, outcome.retryAfterMs)) {
          const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** trace.retries++, LONGEST_PAUSE_MS)
          this.#again = { ...step, waitMs: 0, pauseMs: pauseMs * (0.5 + this.#tools.random() / 2) }
        } else trace.isOver = true
        return
      case 'answered':
      case 'unreachable':
      case 'timed_out':
      case 'broken':
      case 'cancelled':
      case 'unfit':
        trace.isOver = true
        return
    }
  }

  /** The place that a step waited for was gone when its time came: it may be waited for again. */
  missed({ target }: TryStep): void {
    if (this.#traces?.get(target.deployment)?.isOver === true) this.#limited = target
  }

  #mayRetry({ deployment }: PlannedTarget, trace: Trace, retryAfterMs: number | null): boolean {
    const { health, clock } = this.#tools
    if (trace.retries >= this.#run.plan.policy.retries) return false
    if ((retryAfterMs ?? 0) > LONGEST_PAUSE_MS) return false
    if (clock.monotonicMs() + LONGEST_PAUSE_MS >= this.#run.deadlineMs) return false
    return health.gate(deployment) !== 'out' && health.mayRetry(deployment.provider)
  }

  /** Only the targets that the route names for a cause are left; without any the caller is told. */
  #only(cause: FallbackCause, rejection: GatewayError | null): void {
    const targets = this.#run.plan.on[cause] ?? []
    if (targets.every(({ deployment }) => this.#traces?.get(deployment)?.isOver === true))
      throw rejection ?? failure(this.#run, this.#refused ?? [], null)
    this.#rejection = rejection
    this.#queue = targets
    for (const { deployment } of this.#run.plan.targets)
      if (!targets.some((target) => target.deployment === deployment)) this.#traceOf(deployment).isOver = true
  }

  /** The targets that the route names for a cause come before the others. */
  #first(cause: FallbackCause): void {
    const targets = this.#run.plan.on[cause]
    if (targets !== undefined && !targets.every((target) => this.#queue.includes(target)))
      this.#queue = [...targets, ...this.#queue.filter((target) => !targets.includes(target))]
  }

  #stepTo(target: PlannedTarget, pauseMs: number): Step | null {
    const { deployment } = target
    const { credentials, health, roomMs, wireOf } = this.#tools
    const { provider } = deployment
    const lane = laneTo(deployment, wireOf(provider), this.#factsFor(deployment))
    switch (lane.type) {
      case 'native':
      case 'translated':
      case 'operation': {
        const tried = this.#traces?.get(deployment)?.credentials ?? NOT_CHOSEN
        const waitOf = (credential: Credential | null): number =>
          health.waitMs(deployment, credential, this.#run.estimate.input)
        const credential = credentials.choose(provider, { waitMs: waitOf, tried })
        if (credential === null && provider.credentials.length > 0) return null
        return {
          type: 'try',
          target,
          lane,
          credential,
          waitMs: Math.max(roomMs(provider), waitOf(credential)),
          pauseMs,
        }
      }
      case 'counted':
        return { type: 'counted', target, lane }
      case 'unfetched':
        if (this.#run.media.fetch !== null && this.#fetches < this.#queue.length) {
          this.#fetches++
          return { type: 'fetch', places: lane.places }
        }
        this.#passOver(deployment, ['What it names by address was not fetched.'])
        return null
      case 'refused':
        this.#passOver(deployment, lane.refusals)
        return null
      case 'none':
        this.#passOver(deployment, [`It ${lane.why}.`])
        return null
    }
  }

  #factsFor(deployment: Deployment): LaneFacts {
    const { continuing } = this.#run
    return continuing === undefined
      ? this.#run
      : { ...this.#run, call: continuing.callFor(deployment), isContinued: true }
  }

  #passOver(deployment: Deployment, refusals: readonly string[]): void {
    ;(this.#refused ??= []).push({ target: deployment.id, refusals })
    this.#traceOf(deployment).isOver = true
  }

  #outMs({ deployment }: PlannedTarget, nowMs: number): number {
    // One whose probe is under way is about to come back, or to go out again: it is not better than any other.
    return Math.max(1, (this.#tools.health.coolingUntilMs(deployment) ?? nowMs) - nowMs)
  }

  #fits(waitMs: number, nowMs: number): boolean {
    this.#patientUntilMs ??= nowMs + LONGEST_WAIT_MS
    return nowMs + waitMs <= this.#patientUntilMs && nowMs + waitMs < this.#run.deadlineMs
  }

  #none(waitMs: number | null): Step {
    return { type: 'none', error: this.#rejection ?? failure(this.#run, this.#refused ?? [], waitMs) }
  }

  #traceOf(deployment: Deployment): Trace {
    const traces = (this.#traces ??= new Map<Deployment, Trace>())
    let trace = traces.get(deployment)
    if (trace === undefined) traces.set(deployment, (trace = { credentials: new Set(), retries: 0, isOver: false }))
    return trace
  }
}
