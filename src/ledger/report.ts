// Spend rows as text: a table for people, JSON and CSV for programs. Pure; money stays exact.
import { COST_ERROR_SHARE } from '../core/cost-sketch.ts'
import { formatUsd, type NanoUsd } from '../core/money.ts'
import { inputTokens, outputTokens, UNIT_NAMES, USAGE_UNITS } from '../core/usage.ts'
import type { SpendQuery, SpendRow } from '../store/store.ts'
import { csvLine } from './csv.ts'
import { each, type SpendSums, sumsJson, totalOf } from './spend-sums.ts'

/** How the rows were asked for: it names the columns. */
export type ReportShape = Pick<SpendQuery, 'by' | 'bucket' | 'percentiles'>

const NOBODY = '-'

/** A column of the table: rows that have a percentile have it, and the total has what adds up. */
type Column = {
  readonly name: string
  readonly cell: (row: SpendRow) => string
  readonly total: (sums: SpendSums) => string
}

const NONE = (): string => ''
const money = (amount: NanoUsd | undefined): string => (amount === undefined ? NOBODY : formatUsd(amount))

const COUNTS: readonly Column[] = [
  { name: 'requests', cell: ({ requests }) => String(requests), total: ({ requests }) => String(requests) },
  { name: 'input tokens', cell: ({ usage }) => String(inputTokens(usage)), total: NONE },
  { name: 'output tokens', cell: ({ usage }) => String(outputTokens(usage)), total: NONE },
  {
    name: 'cost usd',
    cell: ({ costNanoUsd }) => formatUsd(costNanoUsd),
    total: ({ costNanoUsd }) => formatUsd(costNanoUsd),
  },
]
const SAVED: Column = {
  name: 'saved usd',
  cell: ({ savedNanoUsd }) => formatUsd(savedNanoUsd),
  total: ({ savedNanoUsd }) => formatUsd(savedNanoUsd),
}
const CACHE_SAVED: Column = {
  name: 'saved by cache usd',
  cell: ({ cacheSavedNanoUsd }) => formatUsd(cacheSavedNanoUsd),
  total: ({ cacheSavedNanoUsd }) => formatUsd(cacheSavedNanoUsd),
}
const COSTS: readonly Column[] = [
  { name: 'p50 usd', cell: ({ costPercentiles }) => money(costPercentiles?.p50), total: NONE },
  { name: 'p90 usd', cell: ({ costPercentiles }) => money(costPercentiles?.p90), total: NONE },
  { name: 'p99 usd', cell: ({ costPercentiles }) => money(costPercentiles?.p99), total: NONE },
  {
    name: 'usd an answer',
    cell: ({ costNanoUsd, answeredRequests }) => each(costNanoUsd, answeredRequests) ?? NOBODY,
    total: ({ costNanoUsd, answeredRequests }) => each(costNanoUsd, answeredRequests) ?? NOBODY,
  },
]

/** An aligned table with a line of totals, ending in a newline. */
export function reportTable(rows: readonly SpendRow[], shape: ReportShape): string {
  const names = [...(shape.bucket === null ? [] : [shape.bucket]), ...shape.by]
  const columns = [
    ...COUNTS,
    ...(rows.some(({ savedNanoUsd }) => savedNanoUsd !== 0n) ? [SAVED] : []),
    ...(rows.some(({ cacheSavedNanoUsd }) => cacheSavedNanoUsd !== 0n) ? [CACHE_SAVED] : []),
    ...(shape.percentiles === true ? COSTS : []),
  ]
  const header = [...names, ...columns.map(({ name }) => name)]
  const lines = rows.map((row) => [
    ...(shape.bucket === null ? [] : [bucketText(row.at, shape.bucket)]),
    ...shape.by.map((dimension) => row.group[dimension] ?? NOBODY),
    ...columns.map(({ cell }) => cell(row)),
  ])
  const label = names.map((_, index) => (index === 0 ? 'total' : ''))
  const total = hasTotal(shape) ? [[...label, ...columns.map((column) => column.total(totalOf(rows)))]] : []
  return aligned([header, ...lines, ...total], names.length) + notes(rows, shape)
}

function notes(rows: readonly SpendRow[], shape: ReportShape): string {
  const unpriced = rows.reduce((sum, row) => sum + row.unpricedRequests, 0)
  const texts = [
    ...(unpriced === 0 ? [] : [`${unpriced} requests used models without a price and are counted as 0 here.`]),
    ...(shape.percentiles === true
      ? [`Half, 90 % and 99 % of the requests cost no more than p50, p90 and p99 (within ${COST_ERROR_SHARE * 100} %).`]
      : []),
  ]
  return texts.map((text) => `${text}\n`).join('')
}

/** `{"rows": […], "total": …}` with `cost_usd` as exact decimal text and `cost_nano_usd` as integer text. */
export function reportJson(rows: readonly SpendRow[], shape: ReportShape): string {
  const report = {
    rows: rows.map((row) => ({
      ...(shape.bucket === null ? {} : { at: row.at === null ? null : new Date(row.at).toISOString() }),
      ...Object.fromEntries(shape.by.map((dimension) => [dimension, row.group[dimension] ?? null])),
      ...sumsJson(row),
    })),
    total: hasTotal(shape) ? sumsJson(totalOf(rows)) : null,
  }
  return `${JSON.stringify(report, null, 2)}\n`
}

/** RFC 4180 with a header line; every unit has a column. */
export function reportCsv(rows: readonly SpendRow[], shape: ReportShape): string {
  const header = [
    ...(shape.bucket === null ? [] : ['at']),
    ...shape.by,
    'requests',
    'answered_requests',
    'unpriced_requests',
    'cost_usd',
    'cost_nano_usd',
    'saved_usd',
    'cache_saved_usd',
    ...(shape.percentiles === true ? ['p50_usd', 'p90_usd', 'p99_usd'] : []),
    ...USAGE_UNITS.map((unit) => UNIT_NAMES[unit]),
  ]
  const lines = rows.map((row) => [
    ...(shape.bucket === null ? [] : [row.at === null ? '' : new Date(row.at).toISOString()]),
    ...shape.by.map((dimension) => row.group[dimension] ?? ''),
    String(row.requests),
    String(row.answeredRequests),
    String(row.unpricedRequests),
    formatUsd(row.costNanoUsd),
    String(row.costNanoUsd),
    formatUsd(row.savedNanoUsd),
    formatUsd(row.cacheSavedNanoUsd),
    ...(shape.percentiles === true ? percentileCells(row) : []),
    ...USAGE_UNITS.map((unit) => String(row.usage[unit])),
  ])
  return [header, ...lines].map(csvLine).join('')
}

function percentileCells({ costPercentiles }: SpendRow): readonly string[] {
  if (costPercentiles === null || costPercentiles === undefined) return ['', '', '']
  return [costPercentiles.p50, costPercentiles.p90, costPercentiles.p99].map(formatUsd)
}

// A request counts once for each of its tags, so rows by tag do not add up to what was spent.
function hasTotal({ by }: ReportShape): boolean {
  return !by.includes('tag')
}

function bucketText(at: number | null, bucket: NonNullable<ReportShape['bucket']>): string {
  if (at === null) return NOBODY
  const text = new Date(at).toISOString()
  switch (bucket) {
    case 'hour':
      return `${text.slice(0, 10)} ${text.slice(11, 16)}`
    case 'day':
      return text.slice(0, 10)
    case 'month':
      return text.slice(0, 7)
  }
}

/** Names to the left, numbers to the right. */
function aligned(lines: readonly (readonly string[])[], names: number): string {
  const widths: number[] = []
  for (const line of lines) {
    for (const [column, text] of line.entries()) widths[column] = Math.max(widths[column] ?? 0, text.length)
  }
  return lines
    .map((line) => {
      const cells = line.map((text, column) => {
        const width = widths[column] ?? 0
        return column < names ? text.padEnd(width) : text.padStart(width)
      })
      return `${cells.join('  ').trimEnd()}\n`
    })
    .join('')
}
