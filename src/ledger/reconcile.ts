// A vendor's invoice beside the ledger: what each says of each day and model, and where they differ. Pure.
import { nanoFromPico, type NanoUsd } from '../core/money.ts'
import type { SpendRow } from '../store/store.ts'
import type { InvoiceRow } from './invoice.ts'

/** Differences up to the larger of the two are none. `share` is of the larger side. */
export type Tolerance = { readonly nanoUsd: NanoUsd; readonly share: number }

export type ReconcileBy = 'day' | 'model'

export type ReconciledRow = {
  /** Null where it was not asked for. */
  readonly day: string | null
  readonly model: string | null
  readonly ledgerNanoUsd: NanoUsd
  readonly invoiceNanoUsd: NanoUsd
  readonly within: boolean
}

export type Reconciliation = {
  readonly rows: readonly ReconciledRow[]
  readonly total: ReconciledRow
  readonly ok: boolean
}

export type ReconcileOptions = {
  readonly by: readonly ReconcileBy[]
  readonly tolerance: Tolerance
  /** The name under which both sides know a model. */
  readonly sameName: (model: string) => string
}

/** @param spend rows of the ledger with their day and model */
export function reconcile(
  invoice: readonly InvoiceRow[],
  spend: readonly { readonly day: string; readonly model: string; readonly costNanoUsd: NanoUsd }[],
  { by, tolerance, sameName }: ReconcileOptions,
): Reconciliation {
  const sums = new Map<string, { day: string | null; model: string | null; ledger: NanoUsd; invoicePico: bigint }>()
  const at = (day: string, model: string) => {
    const place = { day: by.includes('day') ? day : null, model: by.includes('model') ? sameName(model) : null }
    const name = JSON.stringify([place.day, place.model])
    const sum = sums.get(name) ?? { ...place, ledger: 0n, invoicePico: 0n }
    sums.set(name, sum)
    return sum
  }
  for (const { day, model, costNanoUsd } of spend) at(day, model).ledger += costNanoUsd
  for (const { day, model, picoUsd } of invoice) at(day, model).invoicePico += picoUsd
  const rows = [...sums.values()]
    .map(({ day, model, ledger, invoicePico }) =>
      compared({ day, model }, ledger, nanoFromPico(invoicePico), tolerance),
    )
    // A model that was asked for and cost nothing on both sides tells nothing.
    .filter(({ ledgerNanoUsd, invoiceNanoUsd }) => ledgerNanoUsd !== 0n || invoiceNanoUsd !== 0n)
    .toSorted((one, other) => order(one.day, other.day) || order(one.model, other.model))
  const total = compared(
    { day: null, model: null },
    spend.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n),
    nanoFromPico(invoice.reduce((sum, { picoUsd }) => sum + picoUsd, 0n)),
    tolerance,
  )
  return { rows, total, ok: total.within && rows.every(({ within }) => within) }
}

/** Rows of the ledger by the hour, at the days of a time zone. */
export function atDaysOf(
  rows: readonly SpendRow[],
  timeZone: string,
): readonly { readonly day: string; readonly model: string; readonly costNanoUsd: NanoUsd }[] {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })
  const days = new Map<number, string>()
  return rows.map(({ at, group, costNanoUsd }) => {
    const hour = at ?? 0
    const day = days.get(hour) ?? format.format(hour)
    days.set(hour, day)
    return { day, model: group.model ?? '', costNanoUsd }
  })
}

function compared(
  place: { readonly day: string | null; readonly model: string | null },
  ledgerNanoUsd: NanoUsd,
  invoiceNanoUsd: NanoUsd,
  tolerance: Tolerance,
): ReconciledRow {
  const difference = magnitude(invoiceNanoUsd - ledgerNanoUsd)
  const [one, other] = [magnitude(ledgerNanoUsd), magnitude(invoiceNanoUsd)]
  const larger = one > other ? one : other
  // In millionths, so that the comparison is one of whole numbers.
  const isInShare = difference * 1_000_000n <= larger * BigInt(Math.round(tolerance.share * 1e6))
  return { ...place, ledgerNanoUsd, invoiceNanoUsd, within: isInShare || difference <= tolerance.nanoUsd }
}

function magnitude(amount: NanoUsd): NanoUsd {
  return amount < 0n ? -amount : amount
}

function order(one: string | null, other: string | null): number {
  return (one ?? '').localeCompare(other ?? '')
}
