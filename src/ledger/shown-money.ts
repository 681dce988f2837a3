// Amounts for people: cents, or a small amount's first digits, in dollars or in the currency that the operator reads. Only
// what is shown is converted; the books are in dollars.
import type { NanoUsd } from '../core/money.ts'

/** `perUsd`: how many of it a dollar was on `date`. */
export type DisplayCurrency = { readonly code: string; readonly perUsd: number; readonly date: string }

/** `$1,234.56`, `$0.000123`, `€1,135.80`. */
export function shownMoney(nanoUsd: NanoUsd, currency: DisplayCurrency | null = null): string {
  const amount = (Number(nanoUsd) / 1e9) * (currency?.perUsd ?? 1)
  const isSmall = amount !== 0 && Math.abs(amount) < 0.1
  return new Intl.NumberFormat('en-US', {
    style: 'currency',
    currency: currency?.code ?? 'USD',
    ...(isSmall ? { minimumSignificantDigits: 1, maximumSignificantDigits: 3 } : {}),
  }).format(amount)
}
