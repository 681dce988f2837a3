// Model names → routes: what the operator defined, `provider/model`, and bare model ids.
import type { Deployment, Provider, Route, Target, Timeouts } from '../core/model.ts'
import type { ModelFacts } from '../core/model-facts.ts'
import { nearestNames } from '../core/nearest.ts'

type ModelListing = {
  /** Name that a caller may send. */
  readonly id: string
  /** `weir` for routes, the provider's name otherwise. */
  readonly ownedBy: string
}

export interface Catalogue {
  /** The route of a name, or null when there is none. */
  resolve(name: string): Route | null
  /** Everything that can be named and is known; a provider may take more model ids than are known here. */
  list(): readonly ModelListing[]
  /** Up to three known names that are most like this one. */
  nearest(name: string, candidates: readonly string[]): readonly string[]
}

type RouteDefinition = {
  readonly name: string
  readonly strategy: 'order' | 'weighted'
  readonly targets: readonly { readonly use: string; readonly weight: number }[]
  readonly timeouts: Partial<Timeouts>
}

export type CatalogueInput = {
  readonly providers: readonly Provider[]
  /** Known model ids of each provider, by provider name. */
  readonly models: ReadonlyMap<string, readonly string[]>
  readonly routes: readonly RouteDefinition[]
  /** What is known of a model at a provider. */
  readonly factsOf: (provider: Provider, model: string) => ModelFacts
  /** Providers that take only the models known of them (the simulator). */
  readonly closed: ReadonlySet<string>
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

/** Builds the names of one configuration; throws CatalogueError for a route whose target leads nowhere. */
export function createCatalogue(input: CatalogueInput): Catalogue {
  const providers = new Map(input.providers.map((provider) => [provider.name, provider]))
  const deployments = new Map<string, Deployment>()
  const byModel = new Map<string, Deployment[]>()

  function deploymentOf(provider: Provider, model: string): Deployment {
    const id = `${provider.name}/${model}`
    let deployment = deployments.get(id)
    if (deployment === undefined) {
      deployment = { id, provider, model, facts: input.factsOf(provider, model) }
      // Bounded by what is known: a name that a caller invents is not kept.
      if (isKnown(provider.name, model)) deployments.set(id, deployment)
    }
    return deployment
  }

  function isKnown(provider: string, model: string): boolean {
    return known.get(provider)?.has(model) === true
  }

  const known = new Map([...input.models].map(([name, ids]) => [name, new Set(ids)]))
  for (const provider of input.providers)
    for (const model of input.models.get(provider.name) ?? []) {
      const same = byModel.get(model)
      if (same === undefined) byModel.set(model, [deploymentOf(provider, model)])
      else same.push(deploymentOf(provider, model))
    }

  function deploymentNamed(name: string): Deployment | null {
    const slash = name.indexOf('/')
    if (slash <= 0 || slash === name.length - 1) return null
    const provider = providers.get(name.slice(0, slash))
    if (provider === undefined) return null
    const model = name.slice(slash + 1)
    return input.closed.has(provider.name) && !isKnown(provider.name, model) ? null : deploymentOf(provider, model)
  }

  function resolveUnrouted(name: string): readonly Target[] {
    const named = deploymentNamed(name)
    if (named !== null) return [{ deployment: named, weight: 1 }]
    return (byModel.get(name) ?? []).map((deployment) => ({ deployment, weight: 1 }))
  }

  const routes = new Map<string, Route>()
  for (const definition of input.routes) {
    const targets = definition.targets.flatMap(({ use, weight }, index) => {
      const found = resolveUnrouted(use)
      if (found.length === 0)
        throw new CatalogueError(
          `routes.${definition.name}.targets.${index}`,
          `\`${use}\` is no model of a configured provider; write \`provider/model\`.`,
        )
      return found.map(({ deployment }) => ({ deployment, weight }))
    })
    routes.set(definition.name, {
      name: definition.name,
      strategy: definition.strategy,
      targets,
      timeouts: definition.timeouts,
    })
  }

  const unrouted = new Map<string, Route>()
  const listing: readonly ModelListing[] = [
    ...[...routes.keys()].map((id) => ({ id, ownedBy: 'weir' })),
    ...[...deployments.values()].map(({ id, provider }) => ({ id, ownedBy: provider.name })),
  ]

  return {
    resolve(name) {
      const route = routes.get(name) ?? unrouted.get(name)
      if (route !== undefined) return route
      const targets = resolveUnrouted(name)
      if (targets.length === 0) return null
      const made: Route = { name, strategy: 'order', targets, timeouts: {} }
      if (targets.every(({ deployment }) => deployments.has(deployment.id))) unrouted.set(name, made)
      return made
    },
    list: () => listing,
    nearest(name, candidates) {
      const whole = nearestNames(name, candidates)
      if (whole.length > 0) return whole
      // A model may be asked for without its provider, or with another one.
      const byModel = Map.groupBy(candidates, (candidate) => modelPart(candidate))
      return nearestNames(modelPart(name), byModel.keys())
        .flatMap((model) => byModel.get(model) ?? [])
        .slice(0, 3)
    },
  }
}

function modelPart(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}
