import { expect, test } from 'bun:test'
import type { Attempt, Outcome } from '../core/outcome.ts'
import { NO_USAGE } from '../core/usage.ts'
import { createMetrics, type Metrics, type RequestFacts } from './metrics.ts'

const FACTS: RequestFacts = {
  operation: 'chat',
  route: 'support',
  provider: 'openai',
  model: 'gpt-5-mini',
  status: 200,
  errorCode: null,
  stream: false,
  durationMs: 400,
  ttftMs: null,
  overheadMs: 0.3,
  costNanoUsd: 2_500_000n,
  usage: { ...NO_USAGE, input: 100, cacheRead: 40, output: 21, requests: 1 },
  attempts: [],
}

function attempt(target: string, outcome: Outcome): Attempt {
  return { target, credentialId: null, outcome, status: null, startedAt: 0, durationMs: 1, ttftMs: null, message: null }
}

function recorder(maxModels = 100): {
  metrics: Metrics
  clock: { ms: number }
  finish: (facts?: Partial<RequestFacts>) => void
} {
  const clock = { ms: 1_000_000 }
  const metrics = createMetrics({ now: () => clock.ms, maxModels, version: '1.2.3' })
  return {
    metrics,
    clock,
    finish(facts = {}) {
      metrics.requestStarted()
      metrics.requestFinished({ ...FACTS, ...facts })
    },
  }
}

const SERVED = 'operation="chat",route="support",provider="openai",model="gpt-5-mini"'
const PAID = 'route="support",provider="openai",model="gpt-5-mini"'

/** Value of the one line that begins with this name and labels; null without it. */
async function valueOf(metrics: Metrics, series: string): Promise<number | null> {
  const line = (await metrics.text()).split('\n').find((text) => text.startsWith(`${series} `))
  return line === undefined ? null : Number(line.slice(series.length + 1))
}

async function seriesCount(metrics: Metrics): Promise<number> {
  return (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
}

test('a finished request is counted in each of its metrics', async () => {
  const { metrics, finish } = recorder()
  finish()
  finish({ stream: true, ttftMs: 100, durationMs: 300 })
  const expected: Record<string, number> = {
    [`weir_requests_total{${SERVED},status_class="2xx"}`]: 2,
    [`weir_request_duration_seconds_bucket{le="0.2",${SERVED}}`]: 0,
    [`weir_request_duration_seconds_bucket{le="0.35",${SERVED}}`]: 1,
    [`weir_request_duration_seconds_bucket{le="0.5",${SERVED}}`]: 2,
    [`weir_request_duration_seconds_bucket{le="+Inf",${SERVED}}`]: 2,
    [`weir_request_duration_seconds_sum{${SERVED}}`]: 0.7,
    [`weir_request_duration_seconds_count{${SERVED}}`]: 2,
    [`weir_time_to_first_token_seconds_count{${SERVED}}`]: 1,
    // (300 ms − 100 ms) over the 20 gaps between 21 tokens.
    [`weir_time_per_output_token_seconds_sum{${SERVED}}`]: 0.01,
    [`weir_gateway_overhead_seconds_bucket{le="0.0003",${SERVED}}`]: 2,
    [`weir_gateway_overhead_seconds_bucket{le="0.0002",${SERVED}}`]: 0,
    [`weir_request_cost_dollars_bucket{le="0.003",${PAID}}`]: 2,
    [`weir_request_cost_dollars_bucket{le="0.001",${PAID}}`]: 0,
    [`weir_cost_dollars_total{${PAID}}`]: 0.005,
    [`weir_tokens_total{${PAID},kind="input"}`]: 200,
    [`weir_tokens_total{${PAID},kind="cache_read"}`]: 80,
    [`weir_tokens_total{${PAID},kind="output"}`]: 42,
    [`weir_units_total{${PAID},kind="requests"}`]: 2,
    weir_requests_in_flight: 0,
    'weir_build_info{version="1.2.3",runtime="unwatched"}': 1,
  }
  for (const [series, value] of Object.entries(expected))
    expect([series, await valueOf(metrics, series)]).toEqual([series, value])
  expect(await valueOf(metrics, `weir_tokens_total{${PAID},kind="requests"}`)).toBeNull()
  expect(metrics.contentType).toStartWith('text/plain')
})

test('cost and tokens of two operations on one route are one series', async () => {
  const { metrics, finish } = recorder()
  finish()
  finish({ operation: 'completions' })
  expect(await valueOf(metrics, `weir_cost_dollars_total{${PAID}}`)).toBe(0.005)
  expect(await valueOf(metrics, `weir_tokens_total{${PAID},kind="input"}`)).toBe(200)
})

test('a metric that measured nothing has no series', async () => {
  const { metrics, finish } = recorder()
  finish({ costNanoUsd: null, usage: null })
  const text = await metrics.text()
  for (const name of [
    'weir_time_to_first_token_seconds_',
    'weir_request_cost_dollars_',
    'weir_cost_dollars_total{',
    'weir_tokens_total{',
    'weir_bytes_held ',
    'weir_event_loop_delay_seconds{',
  ])
    expect(text).not.toContain(`\n${name}`)
})

test('a free answer costs 0 and is still a request with a cost', async () => {
  const { metrics, finish } = recorder()
  finish({ costNanoUsd: 0n })
  expect(await valueOf(metrics, `weir_request_cost_dollars_count{${PAID}}`)).toBe(1)
})

test('a stream without usage, or with one token, has no time per token', async () => {
  const { metrics, finish } = recorder()
  finish({ stream: true, ttftMs: 50, usage: null })
  finish({ stream: true, ttftMs: 50, usage: { ...NO_USAGE, output: 1 } })
  finish({ stream: true, ttftMs: null })
  finish({ stream: false, ttftMs: 50 })
  expect(await valueOf(metrics, `weir_time_per_output_token_seconds_count{${SERVED}}`)).toBeNull()
})

test.each([
  [200, '2xx'],
  [404, '4xx'],
  [599, '5xx'],
  [0, 'none'],
  [700, 'none'],
  [Number.NaN, 'none'],
])('status %p is class %p', async (status, statusClass) => {
  const { metrics, finish } = recorder()
  finish()
  finish({ status })
  expect(await valueOf(metrics, `weir_requests_total{${SERVED},status_class="${statusClass}"}`)).toBe(
    status === 200 ? 2 : 1,
  )
})

test('what is no measurement is left out', async () => {
  const { metrics, finish } = recorder()
  for (const durationMs of [Number.NaN, -1, Infinity]) finish({ durationMs })
  expect(await valueOf(metrics, `weir_request_duration_seconds_count{${SERVED}}`)).toBeNull()
  expect(await metrics.text()).not.toMatch(/nan|infinity/i)
})

test('attempts are counted by outcome, and errors by provider', async () => {
  const { metrics, finish } = recorder()
  finish({
    attempts: [
      attempt('azure/gpt-5-mini', { type: 'rate_limited', retryAfterMs: null }),
      attempt('azure/gpt-5', { type: 'rate_limited', retryAfterMs: 1000 }),
      attempt('openai/gpt-5-mini', { type: 'cancelled' }),
      attempt('openai/meta/llama', { type: 'answered' }),
    ],
  })
  const expected: Record<string, number | null> = {
    'weir_attempts_total{provider="azure",model="gpt-5",outcome="rate_limited"}': 1,
    'weir_attempts_total{provider="openai",model="meta/llama",outcome="answered"}': 1,
    'weir_provider_errors_total{provider="azure",outcome="rate_limited"}': 2,
    'weir_provider_errors_total{provider="openai",outcome="cancelled"}': null,
    'weir_provider_errors_total{provider="openai",outcome="answered"}': null,
  }
  for (const [series, value] of Object.entries(expected))
    expect([series, await valueOf(metrics, series)]).toEqual([series, value])
})

test('error codes are those of the table; any other word is `other`', async () => {
  const { metrics, finish } = recorder()
  finish({ status: 429, errorCode: 'rate_limited' })
  finish({ status: 500, errorCode: 'made up by somebody' })
  finish({ status: 500, errorCode: 'toString' })
  expect(await valueOf(metrics, 'weir_request_errors_total{code="rate_limited"}')).toBe(1)
  expect(await valueOf(metrics, 'weir_request_errors_total{code="other"}')).toBe(2)
})

test('requests in flight go up and down', async () => {
  const { metrics } = recorder()
  metrics.requestStarted()
  metrics.requestStarted()
  expect(metrics.inFlight).toBe(2)
  metrics.requestFinished(FACTS)
  expect(await valueOf(metrics, 'weir_requests_in_flight')).toBe(1)
})

test('the highest use of a limit is shown for a minute and then forgotten', async () => {
  const { metrics, clock } = recorder()
  const series = 'weir_limit_utilisation_share{scope="end_user",kind="tpm"}'
  expect(await valueOf(metrics, series)).toBeNull()
  metrics.limitChecked('endUser', 'tpm', 0.9)
  metrics.limitChecked('endUser', 'tpm', 0.2)
  expect(await valueOf(metrics, series)).toBe(0.9)
  clock.ms += 29_999
  metrics.limitChecked('endUser', 'tpm', 0.3)
  expect(await valueOf(metrics, series)).toBe(0.9)
  clock.ms += 60_000
  expect(await valueOf(metrics, series)).toBe(0)
  const admission = 'weir_limit_admission_utilisation_share'
  expect(await valueOf(metrics, `${admission}_bucket{le="0.25",scope="end_user",kind="tpm"}`)).toBe(1)
  expect(await valueOf(metrics, `${admission}_count{scope="end_user",kind="tpm"}`)).toBe(3)
})

test("a provider's own limit is shown until five minutes of silence", async () => {
  const { metrics, clock, finish } = recorder()
  const series = 'weir_deployment_limit_utilisation_share{provider="openai",model="gpt-5-mini",kind="rpm"}'
  metrics.deploymentLimit('openai/gpt-5-mini', 'rpm', 0.4)
  expect(await valueOf(metrics, series)).toBeNull() // nothing says yet that this model exists
  finish()
  metrics.deploymentLimit('openai/gpt-5-mini', 'rpm', 0.4)
  metrics.deploymentLimit('openai/gpt-5-mini', 'rpm', 0.6)
  expect(await valueOf(metrics, series)).toBe(0.6)
  clock.ms += 300_001
  expect(await valueOf(metrics, series)).toBeNull()
})

test('gauges of others are read when somebody scrapes', async () => {
  const { metrics } = recorder()
  let held = 10
  metrics.observe({
    bytesHeld: () => held,
    ledgerPending: () => ({ count: 3, oldestMs: 1500 }),
    runtime: {
      eventLoopDelay: () => ({ p50Ms: 1, p99Ms: 20, maxMs: 300 }),
      residentBytes: () => 4096,
      cpuSeconds: () => 12.5,
      startedAtSeconds: 99,
      name: 'bun 1.4.5',
      stop: () => {},
    },
  })
  held = 20
  const expected: Record<string, number> = {
    weir_bytes_held: 20,
    weir_ledger_pending: 3,
    weir_ledger_lag_seconds: 1.5,
    'weir_event_loop_delay_seconds{quantile="0.99"}': 0.02,
    'weir_event_loop_delay_seconds{quantile="1"}': 0.3,
    process_resident_memory_bytes: 4096,
    process_cpu_seconds_total: 12.5,
    process_start_time_seconds: 99,
    'weir_build_info{version="1.2.3",runtime="bun 1.4.5"}': 1,
  }
  for (const [series, value] of Object.entries(expected))
    expect([series, await valueOf(metrics, series)]).toEqual([series, value])
})

test('a model name that was never answered does not become a label', async () => {
  const { metrics, finish } = recorder()
  finish({ status: 404, errorCode: 'model_unknown', route: 'invented', provider: null, model: null })
  finish({
    status: 404,
    errorCode: 'upstream_rejected',
    route: 'openai/invented',
    model: 'invented',
    attempts: [attempt('openai/invented', { type: 'rejected' })],
  })
  expect(await metrics.text()).not.toContain('invented')
  expect(await valueOf(metrics, 'weir_attempts_total{provider="other",model="other",outcome="rejected"}')).toBe(1)
})

test('a model that was answered once keeps its label when it is refused later', async () => {
  const { metrics, finish } = recorder()
  finish()
  finish({ status: 400, errorCode: 'upstream_rejected' })
  expect(await valueOf(metrics, `weir_requests_total{${SERVED},status_class="4xx"}`)).toBe(1)
})

test('a request that never got to a route is counted under none', async () => {
  const { metrics, finish } = recorder()
  finish({ status: 401, errorCode: 'key_unknown', operation: 'chat', route: '', provider: null, model: null })
  const labels = 'operation="chat",route="none",provider="none",model="none"'
  expect(await valueOf(metrics, `weir_requests_total{${labels},status_class="4xx"}`)).toBe(1)
})

test('100 000 invented names leave a bounded number of series, and none is lost from the count', async () => {
  const { metrics, finish } = recorder(50)
  for (let index = 0; index < 100_000; index++) {
    const model = `invented-${index}`
    finish({
      operation: index % 2 === 0 ? 'chat' : `operation-${index}`,
      route: `openai/${model}`,
      model,
      attempts: [attempt(`openai/${model}`, { type: 'answered' })],
    })
    metrics.deploymentLimit(`openai/${model}`, 'rpm', 0.1)
  }
  const text = await metrics.text()
  const models = new Set(Array.from(text.matchAll(/model="([^"]*)"/g), (match) => match[1]))
  expect(models.size).toBeLessThanOrEqual(51)
  // 100 combinations and the overflow ones, each with at most 110 lines.
  expect(await seriesCount(metrics)).toBeLessThan(11_500)
  const requests = Array.from(text.matchAll(/^weir_requests_total\{.*\} (\d+)$/gm), (match) => Number(match[1]))
  expect(requests.reduce((sum, count) => sum + count, 0)).toBe(100_000)
  const series = await seriesCount(metrics)
  for (let index = 0; index < 1000; index++) finish({ route: `late-${index}`, model: `late-${index}` })
  expect(await seriesCount(metrics)).toBeLessThanOrEqual(series + 110)
})

test('combinations beyond the bound are counted under other, the operation kept', async () => {
  const { metrics, finish } = recorder(2)
  const operations = ['chat', 'completions', 'embeddings'] as const
  for (const operation of operations)
    for (const route of ['a', 'b']) for (const model of ['m', 'n']) finish({ operation, route, model })
  const series = Array.from((await metrics.text()).matchAll(/^weir_requests_total\{(.*),status_class="2xx"\} (\d+)$/gm))
  expect(series.map(([, labels, count]) => [labels, count])).toEqual([
    ['operation="chat",route="a",provider="openai",model="m"', '1'],
    ['operation="chat",route="a",provider="openai",model="n"', '1'],
    ['operation="chat",route="b",provider="openai",model="m"', '1'],
    ['operation="chat",route="b",provider="openai",model="n"', '1'],
    ['operation="completions",route="other",provider="other",model="other"', '4'],
    ['operation="embeddings",route="other",provider="other",model="other"', '4'],
  ])
})

test('a label is bounded in length and cannot break the text', async () => {
  const { metrics, finish } = recorder()
  finish({ route: 'x'.repeat(10_000) })
  finish({ route: 'a"} 1\nfake_metric 2' })
  const text = await metrics.text()
  expect(text).not.toContain('xxxx')
  expect(text).not.toMatch(/^fake_metric/m)
})

test('percentiles are read off the buckets, busiest first', () => {
  const { metrics, finish } = recorder()
  for (let index = 0; index < 99; index++) finish({ durationMs: 400 })
  finish({ durationMs: 9000 })
  finish({ route: 'rare', durationMs: 3, operation: 'embeddings' })
  const [busiest, rare] = metrics.quantiles('route')
  expect(busiest?.name).toBe('support')
  expect(busiest?.requests).toBe(100)
  expect(busiest?.durationMs?.p50).toBeWithin(350, 500)
  expect(busiest?.durationMs?.p99).toBeWithin(350, 500.001)
  expect(busiest?.ttftMs).toBeNull()
  expect(rare?.durationMs?.p99).toBeWithin(0, 5)
  expect(metrics.quantiles('model')).toHaveLength(1)
  expect(metrics.quantiles('provider')[0]?.requests).toBe(101)
})
