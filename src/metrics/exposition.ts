// Hands the numbers to prom-client's registry, which writes the Prometheus text.
import type { Metric } from 'prom-client'
// The package's own entry loads collectors of the process, push gateways and clusters beside it: 1.7 MB that nobody here asks for.
import Registry from 'prom-client/lib/registry.js'
import { CATALOGUE, type MetricId } from './catalogue.ts'
import type { Distribution } from './distribution.ts'

type Labels = Readonly<Record<string, string>>
export type Sample = { readonly labels: Labels; readonly value: number | Distribution }

/** Where the present samples of each metric come from. */
export type Readers = { readonly [id in MetricId]: () => Iterable<Sample> }

type Line = {
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly sharedLabels?: Labels
  readonly value: number
}

/** A registry whose metrics are the rows of the catalogue, read when somebody asks. */
export function createRegistry(readers: Readers): Registry {
  const registry = new Registry()
  for (const id of Object.keys(CATALOGUE) as MetricId[]) {
    const row = CATALOGUE[id]
    // prom-client's own counters and histograms cost 250 and 430 ns an observation (they build a string of all labels
    // each time), a dozen times a request. A registry asks of a metric only its name and `get()`, so ours keep their
    // numbers in typed arrays and become lines when scraped. The cast stands for that: the typings ask for one of its classes.
    const metric = {
      name: row.name,
      get: () =>
        Promise.resolve({ name: row.name, help: row.help, type: row.type, values: linesOf(row.name, readers[id]()) }),
    }
    registry.registerMetric(metric as unknown as Metric)
  }
  return registry
}

function linesOf(name: string, samples: Iterable<Sample>): Line[] {
  const lines: Line[] = []
  for (const { labels, value } of samples) {
    if (typeof value === 'number') lines.push({ labels, value })
    else pushHistogram(lines, name, labels, value)
  }
  return lines
}

function pushHistogram(lines: Line[], name: string, sharedLabels: Labels, distribution: Distribution): void {
  const bounds = distribution.bounds
  distribution.cumulative().forEach((value, index) => {
    lines.push({ metricName: `${name}_bucket`, labels: { le: bounds[index]! }, sharedLabels, value })
  })
  const count = distribution.count
  lines.push({ metricName: `${name}_bucket`, labels: { le: '+Inf' }, sharedLabels, value: count })
  lines.push({ metricName: `${name}_sum`, labels: {}, sharedLabels, value: distribution.sum })
  lines.push({ metricName: `${name}_count`, labels: {}, sharedLabels, value: count })
}
