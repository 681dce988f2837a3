// plan: model name → route → ordered targets that can serve the call, each with the reason for its place.
import { GatewayError } from '../core/error.ts'
import type { Deployment } from '../core/model.ts'
import type { Stages } from '../handle.ts'
import { modelAllowed } from '../keys/permit.ts'
import { whyUnable } from '../routing/lane.ts'
import { plan } from '../routing/plan.ts'
import { isKnownToSuit, type SuitedFacts, whyUnsuited } from '../routing/suited.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Engine } from './engine.ts'
import { unsuited } from './unsuited.ts'

/** Why a target is left out of the plan under `unpriced: refuse`. */
const NO_PRICE = 'has no price'

export function planStage(engine: Engine, { config, catalogue, priceOf }: Snapshot): Stages['plan'] {
  const { clock } = engine
  const { wireOf, estimateTokens } = engine.attemptTools
  return (exchange, call, caller) => {
    const name = call.facts.model
    const { key, team } = caller
    const allowed = (names: readonly string[]): boolean => modelAllowed(key.models, team?.models ?? null, names)
    const route = catalogue.resolve(name)
    if (route === null) {
      const usable = catalogue.list().flatMap(({ id }) => (allowed([id]) ? [id] : []))
      const nearest = catalogue.nearest(name, usable)
      throw new GatewayError('model_unknown', {
        message: `There is no model ${JSON.stringify(name.slice(0, 200))} here.${nearest.length > 0 ? ` Did you mean ${nearest.join(', ')}?` : ''}`,
        param: 'model',
      })
    }
    const names = route.targets.length === 1 ? [name, route.targets[0]?.deployment.id ?? name] : [name]
    if (!allowed(names))
      throw new GatewayError('model_not_allowed', {
        message: `The key ${key.id} may not use ${JSON.stringify(name.slice(0, 200))}.`,
        param: 'model',
      })
    exchange.route = route.name
    const { dialect } = exchange.entrance
    const suitedBy = ({ provider }: Deployment): SuitedFacts => ({ dialect, wire: wireOf(provider), estimateTokens })
    const whyNot = (deployment: Deployment): string | null => {
      const facts = suitedBy(deployment)
      return whyUnable(deployment, facts.wire, { call, dialect }) ?? whyUnsuited(deployment, call, facts)
    }
    const planned = plan(call, route, {
      totalMs: config.timeouts.totalMs,
      draw: engine.random(),
      unable: (deployment) =>
        whyNot(deployment) ??
        (config.unpriced === 'refuse' && priceOf(deployment.id, clock.now()) === null ? NO_PRICE : null) ??
        engine.providerRoom.whyFull(deployment.provider),
    })
    const { targets, excluded } = planned
    if (targets.length === 0 && excluded.length > 0 && excluded.every(({ why }) => why === NO_PRICE))
      throw new GatewayError('unpriced_model', {
        message: `${route.name} has no price, and requests without a price are refused here.`,
        param: 'model',
      })
    if (targets.length === 0 && excluded.some(({ deployment }) => whyNot(deployment) !== null))
      throw unsuited(call, planned, {
        catalogue,
        allowed,
        suits: (deployment) => whyNot(deployment) === null && isKnownToSuit(deployment, call, suitedBy(deployment)),
      })
    return planned
  }
}
