// Spend rows as text: a table for people, JSON and CSV for programs. Pure; money stays exact.
import { formatUsd, type NanoUsd } from '../core/money.ts'
import { inputTokens, outputTokens, USAGE_UNITS, type UsageUnit } from '../core/usage.ts'
import type { SpendQuery, SpendRow } from '../store/store.ts'
import { csvLine } from './csv.ts'

/** How the rows were asked for: it names the columns. */
export type ReportShape = Pick<SpendQuery, 'by' | 'bucket'>

type Sums = { readonly requests: number; readonly costNanoUsd: NanoUsd; readonly unpricedRequests: number }

const NOBODY = '-'

/** An aligned table with a line of totals, ending in a newline. */
export function reportTable(rows: readonly SpendRow[], shape: ReportShape): string {
  const names = [...(shape.bucket === null ? [] : [shape.bucket]), ...shape.by]
  const header = [...names, 'requests', 'input tokens', 'output tokens', 'cost usd']
  const lines = rows.map((row) => [
    ...(shape.bucket === null ? [] : [bucketText(row.at, shape.bucket)]),
    ...shape.by.map((dimension) => row.group[dimension] ?? NOBODY),
    String(row.requests),
    String(inputTokens(row.usage)),
    String(outputTokens(row.usage)),
    formatUsd(row.costNanoUsd),
  ])
  const total = totalOf(rows, shape)
  const label = names.map((_, index) => (index === 0 ? 'total' : ''))
  const sums = total === null ? [] : [[...label, String(total.requests), '', '', formatUsd(total.costNanoUsd)]]
  const unpriced = rows.reduce((sum, row) => sum + row.unpricedRequests, 0)
  const note = unpriced === 0 ? '' : `${unpriced} requests used models without a price and are counted as 0 here.\n`
  return aligned([header, ...lines, ...sums], names.length) + note
}

/** `{"rows": […], "total": …}` with `cost_usd` as exact decimal text and `cost_nano_usd` as integer text. */
export function reportJson(rows: readonly SpendRow[], shape: ReportShape): string {
  const total = totalOf(rows, shape)
  const report = {
    rows: rows.map((row) => ({
      ...(shape.bucket === null ? {} : { at: row.at === null ? null : new Date(row.at).toISOString() }),
      ...Object.fromEntries(shape.by.map((dimension) => [dimension, row.group[dimension] ?? null])),
      ...sumsJson(row),
      usage: Object.fromEntries(
        USAGE_UNITS.filter((unit) => row.usage[unit] !== 0).map((unit) => [UNIT_NAMES[unit], row.usage[unit]]),
      ),
    })),
    // A request counts once for each of its tags, so rows by tag do not add up to what was spent.
    total: total === null ? null : sumsJson(total),
  }
  return `${JSON.stringify(report, null, 2)}\n`
}

/** RFC 4180 with a header line; every unit has a column. */
export function reportCsv(rows: readonly SpendRow[], shape: ReportShape): string {
  const header = [
    ...(shape.bucket === null ? [] : ['at']),
    ...shape.by,
    'requests',
    'cost_usd',
    'cost_nano_usd',
    'unpriced_requests',
    ...USAGE_UNITS.map((unit) => UNIT_NAMES[unit]),
  ]
  const lines = rows.map((row) => [
    ...(shape.bucket === null ? [] : [row.at === null ? '' : new Date(row.at).toISOString()]),
    ...shape.by.map((dimension) => row.group[dimension] ?? ''),
    String(row.requests),
    formatUsd(row.costNanoUsd),
    String(row.costNanoUsd),
    String(row.unpricedRequests),
    ...USAGE_UNITS.map((unit) => String(row.usage[unit])),
  ])
  return [header, ...lines].map(csvLine).join('')
}

const UNIT_NAMES: Readonly<Record<UsageUnit, string>> = {
  input: 'input',
  cacheRead: 'cache_read',
  cacheWrite5m: 'cache_write_5m',
  cacheWrite1h: 'cache_write_1h',
  output: 'output',
  reasoning: 'reasoning',
  audioIn: 'audio_in',
  audioOut: 'audio_out',
  imageIn: 'image_in',
  imageOut: 'image_out',
  video: 'video',
  images: 'images',
  characters: 'characters',
  seconds: 'seconds',
  requests: 'request_units',
  searches: 'searches',
}

function sumsJson({ requests, costNanoUsd, unpricedRequests }: Sums) {
  return {
    requests,
    cost_usd: formatUsd(costNanoUsd),
    cost_nano_usd: String(costNanoUsd),
    unpriced_requests: unpricedRequests,
  }
}

function totalOf(rows: readonly SpendRow[], { by }: ReportShape): Sums | null {
  if (by.includes('tag')) return null
  let requests = 0
  let costNanoUsd = 0n
  let unpricedRequests = 0
  for (const row of rows) {
    requests += row.requests
    costNanoUsd += row.costNanoUsd
    unpricedRequests += row.unpricedRequests
  }
  return { requests, costNanoUsd, unpricedRequests }
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
