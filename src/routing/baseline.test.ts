import { expect, test } from 'bun:test'
import type { Rates } from '../core/model.ts'
import { baselinesOf } from './baseline.ts'
import { type RouteInput, testCatalogue } from './testing.ts'

const RATES: Readonly<Record<string, Rates>> = {
  'a/m': { input: 100n, output: 400n },
  'b/m': { input: 50n, output: 1_200n },
  'c/m': { input: 300n, output: 300n },
}

function baselineOf(route: RouteInput, others: Readonly<Record<string, RouteInput>> = {}): string | undefined {
  const { routes } = testCatalogue({ chat: route, ...others })
  return baselinesOf(routes, (id) => RATES[id] ?? null).get('chat')
}

test.each<[string, RouteInput, string | undefined]>([
  ['the dearest for three tokens in and one out', { targets: ['a/m', 'b/m', 'c/m'] }, 'b/m'],
  ['what the operator names, though nobody is sent there', { targets: ['a/m', 'b/m'], baseline: 'c/m' }, 'c/m'],
  [
    'whom quality is compared with',
    { targets: ['a/m', 'b/m'], strategy: 'quality', quality: { baseline: 'b/m' } },
    'b/m',
  ],
  ['what the operator names, also of a route with one target', { targets: ['a/m'], baseline: 'c/m' }, 'c/m'],
  ['nothing where there is one target', { targets: ['a/m'] }, undefined],
  ['nothing where nothing has a price', { targets: ['d/m', 'e/m'] }, undefined],
  ['the only one that has a price', { targets: ['d/m', 'a/m'] }, 'a/m'],
  ['a target of a task', { targets: ['a/m'], byTask: { code: 'c/m' } }, 'c/m'],
  ['no fallback, which answers when all else fails', { targets: ['a/m', 'd/m'], fallbacks: ['c/m'] }, 'a/m'],
])('savings are measured by %s', (_, route, expected) => {
  expect(baselineOf(route)).toBe(expected as string)
})

test('targets of nested routes count', () => {
  expect(baselineOf({ targets: ['a/m', 'inner'] }, { inner: { targets: ['b/m', 'd/m'] } })).toBe('b/m')
})

test('a baseline that leads nowhere is refused with its place', () => {
  expect(() => testCatalogue({ chat: { targets: ['a/m'], baseline: 'nowhere' } })).toThrow(
    expect.objectContaining({ path: 'routes.chat.baseline' }),
  )
})
