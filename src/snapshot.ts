// One configuration as the path uses it: immutable, swapped by reference; a request keeps the one it began with.
import { LRUCache } from 'lru-cache'
import type { Config } from './config/schema.ts'
import type { ModelConfig } from './config/schema-models.ts'
import type { RouteConfig } from './config/schema-routes.ts'
import { atMost } from './core/bound.ts'
import { defined } from './core/json-read.ts'
import type { Provider } from './core/model.ts'
import { type ModelFacts, NO_FACTS } from './core/model-facts.ts'
import type { CustomFormat } from './core/custom-format.ts'
import { placeholdersOf } from './core/template.ts'
import type { Pricing } from './exchange.ts'
import { priorFromCards, reputationFromCards } from './lab/benchmark-cards.ts'
import type { Prior } from './lab/score.ts'
import type { Task } from './lab/task.ts'
import { deploymentPrices } from './ledger/deployment-prices.ts'
import { priceElsewhere } from './ledger/elsewhere.ts'
import { createPriceBook } from './ledger/price-book.ts'
import type { PricedDeployment } from './ledger/price-book.ts'
import type { PriceSource } from './ledger/price-source.ts'
import type { PriceOverride } from './ledger/stated-price.ts'
import { modelFacts } from './models/model-facts.ts'
import { catalogueModels } from './models/price-catalogue.ts'
import { configureProviders, discoverProviders } from './providers/configure.ts'
import type { Environment } from './providers/configure.ts'
import { PRESETS } from './providers/presets.ts'
import { createSimulator } from './providers/simulator/simulator.ts'
import type { Simulator } from './providers/simulator/simulator.ts'
import type { Clock } from './core/clock.ts'
import { isTask, TASKS } from './lab/task.ts'
import { baselinesOf } from './routing/baseline.ts'
import { CatalogueError } from './routing/build-routes.ts'
import type { QualityRules } from './routing/quality-terms.ts'
import { deploymentsOf } from './routing/route.ts'
import { createCatalogue } from './routing/catalogue.ts'
import type { Catalogue, CatalogueInput } from './routing/catalogue.ts'

export type Snapshot = {
  readonly config: Config
  readonly providers: readonly Provider[]
  readonly catalogue: Catalogue
  /** Price of a deployment's units at a time; null where there is none. */
  readonly priceOf: (deploymentId: string, at: number) => Pricing
  /** Route → deployment that its savings are measured by, at the prices of when this was made. */
  readonly baselines: ReadonlyMap<string, string>
  /** Names of tasks that are known or that routes tell apart. */
  readonly tasks: ReadonlySet<string>
  /** What each layer of the price book says of a deployment, the one that counts first. */
  readonly priceLayers: (deploymentId: string, at: number) => readonly NonNullable<Pricing>[]
  /** What is believed of a deployment before any of its answers: what the operator says, else what is published; null: nothing is. */
  readonly priorFor: (deploymentId: string, task: Task) => Prior | null
  readonly simulator: Simulator
  /** How the providers came to be, for the first lines of the log. */
  readonly providersFrom: 'config' | 'environment' | 'simulator'
}

/** Builds everything a configuration means. Throws ProviderConfigError, CatalogueError or SimulatorOptionError. */
export function createSnapshot(
  config: Config,
  environment: Environment,
  {
    clock,
    seed,
    feeds = [],
  }: { readonly clock: Clock; readonly seed: number; readonly feeds?: readonly PriceSource[] },
): Snapshot {
  const configured = Object.keys(config.providers).length > 0
  const providers = configured
    ? configureProviders(config.providers, environment, config.timeouts)
    : discoverProviders(environment, config.timeouts)
  const simulator = createSimulator({ clock, seed, models: simulatedModels(config) })
  const priceBook = createPriceBook({ overrides: priceOverrides(config, providers, simulator), feeds })
  const elsewhere = config.unpriced === 'estimate' ? priceElsewhere(priceBook, priceIds()) : null
  const byName = new Map(providers.map((provider) => [provider.name, provider]))
  const models = new Map(providers.map((provider) => [provider.name, knownModels(provider, config, simulator)]))
  function pricedOf(deploymentId: string): PricedDeployment | null {
    const slash = deploymentId.indexOf('/')
    const provider = byName.get(deploymentId.slice(0, slash))
    if (provider === undefined) return null
    const priceId = PRESETS[provider.preset]?.priceId ?? null
    return { priceId, provider: provider.name, model: deploymentId.slice(slash + 1) }
  }
  const catalogue = createCatalogue({
    providers,
    models,
    factsOf: remembered((provider, model) => factsOf(provider, model, config, simulator)),
    routes: Object.entries(config.routes).map(([name, route]) => ({
      name,
      ...route,
      quality: qualityOf(route, config),
    })),
    quality: config.routing.quality,
    reputationOf: (id) => statedQuality(id, config) ?? reputationFromCards(id),
    aliases: config.aliases,
    closed: new Set(providers.filter(isSimulated).map(({ name }) => name)),
  })
  checkEmbeddings(config, catalogue)
  checkGolden(config, catalogue)
  const priceOf = deploymentPrices(priceBook, pricedOf, elsewhere)
  return {
    config,
    providers,
    catalogue,
    priceOf,
    baselines: baselinesOf(catalogue.routes, (id) => priceOf(id, clock.now())?.rates ?? null),
    tasks: new Set([...TASKS, ...Object.values(config.routes).flatMap(({ byTask }) => Object.keys(byTask))]),
    priceLayers(deploymentId, at) {
      const deployment = pricedOf(deploymentId)
      return deployment === null ? [] : priceBook.layersOf({ ...deployment, at })
    },
    priorFor(id, task) {
      const mean = statedQuality(id, config)
      return mean === null ? priorFromCards(id, task) : { mean, strength: STATED_STRENGTH }
    },
    simulator,
    providersFrom: configured ? 'config' : providers.every(isSimulated) ? 'simulator' : 'environment',
  }
}

/** The route's own word over what routes ask that say nothing; null: it asks for nothing. */
function qualityOf({ quality, strategy }: RouteConfig, { routing }: Config): QualityRules | null {
  if (quality === undefined && strategy !== 'quality') return null
  const { baseline: _, ...defaults } = routing.quality
  return { ...defaults, ...quality }
}

/** Every deployment that a route may ask. */
export function routeTargets({ config, catalogue }: Snapshot): readonly string[] {
  const routes = Object.keys(config.routes).flatMap((name) => catalogue.resolve(name) ?? [])
  return [...new Set(routes.flatMap((route) => deploymentsOf(route).map(({ id }) => id)))]
}

/** Throws CatalogueError where golden prompts name a task or a deployment that there is none of. */
function checkGolden({ golden }: Config, catalogue: Catalogue): void {
  golden.prompts.forEach(({ task }, at) => {
    if (!isTask(task)) throw new CatalogueError(`golden.prompts[${at}].task`, `\`${task}\` is no task of ours.`)
  })
  golden.deployments.forEach((deployment, at) => {
    if (catalogue.resolve(deployment) === null)
      throw new CatalogueError(`golden.deployments[${at}]`, `\`${deployment}\` is no model of a configured provider.`)
  })
}

/** What the operator says of a model’s answers is worth so many judged ones. */
const STATED_STRENGTH = 8

function statedQuality(deploymentId: string, { providers }: Config): number | null {
  const slash = deploymentId.indexOf('/')
  return providers[deploymentId.slice(0, slash)]?.models?.[deploymentId.slice(slash + 1)]?.quality ?? null
}

/** Throws CatalogueError where a cache that looks at meanings has no model for it. */
function checkEmbeddings({ cache, routes }: Config, catalogue: Catalogue): void {
  check('cache', cache)
  for (const [name, route] of Object.entries(routes)) check(`routes.${name}.cache`, { ...cache, ...route.cache })

  function check(path: string, { mode, embedding }: Config['cache']): void {
    if (mode !== 'semantic') return
    if (embedding === undefined)
      throw new CatalogueError(`${path}.mode`, '`mode: semantic` needs `embedding`, the model that makes vectors.')
    if (catalogue.resolve(embedding) === null)
      throw new CatalogueError(
        `${path}.embedding`,
        `\`${embedding}\` is no route and no model of a configured provider.`,
      )
  }
}

/** Models that callers name and nobody knows are looked up once, up to a bound. */
const MAX_REMEMBERED = 10_000

function remembered(look: CatalogueInput['factsOf']): CatalogueInput['factsOf'] {
  const known = new LRUCache<string, ModelFacts>(atMost(MAX_REMEMBERED))
  return (provider, model) => {
    const id = `${provider.name}/${model}`
    let facts = known.get(id)
    if (facts === undefined) known.set(id, (facts = look(provider, model)))
    return facts
  }
}

function factsOf(provider: Provider, model: string, config: Config, simulator: Simulator): ModelFacts {
  const stated = statedFacts(config.providers[provider.name]?.models?.[model])
  if (isSimulated(provider)) return { ...NO_FACTS, ...simulatedFacts(simulator.models[model]), ...stated }
  const { custom } = provider.quirks
  if (custom !== undefined)
    return { ...NO_FACTS, ...stated, abilities: { ...customAbilities(custom), ...stated.abilities } }
  const preset = PRESETS[provider.preset]
  const priceId = preset?.priceId ?? null
  return modelFacts({
    stated,
    priceId,
    vendor: priceId ?? provider.preset,
    names: preset?.local === true ? 'any' : (preset?.modelNames ?? 'vendor'),
    model,
  })
}

/** What a description of an API can say is what can be asked of it. */
function customAbilities({ body }: CustomFormat): ModelFacts['abilities'] {
  const no = {
    tools: false,
    vision: false,
    pdf: false,
    audio_in: false,
    video_in: false,
    audio_out: false,
    image_out: false,
  }
  return { ...no, json_schema: placeholdersOf(body).has('response_schema') }
}

/** What the operator says of a model; what is left out is not said. */
function statedFacts(model: ModelConfig | undefined): Partial<ModelFacts> {
  if (model === undefined) return {}
  const {
    maker,
    kind,
    responsesOnly,
    title,
    context,
    maxOutput,
    abilities,
    releasedOn,
    retiredOn,
    successor,
    quantization,
  } = model
  return defined<Partial<ModelFacts>>({
    maker,
    kind,
    responsesOnly,
    title,
    contextTokens: context,
    // Whoever states the window has the last word about what goes in, whatever the catalogue thinks.
    maxInputTokens: context,
    maxOutputTokens: maxOutput,
    abilities,
    releasedOn,
    retiredOn,
    successor,
    quantization,
  })
}

function simulatedFacts(model: Simulator['models'][string] | undefined): Partial<ModelFacts> {
  if (model === undefined) return {}
  const { kind, context } = model
  if (kind !== 'chat' && kind !== 'reasoner') return { kind, contextTokens: context }
  return { kind: 'chat', contextTokens: context, abilities: { ...SIMULATED, reasoning: kind === 'reasoner' } }
}

const SIMULATED: ModelFacts['abilities'] = { tools: true, parallel_tools: true, json_schema: true }

function priceIds(): readonly string[] {
  return [...new Set(Object.values(PRESETS).flatMap(({ priceId }) => priceId ?? []))]
}

function isSimulated(provider: Provider): boolean {
  return provider.baseUrl.startsWith('simulator:')
}

type SimulatedOverrides = NonNullable<Parameters<typeof createSimulator>[0]['models']>

/** What the configuration says of simulated models, by model id. */
function simulatedModels(config: Config): SimulatedOverrides {
  const models: Record<string, SimulatedOverrides[string]> = {}
  for (const [name, provider] of Object.entries(config.providers)) {
    if ((provider.preset ?? name) !== SIMULATOR_PRESET) continue
    for (const [model, { simulate }] of Object.entries(provider.models ?? {})) models[model] = simulate ?? {}
  }
  return models
}

const SIMULATOR_PRESET = 'simulator'

function knownModels(provider: Provider, config: Config, simulator: Simulator): readonly string[] {
  if (isSimulated(provider)) return Object.keys(simulator.models)
  const stated = Object.keys(config.providers[provider.name]?.models ?? {})
  return [...new Set([...stated, ...catalogueModels(PRESETS[provider.preset]?.priceId ?? null)])]
}

/** Prices that do not come from the bundled catalogue: the operator's, and the simulator's own. */
function priceOverrides(
  config: Config,
  providers: readonly Provider[],
  simulator: Simulator,
): Readonly<Record<string, Readonly<Record<string, PriceOverride>>>> {
  return Object.fromEntries(
    providers.map((provider) => {
      const prices: Record<string, PriceOverride> = {}
      if (isSimulated(provider)) for (const [id, { price }] of Object.entries(simulator.models)) prices[id] = price
      for (const [id, { price }] of Object.entries(config.providers[provider.name]?.models ?? {}))
        if (price !== undefined) prices[id] = price
      return [provider.name, prices]
    }),
  )
}
