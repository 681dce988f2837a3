// What the bundled catalogue of prices knows of models beside their prices: ids, names, context windows.
import { calcPrice, findProvider, type MatchLogic, type ModelInfo, type Provider } from '@pydantic/genai-prices'
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
  const found = catalogueModel(provider, model)
  if (found === null) return NO_FACTS
  return { ...NO_FACTS, title: found.name ?? null, contextTokens: found.context_window ?? null }
}

/** The row of a provider that the package takes a model id for; null when there is none. */
export function catalogueModel(provider: Provider, model: string): ModelInfo | null {
  // The package takes some 0.3 ms to find one, and most names are the id of a row; a test compares the two ways.
  const own = byId(provider).get(model)
  if (own !== undefined && matches(own.match, model.toLowerCase())) return own
  // Without any usage the package only matches: its answer tells the row that it found.
  return calcPrice({}, model, { provider })?.model ?? null
}

/** @param name in small letters */
function matches(logic: MatchLogic, name: string): boolean {
  if ('or' in logic) return logic.or.some((one) => matches(one, name))
  if ('and' in logic) return logic.and.every((one) => matches(one, name))
  if ('equals' in logic) return name === logic.equals
  if ('starts_with' in logic) return name.startsWith(logic.starts_with)
  if ('ends_with' in logic) return name.endsWith(logic.ends_with)
  return 'contains' in logic ? name.includes(logic.contains) : false
}

// An index dies with its rows.
const indexes = new WeakMap<Provider, ReadonlyMap<string, ModelInfo>>()

function byId(provider: Provider): ReadonlyMap<string, ModelInfo> {
  let index = indexes.get(provider)
  if (index === undefined) indexes.set(provider, (index = new Map(provider.models.map((model) => [model.id, model]))))
  return index
}
