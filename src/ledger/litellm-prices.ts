// Prices in the form of LiteLLM's `model_prices_and_context_window.json`: dollars per token, image, second, character …
import { z } from 'zod'
import type { ContextTier, Rates, ServiceTier } from '../core/model.ts'
import { parseUsd } from '../core/money.ts'
import type { UsageUnit } from '../core/usage.ts'
import type { PriceTable } from './price-source.ts'

const price = z.number().nullable().optional()
const Row = z.looseObject({
  litellm_provider: z.string(),
  input_cost_per_token: price,
  output_cost_per_token: price,
})
const File = z.record(z.string(), z.unknown())

/** Their names of vendors → those of the catalogue. Names that are not here stay as they are. */
const VENDORS: Readonly<Record<string, string>> = {
  gemini: 'google',
  vertex_ai: 'google',
  'vertex_ai-language-models': 'google',
  'vertex_ai-anthropic_models': 'google',
  'vertex_ai-llama_models': 'google',
  'vertex_ai-mistral_models': 'google',
  'vertex_ai-embedding-models': 'google',
  azure_ai: 'azure',
  azure_text: 'azure',
  bedrock: 'aws',
  bedrock_converse: 'aws',
  xai: 'x-ai',
  cohere_chat: 'cohere',
  together_ai: 'together',
  fireworks_ai: 'fireworks',
  'fireworks_ai-embedding-models': 'fireworks',
  'text-completion-openai': 'openai',
  moonshot: 'moonshotai',
  voyage: 'voyageai',
}

/** Their field, our unit, and how many of our units theirs is. */
const FIELDS: readonly (readonly [field: string, unit: UsageUnit])[] = [
  ['input_cost_per_token', 'input'],
  ['output_cost_per_token', 'output'],
  ['cache_read_input_token_cost', 'cacheRead'],
  ['cache_creation_input_token_cost', 'cacheWrite5m'],
  ['cache_creation_input_token_cost_above_1hr', 'cacheWrite1h'],
  ['output_cost_per_reasoning_token', 'reasoning'],
  ['input_cost_per_audio_token', 'audioIn'],
  ['output_cost_per_audio_token', 'audioOut'],
  ['input_cost_per_image_token', 'imageIn'],
  ['output_cost_per_image_token', 'imageOut'],
  ['output_cost_per_image', 'images'],
  ['input_cost_per_character', 'characters'],
  ['input_cost_per_second', 'seconds'],
  ['output_cost_per_second', 'seconds'],
  ['input_cost_per_query', 'requests'],
]

const TIER_SUFFIX: Readonly<Record<Exclude<ServiceTier, 'standard'>, string>> = {
  batch: '_batches',
  flex: '_flex',
  priority: '_priority',
}
const ABOVE = /^(.+)_above_(\d+)k_tokens$/
/** An explanation of the fields that stands among the models. */
const SPECIMEN = 'sample_spec'

/** Throws with a sentence where the text is no such file. */
export function readLitellm(value: unknown): PriceTable {
  const file = File.safeParse(value)
  if (!file.success) throw new Error('it is no mapping of model names to prices')
  const table = new Map<string, Map<string, Rates>>()
  for (const [name, written] of Object.entries(file.data)) {
    if (name === SPECIMEN) continue
    const row = Row.safeParse(written)
    if (!row.success) throw new Error(`${name}: ${row.error.issues[0]?.path.join('.')} is not what it should be`)
    const rates = ratesOf(row.data)
    if (Object.keys(rates).length === 0) continue
    const theirs = row.data.litellm_provider
    const vendor = VENDORS[theirs] ?? theirs
    const models = table.get(vendor) ?? new Map<string, Rates>()
    table.set(vendor, models)
    const bare = name.replace(/^[\w.-]+\//, (prefix) =>
      prefix.slice(0, -1) in VENDORS || prefix === `${theirs}/` ? '' : prefix,
    )
    // The plain name of a model wins over one that is written with its host.
    if (bare === name || !models.has(bare)) models.set(bare, rates)
  }
  return table
}

function ratesOf(row: Readonly<Record<string, unknown>>): Rates {
  const base = unitRates(row, '')
  const serviceTiers: { [tier in Exclude<ServiceTier, 'standard'>]?: Rates } = {}
  for (const tier of ['batch', 'flex', 'priority'] as const) {
    const own = unitRates(row, TIER_SUFFIX[tier])
    if (Object.keys(own).length > 0) serviceTiers[tier] = { ...base, ...own }
  }
  const thresholds = new Map<number, { [unit in UsageUnit]?: bigint }>()
  for (const [name, value] of Object.entries(row)) {
    const [, field, thousands] = ABOVE.exec(name) ?? []
    const unit = FIELDS.find(([known]) => known === field)?.[1]
    if (unit === undefined) continue
    const above = Number(thousands) * 1_000
    const rate = rateOf(value)
    if (rate !== null) thresholds.set(above, { ...thresholds.get(above), [unit]: rate })
  }
  const contextTiers: readonly ContextTier[] = [...thresholds]
    .sort(([one], [other]) => one - other)
    .map(([above, own]) => ({ above, rates: { ...base, ...own } }))
  return {
    ...base,
    ...(contextTiers.length === 0 ? {} : { contextTiers }),
    ...(Object.keys(serviceTiers).length === 0 ? {} : { serviceTiers }),
  }
}

function unitRates(row: Readonly<Record<string, unknown>>, suffix: string): { [unit in UsageUnit]?: bigint } {
  const rates: { [unit in UsageUnit]?: bigint } = {}
  for (const [field, unit] of FIELDS) {
    const rate = rateOf(row[`${field}${suffix}`])
    if (rate !== null && rates[unit] === undefined) rates[unit] = rate
  }
  const search = searchPrice(row)
  if (suffix === '' && search !== null) rates.searches = search
  return rates
}

function searchPrice(row: Readonly<Record<string, unknown>>): bigint | null {
  const prices = row['search_context_cost_per_query']
  if (typeof prices !== 'object' || prices === null) return null
  return 'search_context_size_medium' in prices ? rateOf(prices.search_context_size_medium) : null
}

/** Dollars for one unit → pico-dollars. */
function rateOf(value: unknown): bigint | null {
  return typeof value === 'number' ? parseUsd(value, 12) : null
}
