// Which targets may serve a request: those whose condition holds, that are able, that the caller wants and that are well.
import { type Excluded, orderByQuality, type PlannedDecision, termsFor } from './by-quality.ts'
import { orderBy } from './order.ts'
import type { Candidate, OrderFacts } from './order.ts'
import type { PlanRequest, PlanTools } from './plan.ts'
import { deploymentsAt } from './route.ts'
import type { DeploymentTarget, Route, Strategy, Target } from './route.ts'

/** What is found while the targets of one request are gone through. */
export type Collection = {
  readonly request: PlanRequest
  readonly tools: PlanTools
  readonly nowMs: number
  /** Deployments that stand in the plan already. */
  readonly seen: Set<string>
  readonly excluded: Excluded[]
  /** Able, but cooling down. */
  readonly benched: Candidate[]
  /** What was decided by quality, for the request's own route if that asks for it, else for the first route within it that does; null: nothing. */
  decision: PlannedDecision | null
  decidedFor: string | null
}

export function startCollection(request: PlanRequest, tools: PlanTools): Collection {
  return {
    request,
    tools,
    nowMs: tools.monotonicMs(),
    seen: new Set(),
    excluded: [],
    benched: [],
    decision: null,
    decidedFor: null,
  }
}

const NO_REST: readonly Candidate[] = []

/** The candidates among some targets in the order of a strategy, those of nested routes in the order of theirs. */
export function collect(
  targets: readonly Target[],
  strategy: Strategy,
  route: Pick<Route, 'name' | 'quality'>,
  collection: Collection,
): readonly Candidate[] {
  if (targets.length === 0) return NO_REST
  const terms = termsFor(route, collection)
  const wants: Wants = { strategy, isWeighed: terms !== null }
  const found: Candidate[] = []
  for (const target of targets) {
    const candidate = candidateOf(target, wants, collection)
    if (candidate !== null) found.push(candidate)
  }
  const facts = orderFacts(route.name, collection)
  return flat(
    terms === null
      ? orderBy(strategy, found, facts)
      : orderByQuality(found, { strategy, terms, route: route.name, facts }, collection),
  )
}

/** The same as written, whatever the route asks of quality: for what takes over when its targets have failed. */
export function collectAsWritten(targets: readonly Target[], collection: Collection): readonly Candidate[] {
  if (targets.length === 0) return NO_REST
  const wants: Wants = { strategy: 'order', isWeighed: false }
  return flat(targets.flatMap((target) => candidateOf(target, wants, collection) ?? []))
}

/** What is compared. */
type Wants = { readonly strategy: Strategy; readonly isWeighed: boolean }

function orderFacts(routeName: string, { request, tools }: Collection): OrderFacts {
  const { conversation } = request
  return {
    conversation: conversation?.isKnown === true ? conversation.hash : null,
    draw: () => tools.drawOf(routeName),
    random: tools.random,
    idleMs: tools.idleMsOf,
  }
}

/** Nested targets behind the first of their route; who has no room in its rate limits behind all. */
function flat(ordered: readonly Candidate[]): readonly Candidate[] {
  let isFlat = true
  for (const { rest, health } of ordered) if (rest.length > 0 || health.headroom <= 0) isFlat = false
  if (isFlat) return ordered
  const all = ordered.flatMap((candidate) => [candidate, ...candidate.rest])
  const full = all.filter(({ health }) => health.headroom <= 0)
  return full.length === 0
    ? all
    : [
        ...all.filter(({ health }) => health.headroom > 0),
        ...full.map((candidate) => ({ ...candidate, reason: 'no room in its rate limits now' })),
      ]
}

function candidateOf(target: Target, wants: Wants, collection: Collection): Candidate | null {
  if (target.when !== null && !target.when.holds(collection.request.facts)) {
    for (const deployment of deploymentsAt(target))
      collection.excluded.push({ deployment, why: `is for requests where ${target.when.words}` })
    return null
  }
  switch (target.type) {
    case 'deployment':
      return deploymentCandidate(target, wants, collection)
    case 'route': {
      const { targets, fallbacks, byTask, strategy: own, quality } = target.route
      const task =
        byTask.size === 0 ? undefined : (byTask.get(collection.request.facts.task()) ?? byTask.get('default'))
      const [first, ...rest] = [
        ...(task === undefined ? NO_REST : collect(task, own, target.route, collection)),
        ...collect(targets, own, target.route, collection),
        ...collectAsWritten(fallbacks, collection),
      ]
      if (first === undefined) return null
      // It is compared by what the outer route asks for, which its own route may not have needed.
      const isSame = own === wants.strategy && (quality !== null) === wants.isWeighed
      const worth = isSame ? null : worthOf(first.target, first.health, wants, collection)
      return { ...first, ...worth, weight: target.weight, rest }
    }
  }
}

function deploymentCandidate(target: DeploymentTarget, wants: Wants, collection: Collection): Candidate | null {
  const { request, tools, nowMs, seen, excluded, benched } = collection
  const { deployment, weight } = target
  if (seen.has(deployment.id)) return null
  seen.add(deployment.id)
  const { facts, preference } = request
  const why = preference?.barred?.(deployment, facts) ?? tools.unable(deployment, facts)
  if (why !== null) {
    excluded.push({ deployment, why })
    return null
  }
  const health = tools.healthOf(deployment.id)
  const candidate: Candidate = {
    target,
    weight,
    health,
    ...worthOf(target, health, wants, collection),
    load: Math.max(health.inFlight, tools.plannedOf(deployment.id)),
    reason: wants.strategy,
    rest: NO_REST,
  }
  const cooling = health.coolingUntilMs !== null && health.coolingUntilMs > nowMs
  if (!cooling && !health.probing) return candidate
  benched.push(candidate)
  excluded.push({
    deployment,
    why: cooling
      ? `cools down for another ${Math.ceil(((health.coolingUntilMs ?? nowMs) - nowMs) / 100) / 10} s`
      : 'is being tried by one request after its cooldown',
  })
  return null
}

/** What a strategy compares. */
function worthOf(
  target: DeploymentTarget,
  health: Candidate['health'],
  { strategy, isWeighed }: Wants,
  { request, tools }: Collection,
): Pick<Candidate, 'costNanoUsd' | 'latencyMs' | 'quality'> {
  const { facts, conversation, isDetailed } = request
  const { deployment } = target
  const isCached = conversation?.last?.isWarm === true && conversation.last.deploymentId === deployment.id
  const isAll = isDetailed || isWeighed
  return {
    // First: what is expected of a task's answers goes into their costs, and this finds the task out.
    quality: isAll ? facts.qualityOf(deployment.id) : null,
    costNanoUsd:
      isAll || strategy === 'cheapest' || strategy === 'quality' ? tools.costOf(deployment, facts, isCached) : null,
    latencyMs: strategy === 'fastest' ? latencyOf(target, health, request, tools) : health.ttftMs,
  }
}

/** From this length on what counts is the pace of the tokens, and not the first one alone. */
const LONG_OUTPUT_TOKENS = 500

function latencyOf(
  { deployment }: DeploymentTarget,
  { ttftMs, msPerToken }: Candidate['health'],
  { facts }: PlanRequest,
  tools: PlanTools,
): number | null {
  if (ttftMs === null || msPerToken === null) return ttftMs
  const tokens = tools.outputTokensOf(deployment, facts)
  return tokens < LONG_OUTPUT_TOKENS ? ttftMs : ttftMs + tokens * msPerToken
}

/** Where everybody is benched: the one that recovers first, rather than nobody. */
export function benchedFirst({ benched, excluded }: Collection): readonly Candidate[] {
  const [first] = benched.toSorted(
    (one, other) => (one.health.coolingUntilMs ?? 0) - (other.health.coolingUntilMs ?? 0),
  )
  if (first === undefined) return NO_REST
  const at = excluded.findIndex(({ deployment }) => deployment === first.target.deployment)
  if (at >= 0) excluded.splice(at, 1)
  return [{ ...first, reason: 'all are cooling down; this one recovers first' }]
}
