// plan: model name → route → ordered targets that can serve the call, each with the reason for its place.
import type { Stages } from '../handle.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Engine } from './engine.ts'
import { createRouter } from './router.ts'

export function planStage(engine: Engine, snapshot: Snapshot): Stages['plan'] {
  const router = createRouter(engine, snapshot)
  return (exchange, request, call, caller) => {
    const { dialect } = exchange.entrance
    const { headers } = request
    const { endUser, tags } = exchange
    const routed = router.route({ call, dialect, caller, headers, endUser, tags }, { isDry: false })
    const { thread } = routed
    exchange.route = routed.route.name
    exchange.task = routed.task
    if (thread !== null)
      exchange.cleanUps.push(() => {
        if (exchange.target !== null) engine.planMemory.answered(thread.hash, exchange.target.id)
      })
    return routed.plan
  }
}
