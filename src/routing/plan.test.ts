import { expect, test } from 'bun:test'
import type { Call } from '../core/call.ts'
import type { Deployment, Route } from '../core/model.ts'
import { plan } from './plan.ts'

function deployment(id: string): Deployment {
  return {
    id,
    model: id,
    provider: { timeouts: { connectMs: 1, firstTokenMs: 2, idleMs: 3, totalMs: 4 } },
  } as Deployment
}

function routeOf(strategy: Route['strategy'], weights: readonly number[]): Route {
  return {
    name: 'r',
    strategy,
    targets: weights.map((weight, index) => ({ deployment: deployment(`d${index}`), weight })),
    timeouts: { idleMs: 30 },
  }
}

const call = { facts: { options: { tags: [], timeoutMs: null } } } as unknown as Call
const able = { totalMs: 1_000, draw: 0, unable: () => null }

function order(route: Route, draw: number): string[] {
  return plan(call, route, { ...able, draw }).targets.map((target) => target.deployment.id)
}

test('targets stand in the order of the route', () =>
  expect(order(routeOf('order', [1, 1, 1]), 0.9)).toEqual(['d0', 'd1', 'd2']))

test('weighted targets are drawn by their weight, the others follow by theirs', () => {
  const route = routeOf('weighted', [1, 2, 7])
  expect(order(route, 0.05)).toEqual(['d0', 'd2', 'd1'])
  expect(order(route, 0.2)).toEqual(['d1', 'd2', 'd0'])
  expect(order(route, 0.999)).toEqual(['d2', 'd1', 'd0'])
  const first = Array.from({ length: 10_000 }, (_, index) => order(route, index / 10_000)[0])
  for (const [id, share] of [
    ['d0', 0.1],
    ['d1', 0.2],
    ['d2', 0.7],
  ] as const)
    expect(first.filter((one) => one === id).length / 10_000).toBeCloseTo(share, 2)
})

test('a target that cannot serve the call is left out with the reason', () => {
  const planned = plan(call, routeOf('order', [1, 1]), {
    ...able,
    unable: ({ id }) => (id === 'd0' ? 'has no tools' : null),
  })
  expect(planned.targets.map((target) => target.deployment.id)).toEqual(['d1'])
  expect(planned.excluded.map(({ deployment: { id }, why }) => `${id} ${why}`)).toEqual(['d0 has no tools'])
})

test('deadlines: the route’s over the provider’s, the caller’s own only if it is shorter', () => {
  const route = routeOf('order', [1])
  expect(plan(call, route, able).targets[0]?.timeouts).toEqual({
    connectMs: 1,
    firstTokenMs: 2,
    idleMs: 30,
    totalMs: 4,
  })
  const hasty = { facts: { options: { tags: [], timeoutMs: 50 } } } as unknown as Call
  expect(plan(hasty, route, able).totalMs).toBe(50)
  const patient = { facts: { options: { tags: [], timeoutMs: 5_000 } } } as unknown as Call
  expect(plan(patient, route, able).totalMs).toBe(1_000)
})
