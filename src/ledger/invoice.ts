// A vendor's export of what it charges, as rows of day, model and amount. Pure: the file was read and split by the caller.
import { parseUsd } from '../core/money.ts'
import { INVOICE_LAYOUTS, type InvoiceLayout, type InvoiceVendor, NO_MODEL } from './invoice-layouts.ts'

export type InvoiceRow = {
  /** `2026-11-28`, in the time zone of the layout. */
  readonly day: string
  readonly model: string
  /** In pico-dollars: vendors write more digits than nine. */
  readonly picoUsd: bigint
}

export type Invoice = {
  readonly layout: Pick<InvoiceLayout, 'name' | 'timeZone'>
  readonly rows: readonly InvoiceRow[]
  /** Lines that are charges for other things. */
  readonly leftOut: number
}

/** The file is not what it should be; the line counts from 1, the titles'. */
export class InvoiceError extends Error {
  readonly hint: string | null
  constructor(message: string, hint: string | null = null) {
    super(message)
    this.name = 'InvoiceError'
    this.hint = hint
  }
}

const PICO_DIGITS = 12

/** @param lines the cells of each line, the titles first. Throws InvoiceError. */
export function readInvoice(vendor: InvoiceVendor, lines: readonly (readonly string[])[]): Invoice {
  const titles = (lines[0] ?? []).map((title) => title.replace(/^\uFEFF/, '').trim())
  if (titles.length === 0) throw new InvoiceError('The file is empty.')
  const layout = layoutOf(vendor, titles)
  const place = (title: string): number => titles.indexOf(title)
  const [day, model, amount] = [place(layout.day), place(layout.model), place(layout.amount)]
  const currency = layout.currency === null ? -1 : place(layout.currency)
  const only = layout.only?.columns.map(place).filter((column) => column >= 0) ?? []
  const rows: InvoiceRow[] = []
  let leftOut = 0
  for (const [index, cells] of lines.slice(1).entries()) {
    const cell = (column: number): string => (cells[column] ?? '').trim()
    const where = `line ${index + 2}`
    // Days on which nothing was charged have lines, too.
    if (cell(amount) === '' || cells.every((text) => text.trim() === '')) continue
    if (layout.only !== undefined && !only.some((column) => layout.only?.words.test(cell(column)))) {
      leftOut++
      continue
    }
    if (currency >= 0 && cell(currency).toLowerCase() !== 'usd')
      throw new InvoiceError(
        `${where}: the amount is in ${JSON.stringify(cell(currency))}, and the ledger is in dollars.`,
      )
    rows.push({
      day: dayOf(cell(day), layout.day, where),
      model: layout.modelIn(cell(model)) ?? NO_MODEL,
      picoUsd: amountOf(cell(amount), layout.amount, where),
    })
  }
  if (rows.length === 0) throw new InvoiceError('The file has no line with a charge for a model.')
  return { layout, rows, leftOut }
}

function layoutOf(vendor: InvoiceVendor, titles: readonly string[]): InvoiceLayout {
  const layouts = INVOICE_LAYOUTS[vendor]
  const needed = ({ day, model, amount, currency }: InvoiceLayout): readonly string[] =>
    [day, model, amount, currency].filter((title) => title !== null)
  const missing = layouts.map((layout) => needed(layout).filter((title) => !titles.includes(title)))
  const fitting = layouts.find((_, index) => missing[index]?.length === 0)
  if (fitting !== undefined) return fitting
  const wanted = layouts.map(
    (layout, index) => `${layout.name}: ${needed(layout).join(', ')} (missing: ${(missing[index] ?? []).join(', ')})`,
  )
  throw new InvoiceError(
    `The columns are those of no known export of ${vendor}. They are: ${titles.join(', ').slice(0, 1_000)}.`,
    `Known is ${wanted.join('; or ')}.`,
  )
}

function dayOf(text: string, column: string, where: string): string {
  const match = /^(\d{4}-\d{2}-\d{2})(?:$|[T ])/.exec(text)
  if (match?.[1] !== undefined && !Number.isNaN(Date.parse(match[1]))) return match[1]
  throw new InvoiceError(
    `${where}: ${column} is ${JSON.stringify(text)}, and should begin with a day such as 2026-11-28.`,
  )
}

function amountOf(text: string, column: string, where: string): bigint {
  // Spreadsheets put signs and separators into numbers.
  const pico = parseUsd(text.replaceAll(/[$,\s]/g, ''), PICO_DIGITS)
  if (pico === null) throw new InvoiceError(`${where}: ${column} is ${JSON.stringify(text)}, and should be a number.`)
  return pico
}
