// plan: model name → route → ordered targets that can serve the call, each with the reason for its place.
import type { Stages } from '../handle.ts'
import type { Plan } from '../routing/plan.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Engine } from './engine.ts'
import { createRouter } from './router.ts'

/** `instead`: a route that takes the place of the one that was asked for, by the operator's word. */
export type PlanStage = (...stage: [...Parameters<Stages['plan']>, instead?: string]) => Plan

export function planStage(engine: Engine, snapshot: Snapshot): PlanStage {
  const router = createRouter(engine, snapshot)
  return (exchange, request, call, caller, instead) => {
    const { dialect } = exchange.entrance
    const { headers } = request
    const { endUser, tags } = exchange
    const routed = router.route({ call, dialect, caller, headers, endUser, tags }, instead ?? null)
    const { thread } = routed
    exchange.route = routed.route.name
    exchange.task = routed.task
    const { trial } = routed
    exchange.trial = trial
    exchange.replaced = routed.replaced
    if (trial !== null) {
      engine.trials.onAssigned(trial)
      // Its cost is known a moment later.
      exchange.whenClosing(() => queueMicrotask(() => engine.trials.onClosed(exchange, trial)))
    }
    if (routed.route.only === null || call.facts.options.isTraced) exchange.plan = routed.plan
    const [first] = routed.plan.targets
    if (routed.route.only === null && first !== undefined) {
      const over = engine.planMemory.asked(first.deployment.id)
      exchange.whenClosing(() => {
        over()
        const { target, recalled } = exchange
        if (thread !== null && target !== null && recalled === null) engine.planMemory.answered(thread.hash, target.id)
      })
    }
    return routed.plan
  }
}
