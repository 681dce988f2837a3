// A model as it is listed, to callers and to operators: its name, what is known of it, and what it costs.
import type { Rates } from '../core/model.ts'
import { type Ability, type ModelFacts, type ModelKind } from '../core/model-facts.ts'
import { USAGE_UNITS } from '../core/usage.ts'

export type ListedModel = {
  /** Name that a caller may send. */
  readonly id: string
  /** `weir` for routes, the provider's name otherwise. */
  readonly ownedBy: string
  readonly facts: ModelFacts
  /** Null where no price is known, and for routes of several models. */
  readonly rates: Rates | null
}

export type ModelFilter = {
  /** Part of the name, whatever the case. */
  readonly search?: string | undefined
  readonly provider?: string | undefined
  readonly kind?: ModelKind | undefined
  /** All of them must be known to be there. */
  readonly abilities?: readonly Ability[] | undefined
}

/** The models that a filter lets through. */
export function filterModels(models: readonly ListedModel[], filter: ModelFilter): readonly ListedModel[] {
  const search = filter.search?.toLowerCase() ?? ''
  return models.filter(
    ({ id, ownedBy, facts }) =>
      id.toLowerCase().includes(search) &&
      (filter.provider === undefined || filter.provider === ownedBy) &&
      (filter.kind === undefined || filter.kind === facts.kind) &&
      (filter.abilities ?? []).every((ability) => facts.abilities[ability] === true),
  )
}

/** Dollars per million units, decimal, of the units that have a price; units are written as elsewhere in JSON, `cache_read`. */
export function usdPerMillion(rates: Rates): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(writeRates(rates, 6)).map(([unit, dollars]) => [
      unit.replaceAll(/[A-Z]|\d+/g, (part) => `_${part.toLowerCase()}`),
      dollars,
    ]),
  )
}

/** Dollars per unit, decimal. */
export function usdPerUnit(rates: Rates): Readonly<Record<string, string>> {
  return writeRates(rates, 12)
}

/** `digits`: decimal places from what is written to pico-dollars. */
function writeRates(rates: Rates, digits: number): Readonly<Record<string, string>> {
  return Object.fromEntries(
    USAGE_UNITS.flatMap((unit) => {
      const rate = rates[unit]
      return rate === undefined ? [] : [[unit, decimal(rate, digits)] as const]
    }),
  )
}

function decimal(pico: bigint, digits: number): string {
  const text = pico.toString().padStart(digits + 1, '0')
  const fraction = text.slice(-digits).replace(/0+$/, '')
  const whole = text.slice(0, -digits)
  return fraction === '' ? whole : `${whole}.${fraction}`
}

/** A model as the admin API and `weir models --json` tell it; what is not known is null or absent. */
export function listedModelJson({ id, ownedBy, facts, rates }: ListedModel): object {
  return {
    id,
    owned_by: ownedBy,
    title: facts.title,
    maker: facts.maker,
    kind: facts.kind,
    context: facts.contextTokens ?? facts.maxInputTokens,
    max_input: facts.maxInputTokens,
    max_output: facts.maxOutputTokens,
    abilities: facts.abilities,
    released_on: facts.releasedOn,
    retired_on: facts.retiredOn,
    successor: facts.successor,
    usd_per_million: rates === null ? null : usdPerMillion(rates),
  }
}
