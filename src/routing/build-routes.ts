// The operator's routes with everything worked out that does not change from request to request.
import type { RouteConfig, TargetConfig } from '../config/schema-routes.ts'
import type { Deployment, Timeouts } from '../core/model.ts'
import { compileCondition } from './conditions.ts'
import { type QualityRules, termsOf } from './quality-terms.ts'
import { DEFAULT_POLICY, deploymentsOf } from './route.ts'
import type { FallbackCause, QualityTerms, Route, Strategy, Target } from './route.ts'

/** `quality`: the route's own over the defaults; null: it asks for none. */
export type RouteDefinition = { readonly name: string } & Omit<RouteConfig, 'quality'> & {
    readonly quality: QualityRules | null
  }

/** A name that the configuration uses and that leads nowhere. */
export class CatalogueError extends Error {
  readonly path: string
  constructor(path: string, message: string) {
    super(message)
    this.name = 'CatalogueError'
    this.path = path
  }
}

type Names = {
  readonly definitions: readonly RouteDefinition[]
  readonly aliases: ReadonlyMap<string, string>
  readonly deploymentsNamed: (name: string) => readonly Deployment[]
}

/** Throws CatalogueError for a target or an alias that leads nowhere, and for routes that lead in a circle. */
export function buildRoutes(names: Names): ReadonlyMap<string, Route> {
  const definitions = new Map(names.definitions.map((definition) => [definition.name, definition]))
  const built = new Map<string, Route>()
  const open = new Set<string>()

  function routeNamed(definition: RouteDefinition, path: string): Route {
    const known = built.get(definition.name)
    if (known !== undefined) return known
    if (open.has(definition.name))
      throw new CatalogueError(path, `The routes lead in a circle back to \`${definition.name}\`.`)
    open.add(definition.name)
    const route = build(definition)
    open.delete(definition.name)
    built.set(definition.name, route)
    return route
  }

  function targetsOf(config: TargetConfig, path: string, timeouts: Partial<Timeouts>): readonly Target[] {
    const { use, weight } = config
    const when = compileCondition(config.when, config.unless)
    const meant = names.aliases.get(use) ?? use
    const nested = definitions.get(meant)
    if (nested !== undefined) return [{ type: 'route', route: routeNamed(nested, path), weight, when }]
    const found = names.deploymentsNamed(meant)
    if (found.length === 0)
      throw new CatalogueError(
        path,
        `\`${use}\` is no route and no model of a configured provider; write \`provider/model\`.`,
      )
    return found.map((deployment) => ({
      type: 'deployment',
      deployment,
      timeouts: { ...deployment.provider.timeouts, ...timeouts },
      weight,
      when,
    }))
  }

  function build(definition: RouteDefinition): Route {
    const { name, on, timeouts = {} } = definition
    const listed = (list: readonly TargetConfig[], field: string): readonly Target[] =>
      list.flatMap((target, index) => targetsOf(target, `routes.${name}.${field}.${index}`, timeouts))
    const caused = (cause: FallbackCause, list: readonly TargetConfig[]) =>
      list.length === 0 ? {} : { [cause]: listed(list, `on.${cause}`) }
    const targets = listed(definition.targets, 'targets')
    const byTask = new Map(
      Object.entries(definition.byTask).map(([task, target]) => [
        task,
        targetsOf(target, `routes.${name}.by_task.${task}`, timeouts),
      ]),
    )
    return withOnly({
      name,
      isConfigured: true,
      strategy: definition.strategy,
      targets,
      fallbacks: listed(definition.fallbacks, 'fallbacks'),
      byTask,
      on: {
        ...caused('context_length', on.contextLength),
        ...caused('content_filter', on.contentFilter),
        ...caused('rate_limit', on.rateLimit),
        ...caused('budget', on.budget),
      },
      isSticky: definition.sticky,
      baseline: baselineOf(definition),
      quality:
        definition.quality === null
          ? null
          : termsOfRoute(definition.quality, { name, targets, byTask }, definition.baseline),
      totalMs: timeouts.totalMs ?? null,
      policy: {
        retries: definition.retries,
        hedgeAfterMs: definition.hedgeAfterMs,
        midstream: definition.midstream,
        minTokensPerS: definition.minTokensPerS,
        ...(definition.quality?.cascade === true ? { cascade: true } : {}),
      },
    })
  }

  function baselineOf({ name, quality, baseline = quality?.baseline }: RouteDefinition): Deployment | null {
    if (baseline === undefined) return null
    const [deployment] = names.deploymentsNamed(names.aliases.get(baseline) ?? baseline)
    if (deployment !== undefined) return deployment
    throw new CatalogueError(
      `routes.${name}.baseline`,
      `\`${baseline}\` is no model of a configured provider; write \`provider/model\`.`,
    )
  }

  for (const definition of names.definitions) routeNamed(definition, `routes.${definition.name}`)
  for (const [alias, meant] of names.aliases)
    if (!built.has(meant) && names.deploymentsNamed(meant).length === 0)
      throw new CatalogueError(
        `aliases.${alias}`,
        `\`${meant}\` is no route and no model of a configured provider; write \`provider/model\`.`,
      )
  return built
}

/** Throws CatalogueError where the baseline is none of the route's own. */
function termsOfRoute(
  rules: QualityRules,
  route: Pick<Route, 'name' | 'targets' | 'byTask'>,
  ofSavings: string | undefined,
): QualityTerms {
  const deployments = deploymentsOf(route)
  const { baseline } = rules
  if (baseline !== undefined && !deployments.some(({ id }) => id === baseline))
    throw new CatalogueError(
      `routes.${route.name}.quality.baseline`,
      `\`${baseline}\` is none of the targets of this route: ${deployments.map(({ id }) => id).join(', ')}.`,
    )
  const compared = deployments.find(({ id }) => id === ofSavings)?.id
  return termsOf(rules, baseline ?? compared ?? deployments[0]?.id ?? null)
}

/** The route of a name that nobody defined: its deployments, in the order of the providers unless something else is said. */
export function unroutedRoute(
  name: string,
  deployments: readonly Deployment[],
  strategy: Strategy = 'order',
  quality: QualityTerms | null = null,
): Route {
  return withOnly({
    name,
    isConfigured: false,
    strategy,
    targets: deployments.map((deployment) => ({
      type: 'deployment',
      deployment,
      timeouts: deployment.provider.timeouts,
      weight: 1,
      when: null,
    })),
    fallbacks: [],
    byTask: new Map(),
    on: {},
    isSticky: deployments.length > 1,
    baseline: null,
    quality,
    totalMs: null,
    policy: DEFAULT_POLICY,
  })
}

/** Most names lead to one deployment, whatever is asked of them: its plan is made here. */
function withOnly(route: Omit<Route, 'only'>): Route {
  const [target] = route.targets
  const isOnly =
    route.targets.length === 1 &&
    route.fallbacks.length === 0 &&
    route.byTask.size === 0 &&
    Object.keys(route.on).length === 0
  if (!isOnly || target?.type !== 'deployment' || target.when !== null) return { ...route, only: null }
  return {
    ...route,
    only: {
      deployment: target.deployment,
      reason: 'only target',
      role: 'target',
      timeouts: target.timeouts,
      expectedNanoUsd: null,
      latencyMs: null,
      quality: null,
    },
  }
}
