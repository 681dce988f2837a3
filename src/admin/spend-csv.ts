// Spend rows as CSV (RFC 4180), one column for each asked dimension and each unit of usage.
import { formatUsd } from '../core/money.ts'
import { USAGE_UNITS } from '../core/usage.ts'
import { csvLine } from '../ledger/csv.ts'
import type { SpendDimension, SpendRow } from '../store/store.ts'
import { time, unitName } from './render.ts'

/** With `bucketed`, the first column is the start of each row's bucket. */
export function spendCsv(rows: readonly SpendRow[], by: readonly SpendDimension[], bucketed: boolean): string {
  const header = [
    ...(bucketed ? ['at'] : []),
    ...by,
    'requests',
    'unpriced_requests',
    'cost_usd',
    'cost_nano_usd',
    ...USAGE_UNITS.map(unitName),
  ]
  const lines = rows.map((row) => [
    ...(bucketed ? [row.at === null ? '' : time(row.at)] : []),
    ...by.map((dimension) => row.group[dimension] ?? ''),
    String(row.requests),
    String(row.unpricedRequests),
    formatUsd(row.costNanoUsd),
    row.costNanoUsd.toString(),
    ...USAGE_UNITS.map((unit) => String(row.usage[unit])),
  ])
  return [header, ...lines].map(csvLine).join('')
}
