// Percentiles for the admin health page, read off the same histograms that Prometheus gets.
import { CATALOGUE } from './catalogue.ts'
import { Distribution } from './distribution.ts'
import type { Series, ServedLabels } from './series.ts'

/** In ms; null where nothing was measured. */
type Percentiles = { readonly p50: number; readonly p99: number } | null

export type QuantileRow = {
  /** The route, provider, model or operation that the row is about. */
  readonly name: string
  readonly requests: number
  readonly durationMs: Percentiles
  readonly ttftMs: Percentiles
  readonly overheadMs: Percentiles
}

const MEASURES = ['duration', 'ttft', 'overhead'] as const

/** One row for each value of the label, busiest first. */
export function quantilesBy(all: Iterable<Series>, by: keyof ServedLabels): QuantileRow[] {
  const totals = new Map<string, Record<(typeof MEASURES)[number], Distribution>>()
  for (const series of all) {
    const name = series.labels[by]
    const total = totals.get(name) ?? {
      duration: new Distribution(CATALOGUE.duration.buckets, 1000),
      ttft: new Distribution(CATALOGUE.ttft.buckets, 1000),
      overhead: new Distribution(CATALOGUE.overhead.buckets, 1000),
    }
    for (const measure of MEASURES) total[measure].add(series[measure])
    totals.set(name, total)
  }
  return Array.from(totals, ([name, { duration, ttft, overhead }]) => ({
    name,
    requests: duration.count,
    durationMs: percentiles(duration),
    ttftMs: percentiles(ttft),
    overheadMs: percentiles(overhead),
  })).sort((a, b) => b.requests - a.requests)
}

function percentiles(distribution: Distribution): Percentiles {
  const p50 = distribution.quantile(0.5)
  const p99 = distribution.quantile(0.99)
  return p50 === null || p99 === null ? null : { p50, p99 }
}
