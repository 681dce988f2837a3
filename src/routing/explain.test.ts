import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Attempt } from '../core/outcome.ts'
import { explanationOf, traceText } from './explain.ts'
import { keptPlanOf, planText } from './kept-plan.ts'
import type { Plan } from './plan.ts'
import { testPlan, testRoute, testTools } from './testing.ts'

const planned = testPlan(
  testRoute({ strategy: 'cheapest', targets: ['a/m', 'b/m', 'c/m'], fallbacks: ['d/m'] }),
  {},
  testTools(
    { 'a/m': { ttftMs: 120.4 } },
    { costOf: ({ id }) => (id === 'a/m' ? 1_500n : 9n), unable: ({ id }) => (id === 'c/m' ? 'calls no tools' : null) },
  ),
)

test('a plan is told with every candidate, its reason and its numbers, and who is left out', () => {
  const told = explanationOf(planned, { strategy: 'cheapest', task: 'code', conversation: 'new' })
  expect(told).toMatchObject({
    route: 'r',
    strategy: 'cheapest',
    task: 'code',
    conversation: 'new',
    excluded: [{ target: 'c/m', why: 'calls no tools' }],
  })
  expect(told.targets[1]).toEqual({
    target: 'a/m',
    role: 'target',
    reason: 'cheapest',
    expected_cost_usd: '0.0000015',
    expected_cost_nano_usd: '1500',
    latency_ms: 120,
    quality: null,
  })
  expect(told.targets[2]).toMatchObject({ target: 'd/m', role: 'fallback', reason: 'fallback' })
})

test('what the log keeps says the same, within a bound', () => {
  expect(keptPlanOf(planText(planned))).toEqual({
    targets: [
      { target: 'b/m', reason: 'cheapest', expected_cost_nano_usd: '9', latency_ms: null },
      { target: 'a/m', reason: 'cheapest', expected_cost_nano_usd: '1500', latency_ms: 120 },
      { target: 'd/m', reason: 'fallback', expected_cost_nano_usd: null, latency_ms: null },
    ],
    excluded: [{ target: 'c/m', why: 'calls no tools' }],
    decision: null,
  })
  expect(planText(large(500, 'x'.repeat(5_000))).length).toBeLessThan(12_000)
})

function large(count: number, why: string): Plan {
  const [target] = planned.targets
  return {
    ...planned,
    targets: Array.from({ length: count }, () => target!),
    excluded: Array.from({ length: count }, () => ({ deployment: target!.deployment, why })),
  }
}

test('a trace is a header: ASCII in one line, within its bound, and JSON whatever it tells', () => {
  const attempt: Attempt = {
    target: 'a/m',
    credentialId: null,
    outcome: { type: 'overloaded', retryAfterMs: null },
    status: 503,
    startedAt: 0,
    durationMs: 12.3,
    ttftMs: null,
    message: null,
  }
  expect(JSON.parse(traceText(planned, [attempt]))).toMatchObject({
    route: 'r',
    attempts: [{ target: 'a/m', outcome: 'overloaded', status: 503, duration_ms: 12 }],
    excluded: [{ target: 'c/m', why: 'calls no tools' }],
  })
  fc.assert(
    fc.property(fc.nat(200), fc.string({ unit: 'binary', maxLength: 400 }), fc.nat(20), (count, why, attempts) => {
      const text = traceText(
        large(count, why),
        Array.from({ length: attempts }, () => attempt),
      )
      expect(text).toMatch(/^[\x20-\x7e]*$/)
      expect(text.length).toBeLessThanOrEqual(4_000)
      JSON.parse(text)
    }),
    { numRuns: 100 },
  )
})
