// Which routes are on trial, and what stands in their place: worked out when an experiment moves or the configuration changes, so that
// a request only looks it up.
import type { Experiment } from '../core/experiment.ts'
import { candidateShareOf, isReal } from '../lab/ramp.ts'
import { armsOf } from '../routing/trial.ts'
import type { RouteTrial } from '../routing/trial.ts'
import type { Snapshot } from '../snapshot.ts'
import type { StandIn, Trials } from '../stages/trials.ts'

/** Of the answers of a route, the share that is looked at in each arm, as far as the arm has so many. */
const READ_SHARE = 0.02

export type Standing = {
  readonly standIns: Trials['standIns']
  /** By experiment: why it changes nothing although it should. */
  readonly problems: ReadonlyMap<string, string>
}

/** Whether an experiment changes who answers, or asks for copies. */
export function isLive({ ramp }: Experiment): boolean {
  return ramp.status === 'running' && ramp.stage !== 'draft' && ramp.stage !== 'offline'
}

/** `isJudged`: whether pairs of an experiment could be graded now; where not, copies would be wasted. */
export function standInsOf(
  experiments: readonly Experiment[],
  snapshot: Snapshot,
  isJudged: (experiment: Experiment) => boolean,
): Standing {
  const standIns = new Map<string, StandIn>()
  const problems = new Map<string, string>()
  // What is over comes first: it is what the route has become.
  const live = experiments.filter(isLive).toSorted((one, other) => one.createdAt - other.createdAt)
  for (const experiment of [...live.filter(isOver), ...live.filter((one) => !isOver(one))]) {
    const { id, spec, ramp } = experiment
    const route = standIns.get(spec.route)?.route ?? snapshot.catalogue.resolve(spec.route)
    // Of several that followed each other, what was there before all of them.
    const first = standIns.get(spec.route)?.baseline ?? spec.baseline
    const candidate = snapshot.catalogue.resolve(spec.candidate)?.only?.deployment
    const arms = route === null || candidate === undefined ? null : armsOf(route, spec.baseline, candidate)
    if (route === null || arms === null) {
      problems.set(id, problemOf(experiment, route !== null, candidate !== undefined))
      continue
    }
    const standing = { baseline: first, candidate: spec.candidate, experiment: id }
    if (isOver(experiment)) {
      standIns.set(spec.route, { ...standing, route: arms.candidate, trial: null })
      continue
    }
    const share = candidateShareOf(ramp.stage)
    const trial: RouteTrial = {
      experiment: id,
      stage: ramp.stage,
      routes: arms,
      candidateShare: share,
      readShare: isReal(ramp.stage)
        ? { candidate: Math.min(1, READ_SHARE / share), control: Math.min(1, READ_SHARE / (1 - share)) }
        : { candidate: 0, control: 0 },
      copyShare: isJudged(experiment) ? spec.shadowShare : 0,
      bystander: {
        experiment: id,
        stage: ramp.stage,
        arm: 'control',
        conversation: null,
        isRead: false,
        isCopied: false,
      },
    }
    standIns.set(spec.route, { ...standing, route, trial })
  }
  return { standIns: standIns.size === 0 ? null : standIns, problems }
}

function isOver({ ramp }: Experiment): boolean {
  return ramp.stage === 'done'
}

function problemOf({ spec, ramp }: Experiment, hasRoute: boolean, hasCandidate: boolean): string {
  if (!hasRoute) return `The configuration has no route ${spec.route} any more.`
  if (!hasCandidate) return `The configuration has no provider for ${spec.candidate} any more.`
  const over = ramp.stage === 'done' ? ' The experiment is over and may be deleted.' : ''
  return `${spec.baseline} is no target of ${spec.route} any more, so there is nothing to take the place of.${over}`
}
