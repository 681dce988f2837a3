// plan: model name → route → ordered targets that can serve the call, each with the reason for its place.
import type { Trial } from '../core/experiment.ts'
import type { Exchange } from '../exchange.ts'
import type { Stages } from '../handle.ts'
import type { PlanMemory } from '../routing/plan-memory.ts'
import type { Plan } from '../routing/plan.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Engine } from './engine.ts'
import { createRouter, type Routed } from './router.ts'
import type { Trials } from './trials.ts'

/** `instead`: a route that takes the place of the one that was asked for, by the operator's word. */
export type PlanStage = (...stage: [...Parameters<Stages['plan']>, instead?: string]) => Plan

export function planStage(engine: Engine, snapshot: Snapshot): PlanStage {
  const router = createRouter(engine, snapshot)
  return (exchange, request, call, caller, instead) => {
    const { dialect } = exchange.entrance
    const { headers } = request
    const { endUser, tags } = exchange
    const routed = router.route({ call, dialect, caller, headers, endUser, tags }, instead ?? null)
    exchange.route = routed.route.name
    exchange.task = routed.task
    const { trial } = routed
    exchange.trial = trial
    exchange.replaced = routed.replaced
    if (trial !== null) putOnTrial(engine.trials, exchange, trial)
    if (routed.route.only !== null && !call.facts.options.isTraced) return routed.plan
    exchange.plan = routed.plan
    if (routed.route.only === null) remember(engine.planMemory, exchange, routed)
    return routed.plan
  }
}

// What follows stands apart: a function that closes over something makes an object for it at every call.

function putOnTrial(trials: Trials, exchange: Exchange, trial: Trial): void {
  trials.onAssigned(trial)
  // Its cost is known a moment later.
  exchange.whenClosing(() => queueMicrotask(() => trials.onClosed(exchange, trial)))
}

/** That its first target is asked, and once it is over, who answered its conversation. */
function remember(planMemory: PlanMemory, exchange: Exchange, { plan, thread }: Routed): void {
  const first = plan.targets[0]
  if (first === undefined) return
  const over = planMemory.asked(first.deployment.id)
  exchange.whenClosing(() => {
    over()
    const { target, recalled } = exchange
    if (thread !== null && target !== null && recalled === null) planMemory.answered(thread.hash, target.id)
  })
}
