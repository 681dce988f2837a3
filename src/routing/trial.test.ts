import { describe, expect, test } from 'bun:test'
import { armsOf, placeOf } from './trial.ts'
import { testCatalogue, testPlan, testRoute } from './testing.ts'
import type { RouteInput } from './testing.ts'
import type { Route } from './route.ts'

const candidate = testCatalogue().resolve('c/m')!.only!.deployment

function orders(input: RouteInput): { control: string; candidate: string } {
  const arms = armsOf(testRoute(input), 'a/m', candidate)
  if (arms === null) throw new Error('no arms')
  const order = (route: Route) =>
    testPlan(route)
      .targets.map(({ deployment }) => deployment.id)
      .join(' ')
  return { control: order(arms.control), candidate: order(arms.candidate) }
}

describe('the candidate stands where the baseline stood, and the baseline takes over when it fails', () => {
  test.each([
    ['the only target', { targets: ['a/m'] }, 'a/m', 'c/m a/m'],
    ['among others', { targets: ['b/m', 'a/m', 'd/m'] }, 'b/m a/m d/m', 'b/m c/m d/m a/m'],
    ['before fallbacks', { targets: ['a/m'], fallbacks: ['d/m'] }, 'a/m d/m', 'c/m a/m d/m'],
    ['with the candidate as a fallback', { targets: ['a/m'], fallbacks: ['c/m'] }, 'a/m c/m', 'c/m a/m'],
    ['with the candidate as a target', { targets: ['a/m', 'c/m'] }, 'a/m c/m', 'c/m a/m'],
    ['with the candidate before it', { targets: ['c/m', 'a/m'] }, 'a/m c/m', 'c/m a/m'],
  ] as const)('%s', (_, input, control, other) => expect(orders(input)).toEqual({ control, candidate: other }))
})

test('a route of one target stays as it was for the control, and so keeps its short way', () => {
  const route = testRoute({ targets: ['a/m'] })
  expect(armsOf(route, 'a/m', candidate)?.control).toBe(route)
})

test('the baseline is found in routes that a route leads to, and the timeouts of the route are kept', () => {
  const catalogue = testCatalogue({
    inner: { targets: ['a/m', 'b/m'], timeouts: { firstTokenMs: 77 } },
    outer: { targets: ['inner', 'd/m'] },
  })
  const arms = armsOf(catalogue.resolve('outer')!, 'a/m', candidate)
  const [first] = testPlan(arms!.candidate).targets
  expect([first?.deployment.id, first?.timeouts.firstTokenMs, first?.timeouts.idleMs]).toEqual(['c/m', 77, 3])
})

test('the candidate answers in the baseline’s place also when nobody is known to be good enough', () => {
  const route = testRoute({ targets: ['a/m', 'b/m'], strategy: 'quality', quality: { baseline: 'b/m' } })
  const candidate = testRoute({ targets: ['c/m', 'd/m'] }).targets[0]!
  if (candidate.type !== 'deployment') throw new Error('no deployment')
  const arms = armsOf(route, 'b/m', candidate.deployment)
  expect([arms?.control.quality?.baseline, arms?.candidate.quality?.baseline]).toEqual(['b/m', 'c/m'])
})

test('a baseline that is no target, and a candidate that is the baseline, leave nothing to try', () => {
  expect(armsOf(testRoute({ targets: ['b/m'], fallbacks: ['a/m'] }), 'a/m', candidate)).toBeNull()
  expect(armsOf(testRoute({ targets: ['c/m'] }), 'c/m', candidate)).toBeNull()
})

test('places are even, and those of two experiments have nothing to do with each other', () => {
  const names = Array.from({ length: 20_000 }, (_, index) => `key_1 ${index}`)
  const inOne = names.filter((name) => placeOf(name, 'exp_1') < 0.25)
  const inBoth = inOne.filter((name) => placeOf(name, 'exp_2') < 0.25)
  expect(inOne.length / names.length).toBeCloseTo(0.25, 1)
  expect(Math.abs(inOne.length / names.length - 0.25)).toBeLessThan(0.01)
  expect(Math.abs(inBoth.length / inOne.length - 0.25)).toBeLessThan(0.02)
})
