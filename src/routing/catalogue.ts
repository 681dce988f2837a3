// Model names → routes: what the operator defined, `provider/model`, bare model ids, and other names for all of these.
import type { Deployment, Provider } from '../core/model.ts'
import type { ModelFacts } from '../core/model-facts.ts'
import { nearestNames } from '../core/nearest.ts'
import { canonicalModel, sameModel, withoutDate } from './canonical.ts'
import { buildRoutes, CatalogueError, unroutedRoute } from './build-routes.ts'
import type { RouteDefinition } from './build-routes.ts'
import { type QualityRules, termsOf } from './quality-terms.ts'
import { deploymentsAt, deploymentsOf } from './route.ts'
import type { Route } from './route.ts'

type ModelListing = {
  /** Name that a caller may send. */
  readonly id: string
  /** `weir` for routes, the provider's name otherwise. */
  readonly ownedBy: string
}

export interface Catalogue {
  /** The route of a name, or null when there is none. */
  resolve(name: string): Route | null
  /** The routes that the operator defined. */
  readonly routes: readonly Route[]
  /** Everything that can be named and is known; a provider may take more model ids than are known here. */
  list(): readonly ModelListing[]
  /** Up to three known names that are most like this one. */
  nearest(name: string, candidates: readonly string[]): readonly string[]
}

export type CatalogueInput = {
  readonly providers: readonly Provider[]
  /** Known model ids of each provider, by provider name. */
  readonly models: ReadonlyMap<string, readonly string[]>
  readonly routes: readonly RouteDefinition[]
  /** What is known of a model at a provider. */
  readonly factsOf: (provider: Provider, model: string) => ModelFacts
  /** Another name → the name that it stands for. */
  readonly aliases: Readonly<Record<string, string>>
  /** What `auto` asks of quality. */
  readonly quality: QualityRules
  /** How good a deployment's answers are by what is published of its model, 0–1; null: nothing is. */
  readonly reputationOf: (deploymentId: string) => number | null
  /** Providers that take only the models known of them (the simulator). */
  readonly closed: ReadonlySet<string>
}

/** Builds the names of one configuration; throws CatalogueError for a route or an alias that leads nowhere. */
export function createCatalogue(input: CatalogueInput): Catalogue {
  const deployments = createDeployments(input)
  const aliases = new Map(Object.entries(input.aliases))
  const routes = buildRoutes({
    definitions: input.routes,
    aliases,
    deploymentsNamed: (name) => deployments.named(name),
  })
  const unrouted = new Map<string, Route>()
  const auto = autoRoute([...routes.values()], deployments.known(), input)
  const listing: readonly ModelListing[] = [
    ...[...routes.keys(), ...aliases.keys()].map((id) => ({ id, ownedBy: 'weir' })),
    ...deployments.known().map(({ id, provider }) => ({ id, ownedBy: provider.name })),
  ]

  return {
    resolve(name) {
      const route = routes.get(name) ?? unrouted.get(name)
      if (route !== undefined) return route
      const meant = aliases.get(name) ?? name
      const routed = routes.get(meant)
      if (routed !== undefined) return routed
      if (meant === AUTO) return auto
      const found = deployments.named(meant)
      if (found.length === 0) return null
      const made = unroutedRoute(name, found)
      // Bounded by what is known: a name that a caller invents is not kept, and neither is another spelling of a known one.
      if (aliases.has(name) || deployments.isId(name)) unrouted.set(name, made)
      return made
    },
    routes: [...routes.values()],
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

/** The name of a route that is there without being defined. */
export const AUTO = 'auto'
/** More are no choice but a catalogue. */
const MOST_OF_AUTO = 200

/**
 * Where nobody says which model it shall be: the cheapest that is good enough for the request among the chat models that the operator's routes
 * name, or, without routes, among all that are known. Null where there is none.
 */
function autoRoute(
  routes: readonly Route[],
  known: readonly Deployment[],
  { quality, reputationOf }: Pick<CatalogueInput, 'quality' | 'reputationOf'>,
): Route | null {
  const named = new Set(routes.flatMap((route) => [...deploymentsOf(route), ...route.fallbacks.flatMap(deploymentsAt)]))
  const chats = [...(named.size > 0 ? named : known)].filter(({ facts: { kind } }) => kind === null || kind === 'chat')
  if (chats.length === 0) return null
  const listed = chats.slice(0, MOST_OF_AUTO)
  const configured = listed.find(({ id }) => id === quality.baseline)
  if (quality.baseline !== undefined && configured === undefined)
    throw new CatalogueError(
      'routing.quality.baseline',
      `\`${quality.baseline}\` is none of the chat models that \`auto\` chooses between.`,
    )
  const baseline = configured?.id ?? mostReputed(listed, reputationOf)
  return unroutedRoute(AUTO, listed, 'quality', termsOf(quality, baseline))
}

function mostReputed(deployments: readonly Deployment[], reputationOf: CatalogueInput['reputationOf']): string | null {
  let best: string | null = null
  let most = 0
  for (const { id } of deployments) {
    const reputation = reputationOf(id) ?? 0
    if (reputation <= most) continue
    best = id
    most = reputation
  }
  return best
}

interface Deployments {
  /** What a name means that is no route: `provider/model`, or a model id at every provider that has it. */
  named(name: string): readonly Deployment[]
  /** Whether it is the very id of something known: `provider/model`, or a model. */
  isId(name: string): boolean
  known(): readonly Deployment[]
}

function createDeployments({ providers, models, closed, factsOf }: CatalogueInput): Deployments {
  const byName = new Map(providers.map((provider) => [provider.name, provider]))
  const byId = new Map<string, Deployment>()
  const byModel = new Map<string, Deployment[]>()
  /** Canonical name → who has the model, under which ids: a stranger's name must not cost a look at every model. */
  const byCanonical = new Map<string, Map<Provider, string[]>>()
  for (const provider of providers)
    for (const model of models.get(provider.name) ?? []) {
      const deployment = deploymentOf(provider, model)
      byId.set(deployment.id, deployment)
      const same = byModel.get(model)
      if (same === undefined) byModel.set(model, [deployment])
      else same.push(deployment)
      const { name } = canonicalModel(model)
      const hosts = byCanonical.get(name) ?? new Map<Provider, string[]>()
      byCanonical.set(name, hosts.set(provider, [...(hosts.get(provider) ?? []), model]))
    }

  function deploymentOf(provider: Provider, model: string): Deployment {
    return { id: `${provider.name}/${model}`, provider, model, facts: factsOf(provider, model) }
  }

  function atProvider(name: string): Deployment | null {
    const known = byId.get(name)
    if (known !== undefined) return known
    const slash = name.indexOf('/')
    if (slash <= 0 || slash === name.length - 1) return null
    const provider = byName.get(name.slice(0, slash))
    return provider === undefined || closed.has(provider.name) ? null : deploymentOf(provider, name.slice(slash + 1))
  }

  /** The same model at each provider under its own name; where only a name without a date is known, the asked snapshot of it. */
  function anywhere(name: string): readonly Deployment[] {
    const exact = byModel.get(name) ?? []
    const asked = canonicalModel(name)
    const undated = asked.date === null ? null : withoutDate(name)
    const same = [...(byCanonical.get(asked.name) ?? [])].flatMap(([provider, ids]): readonly Deployment[] => {
      if (exact.some((deployment) => deployment.provider === provider)) return []
      const id = sameModel(asked, ids)
      if (id !== null) return [byId.get(`${provider.name}/${id}`)!]
      const takesSnapshots = undated !== null && !closed.has(provider.name) && ids.includes(undated)
      return takesSnapshots ? [deploymentOf(provider, name)] : []
    })
    return same.length === 0 ? exact : [...exact, ...same]
  }

  return {
    named(name) {
      const found = atProvider(name)
      return found === null ? anywhere(name) : [found]
    },
    isId: (name) => byId.has(name) || byModel.has(name),
    known: () => [...byId.values()],
  }
}

function modelPart(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}
