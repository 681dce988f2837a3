import { expect, test } from 'bun:test'
import { GatewayError } from '../core/error.ts'
import { NO_OPTIONS, NO_ROUTING } from '../dialects/read-options.ts'
import { optionsOf, routingOptionsOf } from './option-headers.ts'

const inBody = { ...NO_OPTIONS, tags: ['a'], timeoutMs: 5, maxCostNanoUsd: 7n }

test('headers win over the options of the body', () => {
  expect(optionsOf(new Headers(), NO_OPTIONS)).toBe(NO_OPTIONS)
  expect(optionsOf(new Headers(), inBody)).toEqual(inBody)
  const headers = new Headers({
    'x-weir-tags': 'b, c,b',
    'x-weir-timeout-ms': '9',
    'x-weir-max-cost-usd': '0.5',
    'x-weir-trace': 'full',
  })
  expect(optionsOf(headers, inBody)).toEqual({
    ...NO_OPTIONS,
    tags: ['b', 'c'],
    timeoutMs: 9,
    maxCostNanoUsd: 500_000_000n,
    isTraced: true,
  })
})

test('headers of routing win over its options in the body', () => {
  const body = { ...NO_ROUTING, task: 'chat', session: 's', fallbacks: ['x'] }
  expect(routingOptionsOf(new Headers(), null)).toBeNull()
  expect(routingOptionsOf(new Headers(), body)).toBe(body)
  const headers = new Headers({ 'x-weir-task': 'code', 'x-weir-region': 'eu', 'x-weir-quality-floor': '0.85' })
  expect(routingOptionsOf(headers, body)).toEqual({ ...body, task: 'code', region: 'eu', qualityFloor: 0.85 })
})

for (const [name, value] of [
  ['x-weir-tags', 'a b'],
  ['x-weir-tags', `${'x,'.repeat(20)}x`],
  ['x-weir-timeout-ms', '0'],
  ['x-weir-max-cost-usd', 'free'],
  ['x-weir-max-cost-usd', '-1'],
  ['x-weir-trace', 'yes'],
  ['x-weir-session', 'two words'],
  ['x-weir-task', 'x'.repeat(201)],
  ['x-weir-quality-floor', '2'],
] as const)
  test(`${name}: ${value.slice(0, 20)} is refused with its name`, () => {
    const headers = new Headers({ [name]: value })
    let caught: unknown = null
    try {
      optionsOf(headers, inBody)
      routingOptionsOf(headers, null)
    } catch (error) {
      caught = error
    }
    expect(caught).toBeInstanceOf(GatewayError)
    expect((caught as GatewayError).detail.param).toBe(name)
  })
