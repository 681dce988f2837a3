// Prices in the form of models.dev's `api.json`: vendor → models → cost, in dollars per million tokens.
import { z } from 'zod'
import type { Rates } from '../core/model.ts'
import { parseUsd } from '../core/money.ts'
import type { UsageUnit } from '../core/usage.ts'
import type { PriceTable } from './price-source.ts'

const price = z.number().optional()
const prices = {
  input: price,
  output: price,
  cache_read: price,
  cache_write: price,
  reasoning: price,
  input_audio: price,
  output_audio: price,
}
const Cost = z.looseObject({ ...prices, context_over_200k: z.looseObject(prices).optional() })
const Vendor = z.looseObject({ models: z.record(z.string(), z.looseObject({ cost: Cost.optional() })) })
const File = z.record(z.string(), Vendor)

type Prices = { readonly [field in keyof typeof prices]?: number | undefined }

const FIELDS: readonly (readonly [field: keyof Prices, unit: UsageUnit])[] = [
  ['input', 'input'],
  ['output', 'output'],
  ['cache_read', 'cacheRead'],
  ['cache_write', 'cacheWrite5m'],
  ['reasoning', 'reasoning'],
  ['input_audio', 'audioIn'],
  ['output_audio', 'audioOut'],
]

/** Their names of vendors → those of the catalogue. Names that are not here stay as they are. */
const VENDORS: Readonly<Record<string, string>> = {
  'amazon-bedrock': 'aws',
  'google-vertex': 'google',
  xai: 'x-ai',
  togetherai: 'together',
  'fireworks-ai': 'fireworks',
  voyage: 'voyageai',
  'novita-ai': 'novita',
}
const LONG_CONTEXT_TOKENS = 200_000

/** Throws with a sentence where the text is no such file. */
export function readModelsDev(value: unknown): PriceTable {
  // An older form has the vendors one level deeper.
  const root = typeof value === 'object' && value !== null && 'providers' in value ? value.providers : value
  const file = File.safeParse(root)
  if (!file.success) {
    const issue = file.error.issues[0]
    throw new Error(`${issue?.path.join('.') ?? 'it'} is not what it should be`)
  }
  const table = new Map<string, Map<string, Rates>>()
  for (const [theirs, { models }] of Object.entries(file.data)) {
    const vendor = VENDORS[theirs] ?? theirs
    const rows = table.get(vendor) ?? new Map<string, Rates>()
    table.set(vendor, rows)
    for (const [model, { cost }] of Object.entries(models)) {
      if (cost === undefined) continue
      const base = unitRates(cost)
      const over = cost.context_over_200k
      const tier = over === undefined ? [] : [{ above: LONG_CONTEXT_TOKENS, rates: { ...base, ...unitRates(over) } }]
      if (Object.keys(base).length > 0) rows.set(model, tier.length === 0 ? base : { ...base, contextTiers: tier })
    }
  }
  return table
}

function unitRates(cost: Prices): { [unit in UsageUnit]?: bigint } {
  const rates: { [unit in UsageUnit]?: bigint } = {}
  for (const [field, unit] of FIELDS) {
    const dollars = cost[field]
    const rate = dollars === undefined ? null : parseUsd(dollars, 6)
    if (rate !== null) rates[unit] = rate
  }
  return rates
}
