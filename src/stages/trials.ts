// What a request meets of experiments on its path: whether its route is on trial, and then who answers it. Where no experiment runs,
// that is one look at a field.
import type { Trial } from '../core/experiment.ts'
import type { Exchange } from '../exchange.ts'
import { routingOptionsOf } from '../http/option-headers.ts'
import { modelAllowed } from '../keys/permit.ts'
import { threadOf } from '../routing/conversation.ts'
import type { Plan } from '../routing/plan.ts'
import type { Route } from '../routing/route.ts'
import { placeOf } from '../routing/trial.ts'
import type { RouteTrial } from '../routing/trial.ts'
import type { Asked } from './plan-world.ts'

/** What takes the place of a route. */
export type StandIn = {
  readonly route: Route
  /** Null: an experiment is over, and this is what the route has become. */
  readonly trial: RouteTrial | null
  /** The deployment whose place is being taken: what savings are measured by where the route itself does not say. */
  readonly baseline: string
  /** Whose place it is to be, and by which experiment. */
  readonly candidate: string
  readonly experiment: string
}

export type Trials = {
  /** By the route's name; null, as mostly: there is none. Replaced as a whole. */
  standIns: ReadonlyMap<string, StandIn> | null
  /** Told each request on trial when it is assigned to an arm, and once it is closed. */
  onAssigned: (trial: Trial) => void
  onClosed: (exchange: Exchange, trial: Trial) => void
}

export function createTrials(): Trials {
  return { standIns: null, onAssigned: () => undefined, onClosed: () => undefined }
}

/** The route of one request, and what the request is to an experiment. */
type OnTrial = { readonly route: Route; readonly trial: Trial | null; readonly standIn: StandIn }

/** Null: the route is what it is. */
export function onTrial(
  { standIns }: Trials,
  route: Route,
  { call, dialect, caller, headers }: Asked,
  random: () => number,
): OnTrial | null {
  const standIn = standIns?.get(route.name)
  if (standIn === undefined || dialect.translator === undefined) return null
  const { key, team } = caller
  const isLimited = key.models !== null || (team !== null && team.models !== null)
  // A key that may use a deployment of the route, and not the route, is not sent anywhere else.
  if (isLimited && !modelAllowed(key.models, team?.models ?? null, [call.facts.model])) return null
  const { trial } = standIn
  if (trial === null) return { route: standIn.route, trial, standIn }
  const isCopied = random() < trial.copyShare
  if (trial.candidateShare === 0 && !isCopied) return { route: trial.routes.control, trial: trial.bystander, standIn }
  const session = routingOptionsOf(headers, call.facts.options.routing)?.session ?? null
  const thread = threadOf(call, key.id, session)
  const conversation = thread === null ? null : `${key.teamId ?? key.id} ${thread.hash}`
  const place = conversation === null ? random() : placeOf(conversation, trial.experiment)
  const arm = place < trial.candidateShare ? 'candidate' : 'control'
  return {
    route: trial.routes[arm],
    standIn,
    trial: {
      experiment: trial.experiment,
      stage: trial.stage,
      arm,
      conversation,
      isRead: random() < trial.readShare[arm],
      isCopied,
    },
  }
}

/** The plan with the word that the candidate stands in it because of an experiment. */
export function toldTrial(plan: Plan, tried: OnTrial | null): Plan {
  if (tried === null) return plan
  const { candidate, baseline, experiment } = tried.standIn
  const isThere = plan.targets.some(({ deployment, role }) => role === 'target' && deployment.id === candidate)
  if (!isThere) return plan
  const reason = `takes the place of ${baseline} by ${experiment}`
  return {
    ...plan,
    targets: plan.targets.map((target) => (target.deployment.id === candidate ? { ...target, reason } : target)),
  }
}
