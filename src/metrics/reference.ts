// The text of docs/metrics.md, written from the catalogue.
import { CATALOGUE, type MetricRow } from './catalogue.ts'

const UNIT_WORDS: Readonly<Record<MetricRow['unit'], string>> = {
  requests: 'requests',
  attempts: 'attempts',
  messages: 'messages',
  seconds: 'seconds',
  experiments: 'experiments',
  dollars: 'US dollars',
  tokens: 'tokens',
  units: 'units of the kind',
  share: 'share, 0–1',
  bytes: 'bytes',
  info: 'always 1',
}

const INTRODUCTION = `# Metrics

Generated from \`src/metrics/catalogue.ts\` by \`npm run docs\`; do not edit.

\`GET /metrics\` on the admin listener answers in the Prometheus text format. Counters count from the start of the process.

The number of series is bounded whatever callers send. A route, or a pair of provider and model, becomes a label with the
first request that shows that it exists: not with one that is refused as its caller's fault. What comes when the bound is
reached is counted under \`other\`; what a request never got to (it was refused before a route or a provider was chosen) is
\`none\`.
`

const EXAMPLES = `## Questions and their queries

| question | query |
|---|---|
| p99 of the time to the first token, by model | \`histogram_quantile(0.99, sum by (le, model) (rate(${CATALOGUE.ttft.name}_bucket[5m])))\` |
| p50 of the duration, by route | \`histogram_quantile(0.5, sum by (le, route) (rate(${CATALOGUE.duration.name}_bucket[5m])))\` |
| what the gateway itself adds, p99 | \`histogram_quantile(0.99, sum by (le) (rate(${CATALOGUE.overhead.name}_bucket[5m])))\` |
| dollars an hour, by provider | \`sum by (provider) (rate(${CATALOGUE.cost.name}[1h])) * 3600\` |
| mean cost of a request, by model | \`sum by (model) (rate(${CATALOGUE.requestCost.name}_sum[1h])) / sum by (model) (rate(${CATALOGUE.requestCost.name}_count[1h]))\` |
| share of failed attempts, by provider | \`sum by (provider) (rate(${CATALOGUE.providerErrors.name}[5m])) / sum by (provider) (rate(${CATALOGUE.attempts.name}[5m]))\` |
`

/** Markdown of docs/metrics.md. */
export function metricsReference(): string {
  const rows: readonly MetricRow[] = Object.values(CATALOGUE)
  const table = rows.map((row) => {
    const labels = row.labels.map((label) => `\`${label}\``).join(', ')
    return `| \`${row.name}\` | ${row.type} | ${UNIT_WORDS[row.unit]} | ${labels} | ${row.help} |`
  })
  const buckets = rows
    .filter((row) => row.buckets !== undefined)
    .map((row) => `| \`${row.name}\` | ${row.buckets?.map(decimal).join(', ')} |`)
  return [
    INTRODUCTION,
    '| metric | type | unit | labels | meaning |',
    '|---|---|---|---|---|',
    ...table,
    '',
    '## Buckets',
    '',
    'Upper bounds of the histograms, each in its unit.',
    '',
    '| metric | bounds |',
    '|---|---|',
    ...buckets,
    '',
    EXAMPLES,
  ].join('\n')
}

// 0.000001 and not 1e-6: the table is for people.
function decimal(value: number): string {
  return value.toFixed(6).replace(/\.?0+$/, '')
}
