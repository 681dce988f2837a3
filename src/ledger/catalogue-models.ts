// Which models the bundled catalogue knows of a provider.
import { findProvider } from '@pydantic/genai-prices'

/** Ids of the provider's models that are not withdrawn; none where the catalogue does not know the provider. */
export function catalogueModels(priceId: string | null): readonly string[] {
  if (priceId === null) return []
  const provider = findProvider({ providerId: priceId })
  if (provider === undefined) return []
  return provider.models.filter(({ deprecated }) => deprecated !== true).map(({ id }) => id)
}
