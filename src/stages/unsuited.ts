// The refusal of a request that no target of its route can serve: what is missing, and which models have it.
import type { Call } from '../core/call.ts'
import { GatewayError } from '../core/error.ts'
import type { Deployment } from '../core/model.ts'
import type { Catalogue } from '../routing/catalogue.ts'
import { deploymentsOf } from '../routing/route.ts'
import type { Plan } from '../routing/plan.ts'

/** So many are named. */
const MOST_NAMED = 5

export type UnsuitedFacts = {
  readonly catalogue: Catalogue
  /** Whether the caller may use a model of that name. */
  readonly allowed: (names: readonly string[]) => boolean
  /** Whether a deployment is known to be able to serve this call. */
  readonly suits: (deployment: Deployment, call: Call) => boolean
}

/** `unsupported`, with what each target lacks. */
export function unsuited(call: Call, { route, excluded }: Plan, facts: UnsuitedFacts): GatewayError {
  const lacks = excluded.map(({ deployment, why }) => `${deployment.id} ${why}`).join('; ')
  const others = ableModels(call, facts)
  return new GatewayError('unsupported', {
    message: `No target of ${route} can serve this request: ${lacks}. ${
      others.length === 0
        ? 'No model of this key is known to do it.'
        : `Models of this key that can: ${others.join(', ')}.`
    }`,
    param: 'model',
  })
}

function ableModels(call: Call, { catalogue, allowed, suits }: UnsuitedFacts): readonly string[] {
  const found: string[] = []
  for (const { id } of catalogue.list()) {
    if (!allowed([id])) continue
    const route = catalogue.resolve(id)
    if (route !== null && deploymentsOf(route).some((deployment) => suits(deployment, call))) found.push(id)
    if (found.length === MOST_NAMED) break
  }
  return found
}
