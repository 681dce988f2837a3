// The order of candidates where quality is asked for: who is good enough, then who is cheapest of those, or as the route's strategy says.
//
// What is good enough, and how much money a little less of it is worth, the policy decides that is handed in (`PlanTools.decide`).
// Who is not known to be good enough is left out with the numbers, unless the policy lets those answer when all others have failed.
import type { Deployment } from '../core/model.ts'
import type { NanoUsd } from '../core/money.ts'
import type { ExpectedQuality, QualityCandidate, QualityDecision, QualityReason } from '../core/quality.ts'
import type { Collection } from './candidates.ts'
import { type Candidate, orderBy, type OrderFacts } from './order.ts'
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
  const candidates = found.flatMap(weighable)
  if (candidates.length < found.length || found.length === 0) return orderBy(strategy, found, facts)
  const isByCost = strategy === 'quality' || strategy === 'cheapest'
  const { request, tools } = collection
  const first = isByCost ? orderBy(strategy, found, facts)[0]! : found[0]!
  const baseline = terms.baseline ?? first.target.deployment.id
  const isFree = isByCost && isOpen(request.conversation)
  const decided = tools.decide(candidates, { route, terms, baseline, isFree }, request.facts)
  const byId = new Map(found.map((candidate) => [candidate.target.deployment.id, candidate]))
  const ordered = decided.order.map((id) => byId.get(id)!)
  const asked = new Set(decided.order)
  for (const { deployment: id, excluded } of decided.considered) {
    if (asked.has(id) || excluded === null) continue
    const { target, quality, costNanoUsd } = byId.get(id)!
    const expected = quality === null ? {} : { expected: { quality, costNanoUsd } }
    collection.excluded.push({ deployment: target.deployment, why: WHY[excluded], ...expected })
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
  return isByCost ? withReasons(ordered, decided) : filtered(ordered, decided, (kept) => orderBy(strategy, kept, facts))
}

function weighable({ target, quality, costNanoUsd, latencyMs, health }: Candidate): QualityCandidate | readonly [] {
  if (quality === null) return []
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

function withReasons(ordered: readonly Candidate[], { reason, considered, baseline }: Decided): readonly Candidate[] {
  const below = new Set(considered.flatMap(({ deployment, excluded }) => (excluded === null ? [] : [deployment])))
  return ordered.map((candidate, place) => {
    const { id } = candidate.target.deployment
    if (place === 0) return { ...candidate, reason: REASONS[reason] }
    if (id === baseline) return { ...candidate, reason: 'baseline' }
    return { ...candidate, reason: below.has(id) ? 'below the floor: only if all others fail' : 'good enough' }
  })
}

/** The floor alone: those that are good enough, in the order of the strategy; nobody is: the baseline. */
function filtered(
  ordered: readonly Candidate[],
  { considered, baseline }: Decided,
  order: (kept: readonly Candidate[]) => readonly Candidate[],
): readonly Candidate[] {
  const below = new Set(considered.flatMap(({ deployment, excluded }) => (excluded === null ? [] : [deployment])))
  const isBelow = ({ target }: Candidate): boolean => below.has(target.deployment.id)
  const isBaseline = ({ target }: Candidate): boolean => target.deployment.id === baseline
  const good = ordered.filter((candidate) => !isBelow(candidate))
  const rest = ordered.filter((candidate) => isBelow(candidate))
  const trusted = rest.filter(isBaseline).map((candidate) => ({
    ...candidate,
    reason: good.length === 0 ? REASONS.baseline : 'baseline',
  }))
  const others = rest
    .filter((candidate) => !isBaseline(candidate))
    .map((candidate) => ({ ...candidate, reason: 'below the floor: only if all others fail' }))
  return [...order(good), ...trusted, ...others]
}
