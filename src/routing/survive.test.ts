import { expect, test } from 'bun:test'
import { survivalOf, survives } from './survive.ts'
import { testRoute } from './testing.ts'
import type { RouteInput } from './testing.ts'

const others: Readonly<Record<string, RouteInput>> = {
  ab: { targets: ['a/m', 'b/m'] },
  tasks: { byTask: { code: 'a/m', default: 'b/m' } },
}

for (const [title, input, needed] of [
  ['one provider', { targets: ['a/m', 'a/n'] }, ['a: requests']],
  ['two providers', { targets: ['a/m', 'b/m'] }, []],
  ['a fallback elsewhere', { targets: ['a/m'], fallbacks: ['b/m'] }, []],
  [
    'a second target for some requests only',
    { targets: ['a/m', { use: 'b/m', when: { stream: true } }] },
    ['a: requests'],
  ],
  ['a task with one provider', { byTask: { code: 'a/m' }, targets: ['b/m', 'c/m'] }, []],
  ['tasks that have nothing in common', { byTask: { code: 'a/m', default: 'b/m' } }, ['a: code', 'b: other tasks']],
  ['a nested route of two providers', { targets: ['ab'] }, []],
  ['a nested route with tasks', { targets: ['tasks', 'c/m'] }, ['c: requests']],
] as const satisfies readonly (readonly [string, RouteInput, readonly string[]])[])
  test(`${title} ${needed.length === 0 ? 'survives' : 'does not survive'} every loss`, () => {
    const survival = survivalOf(testRoute(input, others))
    expect(survives(survival)).toBe(needed.length === 0)
    expect(
      survival.losses.flatMap(({ provider, lost }) => (lost.length === 0 ? [] : [`${provider}: ${lost.join(', ')}`])),
    ).toEqual([...needed])
  })
