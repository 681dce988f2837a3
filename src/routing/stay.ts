// A conversation stays with its target: the prompt is cached there, and a tool loop should not change its model.
//
// Within a tool loop it stays as long as the target is in the plan at all. Else it stays while the cache is warm, unless
// moving pays for the lost cache: another is that much cheaper (costs are compared with the cache on one side), that much
// faster, or that much less busy. Once the cache is cold, the route's strategy decides anew.
import type { Collection } from './candidates.ts'
import type { PlannedTarget, PlanRequest } from './plan.ts'
import type { Strategy } from './route.ts'

/** The conversation that a request goes on with. */
export type Conversation = {
  /** Names it, 32 bits. */
  readonly hash: number
  /** It was begun before, or its caller names it: then it is drawn alike each time. */
  readonly isKnown: boolean
  /** The model waits for the result of its tool. */
  readonly inToolLoop: boolean
  /** Where it was answered last, and whether its prompt is still cached there; null: nobody knows. */
  readonly last: { readonly deploymentId: string; readonly isWarm: boolean } | null
}

/** Moving must save at least this share of the cost, so that conversations do not swing with every rounding. */
const WORTH_SHARE = 10n
/** … or be so many times as fast … */
const WORTH_SPEED = 2
/** … or spare it a queue of so many times the requests, and a few. */
const WORTH_LOAD = 2
const FEW = 8

/** Puts the conversation's target first where it stays. */
export function stay(
  targets: readonly PlannedTarget[],
  request: PlanRequest,
  { tools }: Collection,
): readonly PlannedTarget[] {
  const { conversation, preference, route } = request
  const last = conversation?.last ?? null
  // An order that the caller asks for is kept.
  const isRanked = (preference?.rankOf ?? null) !== null
  if (conversation === null || last === null || targets.length < 2 || isRanked) return targets
  const place = targets.findIndex(({ deployment }) => deployment.id === last.deploymentId)
  const here = targets[place]
  const first = targets[0]
  if (here === undefined || first === undefined || place === 0) return targets
  const strategy = preference?.strategy ?? route.strategy
  if (!conversation.inToolLoop && (!last.isWarm || pays(strategy, here, first, tools.healthOf))) return targets
  const reason = conversation.inToolLoop ? 'the conversation is in a tool loop' : 'the conversation’s prompt is cached'
  return [{ ...here, reason }, ...targets.slice(0, place), ...targets.slice(place + 1)]
}

function pays(
  strategy: Strategy,
  here: PlannedTarget,
  there: PlannedTarget,
  healthOf: Collection['tools']['healthOf'],
): boolean {
  switch (strategy) {
    case 'order':
    case 'weighted':
      return false
    case 'cheapest':
    case 'quality':
      return (
        here.expectedNanoUsd === null ||
        (there.expectedNanoUsd !== null &&
          there.expectedNanoUsd * WORTH_SHARE < here.expectedNanoUsd * (WORTH_SHARE - 1n))
      )
    case 'fastest':
      return here.latencyMs !== null && there.latencyMs !== null && there.latencyMs * WORTH_SPEED < here.latencyMs
    case 'least-busy':
      return healthOf(here.deployment.id).inFlight > healthOf(there.deployment.id).inFlight * WORTH_LOAD + FEW
  }
}
