// A statement in plain words and as JSON.
import { formatUsd } from '../core/money.ts'
import type { JsonObject } from '../core/json.ts'
import { type DisplayCurrency, shownMoney } from './shown-money.ts'
import { sumsJson } from './spend-sums.ts'
import { type Statement, statementTitle } from './statement.ts'

/** Rows of each part that are told. */
const TOLD = 5

/** Several lines, the last without its end. */
export function statementText(statement: Statement, currency: DisplayCurrency | null = null): string {
  const { total, before, parts, forecast } = statement
  const show = (amount: bigint): string => shownMoney(amount, currency)
  const lines = [
    statementTitle(statement),
    '',
    `Spent:     ${show(total.costNanoUsd)} in ${total.requests} requests (before: ${show(before.costNanoUsd)})`,
    ...(total.savedNanoUsd === 0n ? [] : [`Saved:     ${show(total.savedNanoUsd)}`]),
    ...(total.cacheSavedNanoUsd === 0n ? [] : [`By cache:  ${show(total.cacheSavedNanoUsd)}`]),
    ...(forecast === null ? [] : [`Expected:  ${show(forecast.expectedNanoUsd)} by the end`]),
  ]
  for (const { title, rows } of parts) {
    lines.push('', `By ${title}:`)
    for (const { name, costNanoUsd, requests } of rows.slice(0, TOLD))
      lines.push(`  ${name}: ${show(costNanoUsd)} (${requests} requests)`)
    if (rows.length > TOLD) lines.push(`  and ${rows.length - TOLD} more`)
  }
  return lines.join('\n')
}

export function statementJson(statement: Statement): JsonObject {
  const { subject, time, madeAt, total, before, days, parts, forecast } = statement
  return {
    subject: {
      scope: subject.scope,
      id: 'id' in subject ? subject.id : null,
      name: 'name' in subject ? subject.name : null,
    },
    from: new Date(time.from).toISOString(),
    to: new Date(time.until).toISOString(),
    made_at: new Date(madeAt).toISOString(),
    total: sumsJson(total),
    before: sumsJson(before),
    days: days.map(({ at, costNanoUsd }) => ({
      day: new Date(at).toISOString().slice(0, 10),
      cost_usd: formatUsd(costNanoUsd),
    })),
    by: Object.fromEntries(
      parts.map(({ title, rows }) => [title, rows.map((row) => ({ name: row.name, ...sumsJson(row) }))]),
    ),
    forecast: forecast === null ? null : { expected_usd: formatUsd(forecast.expectedNanoUsd), days: forecast.days },
  }
}
