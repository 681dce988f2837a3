// A route that is on trial: what it is for conversations that a candidate answers, and for those that the baseline goes on answering.
//
// The candidate stands where the baseline stood, in the route itself and in the routes that it leads to; the baseline is what
// takes over when the candidate fails. For everybody else the candidate answers nothing, so that whoever is compared with it is
// not mixed with it. All else of the route stays: its strategy, its other targets, its conditions.
import type { Arm, Stage, Trial } from '../core/experiment.ts'
import type { Deployment, Timeouts } from '../core/model.ts'
import { hashText } from './order.ts'
import { deploymentsOf } from './route.ts'
import type { DeploymentTarget, Route, Target } from './route.ts'

/** A route on trial, worked out once. */
export type RouteTrial = {
  readonly experiment: string
  readonly stage: Stage
  readonly routes: { readonly [arm in Arm]: Route }
  /** Conversations whose place is below it are the candidate’s, 0–1. */
  readonly candidateShare: number
  /** Share of the answers of each arm whose content is looked at, and of the requests that are copied to the other model. */
  readonly readShare: { readonly [arm in Arm]: number }
  readonly copyShare: number
  /** What a request is that no arm and no copy is drawn for, while the candidate answers nobody. */
  readonly bystander: Trial
}

/** Null: the baseline is no target of the route (any more), so that there is nothing to take the place of. */
export function armsOf(route: Route, baseline: string, candidate: Deployment): RouteTrial['routes'] | null {
  const found = targetOf([...route.targets, ...[...route.byTask.values()].flat()], baseline)
  if (found === null || baseline === candidate.id) return null
  const isListed = deploymentsOf(route).some(({ id }) => id === candidate.id)
  const without = isListed ? replaced(route, candidate.id, null) : route
  const candidates = replaced(without, baseline, candidate)
  return {
    // Untouched where it can be: a route of one target then keeps its short way.
    control: isListed ? { ...without, fallbacks: [...without.fallbacks, withDeployment(found, candidate)] } : route,
    candidate: { ...candidates, fallbacks: [{ ...found, when: null }, ...candidates.fallbacks] },
  }
}

/** Where a conversation stands on 0–1: the same at every turn and in every process, and another place in each experiment. */
export function placeOf(conversation: string, experiment: string): number {
  const hash = hashText(conversation, hashText(experiment))
  // FNV leaves the high bits of short texts alike: the finaliser of MurmurHash3 spreads them.
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85_eb_ca_6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2_b2_ae_35)
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 4_294_967_296
}

function targetOf(targets: readonly Target[], id: string): DeploymentTarget | null {
  for (const target of targets) {
    if (target.type === 'deployment') {
      if (target.deployment.id === id) return target
      continue
    }
    const { route } = target
    const within = targetOf([...route.targets, ...[...route.byTask.values()].flat()], id)
    if (within !== null) return within
  }
  return null
}

/** The route with another deployment in place of one; null: without it. */
function replaced(route: Route, id: string, by: Deployment | null): Route {
  const inList = (targets: readonly Target[]): readonly Target[] =>
    targets.flatMap((target): readonly Target[] => {
      if (target.type === 'route') return [{ ...target, route: replaced(target.route, id, by) }]
      if (target.deployment.id !== id) return [target]
      return by === null ? [] : [withDeployment(target, by)]
    })
  return {
    ...route,
    targets: inList(route.targets),
    fallbacks: inList(route.fallbacks),
    byTask: new Map([...route.byTask].map(([task, targets]) => [task, inList(targets)])),
    // Who takes the baseline's place answers, too, when nobody is known to be good enough.
    quality: by !== null && route.quality?.baseline === id ? { ...route.quality, baseline: by.id } : route.quality,
    only: null,
  }
}

function withDeployment(target: DeploymentTarget, deployment: Deployment): DeploymentTarget {
  return { ...target, deployment, timeouts: timeoutsOf(target, deployment) }
}

/** The candidate's own, but for what the route says for all of its targets. */
function timeoutsOf({ timeouts, deployment }: DeploymentTarget, candidate: Deployment): Timeouts {
  const own: { -readonly [name in keyof Timeouts]: Timeouts[name] } = { ...candidate.provider.timeouts }
  let name: keyof Timeouts
  for (name in timeouts) if (timeouts[name] !== deployment.provider.timeouts[name]) own[name] = timeouts[name]
  return own
}
