// Whether an experiment makes sense where it is to run. Throws `request_malformed` that names the field.
import type { ExperimentSpec } from '../core/experiment.ts'
import { GatewayError } from '../core/error.ts'
import { armsOf } from '../routing/trial.ts'
import { deploymentsAt, deploymentsOf } from '../routing/route.ts'
import type { Snapshot } from '../snapshot.ts'

export function checkSpec(spec: ExperimentSpec, { catalogue, priceOf }: Snapshot, now: number): void {
  const route = catalogue.routes.find(({ name }) => name === spec.route)
  if (route === undefined)
    throw malformed('route', `There is no route ${spec.route} in the configuration: an experiment is about one.`)
  const candidate = catalogue.resolve(spec.candidate)?.only?.deployment
  if (candidate === undefined || candidate.id !== spec.candidate)
    throw malformed('candidate', `${spec.candidate} is not one model of one provider; write provider/model.`)
  if (spec.baseline === spec.candidate) throw malformed('candidate', 'The candidate is the baseline itself.')
  if (armsOf(route, spec.baseline, candidate) === null) {
    const targets = deploymentsOf(route).map(({ id }) => id)
    throw malformed(
      'baseline',
      `${spec.baseline} is no target of ${spec.route}; its targets are ${targets.join(', ')}.`,
    )
  }
  for (const [field, id] of [
    ['baseline', spec.baseline],
    ['candidate', spec.candidate],
  ] as const)
    if (priceOf(id, now) === null)
      throw malformed(field, `${id} has no price, so that what an experiment costs could not be bounded.`)
  if (spec.judge !== null && catalogue.resolve(spec.judge.model) === null)
    throw malformed('judge.model', `There is no model or route ${spec.judge.model} here.`)
}

/** What an operator should know of a judge; null: nothing. Models like what their own family writes. */
export function judgeWarning({ judge, baseline, candidate }: ExperimentSpec, { catalogue }: Snapshot): string | null {
  const route = judge === null ? null : catalogue.resolve(judge.model)
  if (judge === null || route === null) return null
  const makers = [...deploymentsOf(route), ...route.fallbacks.flatMap(deploymentsAt)].map(({ facts }) => facts.maker)
  const kin = [baseline, candidate].filter((id) => {
    const maker = catalogue.resolve(id)?.only?.deployment.facts.maker ?? null
    return maker !== null && makers.includes(maker)
  })
  if (kin.length === 0) return null
  return `The judge ${judge.model} is of the same family as ${kin.join(' and ')}: models favour what their own family writes.`
}

function malformed(param: string, message: string): GatewayError {
  return new GatewayError('request_malformed', { message, param })
}
