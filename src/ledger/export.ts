// Entries as text for other programs: CSV, JSON lines, and FOCUS 1.2 (the FinOps specification of cost and usage). Pure; a
// line for each entry, corrections too. In tables, what attempts at other targets cost are lines of their own after it, so
// that totals by provider are right; as JSON they are its `parts`.
import type { Entry } from '../core/ledger.ts'
import { formatUsd } from '../core/money.ts'
import { inputTokens, outputTokens, USAGE_UNITS, type Usage } from '../core/usage.ts'
import { csvLine } from './csv.ts'

export const EXPORT_FORMATS = ['csv', 'jsonl', 'focus'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

type Column = readonly [name: string, cell: (entry: Entry) => string]

const COLUMNS: readonly Column[] = [
  ['id', (entry) => entry.id],
  ['at', (entry) => time(entry.at)],
  ['status', (entry) => entry.status],
  ['key', (entry) => entry.dimensions.keyId],
  ['team', (entry) => entry.dimensions.teamId ?? ''],
  ['end_user', (entry) => entry.dimensions.endUser ?? ''],
  ['tags', (entry) => entry.dimensions.tags.join(' ')],
  ['route', (entry) => entry.dimensions.route],
  ['requested_model', (entry) => entry.dimensions.requestedModel],
  ['operation', (entry) => entry.dimensions.operation],
  ['organisation', (entry) => entry.dimensions.organisation ?? ''],
  ['task', (entry) => entry.dimensions.task ?? ''],
  ['purpose', (entry) => entry.dimensions.purpose ?? ''],
  ['dialect', (entry) => entry.dimensions.dialect],
  ['provider', (entry) => entry.provider],
  ['model', (entry) => entry.model],
  ['cost_usd', (entry) => formatUsd(entry.costNanoUsd)],
  ['cost_nano_usd', (entry) => String(entry.costNanoUsd)],
  ['saved_usd', (entry) => (entry.savedNanoUsd === undefined ? '' : formatUsd(entry.savedNanoUsd))],
  ['unpriced', (entry) => String(entry.unpriced)],
  ['price_version', (entry) => entry.priceVersion],
  ['usage_source', (entry) => entry.usageSource],
  ['user', (entry) => entry.sale?.userId ?? ''],
  ['user_group', (entry) => entry.sale?.group ?? ''],
  ['charged_usd', (entry) => (entry.sale === undefined ? '' : formatUsd(entry.sale.chargedNanoUsd))],
  ...USAGE_UNITS.map((unit): Column => [unitName(unit), (entry) => String(entry.usage[unit])]),
]

/**
 * Columns of FOCUS 1.2 (https://focus.finops.org/focus-specification/v1-2/) that a request has a value for. What a provider
 * charges is not an invoice of ours: billed, effective, contracted and list cost are the same amount.
 */
const FOCUS: readonly Column[] = [
  ['BilledCost', (entry) => formatUsd(entry.costNanoUsd)],
  ['BillingAccountId', () => 'weir'],
  ['BillingAccountName', () => 'Weir'],
  ['BillingCurrency', () => 'USD'],
  ['BillingPeriodStart', (entry) => time(monthOf(entry.at, 0))],
  ['BillingPeriodEnd', (entry) => time(monthOf(entry.at, 1))],
  ['ChargeCategory', (entry) => (entry.status === 'adjusted' ? 'Adjustment' : 'Usage')],
  ['ChargeClass', (entry) => (entry.status === 'adjusted' ? 'Correction' : '')],
  ['ChargeDescription', (entry) => `${entry.dimensions.operation} by ${entry.provider}/${entry.model}`],
  ['ChargeFrequency', () => 'Usage-Based'],
  ['ChargePeriodStart', (entry) => time(hourOf(entry.at))],
  ['ChargePeriodEnd', (entry) => time(hourOf(entry.at) + HOUR_MS)],
  ['ConsumedQuantity', (entry) => String(inputTokens(entry.usage) + outputTokens(entry.usage))],
  ['ConsumedUnit', () => 'Tokens'],
  ['ContractedCost', (entry) => formatUsd(entry.costNanoUsd)],
  ['EffectiveCost', (entry) => formatUsd(entry.costNanoUsd)],
  ['InvoiceIssuerName', (entry) => entry.provider],
  ['ListCost', (entry) => formatUsd(entry.costNanoUsd)],
  ['PricingCategory', () => 'Standard'],
  ['PricingCurrency', () => 'USD'],
  ['PricingQuantity', (entry) => String(inputTokens(entry.usage) + outputTokens(entry.usage))],
  ['PricingUnit', () => 'Tokens'],
  ['ProviderName', (entry) => entry.provider],
  ['PublisherName', (entry) => entry.provider],
  ['ResourceId', (entry) => entry.id],
  ['ResourceName', (entry) => entry.model],
  ['ResourceType', () => 'Model request'],
  ['ServiceCategory', () => 'AI and Machine Learning'],
  ['ServiceName', (entry) => entry.provider],
  ['ServiceSubcategory', () => 'Generative AI'],
  ['SkuId', (entry) => `${entry.provider}/${entry.model}`],
  ['SubAccountId', (entry) => entry.dimensions.teamId ?? entry.dimensions.keyId],
  ['SubAccountType', (entry) => (entry.dimensions.teamId === null ? 'key' : 'team')],
  ['Tags', (entry) => focusTags(entry)],
  ['x_Key', (entry) => entry.dimensions.keyId],
  ['x_Route', (entry) => entry.dimensions.route],
  ['x_EndUser', (entry) => entry.dimensions.endUser ?? ''],
  ['x_Status', (entry) => entry.status],
  ['x_PriceVersion', (entry) => entry.priceVersion],
  ['x_InputTokens', (entry) => String(inputTokens(entry.usage))],
  ['x_OutputTokens', (entry) => String(outputTokens(entry.usage))],
]

/** The line before the first entry; null: the format has none. */
export function exportHeader(format: ExportFormat): string | null {
  switch (format) {
    case 'csv':
      return csvLine(COLUMNS.map(([name]) => name))
    case 'jsonl':
      return null
    case 'focus':
      return csvLine(FOCUS.map(([name]) => name))
  }
}

/** One entry as a line, or as one for each of its targets; each ends in a newline. */
export function exportLines(format: ExportFormat, entry: Entry): string {
  switch (format) {
    case 'csv':
      return table(COLUMNS, entry)
    case 'jsonl':
      return `${JSON.stringify(entryJson(entry))}\n`
    case 'focus':
      return table(FOCUS, entry)
  }
}

function table(columns: readonly Column[], entry: Entry): string {
  return sharesOf(entry)
    .map((share) => csvLine(columns.map(([, cell]) => cell(share))))
    .join('')
}

/** The entry without its parts, and each part as an entry `<id>/<number>`. */
function sharesOf(entry: Entry): readonly Entry[] {
  const { parts = [], ...rest } = entry
  const own = parts.reduce((left, part) => left - part.costNanoUsd, entry.costNanoUsd)
  return [
    { ...rest, costNanoUsd: own },
    ...parts.map((part, index): Entry => ({
      ...rest,
      ...part,
      id: `${entry.id}/${index + 1}`,
      usageSource: 'estimated',
      savedNanoUsd: undefined,
    })),
  ]
}

/** An entry as the archives keep it: everything that it says. */
export function entryJson(entry: Entry): object {
  return {
    id: entry.id,
    at: time(entry.at),
    ...entry.dimensions,
    provider: entry.provider,
    model: entry.model,
    status: entry.status,
    usage: usageJson(entry.usage),
    usage_source: entry.usageSource,
    cost_usd: formatUsd(entry.costNanoUsd),
    cost_nano_usd: String(entry.costNanoUsd),
    saved_nano_usd: entry.savedNanoUsd === undefined ? undefined : String(entry.savedNanoUsd),
    unpriced: entry.unpriced,
    price_version: entry.priceVersion,
    parts: entry.parts?.map((part) => ({
      provider: part.provider,
      model: part.model,
      usage: usageJson(part.usage),
      cost_nano_usd: String(part.costNanoUsd),
      unpriced: part.unpriced,
      price_version: part.priceVersion,
    })),
    ...(entry.sale === undefined
      ? {}
      : {
          user: entry.sale.userId,
          user_group: entry.sale.group,
          multiplier_millionths: String(entry.sale.multiplierMillionths),
          charged_usd: formatUsd(entry.sale.chargedNanoUsd),
          charged_nano_usd: String(entry.sale.chargedNanoUsd),
        }),
  }
}

function usageJson(usage: Usage): Record<string, number> {
  return Object.fromEntries(Object.entries(usage).filter(([, amount]) => amount !== 0))
}

const HOUR_MS = 3_600_000

function hourOf(at: number): number {
  return Math.floor(at / HOUR_MS) * HOUR_MS
}

function monthOf(at: number, later: number): number {
  const date = new Date(at)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + later)
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}

function focusTags({ dimensions: { tags } }: Entry): string {
  return JSON.stringify(Object.fromEntries(tags.map((tag) => [tag, true])))
}

/** `cacheWrite5m` → `cache_write_5m`. */
function unitName(unit: string): string {
  return unit.replace(/(?<=[a-z])(?=[A-Z\d])/g, '_').toLowerCase()
}
