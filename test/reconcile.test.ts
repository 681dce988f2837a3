// Vendors' invoices beside the ledger: what agrees, what differs, and files that are none.
import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { anEntry, book, type Books, openBooks } from './open-books.ts'

/** One request at a moment; a dollar has 1e9 nano-dollars. */
const spent = (at: string, provider: string, model: string, costNanoUsd: bigint) =>
  anEntry({ at: Date.parse(at), provider, model, costNanoUsd, charges: [] })

async function reconciled(books: Books, vendor: string, csv: string, ...words: string[]) {
  const file = path.join(books.folder, 'invoice.csv')
  writeFileSync(file, csv)
  const { code, out, err } = await books.weir('reconcile', '--provider', vendor, file, '--json', ...words)
  return { code, err, ...(out === '' ? {} : JSON.parse(out)) }
}

const OPENAI = `start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id
1795737600,1795824000,2026-11-27T00:00:00+00:00,2026-11-28T00:00:00+00:00,0.8000000000000000,usd,"gpt-5-mini-2025-08-07, input",proj_1
1795737600,1795824000,2026-11-27T00:00:00+00:00,2026-11-28T00:00:00+00:00,0.2,usd,"gpt-5-mini-2025-08-07, output",proj_1
1795824000,1795910400,2026-11-28T00:00:00+00:00,2026-11-29T00:00:00+00:00,,,,
`
const ANTHROPIC = `usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,cost_type
2026-11-27,Claude Haiku 4.5,Default,key,message,≤ 200k,input_no_cache,0.75,0.75,token
2026-11-27,Claude Haiku 4.5,Default,key,message,≤ 200k,output,0.25,0.25,token
`
const AWS = `line_item_usage_start_date,line_item_product_code,line_item_usage_type,line_item_unblended_cost,line_item_currency_code
2026-11-27T03:00:00Z,AmazonBedrock,USE1-Nova-Pro-input-tokens,0.9,USD
2026-11-27 04:00:00,AmazonBedrock,USE1-Nova-Pro-output-tokens,0.1,USD
2026-11-27T00:00:00Z,AmazonS3,USE1-TimedStorage-ByteHrs,12.5,USD
`
const AWS_LEGACY = `lineItem/UsageStartDate;lineItem/ProductCode;lineItem/UsageType;lineItem/UnblendedCost;lineItem/CurrencyCode
2026-11-27T03:00:00Z;AmazonBedrock;USE1-Nova-Pro-input-tokens;1;USD
`
const BIGQUERY = `service.description,sku.description,usage_start_time,cost,currency
Vertex AI,Gemini 2.5 Flash Text Input - Predictions,2026-11-27 03:00:00 UTC,0.4,USD
Gemini API,Generate content output token count gemini 2.5 flash short output text,2026-11-27 05:00:00 UTC,0.6,USD
Cloud Storage,Standard Storage,2026-11-27 05:00:00 UTC,3,USD
`
const CONSOLE = `Service description,SKU description,Usage start date,Cost ($)
Vertex AI,Gemini 2.5 Flash Text Input - Predictions,2026-11-26,"$1.00"
`
const GENERATIONS = `generation_id,created_at,cost_total,tokens_prompt,model_permaslug,provider_name
gen-1,2026-11-27 08:00:00.000,0.5,10,qwen/qwen3-32b,Groq
gen-2,2026-11-27 09:00:00.000,0.5,10,qwen/qwen3-32b,Groq
`
const ACTIVITY = `date,model,model_permaslug,usage,requests
2026-11-27 00:00:00,qwen/qwen3-32b,qwen/qwen3-32b,1,2
`

test.each([
  ['openai', 'openai', 'gpt-5-mini', OPENAI],
  ['anthropic', 'anthropic', 'claude-haiku-4-5-20251001', ANTHROPIC],
  ['aws', 'bedrock', 'amazon.nova-pro-v1:0', AWS],
  ['aws', 'bedrock', 'us.amazon.nova-pro-v1:0', AWS_LEGACY],
  ['google', 'vertex', 'gemini-2.5-flash', BIGQUERY],
  ['google', 'gemini', 'gemini-2.5-flash', CONSOLE],
  ['openrouter', 'openrouter', 'qwen/qwen3-32b', GENERATIONS],
  ['openrouter', 'openrouter', 'qwen/qwen3-32b', ACTIVITY],
])('an export of %s agrees with the ledger of %s by day and model', async (vendor, provider, model, csv) => {
  await using books = await openBooks()
  // Seven in the morning of UTC is still the day before at the Pacific.
  await book(books, [spent('2026-11-27T06:30:00Z', provider, model, 1_000_000_000n)])
  expect(await reconciled(books, vendor, csv)).toMatchObject({
    code: 0,
    ok: true,
    rows: [{ ledger_usd: '1', invoice_usd: '1', difference_usd: '0', within: true }],
    total: { ledger_usd: '1', invoice_usd: '1' },
  })
})

describe('what differs', () => {
  const entries = () => [
    spent('2026-11-27T06:30:00Z', 'openai', 'gpt-5-mini', 1_030_000_000n),
    spent('2026-11-27T06:30:00Z', 'openai', 'gpt-5', 500_000_000n),
  ]

  test('is told by day and model, with what only one side knows, and exits with 1', async () => {
    await using books = await openBooks()
    await book(books, entries())
    expect(await reconciled(books, 'openai', OPENAI)).toMatchObject({
      code: 1,
      ok: false,
      export: 'cost export, grouped by line item',
      time_zone: 'UTC',
      rows: [
        { day: '2026-11-27', model: 'gpt-5', ledger_usd: '0.5', invoice_usd: '0', difference_usd: '-0.5' },
        { day: '2026-11-27', model: 'gpt-5-mini', ledger_usd: '1.03', invoice_usd: '1', difference_usd: '-0.03' },
      ],
      total: { ledger_usd: '1.53', invoice_usd: '1', within: false },
    })
    const file = path.join(books.folder, 'invoice.csv')
    const { code, out } = await books.weir('reconcile', '--provider', 'openai', file)
    expect(code).toBe(1)
    expect(out).toContain('2026-11-27  gpt-5-mini        1.03            1           -0.03  differs')
    expect(out).toContain('2 of 2 lines differ.')
  })

  test.each([
    ['3%', true],
    ['2.9%', false],
    ['0.03', true],
    ['0.029', false],
    ['0', false],
  ])('is nothing up to a tolerance: %s', async (tolerance, ok) => {
    await using books = await openBooks()
    await book(books, entries().slice(0, 1))
    expect(await reconciled(books, 'openai', OPENAI, '--tolerance', tolerance)).toMatchObject({ ok, code: ok ? 0 : 1 })
  })

  test('by a name alone is mapped, and providers that are called otherwise are named', async () => {
    await using books = await openBooks()
    await book(books, [spent('2026-11-27T06:30:00Z', 'eu', 'my-mini', 1_000_000_000n)])
    const refused = await reconciled(books, 'openai', OPENAI)
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('name yours with --of') })
    const words = ['--of', 'eu', '--map', 'gpt-5-mini-2025-08-07=my-mini']
    expect(await reconciled(books, 'openai', OPENAI, ...words)).toMatchObject({ ok: true })
    expect(await reconciled(books, 'openai', OPENAI, '--of', 'eu', '--by', 'day')).toMatchObject({
      ok: true,
      rows: [{ day: '2026-11-27', ledger_usd: '1' }],
    })
  })
})

describe('a file that is none', () => {
  const headed = (...lines: string[]): string => [OPENAI.split('\n')[0], ...lines].join('\n')
  const line = (day: string, amount: string, currency = 'usd'): string => `1,2,${day},x,${amount},${currency},gpt-5,p`

  test.each([
    [
      'of other columns',
      'day,cost\n2026-11-27,1\n',
      'missing: start_time_iso, line_item, amount_value, amount_currency',
    ],
    ['of other columns, which it names', 'day,cost\n2026-11-27,1\n', 'They are: day, cost.'],
    ['without lines', headed(), 'no line with a charge'],
    ['that is empty', '', 'The file is empty'],
    ['with a day that is none', headed(line('yesterday', '1')), 'line 2: start_time_iso is "yesterday"'],
    ['with an amount that is none', headed(line('2026-11-27', 'much')), 'line 2: amount_value is "much"'],
    ['in another currency', headed(line('2026-11-27', '1', 'eur')), 'line 2: the amount is in "eur"'],
    ['with an open quote', headed('"1,2'), 'is no CSV'],
  ])('%s is refused', async (_, csv, says) => {
    await using books = await openBooks()
    await book(books, [spent('2026-11-27T06:30:00Z', 'openai', 'gpt-5', 1n)])
    const { code, err } = await reconciled(books, 'openai', csv)
    expect([code, err]).toEqual([1, expect.stringContaining(says)])
  })

  test.each([
    [['--provider', 'nobody', 'x.csv'], '--provider takes openai'],
    [['x.csv'], '--provider is missing'],
    [['--provider', 'openai'], '<file> is missing'],
    [['--provider', 'openai', 'x.csv', '--tolerance', 'little'], '--tolerance takes'],
    [['--provider', 'openai', 'x.csv', '--by', 'week'], '--by takes day, model'],
  ])('as is a call of %j', async (words, says) => {
    await using books = await openBooks()
    const { code, err } = await books.weir('reconcile', ...words)
    expect([code, err]).toEqual([2, expect.stringContaining(says)])
  })
})
