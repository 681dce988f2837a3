// To whom: the ordered targets of one request, each with the reason for its place. Pure.
import type { Call } from '../core/call.ts'
import type { Deployment, Route, Timeouts } from '../core/model.ts'

export type PlannedTarget = {
  readonly deployment: Deployment
  readonly reason: string
  /** Of one attempt here: the provider's, overridden by the route's. */
  readonly timeouts: Timeouts
}

export type Plan = {
  readonly route: string
  readonly targets: readonly PlannedTarget[]
  readonly excluded: readonly { readonly deployment: Deployment; readonly why: string }[]
  /** Of the whole request, all attempts together. */
  readonly totalMs: number
}

export type PlanFacts = {
  /** Of the whole request, where the route does not say. */
  readonly totalMs: number
  /** 0–1, drawn once a request: places it among weighted targets. */
  readonly draw: number
  /** Why a deployment cannot serve this call, or null when it can. */
  readonly unable: (deployment: Deployment, call: Call) => string | null
}

/** Orders the targets of a route that can serve the call. */
export function plan(call: Call, route: Route, facts: PlanFacts): Plan {
  const targets: PlannedTarget[] = []
  const excluded: { deployment: Deployment; why: string }[] = []
  const ordered = route.strategy === 'weighted' ? byWeight(route, facts.draw) : route.targets
  for (const { deployment } of ordered) {
    const why = facts.unable(deployment, call)
    if (why !== null) excluded.push({ deployment, why })
    else
      targets.push({
        deployment,
        reason: route.strategy === 'weighted' ? 'weight' : 'order',
        timeouts: { ...deployment.provider.timeouts, ...route.timeouts },
      })
  }
  const totalMs = route.timeouts.totalMs ?? facts.totalMs
  const asked = call.facts.options.timeoutMs
  return { route: route.name, targets, excluded, totalMs: asked === null ? totalMs : Math.min(asked, totalMs) }
}

/** The drawn target first, the others after it by falling weight. */
function byWeight(route: Route, draw: number): Route['targets'] {
  const total = route.targets.reduce((sum, { weight }) => sum + weight, 0)
  let left = draw * total
  const chosen = route.targets.find(({ weight }) => (left -= weight) < 0) ?? route.targets[0]
  const others = route.targets.filter((target) => target !== chosen).sort((a, b) => b.weight - a.weight)
  return chosen === undefined ? others : [chosen, ...others]
}
