// How vendors write what they charge: the columns of their exports, as a table. A new layout is a row. docs/reports.md says
// where each file is had.

export type InvoiceVendor = 'openai' | 'anthropic' | 'aws' | 'google' | 'openrouter'

/** Where days begin in a file. */
type InvoiceTimeZone = 'UTC' | 'America/Los_Angeles'

export type InvoiceLayout = {
  /** What the file is called where it is had. */
  readonly name: string
  /** Titles of columns, as they are written. */
  readonly day: string
  readonly model: string
  readonly amount: string
  /** Null: there is none, and amounts are dollars. */
  readonly currency: string | null
  readonly timeZone: InvoiceTimeZone
  /** Rows of other things than models are left out: one of these columns must say so. */
  readonly only?: { readonly columns: readonly string[]; readonly words: RegExp }
  /** The model in what the column says; it is made canonical afterwards. Null: it names none. */
  readonly modelIn: (text: string) => string | null
}

/** What `by` spells a row's model with where a charge is for no model. */
export const NO_MODEL = '(no model)'

const asWritten = (text: string): string | null => (text.trim() === '' ? null : text.trim())
/** `Claude Haiku 4.5` → `claude-haiku-4.5`. */
const spelled = (text: string): string | null => asWritten(text)?.toLowerCase().replaceAll(/\s+/g, '-') ?? null
/** `gpt-5-mini-2025-08-07, cached input` → `gpt-5-mini-2025-08-07`. */
const beforeComma = (text: string): string | null => spelled(text.split(',')[0] ?? '')
/** `USE1-Claude4.5Haiku-input-tokens` → `claude4.5haiku`; `Claude Haiku 4.5 (Amazon Bedrock Edition)` → `claude-haiku-4.5`. */
const bedrockUsage = (text: string): string | null =>
  spelled(
    text
      .replace(/\s*\(Amazon Bedrock Edition\)$/i, '')
      .replace(/^[A-Z]{2,4}\d?-(?:MP:)?/, '')
      .replace(/[-_](?:input|output|cache|tokens?|batch|cross-region|global|on-demand).*$/i, ''),
  )
/** `Gemini 2.5 Flash Text Input - Predictions` and `Generate content input token count gemini 2.5 flash short …` → `gemini-2.5-flash`. */
const geminiSku = (text: string): string | null =>
  spelled(
    /gemini\s+[\d.]+(?:\s+(?:pro|flash|ultra|nano))?(?:[\s-]+lite)?/i.exec(text)?.[0] ??
      /embedding[\w\s.-]*/i.exec(text)?.[0] ??
      '',
  )

const BEDROCK = {
  columns: ['line_item_product_code', 'product_servicecode', 'product_product_name'],
  words: /bedrock/i,
}
const GEMINI = {
  columns: ['service.description', 'Service description'],
  words: /vertex ai|gemini api|generative language/i,
}

export const INVOICE_LAYOUTS: Readonly<Record<InvoiceVendor, readonly InvoiceLayout[]>> = {
  openai: [
    {
      name: 'cost export, grouped by line item',
      day: 'start_time_iso',
      model: 'line_item',
      amount: 'amount_value',
      currency: 'amount_currency',
      timeZone: 'UTC',
      modelIn: beforeComma,
    },
  ],
  anthropic: [
    {
      name: 'cost export of the console',
      day: 'usage_date_utc',
      model: 'model',
      amount: 'cost_usd',
      currency: null,
      timeZone: 'UTC',
      modelIn: spelled,
    },
  ],
  aws: [
    {
      name: 'Cost and Usage Report 2.0',
      day: 'line_item_usage_start_date',
      model: 'line_item_usage_type',
      amount: 'line_item_unblended_cost',
      currency: 'line_item_currency_code',
      timeZone: 'UTC',
      only: BEDROCK,
      modelIn: bedrockUsage,
    },
    {
      name: 'Cost and Usage Report, legacy',
      day: 'lineItem/UsageStartDate',
      model: 'lineItem/UsageType',
      amount: 'lineItem/UnblendedCost',
      currency: 'lineItem/CurrencyCode',
      timeZone: 'UTC',
      only: { columns: ['lineItem/ProductCode', 'product/servicecode', 'product/ProductName'], words: /bedrock/i },
      modelIn: bedrockUsage,
    },
  ],
  google: [
    {
      name: 'billing export of BigQuery',
      day: 'usage_start_time',
      model: 'sku.description',
      amount: 'cost',
      currency: 'currency',
      timeZone: 'UTC',
      only: GEMINI,
      modelIn: geminiSku,
    },
    {
      name: 'cost table of the billing console',
      day: 'Usage start date',
      model: 'SKU description',
      amount: 'Cost ($)',
      currency: null,
      timeZone: 'America/Los_Angeles',
      only: GEMINI,
      modelIn: geminiSku,
    },
  ],
  openrouter: [
    {
      name: 'activity export, a line for each generation',
      day: 'created_at',
      model: 'model_permaslug',
      amount: 'cost_total',
      currency: null,
      timeZone: 'UTC',
      modelIn: asWritten,
    },
    {
      name: 'activity by day',
      day: 'date',
      model: 'model',
      amount: 'usage',
      currency: null,
      timeZone: 'UTC',
      modelIn: asWritten,
    },
  ],
}
