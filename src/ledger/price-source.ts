// Where prices come from: one layer of the price book, whatever its file looks like.
import type { Rates } from '../core/model.ts'

export type Price = {
  readonly rates: Rates
  /** Names where the rates come from; kept in each entry. */
  readonly version: string
}

/** Price of one model through time: the last condition that holds wins, the first row is what holds otherwise. */
type PriceSchedule = readonly { readonly holds: (at: number) => boolean; readonly price: Price | null }[]
/** Null: the source knows the model and no price of it, or does not know it. */
export type KnownPrice = Price | null | PriceSchedule

/** A model in the words of a source: its vendor's id in the catalogue, and the model's own. */
export type PricedModel = { readonly vendor: string; readonly model: string }

export interface PriceSource {
  readonly version: string
  look(vendor: string, model: string): KnownPrice
  models(): readonly PricedModel[]
}

/** The price that holds at a moment. */
export function priceAt(known: KnownPrice, at: number): Price | null {
  if (known === null || !isSchedule(known)) return known
  return (known.findLast(({ holds }) => holds(at)) ?? known[0])?.price ?? null
}

function isSchedule(known: Price | PriceSchedule): known is PriceSchedule {
  return Array.isArray(known)
}

/** Vendor → model → price: what sources are made of whose models have one name each. */
export type PriceTable = ReadonlyMap<string, ReadonlyMap<string, Rates>>

/** A source over a table. A model that is dated in its name, or bears a tag, has the price of its family. */
export function tableSource(table: PriceTable, version: string): PriceSource {
  return {
    version,
    look(vendor, model) {
      const models = table.get(vendor)
      if (models === undefined) return null
      for (const name of namesOf(model)) {
        const rates = models.get(name)
        if (rates !== undefined) return { rates, version }
      }
      return null
    },
    models: () => [...table].flatMap(([vendor, models]) => [...models.keys()].map((model) => ({ vendor, model }))),
  }
}

/** Names that a model may stand under, the nearest first: `gpt-5-2025-08-07` → `gpt-5`, `qwen:latest` → `qwen`. */
function* namesOf(model: string): Generator<string> {
  yield model
  const lower = model.toLowerCase()
  yield lower
  const bare = lower.replace(/(?:-\d{4}-\d{2}-\d{2}|[-@]\d{8}|[:@]latest)$/, '')
  if (bare !== lower) yield bare
}
