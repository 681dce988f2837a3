// The order of candidates where quality is asked for: who is good enough, then who is cheapest of those, or as the route's strategy says.
//
// What is good enough, and how much money a little less of it is worth, the policy decides that is handed in (`PlanTools.decide`).
// Who is not known to be good enough is left out with the numbers, unless the policy lets those answer when all others have failed.
import type { Deployment } from '../core/model.ts'
import type { NanoUsd } from '../core/money.ts'
import type { ExpectedQuality, QualityCandidate, QualityDecision, QualityReason } from '../core/quality.ts'
import type { Collection } from './candidates.ts'
import { type Candidate, cheapestOf, orderBy, type OrderFacts } from './order.ts'
import type { QualityTerms, Route, Strategy } from './route.ts'

/** Who is left out of a plan, and why. */
export type Excluded = {
  readonly deployment: Deployment
  readonly why: string
  /** The numbers, where they are the reason. */
  readonly expected?: { readonly quality: ExpectedQuality; readonly costNanoUsd: NanoUsd | null }
}

/** What a plan tells of a choice by quality. */
export type PlannedDecision = Pick<QualityDecision, 'propensity' | 'baseline' | 'bar'> & {
  /**
   * `floor`: it only says who may answer. `conversation`: it stays where it was, whatever the policy would have chosen. `displaced`: another
   * stands first, because the caller wants it so or the chosen one has no room in its rate limits.
   */
  readonly reason: QualityReason | 'floor' | 'conversation' | 'displaced'
  readonly z: number
  /** Who was chosen. */
  readonly choice: string
  /** λ: quality that a dollar was worth. */
  readonly pressurePerUsd: number
  /** Shares of the tasks that the request may be, the noise left out. */
  readonly tasks: Readonly<Record<string, number>>
}

/** What a policy makes of a request's candidates. */
export type Decided = QualityDecision & Pick<PlannedDecision, 'pressurePerUsd' | 'tasks'>

/** What is asked of the policy for one request. */
export type Choosing = {
  readonly route: string
  readonly terms: QualityTerms
  readonly baseline: string
  /** It may be tried out on this request, and money may outweigh quality: not where the floor only filters, or a conversation is under way. */
  readonly isFree: boolean
}

const REASONS: Readonly<Record<QualityReason, string>> = {
  cheapest_good_enough: 'cheapest good enough',
  best_for_the_money: 'best for the money, under budget pressure',
  baseline: 'baseline: nobody is known to be good enough',
  exploration: 'tried out: it may be good enough',
}
const WHY = {
  below_floor: 'is not known to be good enough',
  too_little_evidence: 'too little is known of it here',
} as const

/** The terms that hold for one request of a route; null: nobody asks for quality. */
export function termsFor(route: Pick<Route, 'name' | 'quality'>, { request, tools }: Collection): QualityTerms | null {
  const floor = request.preference?.floor ?? null
  if (floor === null) return route.quality
  if (route.quality === null && route.name !== request.route.name) return null
  return { ...(route.quality ?? tools.quality), floor }
}

/** The candidates in their order; of a request of which no quality is known, as the strategy says. */
export function orderByQuality(
  found: readonly Candidate[],
  how: {
    readonly strategy: Strategy
    readonly terms: QualityTerms
    readonly route: string
    readonly facts: OrderFacts
  },
  collection: Collection,
): readonly Candidate[] {
  const { strategy, terms, route, facts } = how
  const candidates: QualityCandidate[] = []
  for (const candidate of found) {
    if (candidate.quality === null) return orderBy(strategy, found, facts)
    candidates.push(weighable(candidate, candidate.quality))
  }
  if (found.length === 0) return found
  const isByCost = strategy === 'quality' || strategy === 'cheapest'
  const { request, tools } = collection
  const baseline = terms.baseline ?? (isByCost ? cheapestOf(found) : found[0]!).target.deployment.id
  const isFree = isByCost && isOpen(request.conversation)
  const decided = tools.decide(candidates, { route, terms, baseline, isFree }, request.facts)
  const { order, considered } = decided
  const placeOf = new Map(found.map(({ target }, place) => [target.deployment.id, place]))
  const ordered = order.map((id): Standing => {
    const place = placeOf.get(id)!
    return {
      candidate: found[place]!,
      isBelow: considered[place]!.excluded !== null,
      isBaseline: id === decided.baseline,
    }
  })
  if (order.length < found.length) {
    const asked = new Set(order)
    for (const [place, { deployment: id, excluded }] of considered.entries()) {
      if (asked.has(id) || excluded === null) continue
      const { target, quality, costNanoUsd } = found[place]!
      const expected = quality === null ? {} : { expected: { quality, costNanoUsd } }
      collection.excluded.push({ deployment: target.deployment, why: WHY[excluded], ...expected })
    }
  }
  const isOwn = route === request.route.name
  if (collection.decision === null || (isOwn && collection.decidedFor !== route)) {
    collection.decidedFor = route
    collection.decision = {
      reason: isByCost ? decided.reason : 'floor',
      propensity: decided.propensity,
      baseline: decided.baseline,
      bar: decided.bar,
      z: terms.z,
      choice: decided.order[0]!,
      pressurePerUsd: decided.pressurePerUsd,
      tasks: decided.tasks,
    }
  }
  return isByCost ? withReasons(ordered, decided.reason) : filtered(ordered, (kept) => orderBy(strategy, kept, facts))
}

function weighable({ target, costNanoUsd, latencyMs, health }: Candidate, quality: ExpectedQuality): QualityCandidate {
  return {
    deployment: target.deployment.id,
    quality,
    expectedCostNanoUsd: costNanoUsd === null ? Number.POSITIVE_INFINITY : Number(costNanoUsd),
    latencyMs: latencyMs ?? Number.POSITIVE_INFINITY,
    headroomShare: health.headroom,
  }
}

/** A conversation whose prompt is cached somewhere, or that waits for a tool, is no place for experiments. */
function isOpen(conversation: Collection['request']['conversation']): boolean {
  return conversation === null || !(conversation.inToolLoop || conversation.last?.isWarm === true)
}

/** A candidate, and what the policy made of it. */
type Standing = { readonly candidate: Candidate; readonly isBelow: boolean; readonly isBaseline: boolean }

const BELOW = 'below the floor: only if all others fail'

function withReasons(ordered: readonly Standing[], reason: QualityReason): readonly Candidate[] {
  return ordered.map(({ candidate, isBelow, isBaseline }, place) => {
    if (place === 0) return { ...candidate, reason: REASONS[reason] }
    if (isBaseline) return { ...candidate, reason: 'baseline' }
    return { ...candidate, reason: isBelow ? BELOW : 'good enough' }
  })
}

/** The floor alone: those that are good enough, in the order of the strategy; nobody is: the baseline. */
function filtered(
  ordered: readonly Standing[],
  order: (kept: readonly Candidate[]) => readonly Candidate[],
): readonly Candidate[] {
  const good = ordered.filter(({ isBelow }) => !isBelow).map(({ candidate }) => candidate)
  const rest = ordered.filter(({ isBelow }) => isBelow)
  const trusted = rest
    .filter(({ isBaseline }) => isBaseline)
    .map(({ candidate }) => ({ ...candidate, reason: good.length === 0 ? REASONS.baseline : 'baseline' }))
  const others = rest.filter(({ isBaseline }) => !isBaseline).map(({ candidate }) => ({ ...candidate, reason: BELOW }))
  return [...order(good), ...trusted, ...others]
}
