// How each deployment is, as far as its traffic tells: in or cooling down (cooldown.ts), what is left of its provider's
// limits (allowance.ts), how much is in flight, how fast it is.
//
// The life of an attempt: `begin` (it counts as in flight and has its place in the allowance) → `ended` once (the answer
// began, or it failed) → `closed` once (its last byte is through). All three cost the same whatever has happened before.
// What is kept is bounded: the deployments used last, whatever names callers make up.
import { LRUCache } from 'lru-cache'
import { atMost } from '../core/bound.ts'
import type { Clock } from '../core/clock.ts'
import type { HeaderSource } from '../core/headers.ts'
import type { Credential, Deployment, Provider } from '../core/model.ts'
import type { Outcome } from '../core/outcome.ts'
import { statedLimits } from '../providers/stated-limits.ts'
import type { StatedLimits } from '../providers/stated-limits.ts'
import { Allowance } from './allowance.ts'
import type { Place } from './allowance.ts'
import { Cooldown } from './cooldown.ts'
import type { Gate } from './cooldown.ts'
import { UNKNOWN_HEALTH } from './health-facts.ts'
import type { HealthFacts } from './health-facts.ts'
import { PeakAverage, RecentQuantiles } from './latency.ts'
import { RetryBudget } from './retry-budget.ts'

/** One attempt that is under way. */
export type Ticket = {
  readonly deployment: Deployment
  readonly isProbe: boolean
}

export type DeploymentState = HealthFacts & {
  readonly deployment: string
  readonly provider: string
  readonly state: 'in' | 'easing' | 'half_open' | 'cooling'
  /** Of the last minute. */
  readonly answered: number
  readonly failed: number
  /** How often it has begun to cool down. */
  readonly trips: number
  /** Those after failed probes too. */
  readonly cooldowns: number
  readonly ttftP95Ms: number | null
  /** Granted requests per minute, where stated or learned. */
  readonly requestsPerMinute: number | null
}

export interface Health {
  factsOf(deploymentId: string): HealthFacts
  gate(deployment: Deployment): Gate
  /** Share of the traffic for a deployment whose gate is `easing`. */
  easeShare(deployment: Deployment): number
  /** How long a request with a credential has to wait for its place in the provider's limits. */
  waitMs(deployment: Deployment, credential: Credential | null, inputTokens: number): number
  begin(deployment: Deployment, credential: Credential | null, inputTokens: number): Ticket
  /** Before a request leaves that had to wait for its place: false when the provider has refused others meanwhile. */
  mayGo(ticket: Ticket): boolean
  /** The request never left: its place is free again. */
  abandoned(ticket: Ticket): void
  /**
   * How the attempt ended, or that its answer began. `isOurs`: what struck was the request's own deadline, which says
   * nothing of the deployment. Gives what the headers state of the provider's limits.
   */
  ended(ticket: Ticket, outcome: Outcome, facts: EndFacts): StatedLimits | null
  /** An answer that had begun broke off. */
  brokeOff(ticket: Ticket, outcome: Outcome): void
  /** The last byte is through, one way or the other; later calls change nothing. */
  closed(ticket: Ticket): void
  /** A stream's pace, when it was complete. */
  paced(ticket: Ticket, outputTokens: number, durationMs: number): void
  /** Quantile of the time to the first token; null until there are enough to tell. */
  ttftQuantile(deployment: Deployment, share: number): number | null
  firstAttempt(provider: Provider): void
  /** Takes one extra attempt from the provider's retry budget; false: none is left. */
  mayRetry(provider: Provider): boolean
  /** When the deployment that cools down may be tried again, monotonic ms; null when it is in. */
  coolingUntilMs(deployment: Deployment): number | null
  states(): readonly DeploymentState[]
}

type EndFacts = { readonly headers: HeaderSource | null; readonly isOurs: boolean }

type State = {
  readonly id: string
  readonly provider: string
  readonly cooldown: Cooldown
  /** By credential id. */
  readonly allowances: Map<string, Allowance>
  readonly ttft: PeakAverage
  readonly ttftQuantiles: RecentQuantiles
  msPerToken: number | null
  inFlight: number
}

type OpenTicket = Ticket & {
  /** When it was sent. */
  begunMs: number
  readonly state: State
  readonly allowance: Allowance
  readonly place: Place
  readonly tokens: number
  isClosed: boolean
}

const MAX_DEPLOYMENTS = 10_000
const NO_CREDENTIAL = ''
/** Timers may fire that early. */
const TIMER_MS = 2
const PACE_WEIGHT = 0.1
/** Fewer times to the first token than this say nothing of their 95th percentile. */
const FEWEST_FOR_QUANTILE = 20

export type HealthOptions = {
  readonly clock: Clock
  readonly random: () => number
  /** Told each deployment that begins to cool down, for the log. */
  readonly onTrip?: (deployment: Deployment, outcome: Outcome, untilMs: number) => void
}

export function createHealth({ clock, random, onTrip }: HealthOptions): Health {
  const states = new LRUCache<string, State>(atMost(MAX_DEPLOYMENTS))
  const budgets = new LRUCache<string, RetryBudget>(atMost(MAX_DEPLOYMENTS))

  function stateOf({ id, provider }: Deployment): State {
    let state = states.get(id)
    if (state === undefined) states.set(id, (state = newState(id, provider.name)))
    return state
  }

  function budgetOf(provider: Provider): RetryBudget {
    let budget = budgets.get(provider.name)
    if (budget === undefined) budgets.set(provider.name, (budget = new RetryBudget()))
    return budget
  }

  function failed({ state, deployment, begunMs }: OpenTicket, outcome: Outcome): void {
    const retryAfterMs = 'retryAfterMs' in outcome ? outcome.retryAfterMs : null
    const { cooldown } = state
    if (cooldown.failed(begunMs, retryAfterMs, random(), clock.monotonicMs()) && cooldown.untilMs !== null)
      onTrip?.(deployment, outcome, cooldown.untilMs)
  }

  function judge(ticket: OpenTicket, outcome: Outcome, isOurs: boolean): void {
    const nowMs = clock.monotonicMs()
    const { state, allowance } = ticket
    switch (outcome.type) {
      case 'answered':
        allowance.answered(nowMs)
        state.ttft.observe(nowMs - ticket.begunMs, nowMs)
        state.ttftQuantiles.observe(nowMs - ticket.begunMs)
        state.cooldown.succeeded(nowMs)
        return
      // It is there and understands us: the request is at fault.
      case 'context_too_long':
      case 'filtered':
      case 'rejected':
      case 'unfit':
        state.cooldown.succeeded(nowMs)
        return
      case 'rate_limited':
        allowance.refused(outcome.retryAfterMs, ticket.place, random(), nowMs)
        // It is there, and busy: whether it is healthy is for the next one to find out.
        freeProbe(ticket)
        return
      case 'credential_bad':
      case 'cancelled':
        freeProbe(ticket)
        return
      case 'timed_out':
        if (isOurs) freeProbe(ticket)
        else failed(ticket, outcome)
        return
      case 'overloaded':
      case 'unreachable':
      case 'broken':
        failed(ticket, outcome)
        return
    }
  }

  return {
    factsOf(deploymentId) {
      const state = states.peek(deploymentId)
      return state === undefined ? UNKNOWN_HEALTH : factsOf(state, clock.monotonicMs())
    },
    gate: (deployment) => states.peek(deployment.id)?.cooldown.gate(clock.monotonicMs()) ?? 'in',
    easeShare: (deployment) => states.peek(deployment.id)?.cooldown.easeShare(clock.monotonicMs()) ?? 1,
    waitMs(deployment, credential, inputTokens) {
      const allowance = states.peek(deployment.id)?.allowances.get(credential?.id ?? NO_CREDENTIAL)
      return allowance === undefined ? 0 : allowance.waitMs(inputTokens, clock.monotonicMs())
    },
    begin(deployment, credential, inputTokens) {
      const state = stateOf(deployment)
      const begunMs = clock.monotonicMs()
      const isProbe = state.cooldown.gate(begunMs) === 'probe'
      if (isProbe) state.cooldown.isProbing = true
      state.inFlight++
      const allowance = allowanceOf(state, credential)
      const place = allowance.take(inputTokens, begunMs)
      const ticket: OpenTicket = {
        deployment,
        isProbe,
        begunMs,
        state,
        allowance,
        place,
        tokens: inputTokens,
        isClosed: false,
      }
      return ticket
    },
    mayGo(ticket) {
      const open = ticket as OpenTicket
      open.begunMs = clock.monotonicMs()
      open.place.sentAtMs = open.begunMs
      return open.allowance.blockedUntilMs <= open.begunMs + TIMER_MS
    },
    abandoned(ticket) {
      const open = ticket as OpenTicket
      open.allowance.giveBack(open.tokens, clock.monotonicMs())
      freeProbe(open)
      close(open)
    },
    ended(ticket, outcome, { headers, isOurs }) {
      const open = ticket as OpenTicket
      const stated = headers === null ? null : statedLimits(headers, clock.now())
      if (stated !== null) open.allowance.heard(stated, open.place, clock.monotonicMs())
      judge(open, outcome, isOurs)
      if (outcome.type !== 'answered') close(open)
      return stated
    },
    brokeOff(ticket, outcome) {
      const open = ticket as OpenTicket
      if (open.isClosed) return
      if (outcome.type !== 'cancelled' && outcome.type !== 'answered') failed(open, outcome)
      close(open)
    },
    closed: (ticket) => close(ticket as OpenTicket),
    paced(ticket, outputTokens, durationMs) {
      if (!(outputTokens > 1 && durationMs > 0)) return
      const { state } = ticket as OpenTicket
      const sample = durationMs / (outputTokens - 1)
      state.msPerToken =
        state.msPerToken === null ? sample : state.msPerToken + (sample - state.msPerToken) * PACE_WEIGHT
    },
    ttftQuantile(deployment, share) {
      const quantiles = states.peek(deployment.id)?.ttftQuantiles
      return quantiles === undefined || quantiles.count < FEWEST_FOR_QUANTILE ? null : quantiles.quantile(share)
    },
    firstAttempt: (provider) => budgetOf(provider).first(clock.monotonicMs()),
    mayRetry: (provider) => budgetOf(provider).extra(clock.monotonicMs()),
    coolingUntilMs: (deployment) => states.peek(deployment.id)?.cooldown.untilMs ?? null,
    states() {
      const nowMs = clock.monotonicMs()
      return Array.from(states.values(), (state) => describe(state, nowMs)).sort((a, b) =>
        a.deployment < b.deployment ? -1 : 1,
      )
    },
  }
}

function newState(id: string, provider: string): State {
  return {
    id,
    provider,
    cooldown: new Cooldown(),
    allowances: new Map(),
    ttft: new PeakAverage(),
    ttftQuantiles: new RecentQuantiles(),
    msPerToken: null,
    inFlight: 0,
  }
}

/** As many as the provider has credentials: they are named by the configuration, never by callers. */
function allowanceOf(state: State, credential: Credential | null): Allowance {
  const id = credential?.id ?? NO_CREDENTIAL
  let allowance = state.allowances.get(id)
  if (allowance === undefined) state.allowances.set(id, (allowance = new Allowance()))
  return allowance
}

function freeProbe({ isProbe, state }: OpenTicket): void {
  if (isProbe) state.cooldown.isProbing = false
}

function close(ticket: OpenTicket): void {
  if (ticket.isClosed) return
  ticket.isClosed = true
  ticket.state.inFlight--
}

function factsOf(state: State, nowMs: number): HealthFacts {
  return {
    coolingUntilMs: state.cooldown.untilMs,
    probing: state.cooldown.isProbing,
    inFlight: state.inFlight,
    ttftMs: state.ttft.value,
    msPerToken: state.msPerToken,
    headroom: headroomOf(state, nowMs),
  }
}

/** Of the credential that has most: it is the one that will be used. */
function headroomOf({ allowances }: State, nowMs: number): number {
  let most = allowances.size === 0 ? 1 : 0
  for (const allowance of allowances.values()) most = Math.max(most, allowance.headroom(nowMs))
  return most
}

function describe(state: State, nowMs: number): DeploymentState {
  const { cooldown } = state
  const gate = cooldown.gate(nowMs)
  let requestsPerMinute: number | null = null
  for (const allowance of state.allowances.values())
    if (allowance.requestsPerMinute !== null) requestsPerMinute = (requestsPerMinute ?? 0) + allowance.requestsPerMinute
  return {
    deployment: state.id,
    provider: state.provider,
    state: gate === 'out' ? (cooldown.isProbing ? 'half_open' : 'cooling') : gate === 'probe' ? 'half_open' : gate,
    answered: cooldown.endings.good(nowMs),
    failed: cooldown.endings.bad(nowMs),
    trips: cooldown.trips,
    cooldowns: cooldown.cooldowns,
    ttftP95Ms: state.ttftQuantiles.quantile(0.95),
    requestsPerMinute,
    ...factsOf(state, nowMs),
  }
}
