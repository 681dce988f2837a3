// What a unit of a model costs, in layers: the bundled catalogue, the feeds over it in their order, the operator's own
// prices on top. A layer that knows a model replaces what is below it for that model altogether.
//
// Each layer is asked once for each (provider, model) and its answer remembered, so that the hot path is two look-ups.
import { CATALOGUE_VERSION, catalogueSource } from './catalogue-source.ts'
import { priceAt, type KnownPrice, type Price, type PriceSource } from './price-source.ts'
import { statedPrice, type PriceOverride } from './stated-price.ts'

export type PriceBookOptions = {
  /** Provider name → model id → price. It replaces every other price of that model altogether. */
  readonly overrides: Readonly<Record<string, Readonly<Record<string, PriceOverride>>>>
  /** Over the bundled catalogue, the last one on top. */
  readonly feeds?: readonly PriceSource[]
}

export type PricedDeployment = {
  /** The provider's id in the catalogue; null where it is not in there. */
  readonly priceId: string | null
  /** The provider's name in the configuration. */
  readonly provider: string
  readonly model: string
}

type PriceQuery = PricedDeployment & {
  /** When the answer was made, ms since the epoch: some prices change by date or time of day. */
  readonly at: number
}

export interface PriceBook {
  /** Null when no price is known. A price of zero is one that somebody stated. */
  ratesOf(query: PriceQuery): Price | null
  /** What counts at any time, for those who ask often. */
  knownOf(deployment: PricedDeployment): KnownPrice
  /** What each layer says, the one that counts first. */
  layersOf(query: PriceQuery): readonly Price[]
}

/** Bound of what is remembered for each provider: callers may invent model ids. */
const MAX_REMEMBERED = 10_000

export const BUNDLED: PriceSource = catalogueSource(CATALOGUE_VERSION)

export function createPriceBook({ overrides, feeds = [] }: PriceBookOptions): PriceBook {
  const stated = new Map(
    Object.entries(overrides).map(([provider, models]) => [
      provider,
      new Map(Object.entries(models).map(([model, override]) => [model, statedPrice(model, override)])),
    ]),
  )
  const layers = [...feeds.toReversed(), BUNDLED]
  const remembered = new Map<string, Map<string, KnownPrice>>()

  function* looks({ priceId, provider, model }: PricedDeployment): Generator<KnownPrice> {
    yield stated.get(provider)?.get(model) ?? null
    if (priceId !== null) for (const layer of layers) yield layer.look(priceId, model)
  }

  function look(deployment: PricedDeployment): KnownPrice {
    for (const known of looks(deployment)) if (known !== null) return known
    return null
  }

  function knownOf(deployment: PricedDeployment): KnownPrice {
    let models = remembered.get(deployment.provider)
    if (models === undefined) {
      models = new Map()
      remembered.set(deployment.provider, models)
    }
    let known = models.get(deployment.model)
    if (known === undefined) {
      known = look(deployment)
      if (models.size >= MAX_REMEMBERED) models.clear()
      models.set(deployment.model, known)
    }
    return known
  }

  return {
    knownOf,
    ratesOf: (query) => priceAt(knownOf(query), query.at),
    layersOf: (query) => [...looks(query)].flatMap((known) => priceAt(known, query.at) ?? []),
  }
}
