import { expect, test } from 'bun:test'
import { NO_USAGE } from '../core/usage.ts'
import { createExpectedOutput } from './expected-output.ts'

test('before anything was seen an answer is of the usual length of its task, and never beyond the caller’s bound', () => {
  const expected = createExpectedOutput()
  expect(expected.of('a/m', null, null)).toEqual({ tokens: 300, cachedShare: 0 })
  expect(expected.of('a/m', 'classification', null).tokens).toBe(20)
  expect(expected.of('a/m', 'unheard-of', null).tokens).toBe(300)
  expect(expected.of('a/m', 'code', 50).tokens).toBe(50)
})

test('what was seen counts more and more, for its deployment and task', () => {
  const expected = createExpectedOutput()
  const seen = (tokens: number, task: string | null = null): void =>
    expected.seen('a/m', task, { ...NO_USAGE, input: 60, cacheRead: 40, output: tokens, reasoning: 0 })
  seen(1_200)
  expect(expected.of('a/m', null, null)).toEqual({ tokens: 450, cachedShare: 0.4 })
  for (let count = 0; count < 200; count++) seen(1_200)
  const { tokens } = expected.of('a/m', null, null)
  expect(tokens).toBeGreaterThan(1_100)
  for (let count = 0; count < 200; count++) seen(10, 'code')
  expect(expected.of('a/m', 'code', null).tokens).toBeLessThan(80)
  expect(expected.of('b/m', null, null).tokens).toBe(300)
})

test('what changed is learned anew', () => {
  const expected = createExpectedOutput()
  for (let count = 0; count < 1_000; count++) expected.seen('a/m', null, { ...NO_USAGE, output: 100 })
  for (let count = 0; count < 200; count++) expected.seen('a/m', null, { ...NO_USAGE, output: 900 })
  expect(expected.of('a/m', null, null).tokens).toBeGreaterThan(800)
})
