// To whom: the ordered targets of one request, each with the reason for its place. Pure: what it must know of the world
// is handed in, and what it decides is remembered by whoever asked.
//
// 1. Which targets of the route may serve this request (conditions, ability, what the caller asks for, cooldown).
// 2. In which order, by the route's strategy; a route among the targets orders its own and stands where its first stands.
// 3. A conversation stays where it was, as long as that pays.
// 4. The fallbacks follow as written. What is benched is left out, unless nobody else is left.
import type { Deployment, Timeouts } from '../core/model.ts'
import type { NanoUsd } from '../core/money.ts'
import type { ExpectedQuality, QualityCandidate } from '../core/quality.ts'
import type { Choosing, Decided, Excluded, PlannedDecision } from './by-quality.ts'
import { benchedFirst, collect, collectAsWritten, type Collection, startCollection } from './candidates.ts'
import type { HealthOf } from './health-facts.ts'
import type { Candidate } from './order.ts'
import type { RequestFacts } from './request-facts.ts'
import type { AttemptPolicy, FallbackCause, QualityTerms, Route, Strategy, Target } from './route.ts'
import { stay } from './stay.ts'
import type { Conversation } from './stay.ts'

export type PlannedTarget = {
  readonly deployment: Deployment
  /** Why it stands where it stands. */
  readonly reason: string
  readonly role: 'target' | 'fallback'
  /** Of one attempt here: the provider's, overridden by the route's. */
  readonly timeouts: Timeouts
  /** Expected cost of this request here; null where nobody asked for it, or the model has no price. */
  readonly expectedNanoUsd: NanoUsd | null
  /** Expected time to the first token; null where nobody asked for it, or nothing was measured. */
  readonly latencyMs: number | null
  /** What its answer is expected to be worth; null where nobody asked for it, or the request is no chat. */
  readonly quality: ExpectedQuality | null
}

export type Plan = {
  readonly route: string
  readonly targets: readonly PlannedTarget[]
  readonly excluded: readonly Excluded[]
  /** How its first target was chosen by quality; null: quality was not asked for. */
  readonly decision: PlannedDecision | null
  /** What takes over by what went wrong, before the targets that are left. */
  readonly on: { readonly [cause in FallbackCause]?: readonly PlannedTarget[] }
  readonly policy: AttemptPolicy
  /** Of the whole request, all attempts together. */
  readonly totalMs: number
}

/** What planning knows of the world. */
export type PlanTools = {
  readonly monotonicMs: () => number
  /** 0–1, by chance. */
  readonly random: () => number
  readonly healthOf: HealthOf
  /** Why a deployment cannot serve this request, or null when it can. */
  readonly unable: (deployment: Deployment, facts: Pick<RequestFacts, 'call' | 'dialect'>) => string | null
  /** What the request will cost there, likely; `isCached`: its prompt is in that deployment's cache. Null: no price. */
  readonly costOf: (deployment: Deployment, facts: RequestFacts, isCached: boolean) => NanoUsd | null
  /** Tokens of the answer, likely. */
  readonly outputTokensOf: (deployment: Deployment, facts: RequestFacts) => number
  /** What is asked of quality by a request whose route asks nothing. */
  readonly quality: QualityTerms
  /** Who is good enough and who of them it shall be. */
  readonly decide: (candidates: readonly QualityCandidate[], choosing: Choosing, facts: RequestFacts) => Decided
  /** 0–1, evenly spread over the requests of a route. */
  readonly drawOf: (routeName: string) => number
  /** Time since a deployment was last asked, ms. */
  readonly idleMsOf: (deploymentId: string) => number
  /** Requests under way that are planned for a deployment, sent or not. */
  readonly plannedOf: (deploymentId: string) => number
}

/** What a caller asks of routing. */
export type Preference = {
  /** Instead of the route's; null: the route's. */
  readonly strategy: Strategy | null
  /** Why the caller does not want a deployment, or null when it may answer. */
  readonly barred: ((deployment: Deployment, facts: RequestFacts) => string | null) | null
  /** The least quality that will do, 0–1; null: the route's. */
  readonly floor: number | null
  /** Lower goes first, whatever the strategy says; null: no such wish. */
  readonly rankOf: ((deployment: Deployment) => number) | null
  /** Tried after the targets, instead of the route's; null: the route's. */
  readonly fallbacks: readonly Target[] | null
  /** Only the first target may answer. */
  readonly isAlone: boolean
}

export type PlanRequest = {
  readonly facts: RequestFacts
  readonly route: Route
  /** Null: the request belongs to none, or its route does not care. */
  readonly conversation: Conversation | null
  /** Null: the caller asks for nothing. */
  readonly preference: Preference | null
  /** Of the whole request, where the route does not say. */
  readonly totalMs: number
  /** Costs and qualities are wanted although the strategy does not need them. */
  readonly isDetailed: boolean
}

const NONE: readonly never[] = []
const NO_CAUSES: Plan['on'] = {}
const CAUSES = ['context_length', 'content_filter', 'rate_limit', 'budget'] as const satisfies readonly FallbackCause[]

/** Orders the targets of a route that can serve the request. */
export function plan(request: PlanRequest, tools: PlanTools): Plan {
  const { route, preference } = request
  const collection = startCollection(request, tools)
  const chosen = targetsOf(route, collection)
  const rankOf = preference?.rankOf ?? null
  const listed = rankOf === null ? chosen : ranked(chosen, rankOf)
  const isAlone = preference?.isAlone === true
  // Whoever wants no fallback gets none for a target that cools down either.
  const further = isAlone ? NONE : (preference?.fallbacks ?? route.fallbacks)
  const fallbacks = collectAsWritten(further, collection)
  const all = stay([...asPlanned(listed, 'target'), ...asPlanned(fallbacks, 'fallback')], request, collection)
  const targets = all.length === 0 ? asPlanned(benchedFirst(collection), 'target') : all
  const kept = isAlone ? targets.slice(0, 1) : targets
  for (const { deployment } of targets.slice(kept.length))
    collection.excluded.push({ deployment, why: 'the caller allows no fallback' })
  return {
    route: route.name,
    targets: kept,
    excluded: collection.excluded,
    decision: decisionOf(kept, collection),
    on: isAlone ? NO_CAUSES : causesOf(request, tools),
    policy: route.policy,
    totalMs: request.totalMs,
  }
}

/** A conversation may have stayed elsewhere, the caller may have an order of its own, and what was chosen may have no room now. */
function decisionOf(
  targets: readonly PlannedTarget[],
  { decision, decidedFor, request }: Collection,
): PlannedDecision | null {
  const first = targets[0]?.deployment.id
  if (decision === null || first === undefined || decision.reason === 'floor' || first === decision.choice)
    return decision
  // What was decided within a route that does not come first says nothing of who does.
  if (decidedFor !== request.route.name) return null
  const hasStayed = first === request.conversation?.last?.deploymentId
  return { ...decision, choice: first, reason: hasStayed ? 'conversation' : 'displaced', propensity: 1 }
}

function targetsOf(route: Route, collection: Collection): readonly Candidate[] {
  const strategy = collection.request.preference?.strategy ?? route.strategy
  if (route.byTask.size === 0) return collect(route.targets, strategy, route, collection)
  const task = collection.request.facts.task()
  const own = collect(route.byTask.get(task) ?? route.byTask.get('default') ?? NONE, strategy, route, collection)
  const others = collect(route.targets, strategy, route, collection)
  return [...own.map((candidate) => ({ ...candidate, reason: `task ${task}` })), ...others]
}

function ranked(candidates: readonly Candidate[], rankOf: (deployment: Deployment) => number): readonly Candidate[] {
  return candidates
    .map((candidate) => ({ candidate, rank: rankOf(candidate.target.deployment) }))
    .toSorted((one, other) => one.rank - other.rank)
    .map(({ candidate, rank }) => (Number.isFinite(rank) ? { ...candidate, reason: 'asked for' } : candidate))
}

function causesOf(request: PlanRequest, tools: PlanTools): Plan['on'] {
  const { on } = request.route
  const causes: { [cause in FallbackCause]?: readonly PlannedTarget[] } = {}
  for (const cause of CAUSES) {
    const targets = on[cause]
    if (targets === undefined) continue
    // A collection of its own: what takes over here may be a target, too.
    const found = collectAsWritten(targets, startCollection(request, tools))
    causes[cause] = asPlanned(found, 'fallback')
  }
  return causes
}

function asPlanned(candidates: readonly Candidate[], role: PlannedTarget['role']): readonly PlannedTarget[] {
  return candidates.map(({ target, reason, costNanoUsd, health, quality }) => ({
    deployment: target.deployment,
    reason: role === 'target' ? reason : 'fallback',
    role,
    timeouts: target.timeouts,
    expectedNanoUsd: costNanoUsd,
    latencyMs: health.ttftMs,
    quality,
  }))
}

/** The plan of a request whose route leaves nothing to choose; `why`: its only target cannot serve it. */
export function planOnly(route: Route, only: PlannedTarget, why: string | null, totalMs: number): Plan {
  return {
    route: route.name,
    targets: why === null ? [only] : NONE,
    excluded: why === null ? NONE : [{ deployment: only.deployment, why }],
    decision: null,
    on: NO_CAUSES,
    policy: route.policy,
    totalMs,
  }
}
