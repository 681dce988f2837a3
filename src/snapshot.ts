// One configuration as the path uses it: immutable, swapped by reference; a request keeps the one it began with.
import type { Config } from './config/schema.ts'
import type { Provider } from './core/model.ts'
import type { Pricing } from './exchange.ts'
import { catalogueModels } from './ledger/catalogue-models.ts'
import { createPriceBook } from './ledger/price-book.ts'
import type { PriceOverride } from './ledger/price-book.ts'
import { configureProviders, discoverProviders } from './providers/configure.ts'
import type { Environment } from './providers/configure.ts'
import { PRESETS } from './providers/presets.ts'
import { createSimulator } from './providers/simulator/simulator.ts'
import type { Simulator } from './providers/simulator/simulator.ts'
import type { Clock } from './core/clock.ts'
import { createCatalogue } from './routing/catalogue.ts'
import type { Catalogue } from './routing/catalogue.ts'

export type Snapshot = {
  readonly config: Config
  readonly providers: readonly Provider[]
  readonly catalogue: Catalogue
  /** Price of a deployment's units at a time; null where there is none. */
  readonly priceOf: (deploymentId: string, at: number) => Pricing
  readonly simulator: Simulator
  /** How the providers came to be, for the first lines of the log. */
  readonly providersFrom: 'config' | 'environment' | 'simulator'
}

/** Builds everything a configuration means. Throws ProviderConfigError, CatalogueError or SimulatorOptionError. */
export function createSnapshot(
  config: Config,
  environment: Environment,
  { clock, seed }: { readonly clock: Clock; readonly seed: number },
): Snapshot {
  const configured = Object.keys(config.providers).length > 0
  const providers = configured
    ? configureProviders(config.providers, environment, config.timeouts)
    : discoverProviders(environment, config.timeouts)
  const simulator = createSimulator({ clock, seed, models: simulatedModels(config) })
  const priceBook = createPriceBook({ overrides: priceOverrides(config, providers, simulator) })
  const byName = new Map(providers.map((provider) => [provider.name, provider]))
  const models = new Map(providers.map((provider) => [provider.name, knownModels(provider, config, simulator)]))
  return {
    config,
    providers,
    catalogue: createCatalogue({
      providers,
      models,
      routes: Object.entries(config.routes).map(([name, route]) => ({ name, ...route })),
      aliases: config.aliases,
      closed: new Set(providers.filter(isSimulated).map(({ name }) => name)),
    }),
    priceOf(deploymentId, at) {
      const slash = deploymentId.indexOf('/')
      const provider = byName.get(deploymentId.slice(0, slash))
      if (provider === undefined) return null
      const priceId = PRESETS[provider.preset]?.priceId ?? null
      return priceBook.ratesOf({ priceId, provider: provider.name, model: deploymentId.slice(slash + 1), at })
    },
    simulator,
    providersFrom: configured ? 'config' : providers.every(isSimulated) ? 'simulator' : 'environment',
  }
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
