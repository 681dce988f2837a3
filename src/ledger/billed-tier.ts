// The service tier of an answer, and how an entry remembers it: as the last word of the version that it was priced by.
import { parseObject } from '../core/json-read.ts'
import type { Rates, ServiceTier } from '../core/model.ts'

type Special = Exclude<ServiceTier, 'standard'>

/** What providers call their tiers; every other word, and none, is the standard one. */
const TIERS: Readonly<Record<string, Special>> = { batch: 'batch', flex: 'flex', priority: 'priority' }

function serviceTierOf(word: unknown): ServiceTier {
  return typeof word === 'string' ? (TIERS[word] ?? 'standard') : 'standard'
}

/**
 * The tier that an answer is billed by: what its usage says (Anthropic), else what was asked for (OpenAI), which a provider
 * may have answered in a lesser one.
 */
export function billedTier(asked: unknown, rawUsage: string | null): ServiceTier {
  const said = rawUsage === null ? undefined : parseObject(rawUsage)?.['service_tier']
  return serviceTierOf(said ?? asked)
}

/** `genai-prices-0.1.8`, or `genai-prices-0.1.8 flex` where the flex rates of that version were used. */
export function versionWithTier(version: string, tier: ServiceTier): string {
  return tier === 'standard' ? version : `${version} ${tier}`
}

export function serviceTierIn(version: string): ServiceTier {
  return serviceTierOf(version.slice(version.lastIndexOf(' ') + 1))
}

/** The rates that bound what a request may cost that asks for a tier: a lesser one may turn out to be the standard one. */
export function boundingRates(rates: Rates, asked: unknown): Rates {
  return rates.serviceTiers === undefined || asked !== 'priority' ? rates : (rates.serviceTiers.priority ?? rates)
}
