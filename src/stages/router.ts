// From a caller's model name to a plan: what the stage `plan` and whoever explains it have in common.
import type { Call, RoutingOptions } from '../core/call.ts'
import { GatewayError } from '../core/error.ts'
import type { Trial } from '../core/experiment.ts'
import type { Deployment } from '../core/model.ts'
import { routingOptionsOf } from '../http/option-headers.ts'
import { modelAllowed, ownerModels } from '../keys/permit.ts'
import { threadOf } from '../routing/conversation.ts'
import type { Thread } from '../routing/conversation.ts'
import { plan, planOnly } from '../routing/plan.ts'
import type { Plan, PlanTools } from '../routing/plan.ts'
import type { Route, Target } from '../routing/route.ts'
import { preferenceOf, TOO_DEAR } from '../routing/wishes.ts'
import type { Snapshot } from '../snapshot.ts'
import type { KeyWithTeam } from '../store/store.ts'
import {
  type Asked,
  type Memo,
  NO_PRICE,
  type PlanEngine,
  planToolsIn,
  requestFacts,
  suitsIn,
  wishToolsIn,
} from './plan-world.ts'
import { onTrial, toldTrial } from './trials.ts'
import { qualityIn } from './quality.ts'
import { unsuited } from './unsuited.ts'

export type Routed = {
  readonly route: Route
  readonly plan: Plan
  /** The conversation that is to be remembered; null: none. */
  readonly thread: Thread | null
  /** The kind of work; null where nobody had to know. */
  readonly task: string | null
  /** What it is to an experiment; null: its route is on no trial. */
  readonly trial: Trial | null
  /** The deployment whose place another one takes, or may take; null: the route is what it is. */
  readonly replaced: string | null
}

export interface Router {
  /**
   * Throws where the caller may not, or where there is no such name or nobody to ask.
   * @param instead a route that takes the place of what was asked for, by the operator's word: neither the key's models nor the caller's wishes count
   */
  route(asked: Asked, instead: string | null): Routed
  /** The same without consequences: nothing is remembered, and a plan without targets is a plan. */
  explain(asked: Asked): Routed
}

/** `isDry`: without consequences. `isInstead`: in place of what was asked for. */
type How = { readonly isDry: boolean; readonly isInstead: boolean }

const NOT_ALLOWED = 'the key may not use it'

export function createRouter(engine: PlanEngine, snapshot: Snapshot): Router {
  const { clock, planMemory } = engine
  const { catalogue, config } = snapshot
  const suits = suitsIn(engine)
  const tools = planToolsIn(engine, snapshot, suits)
  const dryTools: PlanTools = {
    ...tools,
    ...qualityIn(engine, snapshot, { isDry: true }),
    drawOf: (name) => planMemory.peekDraw(name),
  }
  const wishTools = wishToolsIn(engine, snapshot)

  function resolve(name: string, caller: KeyWithTeam): Route {
    const route = catalogue.resolve(name)
    if (route === null) throw unknownModel(name, caller)
    return route
  }

  function unknownModel(name: string, caller: KeyWithTeam): GatewayError {
    const shared = ownerModels(caller)
    const usable = catalogue.list().flatMap(({ id }) => (modelAllowed(caller.key.models, shared, [id]) ? [id] : []))
    const nearest = catalogue.nearest(name, usable)
    return new GatewayError('model_unknown', {
      message: `There is no model ${quoted(name)} here.${nearest.length > 0 ? ` Did you mean ${nearest.join(', ')}?` : ''}`,
      param: 'model',
    })
  }

  /** What the caller names to be tried after its model. Throws where it may not, or there is no such name. */
  function fallbacksOf(routing: RoutingOptions | null, caller: KeyWithTeam): readonly Target[] | null {
    if (routing === null || routing.fallbacks === null) return null
    return routing.fallbacks.map((name): Target => {
      const route = resolve(name, caller)
      if (barredBy(route, name, caller) !== null) throw notAllowed(name, caller)
      return { type: 'route', route, weight: 1, when: null }
    })
  }

  /** Throws where there is nobody to ask: with what is missing, and who has it. */
  function served(planned: Plan, asked: Asked): Plan {
    if (planned.targets.length === 0 && planned.excluded.length > 0) refuseUnserved(planned, asked)
    return planned
  }

  function refuseUnserved(planned: Plan, { call, dialect, caller }: Asked): void {
    const { excluded, route } = planned
    const { key } = caller
    if (excluded.every(({ why }) => why === NOT_ALLOWED)) throw notAllowed(call.facts.model, caller)
    if (excluded.every(({ why }) => why === NO_PRICE))
      throw new GatewayError('unpriced_model', {
        message: `${route} has no price, and requests without a price are refused here.`,
        param: 'model',
      })
    if (excluded.every(({ why }) => why.startsWith(TOO_DEAR)))
      throw new GatewayError('budget_exhausted', {
        message: `No target of ${route} fits the most that the request may cost: ${excluded.map(({ deployment, why }) => `${deployment.id} ${why}`).join('; ')}.`,
        param: 'max_cost_usd',
      })
    if (excluded.some(({ deployment }) => suits.whyNot(deployment, { call, dialect }) !== null))
      throw unsuited(call, planned, {
        catalogue,
        allowed: (names) => modelAllowed(key.models, ownerModels(caller), names),
        suits: (deployment) => suits.isKnownTo(deployment, { call, dialect }),
      })
  }

  function chosen(asked: Asked, route: Route, barred: Barred, how: How): Omit<Routed, 'trial' | 'replaced'> {
    const { call, caller } = asked
    const { options } = call.facts
    const { isDry, isInstead } = how
    const routing = routingOptionsOf(asked.headers, options.routing)
    const wished = isInstead ? null : routing
    const memo: Memo = { task: routing?.task ?? null }
    const isThreaded = route.isSticky || route.strategy === 'weighted'
    const thread = isThreaded ? threadOf(call, caller.key.id, routing?.session ?? null) : null
    const last = thread?.isKnown === true && route.isSticky ? planMemory.lastOf(thread.hash) : null
    const planned = plan(
      {
        facts: requestFacts(asked, routing, clock.now(), memo, route.name, engine),
        route,
        conversation: thread === null ? null : { ...thread, last },
        preference: preferenceOf(options, wished, fallbacksOf(wished, caller), barred, wishTools),
        totalMs: totalOf(call, route, config.timeouts.totalMs),
        isDetailed: isDry || options.isTraced,
      },
      isDry ? dryTools : tools,
    )
    const hedgeAfterMs = wished?.hedgeAfterMs ?? null
    return {
      route,
      plan: hedgeAfterMs === null ? planned : { ...planned, policy: { ...planned.policy, hedgeAfterMs } },
      thread: route.isSticky ? thread : null,
      task: memo.task,
    }
  }

  return {
    route(asked, instead) {
      const { call, caller } = asked
      const { model, options } = call.facts
      const named = resolve(instead ?? model, caller)
      const barred = instead === null ? barredBy(named, model, caller) : null
      const tried = instead === null ? onTrial(engine.trials, named, asked, engine.random) : null
      const route = tried?.route ?? named
      const trial = tried?.trial ?? null
      const replaced = tried?.standIn.baseline ?? null
      if (route.only !== null && options.routing === null && options.maxCostNanoUsd === null && !options.isTraced) {
        const why = tools.unable(route.only.deployment, asked)
        const planned = planOnly(route, route.only, why, totalOf(call, route, config.timeouts.totalMs))
        return { route, plan: served(planned, asked), thread: null, task: null, trial, replaced }
      }
      const routed = chosen(asked, route, barred, { isDry: false, isInstead: instead !== null })
      served(routed.plan, asked)
      return { ...routed, plan: toldTrial(routed.plan, tried), trial, replaced }
    },
    explain(asked) {
      const { model } = asked.call.facts
      const named = resolve(model, asked.caller)
      const tried = onTrial(engine.trials, named, asked, engine.random)
      const barred = barredBy(named, model, asked.caller)
      const how = { isDry: true, isInstead: false }
      const routed = chosen(asked, tried?.route ?? named, barred, how)
      const replaced = tried?.standIn.baseline ?? null
      return { ...routed, plan: toldTrial(routed.plan, tried), trial: tried?.trial ?? null, replaced }
    },
  }
}

/** Why the key may not use a deployment, or null where it may. */
type Barred = ((deployment: Deployment) => string | null) | null

/**
 * Null: the key may use the name and so all that it stands for. A name that the operator did not define may stand for
 * deployments of which the key may use some. Throws `model_not_allowed`.
 */
function barredBy(route: Route, name: string, caller: KeyWithTeam): Barred {
  const shared = ownerModels(caller)
  return caller.key.models === null && shared === null ? null : barredByGlobs(route, name, caller, shared)
}

function barredByGlobs(route: Route, name: string, caller: KeyWithTeam, shared: readonly string[] | null): Barred {
  const { key } = caller
  const allowed = (names: readonly string[]): boolean => modelAllowed(key.models, shared, names)
  if (allowed(route.only === null ? [name] : [name, route.only.deployment.id])) return null
  if (route.isConfigured || route.only !== null) throw notAllowed(name, caller)
  return ({ id }) => (allowed([id]) ? null : NOT_ALLOWED)
}

function notAllowed(name: string, { key }: KeyWithTeam): GatewayError {
  return new GatewayError('model_not_allowed', {
    message: `The key ${key.id} may not use ${quoted(name)}.`,
    param: 'model',
  })
}

function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 200))
}

function totalOf(call: Call, route: Route, fallbackMs: number): number {
  const totalMs = route.totalMs ?? fallbackMs
  const asked = call.facts.options.timeoutMs
  return asked === null ? totalMs : Math.min(asked, totalMs)
}
