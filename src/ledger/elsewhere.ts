// What a model without a price may cost: the dearest price that the catalogue knows of a model of the same name at another
// provider. Only for `unpriced: estimate`, and marked as such in each entry by the version of the price.
import type { Rates } from '../core/model.ts'
import type { PriceBook } from './price-book.ts'
import type { Price } from './price-source.ts'

/** Bound of what is remembered: callers may invent model ids. */
const MAX_REMEMBERED = 10_000

/** @param priceIds the catalogue's providers that are asked */
export function priceElsewhere(
  book: PriceBook,
  priceIds: readonly string[],
): (model: string, at: number) => Price | null {
  const remembered = new Map<string, Price | null>()
  return (model, at) => {
    const known = remembered.get(model)
    if (known !== undefined) return known
    // Resellers write the maker into the name: `meta-llama/Llama-3-8B`.
    const bare = model.slice(model.lastIndexOf('/') + 1)
    let dearest: Price | null = null
    for (const priceId of priceIds) {
      const price = book.ratesOf({ priceId, provider: ` ${priceId}`, model: bare, at })
      if (price !== null && (dearest === null || weightOf(price.rates) > weightOf(dearest.rates))) dearest = price
    }
    const found = dearest === null ? null : { rates: dearest.rates, version: `estimate-${dearest.version}` }
    if (remembered.size >= MAX_REMEMBERED) remembered.clear()
    remembered.set(model, found)
    return found
  }
}

function weightOf({ input = 0n, output = 0n, requests = 0n, characters = 0n, seconds = 0n }: Rates): bigint {
  return input + output + requests + characters + seconds
}
