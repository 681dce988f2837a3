// Prices by the id of a deployment, as requests ask for them: several times each, so none of them takes the id apart.
import type { PriceBook, PricedDeployment } from './price-book.ts'
import { type KnownPrice, type Price, priceAt } from './price-source.ts'

type Remembered = { readonly deployment: PricedDeployment; readonly known: KnownPrice }

/** Bound of what is remembered: callers may invent model ids. */
const MAX_REMEMBERED = 10_000

/**
 * @param deploymentOf null: there is no such provider
 * @param elsewhere what a model without a price is taken to cost; null: nothing is assumed
 */
export function deploymentPrices(
  book: PriceBook,
  deploymentOf: (deploymentId: string) => PricedDeployment | null,
  elsewhere: ((model: string, at: number) => Price | null) | null,
): (deploymentId: string, at: number) => Price | null {
  const remembered = new Map<string, Remembered | null>()

  function lookUp(deploymentId: string): Remembered | null {
    const deployment = deploymentOf(deploymentId)
    const found = deployment === null ? null : { deployment, known: book.knownOf(deployment) }
    if (remembered.size >= MAX_REMEMBERED) remembered.clear()
    remembered.set(deploymentId, found)
    return found
  }

  return (deploymentId, at) => {
    let found = remembered.get(deploymentId)
    if (found === undefined) found = lookUp(deploymentId)
    if (found === null) return null
    return priceAt(found.known, at) ?? elsewhere?.(found.deployment.model, at) ?? null
  }
}
