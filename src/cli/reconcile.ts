// `weir reconcile`: a vendor's invoice beside the ledger.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { formatUsd, parseUsd } from '../core/money.ts'
import { type Invoice, InvoiceError, readInvoice } from '../ledger/invoice.ts'
import { INVOICE_LAYOUTS, type InvoiceVendor } from '../ledger/invoice-layouts.ts'
import {
  atDaysOf,
  reconcile,
  type ReconcileBy,
  type ReconciledRow,
  type Reconciliation,
  type Tolerance,
} from '../ledger/reconcile.ts'
import { canonicalModel } from '../routing/canonical.ts'
import type { Store } from '../store/store.ts'
import { type Arguments, CliError, type Command, DATA_OPTION, EXIT, UsageError } from './command.ts'
import { table, writeJson } from './format.ts'
import { withLocal } from './local.ts'
import { readChoice, readList, readPairs, required } from './read.ts'

const VENDORS = Object.keys(INVOICE_LAYOUTS) as readonly InvoiceVendor[]
/** Providers of the ledger that a vendor's invoice is of, where nobody says otherwise: names of presets. */
const PROVIDERS: Readonly<Record<InvoiceVendor, readonly string[]>> = {
  openai: ['openai'],
  anthropic: ['anthropic'],
  aws: ['bedrock', 'bedrock-anthropic', 'bedrock-openai'],
  google: ['gemini', 'gemini-openai', 'vertex', 'vertex-region', 'google'],
  openrouter: ['openrouter'],
}
const BYS: readonly ReconcileBy[] = ['day', 'model']
const DAY_MS = 86_400_000
const MOST_BYTES = 256 * 1024 * 1024
const DEFAULT_TOLERANCE = '1%'

export const reconcileCommand: Command = {
  name: 'reconcile',
  summary: 'Compare a vendor’s invoice with the ledger, by model and day',
  details:
    'Exits with 1 when a line or the sum differs by more than the tolerance. Days are those of the invoice: UTC, or Pacific time where the vendor counts so. docs/reports.md names the exports that are known and where they are had.',
  options: {
    file: { type: 'positional', valueHint: 'file', description: 'The export, as CSV (needed)' },
    provider: { type: 'string', valueHint: 'vendor', description: `Whose: ${VENDORS.join(', ')} (needed)` },
    of: {
      type: 'string',
      valueHint: 'list',
      description: 'Names of your providers that it is of. Default: those that are named as their presets are',
    },
    by: { type: 'string', valueHint: 'list', description: 'What is compared: day, model, or both. Default: day,model' },
    tolerance: {
      type: 'string',
      valueHint: 'amount',
      description: `Differences up to so many dollars (0.05) or so large a part (2%) are none. Default: ${DEFAULT_TOLERANCE}`,
    },
    map: {
      type: 'string',
      valueHint: 'pairs',
      description: 'Models that the invoice spells otherwise: their-name=our-name,…',
    },
    ...DATA_OPTION,
  },
  examples: [
    { command: 'weir reconcile --provider openai costs.csv', what: 'each model of each day' },
    {
      command: 'weir reconcile --provider aws --of bedrock-eu --by model --tolerance 2% cur.csv --json',
      what: 'a month of Bedrock, for a script',
    },
  ],
  run: async (args, context) => {
    const vendor = readChoice(args, 'provider', VENDORS)
    if (vendor === null) throw new UsageError('--provider is missing.', `It takes ${VENDORS.join(', ')}.`)
    const by = readBy(args)
    const tolerance = readTolerance(args.text('tolerance') ?? DEFAULT_TOLERANCE)
    const names = readPairs(args, 'map') ?? {}
    const file = required(args, 'file', true)
    const invoice = await readFile(vendor, file)
    return withLocal(args, context, { create: false }, async ({ store }) => {
      const spend = await spendOf(store, readList(args, 'of') ?? PROVIDERS[vendor], invoice)
      const sameName = (model: string): string => canonicalModel(names[model] ?? model).name
      const result = reconcile(invoice.rows, spend, { by, tolerance, sameName })
      if (args.flag('json')) context.stdout(resultJson(result, { vendor, file, invoice, by }))
      else context.stdout(resultText(result, { vendor, invoice, by, colour: context.colour }))
      return result.ok ? EXIT.ok : EXIT.failed
    })
  },
}

function readBy(args: Arguments): readonly ReconcileBy[] {
  const words = readList(args, 'by') ?? BYS
  return words.map((word) => {
    const found = BYS.find((known) => known === word)
    if (found === undefined) throw new UsageError(`--by takes ${BYS.join(', ')}; found ${JSON.stringify(word)}.`)
    return found
  })
}

function readTolerance(text: string): Tolerance {
  const share = /^(\d+(?:\.\d+)?)\s*%$/.exec(text)
  if (share !== null) return { share: Number(share[1]) / 100, nanoUsd: 0n }
  const nanoUsd = parseUsd(text, 9)
  if (nanoUsd !== null && nanoUsd >= 0n) return { share: 0, nanoUsd }
  throw new UsageError(`--tolerance takes dollars (0.05) or a part (2%); found ${JSON.stringify(text)}.`)
}

async function readFile(vendor: InvoiceVendor, file: string): Promise<Invoice> {
  if (!existsSync(file)) throw new CliError(`There is no file ${file}.`)
  if (statSync(file).size > MOST_BYTES)
    throw new CliError(`${file} is larger than ${MOST_BYTES / 1024 / 1024} MB.`, 'Export a shorter time.')
  const { parse } = await import('csv-parse/sync')
  const text = readFileSync(file, 'utf8')
  try {
    // Exports come with commas, semicolons or tabs, depending on where they were saved.
    const delimiter = [',', ';', '\t']
    return readInvoice(vendor, parse(text, { delimiter, relaxColumnCount: true, skipEmptyLines: true, bom: true }))
  } catch (error) {
    if (error instanceof InvoiceError) throw new CliError(`${file}: ${error.message}`, error.hint)
    if (error instanceof Error) throw new CliError(`${file} is no CSV: ${error.message}.`)
    throw error
  }
}

async function spendOf(store: Store, providers: readonly string[], { layout, rows }: Invoice) {
  const days = rows.map(({ day }) => day)
  const first = days.reduce((one, other) => (one < other ? one : other))
  const last = days.reduce((one, other) => (one > other ? one : other))
  // A day more on both sides: days of another time zone begin and end elsewhere.
  const range = { from: Date.parse(first) - DAY_MS, to: Date.parse(last) + 2 * DAY_MS }
  const spend = await store.spend({
    by: ['provider', 'model'],
    bucket: layout.timeZone === 'UTC' ? 'day' : 'hour',
    ...range,
  })
  const own = spend.filter(({ group }) => providers.includes(group.provider ?? ''))
  if (own.length === 0) {
    const known = [...new Set(spend.map(({ group }) => group.provider ?? ''))]
    throw new CliError(
      `The ledger has nothing of ${providers.join(', ')} from ${first} to ${last}.`,
      known.length === 0 ? null : `It has ${known.join(', ')}; name yours with --of.`,
    )
  }
  return atDaysOf(own, layout.timeZone).filter(({ day }) => day >= first && day <= last)
}

type Said = { readonly vendor: InvoiceVendor; readonly invoice: Invoice; readonly by: readonly ReconcileBy[] }

function resultJson(
  { rows, total, ok }: Reconciliation,
  { vendor, file, invoice, by }: Said & { file: string },
): string {
  const rowJson = ({ day, model, ledgerNanoUsd, invoiceNanoUsd, within }: ReconciledRow) => ({
    ...(by.includes('day') ? { day } : {}),
    ...(by.includes('model') ? { model } : {}),
    ledger_usd: formatUsd(ledgerNanoUsd),
    invoice_usd: formatUsd(invoiceNanoUsd),
    difference_usd: formatUsd(invoiceNanoUsd - ledgerNanoUsd),
    within,
  })
  const { day: _day, model: _model, ...sums } = { day: null, model: null, ...rowJson(total) }
  return writeJson({
    ok,
    provider: vendor,
    file,
    export: invoice.layout.name,
    time_zone: invoice.layout.timeZone,
    left_out: invoice.leftOut,
    rows: rows.map(rowJson),
    total: sums,
  })
}

function resultText({ rows, total, ok }: Reconciliation, { invoice, by, colour }: Said & { colour: boolean }): string {
  const cells = ({ day, model, ledgerNanoUsd, invoiceNanoUsd, within }: ReconciledRow, label: string | null) => [
    ...by.map((name, place) => (label === null ? ((name === 'day' ? day : model) ?? '-') : place === 0 ? label : '')),
    formatUsd(ledgerNanoUsd),
    formatUsd(invoiceNanoUsd),
    formatUsd(invoiceNanoUsd - ledgerNanoUsd),
    within ? '' : 'differs',
  ]
  const columns = [
    ...by.map((title) => ({ title, align: 'left' as const })),
    ...['ledger usd', 'invoice usd', 'difference usd'].map((title) => ({ title, align: 'right' as const })),
    { title: '', align: 'left' as const },
  ]
  const differing = rows.filter(({ within }) => !within).length
  const lines = table(columns, [...rows.map((row) => cells(row, null)), cells(total, 'total')], colour)
  const zone = `Days are those of ${invoice.layout.timeZone} (${invoice.layout.name}).`
  const leftOut = invoice.leftOut === 0 ? '' : ` ${invoice.leftOut} lines are charges for other things.`
  return `${lines}${zone}${leftOut}\n${ok ? 'They agree.' : `${differing} of ${rows.length} lines differ.`}\n`
}
