// What the bundled catalogue of prices knows of models beside their prices: ids, names, context windows.
import { calcPrice, findProvider } from '@pydantic/genai-prices'
import { type ModelFacts, NO_FACTS } from '../core/model-facts.ts'

/** Ids of the provider's models that are not withdrawn; none where the catalogue does not know the provider. */
export function catalogueModels(priceId: string | null): readonly string[] {
  if (priceId === null) return []
  const provider = findProvider({ providerId: priceId })
  if (provider === undefined) return []
  return provider.models.filter(({ deprecated }) => deprecated !== true).map(({ id }) => id)
}

/** What the catalogue says of the model that it takes an id for. */
export function catalogueFacts(priceId: string | null, model: string): ModelFacts {
  const provider = priceId === null ? undefined : findProvider({ providerId: priceId })
  if (provider === undefined) return NO_FACTS
  const found = byId(provider).get(model) ?? calcPrice({}, model, { provider })?.model
  if (found === undefined) return NO_FACTS
  return { ...NO_FACTS, title: found.name ?? null, contextTokens: found.context_window ?? null }
}

// The package's own matching goes through all rows of a provider (0.3 ms of some): most names need none of it. An index
// dies with its rows.
const indexes = new WeakMap<CatalogueProvider, ReadonlyMap<string, CatalogueModel>>()

type CatalogueProvider = NonNullable<ReturnType<typeof findProvider>>
type CatalogueModel = CatalogueProvider['models'][number]

function byId(provider: CatalogueProvider): ReadonlyMap<string, CatalogueModel> {
  let index = indexes.get(provider)
  if (index === undefined) indexes.set(provider, (index = new Map(provider.models.map((model) => [model.id, model]))))
  return index
}
