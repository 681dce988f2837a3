// Everything known of one model: the operator's word, then the table of known models, then the catalogue of prices.
import { factsOver, type ModelFacts, NO_FACTS } from '../core/model-facts.ts'
import { knownFacts } from './known-facts.ts'
import { catalogueFacts } from './price-catalogue.ts'

export type ModelQuery = {
  /** The operator's own words. */
  readonly stated: Partial<ModelFacts>
  /** The host's name in the catalogue of prices; null where it is not in there. */
  readonly priceId: string | null
  /** The host's name in the table of known models. */
  readonly vendor: string
  /**
   * Whose names the models have there: `vendor`: those that everybody knows; `operator`: names that the operator chose and
   * that only probably mean the model of that name; `any`: any name may mean anything.
   */
  readonly names: 'vendor' | 'operator' | 'any'
  readonly model: string
}

/** Facts of a model as a host serves it. What the sources leave open stays open. */
export function modelFacts({ stated, priceId, vendor, names, model }: ModelQuery): ModelFacts {
  const own: ModelFacts = { ...NO_FACTS, ...stated }
  switch (names) {
    case 'vendor':
      return factsOver(own, together(knownFacts(vendor, model), catalogueFacts(priceId, model)))
    case 'operator':
      return factsOver(own, likely(knownFacts(vendor, model)))
    case 'any':
      return own
  }
}

/**
 * Of two sources that contradict each other about a limit the more generous one holds: a request is never kept from a
 * model that may be able to serve it.
 */
function together(known: ModelFacts, catalogue: ModelFacts): ModelFacts {
  const { maxInputTokens } = known
  const { contextTokens } = catalogue
  return {
    ...factsOver(known, catalogue),
    contextTokens:
      contextTokens === null || maxInputTokens === null ? contextTokens : Math.max(contextTokens, maxInputTokens),
  }
}

/** Only what speaks for the model: the name may stand for another one. */
function likely({ maker, kind, abilities }: ModelFacts): ModelFacts {
  return {
    ...NO_FACTS,
    maker,
    kind,
    abilities: Object.fromEntries(Object.entries(abilities).filter(([, able]) => able)),
  }
}
